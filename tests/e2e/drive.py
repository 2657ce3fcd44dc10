"""Plays a session as people would: the chair presses the next lawful step, members answer."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from server.headless import HeadlessMember, ServerRefused

Hook = Callable[[HeadlessMember], Awaitable[None]]


def step(member: HeadlessMember) -> dict[str, Any]:
    """The act on the member's next-step bar, {} while there is none or it is locked."""
    following = member.view["next"]
    if following.get("blocked"):
        return {}
    return following.get("act") or {}


async def press_next(chair: HeadlessMember, **more: Any) -> str:
    """Waits until the chair's next step is unlocked, presses it, waits for its effect."""
    try:
        await chair.until(lambda _: bool(step(chair)), 20)
    except TimeoutError:
        raise TimeoutError(f"locked: {chair.view['next']}") from None
    act = step(chair)
    ack = await chair.command(act["command"], **{**act["body"], **more})
    await chair.until(lambda view: view["head"]["seq"] >= ack["seq"], 20)
    return str(act["code"])


async def answer(member: HeadlessMember, choice: str = "approve") -> None:
    """Does what the member's own screen asks: check in, or vote."""
    match step(member).get("code"):
        case "check_in":
            await member.check_in()
        case "cast_ballot":
            await member.vote(choice)


async def everyone(members: list[HeadlessMember], code: str, choice: str = "approve") -> None:
    """Waits until each member is asked for `code`, and lets each answer."""

    async def one(member: HeadlessMember) -> None:
        await member.until(lambda _: step(member).get("code") == code, 20)
        await answer(member, choice)

    await asyncio.gather(*(one(member) for member in members))


async def run_session(
    chair: HeadlessMember,
    secretary: HeadlessMember,
    members: list[HeadlessMember],
    at: dict[str, Hook] | None = None,
) -> list[str]:
    """From opening to close. `at[code]` runs just before the chair presses that step; the codes
    pressed are returned. `members` includes the secretary, not the chair."""
    hooks, pressed = at or {}, []
    while chair.view["stage"] != "closed":
        await chair.until(lambda _: bool(chair.view["next"].get("act")), 30)
        code = chair.view["next"]["act"]["code"]
        if code in hooks:
            await hooks[code](chair)
        more = {"person": secretary.view["me"]} if code == "name_secretary" else {}
        if code == "conclude":
            more = {"text": "Chi bộ thống nhất các nội dung đã bàn."}
        pressed.append(await press_next(chair, **more))
        if code == "start_roll_call":
            await everyone(members, "check_in")
            if not any(
                p["id"] == chair.view["me"] and p["checked_in"] for p in chair.view["people"]
            ):
                await chair.check_in()
        if code in ("open_vote", "repeat_vote"):
            await everyone(members, "cast_ballot")
            await chair.vote("approve")
        if len(pressed) > 100:
            raise AssertionError(f"no end in sight: {pressed}")
    return pressed


def checked_in(member: HeadlessMember) -> bool:
    me = member.view["me"]
    return any(each["id"] == me and each["checked_in"] for each in member.view["people"])


async def refused(act: Awaitable[Any]) -> ServerRefused:
    """The refusal that `act` must meet."""
    try:
        await act
    except ServerRefused as error:
        return error
    raise AssertionError("it was not refused")

"""A whole session with kills at drawn moments; it must come to its close and receipt."""

import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from server.headless import HeadlessMember
from tests.e2e.drive import run_session
from tests.e2e.stack import Stack
from tests.faults.kills import BOUND, Outcome, kill_and_watch, stated_gap
from tests.faults.meeting import Meeting, gathered
from tests.faults.proof import check_acknowledged, check_verified, exported, read_log

# Steps of the chair before which a process may die; each vote comes by twice or more.
MID_VOTE = "close_vote"
MOMENTS = ("approve_agenda", "start_item", "finish_item", MID_VOTE, "announce", "conclude")


@dataclass(slots=True)
class Result:
    seed: int
    outcomes: list[Outcome]
    acknowledged: int
    close_to_receipt: float  # seconds, the upper committee's application killed at the close
    seconds: float


def drawn(roles: Sequence[str], chance: Random) -> dict[str, list[list[str]]]:
    """Which processes die at which passing of which moment. The application dies in a vote."""
    plan: dict[str, list[list[str]]] = {moment: [[], []] for moment in MOMENTS}
    for role in roles:
        moment = MID_VOTE if role == "app" else chance.choice(MOMENTS)
        passing = chance.randrange(2) if moment not in ("approve_agenda", "conclude") else 0
        plan[moment][passing].append(role)
    return plan


async def run(stack: Stack, folder: Path, seed: int, roles: Sequence[str]) -> Result:
    """Raises Lost, TimeoutError or ServerRefused when something did not survive."""
    begun, chance = time.monotonic(), Random(seed)
    async with gathered(stack, folder, chance) as meeting:
        outcomes: list[Outcome] = []
        closed_at = await _through(meeting, drawn(roles, chance), outcomes)
        await meeting.chair.until(
            lambda view: view["delivery"]["state"] == "acknowledged", BOUND + 60
        )
        receipt = time.monotonic() - closed_at
        export = await exported(meeting.chair, folder)
        log = read_log(export)
        ends = [later.after_seq for later in outcomes[1:]] + [log[-1]["seq"]]
        for outcome, end in zip(outcomes, ends, strict=True):
            outcome.stated_gap = stated_gap(outcome, log, end)
        total = check_acknowledged(meeting.everybody, log)
        await check_verified(export)
    return Result(seed, outcomes, total, receipt, time.monotonic() - begun)


async def _through(
    meeting: Meeting, plan: dict[str, list[list[str]]], outcomes: list[Outcome]
) -> float:
    """Walks the session; the monotonic time at which the chair pressed the close."""
    passed: dict[str, int] = defaultdict(int)
    closing = [0.0]

    def before(moment: str) -> object:
        async def hook(_chair: HeadlessMember) -> None:
            due = plan[moment][passed[moment]] if passed[moment] < 2 else []
            passed[moment] += 1
            for role in due:
                outcomes.append(await kill_and_watch(meeting, role, moment))
                print(f"{role} killed before {moment}: {outcomes[-1]}", flush=True)

        return hook

    async def allow_chat(chair: HeadlessMember) -> None:
        await chair.command("allow-chat", allowed=True)

    async def close(_chair: HeadlessMember) -> None:
        meeting.stack.kill("app", "committee")
        closing[0] = time.monotonic()

    hooks = {moment: before(moment) for moment in MOMENTS}
    hooks |= {"start_roll_call": allow_chat, "close": close}
    await run_session(meeting.chair, meeting.secretary, list(meeting.members), hooks)  # type: ignore[arg-type]
    return closing[0]

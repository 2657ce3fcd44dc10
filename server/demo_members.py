"""`chibo demo --members N`: synthetic members who come, check in, ask for the floor and vote."""

import asyncio
import random
import shutil
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import structlog

from recording import synthetic
from server.config import Config
from server.demo_people import PEOPLE, Fictional
from server.demo_seed import next_code
from server.headless import Account, HeadlessMember, ServerRefused
from signaling.client.member import SyntheticMember

PLAYED_BY_PEOPLE = ("chung", "men", "duyen", "sen")  # whoever tries the demo plays these
AGAIN_SECONDS = 2.0
CHOICES = ("approve",) * 8 + ("disapprove", "abstain")
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Looks:
    """What a synthetic member shows and says: asset files, made once."""

    video: Path
    audio: Path


async def keep_members(config: Config, count: int) -> None:
    """Keeps `count` members in whichever session is to be held, until cancelled."""
    chosen = [p for p in PEOPLE if p.kind == "official" and p.slug not in PLAYED_BY_PEOPLE]
    faces = config.data_dir / "synthetic"
    async with asyncio.TaskGroup() as group:
        for n, person in enumerate(chosen[:count]):
            looks = await asyncio.to_thread(make_looks, faces, person, n)
            group.create_task(_keep(config, person, looks, random.Random(n)))


def make_looks(folder: Path, person: Fictional, n: int) -> Looks:
    """The person's moving card and a voice; kept in `folder` for the next start."""
    folder.mkdir(parents=True, exist_ok=True)
    looks = Looks(folder / f"{person.slug}.video", folder / "voice.audio")
    if not looks.video.exists():
        synthetic.portrait(looks.video, person.name, hue=n * 47 % 360)
    if not looks.audio.exists():
        make = synthetic.speech if shutil.which("espeak-ng") else synthetic.hum
        make(looks.audio)
    return looks


async def _keep(config: Config, person: Fictional, looks: Looks, chance: random.Random) -> None:
    while True:
        account = Account(config.public_url)
        try:
            await account.sign_in(
                person.phone, person.password, lambda: next_code(config, person.phone)
            )
            await attend(account, looks, chance)
        except (ServerRefused, httpx.HTTPError, TimeoutError) as error:
            log.info("synthetic_member_again", person=person.slug, why=type(error).__name__)
        finally:
            await account.close()
        await asyncio.sleep(AGAIN_SECONDS)


async def attend(account: Account, looks: Looks, chance: random.Random) -> None:
    """Takes part in the session to be held, and returns when it is over."""
    listed = (await account.get("/api/sessions"))["sessions"]
    held = [one for one in listed if one["stage"] not in ("draft", "closed", "abandoned")]
    if not held:
        return
    member = HeadlessMember(account, held[0]["id"])
    member.camera = True
    picture: SyntheticMember | None = None
    try:
        await member.join()
        media = await account.post(f"{member.path}/media-token")
        picture = SyntheticMember(
            media["url"], fresh_token(member), video=looks.video, audio=looks.audio
        )
        await picture.start()
        await _take_part(member, picture, chance)
    finally:
        if picture is not None:
            await picture.stop()
        await member.leave()


def fresh_token(member: HeadlessMember) -> Callable[[], Awaitable[str]]:
    async def token() -> str:
        media = await member.account.post(f"{member.path}/media-token")
        return str(media["token"])

    return token


async def _take_part(
    member: HeadlessMember, picture: SyntheticMember, chance: random.Random
) -> None:
    spoken: set[str] = set()
    while member.view["stage"] not in ("closed", "abandoned", "adjourned"):
        await asyncio.sleep(chance.uniform(1.0, 3.0))  # nobody presses at once
        floor = member.view.get("floor")
        picture.mute(not floor or floor["person"] != member.view["me"])
        member.microphone = not picture.muted
        for name, give in _acts(member, spoken, chance):
            try:
                await give()
            except ServerRefused as refused:
                log.info("synthetic_member_refused", command=name, code=refused.code)


def _acts(
    member: HeadlessMember, spoken: set[str], chance: random.Random
) -> Iterator[tuple[str, Callable[[], Awaitable[Any]]]]:
    """What the view asks of this member now; sometimes also a wish to speak on the item."""
    act = (member.view["next"].get("act") or {}).get("code")
    if act == "check_in":
        yield "check-in", member.check_in
    if act == "cast_ballot":
        yield "cast-ballot", lambda: member.vote(chance.choice(CHOICES))
    item = member.view.get("current_item")
    if item and item not in spoken and "ask-floor" in member.view["may"]:
        spoken.add(item)
        if chance.random() < 0.3:
            yield "ask-floor", lambda: member.command("ask-floor")

"""A session with headless people who keep what the server promised them, to hold it to that."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from recording import synthetic
from server.demo_members import fresh_token
from server.headless import Account, HeadlessMember, ServerRefused
from signaling.client.client import HeadlessClient
from signaling.client.interface import QuietHandler, RemoteTrack
from signaling.client.member import SyntheticMember
from tests.e2e.stack import Stack

CHAIR, SECRETARY = "Lò Văn Chung", "Vi Thị Duyên"
OTHERS = (
    *("Hà Thị Mến", "Lường Thị Sen", "Quàng Văn Thịnh", "Trần Thị Bích Ngọc", "Bạc Cầm Minh"),
    *("Cầm Bá Lợi", "Tòng Thị Xuân", "Sùng A Tủa", "Nguyễn Hữu Phúc", "Lò Thị Hoan"),
    "Giàng A Páo",
)
ON_CAMERA = 3  # of the others
CHOICES = ("approve", "approve", "approve", "disapprove", "abstain")


class Keeper(HeadlessMember):
    """Keeps every acknowledgement, and when the live socket began anew."""

    def __init__(self, account: Account, session_id: str) -> None:
        super().__init__(account, session_id)
        self.acks: list[dict[str, Any]] = []
        self.chosen: dict[str, str] = {}  # motion: the last choice that was acknowledged
        self.took: list[float] = []  # seconds from giving a command to its acknowledgement
        self.snapshots: list[float] = []  # monotonic seconds

    async def command(self, name: str, **body: Any) -> dict[str, Any]:
        begun = time.monotonic()
        ack = await super().command(name, **body)
        self.took.append(time.monotonic() - begun)
        self.acks.append(ack)
        if name == "cast-ballot":
            self.chosen[body["ballot"]["motion"]] = body["ballot"]["choice"]
        return ack

    async def _take(self, message: dict[str, Any]) -> None:
        await super()._take(message)
        if message["kind"] == "snapshot":
            self.snapshots.append(time.monotonic())


class Watcher(QuietHandler):
    """A subscriber that only notes when each sender's packets came. A client's handler."""

    def __init__(self) -> None:
        self.last: dict[tuple[str, str], float] = {}  # (identity, kind): monotonic seconds
        self.silence: dict[tuple[str, str], float] = {}  # the longest since `begin`

    def begin(self) -> None:
        self.silence = dict.fromkeys(self.last, 0.0)

    def longest(self) -> float:
        """Seconds that some stream was silent, counting one that still is."""
        now = time.monotonic()
        return max(max(self.silence[key], now - self.last[key]) for key in self.silence)

    def all_since(self, moment: float) -> bool:
        return bool(self.last) and all(last > moment for last in self.last.values())

    def on_rtp(self, track: RemoteTrack, _packet: bytes, _arrival_ns: int) -> None:
        now, key = time.monotonic(), (track.participant_identity, track.kind)
        if key in self.silence:
            self.silence[key] = max(self.silence[key], now - self.last[key])
        self.last[key] = now


@dataclass(slots=True)
class Meeting:
    stack: Stack
    chair: Keeper
    secretary: Keeper
    others: list[Keeper]
    watcher: Watcher
    chance: Random
    spoken: int = field(default=0)

    @property
    def members(self) -> list[Keeper]:
        return [self.secretary, *self.others]

    @property
    def everybody(self) -> list[Keeper]:
        return [self.chair, *self.members]

    @property
    def view(self) -> dict[str, Any]:
        return self.chair.view

    @asynccontextmanager
    async def busy(self) -> AsyncIterator[None]:
        """Until the block ends, everybody acts: changes a ballot while a vote is open, else
        writes to the others. What is under way at the end is waited for."""
        ended = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            for member in self.everybody:
                group.create_task(self._act(member, ended))
            try:
                yield
            finally:
                ended.set()

    async def _act(self, member: Keeper, ended: asyncio.Event) -> None:
        while not ended.is_set():
            motion = member.view.get("motion")
            try:
                if motion and motion["state"] == "open":
                    await member.vote(self.chance.choice(CHOICES))
                elif member.view.get("chat_allowed"):
                    self.spoken += 1
                    await member.command("say", text=f"Ý kiến số {self.spoken}")
            except ServerRefused as refused:
                if refused.status != 429:
                    raise
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(ended.wait(), self.chance.uniform(0.2, 0.6))


@asynccontextmanager
async def gathered(stack: Stack, folder: Path, chance: Random) -> AsyncIterator[Meeting]:
    """Everybody is signed in, connected and, the first of the others, on camera with sound."""
    async with AsyncExitStack() as leaving:
        people = [await _enter(stack, name, leaving) for name in (CHAIR, SECRETARY, *OTHERS)]
        chair, secretary, *others = people
        card, voice = folder / "card", folder / "voice"
        if not card.exists():
            await asyncio.to_thread(synthetic.portrait, card, "Đảng viên", hue=120)
            await asyncio.to_thread(synthetic.hum, voice)
        for member in others[:ON_CAMERA]:
            url = (await member.account.post(f"{member.path}/media-token"))["url"]
            picture = SyntheticMember(
                url, fresh_token(member), video=card, audio=voice, muted=False
            )
            member.camera = member.microphone = True
            leaving.push_async_callback(picture.stop)
            await picture.start()
        watcher, last = Watcher(), others[-1]
        url = (await last.account.post(f"{last.path}/media-token"))["url"]
        client = HeadlessClient(url, fresh_token(last), watcher)
        leaving.push_async_callback(client.stop)
        await client.start()
        await until(lambda: len(watcher.last) == 2 * ON_CAMERA, 30, "no media arrived")
        yield Meeting(stack, chair, secretary, others, watcher, chance)


async def _enter(stack: Stack, name: str, leaving: AsyncExitStack) -> Keeper:
    account = await stack.account(name)
    leaving.push_async_callback(account.close)
    session = (await account.get("/api/sessions"))["sessions"][0]["id"]
    member = Keeper(account, session)
    leaving.push_async_callback(member.leave)
    await member.join()
    return member


async def until(holds: Any, seconds: float, otherwise: str) -> float:
    """Looks 50 times a second. Returns the monotonic time at which it held."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = holds()
        if asyncio.iscoroutine(found):
            found = await found
        if found:
            return time.monotonic()
        await asyncio.sleep(0.02)
    raise TimeoutError(f"{otherwise} within {seconds} s")

"""The headless client loses a part of what a real engine sends it, and gets it again."""

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from recorder_rig import ENGINES, running, token

from recording.reorder import Lost, ReorderBuffer
from signaling.client import rtp
from signaling.client.client import HeadlessClient
from signaling.client.interface import RemoteTrack
from signaling.client.member import SyntheticMember
from signaling.client.transport import MediaTransport

pytestmark = pytest.mark.interop

DROPPED = 0.07
ENOUGH = 40  # dropped packets


class BadLine:
    """A client's handler behind a line that drops a seeded part of its packets."""

    def __init__(self) -> None:
        self.dropped = 0
        self.lost = 0
        self.enough = asyncio.Event()
        self._buffers: dict[int, ReorderBuffer] = {}
        self._chance = random.Random(7)

    def drops(self) -> bool:
        dropped = self._chance.random() < DROPPED
        self.dropped += dropped
        if self.dropped >= ENOUGH:
            self.enough.set()
        return dropped

    def on_rtp(self, track: RemoteTrack, packet: bytes, arrival_ns: int) -> None:
        parsed = rtp.parse(packet)
        assert parsed is not None
        buffer = self._buffers.setdefault(track.ssrc, ReorderBuffer())
        for item in buffer.push(parsed, arrival_ns):
            if isinstance(item, Lost):
                self.lost += item.packets

    def __getattr__(self, name: str) -> object:
        assert name.startswith("on_"), name
        return lambda *_: None


@pytest.fixture(params=["livekit", "own"])
async def line(
    request: pytest.FixtureRequest,
    flash_and_beep: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[BadLine]:
    made = BadLine()
    secured = MediaTransport._secured

    def lossy(self: MediaTransport, size: int, arrival: int) -> None:
        # On the wire, not later: SRTP takes what it has once seen for a replay.
        if not made.drops():
            secured(self, size, arrival)

    monkeypatch.setattr(MediaTransport, "_secured", lossy)
    with running(ENGINES[request.param](tmp_path)) as engine:
        video, audio = flash_and_beep
        member = SyntheticMember(engine.url, token("an"), video=video, audio=audio, muted=False)
        client = HeadlessClient(engine.url, token("rec", recorder=True), made)  # type: ignore[arg-type]
        await member.start()
        await client.start()
        yield made
        await client.stop()
        await member.stop()


async def test_what_a_bad_line_drops_is_asked_for_and_comes(line: BadLine) -> None:
    async with asyncio.timeout(40):
        await line.enough.wait()
    # LiveKit answers a request three times at most, so one packet may be lost for good.
    assert line.lost <= 1

"""A recording job whose disk fails and whose room comes and goes, fed by hand."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from recording.job import JobSpec, RecordingJob
from recording.playback import timeline
from recording.verify import verify
from signaling.client import assets
from signaling.client.interface import Participant, RemoteTrack
from signaling.client.publication import Publication

NOWHERE = "ws://127.0.0.1:9"
SECOND = 1_000_000_000
TRACK = RemoteTrack("TR_1", "audio", "microphone", "an", "PA_1", "audio/opus", 1, False)


class Room:
    """Stands where the client stands: calls the job's handler in virtual time."""

    def __init__(self, root: Path, sound: Path) -> None:
        self.now = 1_795_000_000 * SECOND
        self._epoch = self.now
        spec = JobSpec("s1", "room", NOWHERE, "token")
        self.job = RecordingJob(spec, root, clock=lambda: self.now)
        self._publication = Publication(assets.read(sound), "microphone", muted=False)

    def join(self, muted: bool = False) -> None:
        self.job.on_connected("RM")
        tracks = (("TR_1", "microphone", muted),)
        self.job.on_participants([Participant("PA_1", "an", "An", tracks)])
        self.job.on_track(TRACK)

    async def speak(self, seconds: float) -> None:
        end = self.now + int(seconds * SECOND)
        while self.now < end:
            packets, _ = self._publication.due((self.now - self._epoch) / SECOND)
            for packet in packets:
                self.job.on_rtp(TRACK, packet, self.now)
            self.now += SECOND // 50
        await self.job.flush()

    async def until_gap(self) -> None:
        """The job's own tick, once a second of real time, ends the gap."""
        async with asyncio.timeout(5):
            while not self.job.status().gaps:  # noqa: ASYNC110
                await asyncio.sleep(0.05)


@pytest.fixture
async def room(tmp_path: Path, flash_and_beep: tuple[Path, Path]) -> AsyncIterator[Room]:
    made = Room(tmp_path, flash_and_beep[1])
    await made.job.start()
    yield made
    await made.job.stop(final=True)


async def test_what_is_on_disk_is_fresh_and_soon_is_not(room: Room) -> None:
    assert room.job.status().state == "waiting"
    room.join()
    await room.speak(2)
    (track,) = room.job.status().tracks
    assert track.fresh
    assert room.now // 1_000_000 - track.last_written_ms < 100
    room.now += 6 * SECOND
    assert not room.job.status().tracks[0].fresh


async def test_a_disk_that_fails_is_told_and_the_recording_goes_on_when_it_is_back(
    room: Room, tmp_path: Path
) -> None:
    room.join()
    await room.speak(3)
    directory = tmp_path / "s1"
    directory.rename(tmp_path / "gone")
    directory.write_text("in the way, as a full disk would be")
    room.job.on_track_ended(TRACK)
    room.job.on_track(TRACK)
    await room.speak(2)
    status = room.job.status()
    assert status.state == "waiting"
    assert "disk" in status.problem
    assert not any(track.fresh for track in status.tracks[1:])
    directory.unlink()
    (tmp_path / "gone").rename(directory)
    await room.speak(1)
    await room.speak(3)
    await room.until_gap()
    assert room.job.status().state == "recording"
    assert room.job.status().tracks[0].fresh
    room.job.on_track_ended(TRACK)
    await room.job.flush()
    line = timeline(directory)
    assert verify(directory) is None
    assert [gap.reason for gap in line.gaps] == ["disk"]
    assert sum(s.duration_ms for t in line.tracks for s in t.segments) > 5000


async def test_gaps_are_told_until_they_are_acknowledged(room: Room) -> None:
    room.join()
    await room.speak(2)
    room.job.on_closed("the cable was pulled", False)
    room.now += 4 * SECOND
    assert room.job.status().problem == "cut off from the room: the cable was pulled"
    room.join()
    await room.speak(4)
    await room.until_gap()
    status = room.job.status()
    (gap,) = status.gaps
    assert (gap.id, gap.reason) == (1, "disconnected")
    assert 3900 < gap.to_ms - gap.from_ms < 4200
    assert room.job.status().gaps == (gap,)
    room.job.acknowledged(status)
    assert room.job.status().gaps == ()

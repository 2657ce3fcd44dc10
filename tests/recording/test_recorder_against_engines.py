"""The recorder process between a media engine, a publisher and an application, all real."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from recorder_rig import (
    ENGINES,
    SERVICE_KEY,
    Application,
    Process,
    application,
    assert_decodes_fully,
    beeps,
    duration,
    flashes,
    recorder,
    running,
    token,
    until,
)

from recording.playback import PlaybackTrack, Timeline, segment_path, timeline
from recording.signing import key_id, verify
from recording.thumbnail import thumbnail
from recording.verify import verify as verify_recording
from signaling.client.member import SyntheticMember

pytestmark = pytest.mark.interop


class Publisher:
    """A synthetic member on a thread of its own, as a person would be elsewhere."""

    def __init__(self, url: str, assets: tuple[Path, Path]) -> None:
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self._member: SyntheticMember = self._call(self._make(url, assets))

    async def _make(self, url: str, assets: tuple[Path, Path]) -> SyntheticMember:
        video, audio = assets
        member = SyntheticMember(url, lambda: token("an"), video=video, audio=audio, muted=False)
        await member.start()
        return member

    def _call(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def mute(self, muted: bool) -> None:
        self._loop.call_soon_threadsafe(self._member.mute, muted)

    def stop(self) -> None:
        self._call(self._member.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)


@pytest.fixture(params=["livekit", "own"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Process]:
    with running(ENGINES[request.param](tmp_path)) as process:
        yield process


@pytest.fixture
def app() -> Iterator[Application]:
    with application() as served:
        yield served


def tracks(line: Timeline, kind: str) -> list[PlaybackTrack]:
    return [track for track in line.tracks if track.kind == kind]


def moments(directory: Path, line: Timeline, kind: str) -> list[float]:
    """When the picture flashed or the sound began, in seconds on the recording's clock."""
    found = []
    for track in tracks(line, kind):
        for segment in track.segments:
            path = segment_path(directory, track.track, segment.index)
            assert path is not None
            onsets = flashes(path) if kind == "video" else beeps(path)
            found += [segment.start_ms / 1000 + at for at in onsets]
    return found


def assert_good(directory: Path) -> Timeline:
    """The chain holds, every file decodes, every file is as long as the manifest says."""
    assert verify_recording(directory) is None
    line = timeline(directory)
    for track in line.tracks:
        for segment in track.segments:
            path = segment_path(directory, track.track, segment.index)
            assert path is not None
            assert_decodes_fully(path)
            assert abs(duration(path) * 1000 - segment.duration_ms) < 100
    return line


def recorded_seconds(track: PlaybackTrack) -> float:
    return sum(s.duration_ms for s in track.segments) / 1000


def test_a_session_is_recorded_with_picture_and_sound_together(
    engine: Process, app: Application, flash_and_beep: tuple[Path, Path], tmp_path: Path
) -> None:
    app.add("s1", engine)
    with running(recorder(tmp_path, app.url)) as process:
        publisher = Publisher(engine.url, flash_and_beep)
        until(lambda: app.fresh_tracks() == 2, 20, "the recorder never had fresh evidence")
        first = len(app.checkpoints)
        app.jobs[0]["checkpoint_nonce"] = "vote-1"
        until(lambda: len(app.checkpoints) > first, 3, "no checkpoint when asked")
        asked = app.checkpoints[-1]
        assert asked["checkpoint_nonce"] == "vote-1"
        assert asked["state"] == "recording"
        assert {t["source"] for t in asked["tracks"]} == {"camera", "microphone"}
        started = asked["time_ms"]
        until(lambda: app.checkpoints[-1]["time_ms"] - started > 9000, 20)
        app.jobs.clear()
        until(lambda: bool(app.finished), 10, "the end was not reported")
        publisher.stop()
        assert process.terminate() == 0

    directory = tmp_path / "recordings" / "s1"
    line = assert_good(directory)
    told = app.finished[0]
    assert told["session_id"] == "s1"
    assert verify_recording(directory, told["head"]) is None
    assert line.ended
    assert not line.gaps
    assert app.keys_seen == {f"Bearer {SERVICE_KEY}"}
    for track in line.tracks:
        truth = (line.end_ms - track.segments[0].start_ms) / 1000
        assert abs(recorded_seconds(track) - truth) < 1
    seen, heard = moments(directory, line, "video"), moments(directory, line, "audio")
    assert len(seen) >= 4
    together = [min(abs(flash - beep) for beep in heard) for flash in seen]
    assert max(together) < 0.08, together
    assert thumbnail(directory, tmp_path / "thumbnail.jpg")

    pem = (tmp_path / "keys" / "recorder.pem").read_bytes()
    private = serialization.load_pem_private_key(pem, None)
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    public = private.public_key()
    for body, signature, key in app.signed:
        assert key == key_id(public)
        assert verify(public, body, signature)


def test_a_killed_recorder_comes_back_and_states_the_gap(
    engine: Process, app: Application, flash_and_beep: tuple[Path, Path], tmp_path: Path
) -> None:
    app.add("s1", engine)
    process = recorder(tmp_path, app.url)
    publisher = Publisher(engine.url, flash_and_beep)
    with running(process):
        until(lambda: app.fresh_tracks() == 2, 20)
        newest = max(t["last_written_ms"] for t in app.checkpoints[-1]["tracks"])
        process.kill()
        before = len(app.checkpoints)
        process.start()
        until(lambda: len(app.checkpoints) > before and app.fresh_tracks() == 2, 20)
        until(lambda: any(c["gaps"] for c in app.checkpoints[before:]), 10, "no gap was told")
        assert process.terminate() == 0
        publisher.stop()
    assert app.checkpoints[-1]["state"] == "stopped"
    gap = next(c["gaps"][0] for c in app.checkpoints[before:] if c["gaps"])
    assert gap["reason"] == "recorder-restart"
    assert gap["from_ms"] >= newest - 100
    assert gap["to_ms"] - gap["from_ms"] < 8000
    line = assert_good(tmp_path / "recordings" / "s1")
    assert [g.reason for g in line.gaps] == ["recorder-restart"]
    for track in line.tracks:
        for segment in track.segments:
            inside = segment.start_ms < gap["from_ms"] + 200
            assert inside or segment.start_ms > gap["to_ms"] - 1500


def test_a_killed_engine_costs_only_a_stated_gap(
    engine: Process, app: Application, flash_and_beep: tuple[Path, Path], tmp_path: Path
) -> None:
    app.add("s1", engine)
    with running(recorder(tmp_path, app.url)) as process:
        publisher = Publisher(engine.url, flash_and_beep)
        until(lambda: app.fresh_tracks() == 2, 20)
        engine.kill()
        engine.start()
        until(lambda: any(c["gaps"] for c in app.checkpoints), 15, "no gap was told")
        app.refuse = True  # the application going away must not matter to the recording
        app.jobs.clear()
        publisher.stop()
        app.refuse = False
        until(lambda: bool(app.finished), 10)
        process.terminate()
    line = assert_good(tmp_path / "recordings" / "s1")
    assert [g.reason for g in line.gaps] == ["disconnected"]
    assert line.gaps[0].to_ms - line.gaps[0].from_ms < 5000

"""The recorder with an application, mostly without an engine: what it says and survives."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from recorder_rig import (
    SERVICE_KEY,
    Application,
    Process,
    application,
    recorder,
    running,
    until,
)

from recording import journal, manifest, service
from recording.config import RecorderConfig
from recording.control import Application as Conversation
from recording.disk import SessionDisk
from recording.job import RecordingJob
from recording.journal import SegmentHead, Unit
from recording.playback import timeline
from recording.signing import Signer
from recording.track import Append, Begin
from signaling.client import assets
from signaling.client.interface import RemoteTrack
from signaling.client.publication import Publication
from signaling.client.transport import now_ns

NOWHERE = Process([], "ws://127.0.0.1:9", Path())


@pytest.fixture
def app() -> Iterator[Application]:
    with application() as served:
        yield served


def test_a_session_that_ended_while_the_recorder_was_dead_is_finished(
    app: Application, flash_and_beep: tuple[Path, Path], tmp_path: Path
) -> None:
    disk = SessionDisk(tmp_path / "recordings", "s1", "room")
    disk.open()
    head = SegmentHead("TR_1", 0, "audio", "an", "microphone", 0, 0)
    frames = assets.read(flash_and_beep[1]).frames
    data = b"".join(journal.unit_bytes(Unit(f.time, 10**18, True, f.data)) for f in frames)
    disk.apply([Begin(head, b""), Append(head, data, 1)])
    with running(recorder(tmp_path, app.url)) as process:
        until(lambda: bool(app.finished))
        assert process.terminate() == 0
    (told,) = app.finished
    assert (told["session_id"], told["segments"]) == ("s1", 1)
    assert 9_900 <= told["duration_ms"] <= 10_000
    assert timeline(disk.directory).ended

    with running(recorder(tmp_path, app.url)) as process:
        seen = app.polls
        until(lambda: app.polls > seen + 2)
        process.terminate()
    assert len(app.finished) == 1, "an acknowledged end is not told again"


def test_a_recorder_that_cannot_record_says_why(app: Application, tmp_path: Path) -> None:
    disk = SessionDisk(tmp_path / "recordings", "broken", "room")
    disk.open()
    path = disk.directory / manifest.NAME
    path.write_bytes(path.read_bytes().replace(b'"seq":0', b'"seq":1'))
    app.add("broken", NOWHERE)
    app.add("lonely", NOWHERE)
    with running(recorder(tmp_path, app.url)) as process:
        until(lambda: {c["session_id"] for c in app.checkpoints} == {"broken", "lonely"})
        process.terminate()
    problems = {c["session_id"]: c["problem"] for c in app.checkpoints if c["state"] == "waiting"}
    assert problems["broken"] == "manifest.jsonl line 1 is out of sequence"
    assert problems["lonely"] == "not joined yet"


def test_a_recorder_with_a_bad_setting_does_not_start(tmp_path: Path) -> None:
    process = recorder(tmp_path, "http://127.0.0.1:9")
    process.environment["CHIBO_RECORDING_DIR"] = ""
    with running(process):
        assert process.child is not None
        assert process.child.wait(40) != 0
    assert "CHIBO_RECORDING_DIR is not set" in process.log.read_text()


async def test_a_gap_is_told_when_it_ends_not_at_the_next_checkpoint(
    app: Application,
    flash_and_beep: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    jobs: list[RecordingJob] = []

    class Job(RecordingJob):
        async def start(self) -> None:
            await super().start()
            jobs.append(self)

    monkeypatch.setattr(service, "CHECKPOINT", 3600.0)
    monkeypatch.setattr(service, "RecordingJob", Job)
    config = RecorderConfig(app.url, SERVICE_KEY, tmp_path / "key.pem", tmp_path / "recordings")
    config.directory.mkdir()
    stop, talk = asyncio.Event(), Conversation(config, Signer.load(config.key_file))

    async def told(state: str, *gaps: str) -> None:
        def last() -> tuple[str, list[str]]:
            known = app.checkpoints[-1] if app.checkpoints else {"state": "", "gaps": []}
            return known["state"], [gap["reason"] for gap in known["gaps"]]

        await asyncio.to_thread(until, lambda: last() == (state, list(gaps)), 40)

    track = RemoteTrack("TR_1", "audio", "microphone", "an", "PA_1", "audio/opus", 1, False)
    voice = Publication(assets.read(flash_and_beep[1]), "microphone", muted=False)

    def heard(seconds: float) -> None:
        for packet in voice.due(seconds)[0]:
            jobs[0].on_rtp(track, packet, now_ns())

    app.add("s1", NOWHERE)
    recording = asyncio.create_task(service.Recorder(config, talk).serve(stop))
    await told("waiting")
    jobs[0].on_connected("RM")
    jobs[0].on_track(track)
    heard(0.5)
    await told("recording")
    jobs[0].on_closed("the engine was killed", False)
    await told("waiting")
    jobs[0].on_connected("RM")
    jobs[0].on_track(track)
    await told("recording")
    heard(1.0)
    await told("recording", "disconnected")
    stop.set()
    await recording

"""The recorder process between a media engine, a publisher and an application, all real."""

import asyncio
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from recorder_rig import (
    ENGINES,
    SERVICE_KEY,
    Application,
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

pytestmark = [pytest.mark.interop, pytest.mark.timeout(300)]

LONG_ENOUGH_FOR_A_CUT = 10.5
DATED_BY_REPORTS = 5000  # ms


class Publisher:
    """A synthetic member on a thread of its own, as a person would be elsewhere."""

    def __init__(self, url: str, assets: tuple[Path, Path]) -> None:
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self._member: SyntheticMember = self._call(self._make(url, assets))

    async def _make(self, url: str, assets: tuple[Path, Path]) -> SyntheticMember:
        video, audio = assets

        async def fresh_token() -> str:
            return token("an")

        member = SyntheticMember(url, fresh_token, video=video, audio=audio, muted=False)
        await member.start()
        return member

    def _call(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def stop(self) -> None:
        self._call(self._member.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)


@dataclass
class Story:
    """One session through everything that may happen to it, and what was seen of it."""

    directory: Path
    keys: Path
    app: Application
    asked: dict[str, Any]
    after_recorder: dict[str, Any]
    after_engine: dict[str, Any]
    newest_before_kill: int
    line: Timeline


@pytest.fixture(scope="module", params=["livekit", "own"])
def story(
    request: pytest.FixtureRequest,
    flash_and_beep: tuple[Path, Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("story")
    engine = ENGINES[request.param](folder)
    with application() as app, running(engine):
        app.add("s1", engine)
        process = recorder(folder, app.url)
        with running(process):
            publisher = Publisher(engine.url, flash_and_beep)
            app.wait_for_fresh(2)
            started = time.monotonic()
            until(lambda: time.monotonic() - started > LONG_ENOUGH_FOR_A_CUT, 20)
            asked = app.ask("vote-1")
            newest = max(track["last_written_ms"] for track in asked["tracks"])
            process.kill()
            process.start()
            after_recorder = app.wait_for_fresh(2, gaps=1)
            engine.kill()
            engine.start()
            after_engine = app.wait_for_fresh(2, gaps=2)
            app.ask("vote-2")
            app.refuse = True  # the application going away must not matter to the recording
            app.jobs.clear()
            publisher.stop()
            app.refuse = False
            until(lambda: bool(app.finished), 40, "the end was not reported")
            assert process.terminate() == 0
        directory = folder / "recordings" / "s1"
        yield Story(
            directory,
            folder / "keys",
            app,
            asked,
            after_recorder,
            after_engine,
            newest,
            timeline(directory),
        )


def tracks(line: Timeline, kind: str) -> list[PlaybackTrack]:
    return [track for track in line.tracks if track.kind == kind]


def moments(directory: Path, line: Timeline, kind: str) -> list[float]:
    """When the picture flashed or the sound began, in seconds on the recording's clock, in
    segments that are dated by the publisher's reports, the first of which comes after 3 s."""
    found = []
    for track in tracks(line, kind):
        for segment in track.segments:
            if segment.duration_ms < DATED_BY_REPORTS:
                continue
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


def test_a_checkpoint_vouches_for_picture_and_sound_when_asked(story: Story) -> None:
    assert story.asked["state"] == "recording"
    assert story.asked["problem"] == ""
    assert {t["source"] for t in story.asked["tracks"]} == {"camera", "microphone"}
    assert all(t["fresh"] and not t["muted"] for t in story.asked["tracks"])
    assert {t["participant"] for t in story.asked["tracks"]} == {"an"}


def test_every_file_decodes_and_the_chain_holds(story: Story) -> None:
    assert_good(story.directory)
    head = story.app.finished[0]["head"]
    assert verify_recording(story.directory, head) is None
    assert verify_recording(story.directory, story.asked["head"]) is None
    assert story.line.ended


def test_tracks_are_cut_into_segments_of_about_ten_seconds(story: Story) -> None:
    for kind in ("video", "audio"):
        first = tracks(story.line, kind)[0]
        assert 9_900 < first.segments[0].duration_ms < 12_000


def test_what_is_recorded_is_as_long_as_what_happened(story: Story) -> None:
    first_gap = story.line.gaps[0]
    missing = sum(gap.to_ms - gap.from_ms for gap in story.line.gaps) / 1000
    for kind in ("video", "audio"):
        segments = [s for track in tracks(story.line, kind) for s in track.segments]
        begun = segments[0].start_ms
        undisturbed = [s.duration_ms for s in segments if s.start_ms < first_gap.from_ms]
        assert abs(sum(undisturbed) - (first_gap.from_ms - begun)) < 1000
        whole = (story.line.end_ms - begun) / 1000
        recorded = sum(s.duration_ms for s in segments) / 1000
        assert whole - missing - 1 < recorded < whole + 0.1, "what is missing is stated"


def test_flash_and_beep_are_together(story: Story) -> None:
    seen = moments(story.directory, story.line, "video")
    heard = moments(story.directory, story.line, "audio")
    assert len(seen) >= 4
    apart = [min(abs(flash - beep) for beep in heard) for flash in seen]
    apart = [seconds for seconds in apart if seconds < 0.5]  # its partner fell into a gap
    assert len(apart) >= 4
    assert max(apart) < 0.08, apart


def test_a_killed_recorder_and_a_killed_engine_cost_only_stated_gaps(story: Story) -> None:
    assert [gap.reason for gap in story.line.gaps] == ["recorder-restart", "disconnected"]
    by_recorder, by_engine = story.line.gaps
    assert story.newest_before_kill - 100 <= by_recorder.from_ms
    # The second gap begins at the last packet, which may be older than the checkpoint before it.
    assert by_recorder.to_ms <= story.after_recorder["time_ms"] <= by_engine.from_ms + 100
    assert by_engine.to_ms <= story.after_engine["time_ms"]
    for track in story.line.tracks:
        for segment in track.segments:
            end = segment.start_ms + segment.duration_ms
            for gap in story.line.gaps:
                assert end < gap.from_ms + 500 or segment.start_ms > gap.to_ms - 2000
    told = {gap["id"]: gap["reason"] for c in story.app.checkpoints for gap in c["gaps"]}
    assert told == {1: "recorder-restart", 2: "disconnected"}


def test_the_application_hears_the_end_once_it_listens_again(story: Story) -> None:
    (told,) = story.app.finished
    sizes = [s.bytes for track in story.line.tracks for s in track.segments]
    assert (told["session_id"], told["segments"]) == ("s1", len(sizes))
    assert told["bytes"] == sum(sizes)
    assert told["duration_ms"] == story.line.end_ms - story.line.start_ms


def test_all_that_is_told_is_signed_with_the_recorders_key(story: Story) -> None:
    private = serialization.load_pem_private_key((story.keys / "recorder.pem").read_bytes(), None)
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    public = private.public_key()
    assert story.app.keys_seen == {f"Bearer {SERVICE_KEY}"}
    for body, signature, key in story.app.signed:
        assert key == key_id(public)
        assert verify(public, body, signature)


def test_a_picture_of_the_session_is_made(story: Story, tmp_path: Path) -> None:
    assert thumbnail(story.directory, tmp_path / "thumbnail.jpg")
    assert (tmp_path / "thumbnail.jpg").read_bytes().startswith(b"\xff\xd8")

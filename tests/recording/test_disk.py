"""A recording's directory under crashes: whatever the moment, what was synced stays good."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from pyrage import DecryptError, x25519
from recorder_rig import assert_decodes_fully, duration

from recording import journal, manifest
from recording.disk import SessionDisk
from recording.journal import SegmentHead, Unit
from recording.playback import segment_path, timeline, timeline_of
from recording.sealing import unseal
from recording.track import Append, Begin, Close, Effect, Gap
from recording.verify import verify
from recording.webm import RATES
from signaling.client import assets

START_NS = 1_795_000_000_000_000_000
OPEN_MS = START_NS // 1_000_000


def segment(asset: Path, *, index: int = 0, seconds: int = 10, close: bool = True) -> list[Effect]:
    """The effects of one recorded segment of an asset."""
    loaded = assets.read(asset)
    rate = RATES[loaded.kind]
    source = "camera" if loaded.kind == "video" else "microphone"
    track = f"TR_{loaded.kind}"
    head = SegmentHead(track, index, loaded.kind, "an", source, loaded.width, loaded.height)
    effects: list[Effect] = [Begin(head, loaded.frames[0].data)]
    shift = index * 10 * rate
    frames = [f for f in loaded.frames if f.time < seconds * rate]
    for frame in frames:
        ticks = frame.time + shift
        at = START_NS + ticks * 1_000_000_000 // rate
        data = journal.unit_bytes(Unit(ticks, at, frame.key, frame.data))
        if frame.key and frame.time == 0:
            data += journal.clock_bytes(ticks, at)
        effects.append(Append(head, data, at))
    if close:
        start = START_NS + index * 10_000_000_000
        last = frames[1].time - frames[0].time
        effects.append(Close(head, start, last, len(frames), 2, (Gap(1, 2, "loss"),), "cut"))
    return effects


@pytest.fixture(params=["picture", "sound"])
def asset(request: pytest.FixtureRequest, flash_and_beep: tuple[Path, Path]) -> Path:
    return flash_and_beep[request.param == "sound"]


def opened(root: Path) -> SessionDisk:
    disk = SessionDisk(root, "s1", "room")
    disk.open()
    return disk


def only_file(directory: Path) -> Path:
    (path,) = (directory / "segments").iterdir()
    return path


def test_a_closed_segment_is_a_playable_file_on_record(asset: Path, tmp_path: Path) -> None:
    disk = opened(tmp_path)
    disk.apply(segment(asset))
    line = timeline(disk.directory)
    (track,) = line.tracks
    (found,) = track.segments
    path = segment_path(disk.directory, track.track, 0)
    assert path == only_file(disk.directory)
    assert_decodes_fully(path)
    assert abs(duration(path) - 10) < 0.05
    assert (found.start_ms, found.duration_ms) == (OPEN_MS, 10_000)
    assert path.read_bytes()[:64].find(b"webm") > 0
    assert b"\x1c\x53\xbb\x6b" in path.read_bytes()  # Cues: players can seek
    assert list((disk.directory / "open").iterdir()) == []
    assert verify(disk.directory, disk.head) is None


def test_a_crash_at_any_byte_keeps_what_was_written(asset: Path, tmp_path: Path) -> None:
    disk = opened(tmp_path)
    until = disk.apply(segment(asset, close=False))
    assert next(iter(until.values())) > START_NS + 9_800_000_000
    (path,) = (disk.directory / "open").iterdir()
    whole = path.read_bytes()
    for number, size in enumerate((0, 40, 100, len(whole) // 2, len(whole) - 1, len(whole))):
        root = tmp_path / f"crash-{number}"
        shutil.copytree(disk.directory, root / "s1")
        (root / "s1" / "open" / path.name).write_bytes(whole[:size])
        after = SessionDisk(root, "s1", "room")
        resumed = after.open()
        assert verify(after.directory) is None
        line = timeline(after.directory)
        assert len(line.tracks) == (size > 100)
        if line.tracks:
            assert_decodes_fully(only_file(after.directory))
            (found,) = line.tracks[0].segments
            assert abs(found.duration_ms - 10_000 * size / len(whole)) < 3000
            assert abs(found.start_ms - OPEN_MS) <= 1
            assert resumed.last_ms == found.start_ms + found.duration_ms
            assert resumed.next_index == {line.tracks[0].track: 1}


def test_a_crash_after_the_record_but_before_the_clean_up_repeats_nothing(
    asset: Path, tmp_path: Path
) -> None:
    disk = opened(tmp_path)
    disk.apply(segment(asset, close=False))
    (path,) = (disk.directory / "open").iterdir()
    left = path.read_bytes()
    disk.apply(segment(asset)[-1:])
    path.write_bytes(left)
    disk.open()
    assert [len(track.segments) for track in timeline(disk.directory).tracks] == [1]
    assert not path.exists()


def test_a_torn_last_line_is_dropped_and_the_chain_goes_on(asset: Path, tmp_path: Path) -> None:
    disk = opened(tmp_path)
    disk.apply(segment(asset))
    head = disk.head
    with (disk.directory / manifest.NAME).open("ab") as file:
        file.write(b'{"type":"segment","half')
    again = opened(tmp_path)
    again.apply(segment(asset, index=1))
    again.end(True)
    assert verify(again.directory, head) is None
    assert timeline(again.directory).ended


def test_a_bad_segment_is_set_aside_and_stated(asset: Path, tmp_path: Path) -> None:
    disk = opened(tmp_path)
    head = SegmentHead("TR_x", 0, "video", "an", "camera", 0, 0)
    unit = journal.unit_bytes(Unit(0, START_NS, True, b"x"))
    disk.apply(
        [Begin(head, b"x"), Append(head, unit, 1), Close(head, START_NS, 1, 1, 0, (), "cut")]
    )
    disk.apply(segment(asset))
    line = timeline(disk.directory)
    assert [gap.reason for gap in line.gaps] == ["unplayable"]
    assert len(line.tracks) == 1


def test_a_picture_that_does_not_decode_is_no_evidence(
    flash_and_beep: tuple[Path, Path], tmp_path: Path
) -> None:
    effects = segment(flash_and_beep[0], close=False)
    assert isinstance(effects[0], Begin)
    keyframe = effects[0].first
    broken = keyframe[:10] + bytes(byte ^ 0xFF for byte in keyframe[10:])
    for first, vouched in ((keyframe, {"TR_video"}), (broken, set()), (keyframe[:11], set())):
        disk = SessionDisk(tmp_path, f"s{len(first)}{len(vouched)}", "room")
        disk.open()
        effects[0] = Begin(effects[0].head, first)
        assert disk.apply(effects).keys() == vouched


def test_a_sealed_segment_is_only_readable_with_the_key(asset: Path, tmp_path: Path) -> None:
    identity = x25519.Identity.generate()
    disk = SessionDisk(tmp_path, "s1", "room", str(identity.to_public()))
    disk.open()
    disk.apply(segment(asset))
    path = only_file(disk.directory)
    assert path.suffix == ".age"
    assert b"webm" not in path.read_bytes()
    assert verify(disk.directory) is None
    assert timeline(disk.directory).tracks[0].segments[0].sealed
    plain = tmp_path / "plain.webm"
    plain.write_bytes(unseal(path.read_bytes(), str(identity)))
    assert_decodes_fully(plain)
    with pytest.raises(DecryptError):
        unseal(path.read_bytes(), str(x25519.Identity.generate()))


@pytest.mark.parametrize("name", ["../s1", "", "a/b", "s" * 100])
def test_a_session_cannot_choose_a_directory_elsewhere(name: str, tmp_path: Path) -> None:
    with pytest.raises(Exception, match="cannot name"):
        SessionDisk(tmp_path, name, "room")


def alter_segment(directory: Path) -> str:
    path = only_file(directory)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    return f"segments/{path.name} was altered (manifest.jsonl line 2)"


def remove_segment(directory: Path) -> str:
    path = only_file(directory)
    path.unlink()
    return f"segments/{path.name} is missing (manifest.jsonl line 2)"


def alter_line(directory: Path) -> str:
    path = directory / manifest.NAME
    path.write_bytes(path.read_bytes().replace(b'"room":"room"', b'"room":"moor"'))
    return "manifest.jsonl line 2 does not follow line 1"


def remove_line(directory: Path) -> str:
    path = directory / manifest.NAME
    first, _, *rest = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([first, *rest]))
    return "manifest.jsonl line 2 is out of sequence"


def cut_end(directory: Path) -> str:
    path = directory / manifest.NAME
    path.write_bytes(path.read_bytes()[:-5])
    return "manifest.jsonl line 3 is incomplete"


@pytest.mark.parametrize("harm", [alter_segment, remove_segment, alter_line, remove_line, cut_end])
def test_the_first_thing_that_was_changed_is_named(
    harm: Callable[[Path], str], asset: Path, tmp_path: Path
) -> None:
    disk = opened(tmp_path)
    disk.apply(segment(asset))
    disk.end(True)
    assert verify(disk.directory) is None
    expected = harm(disk.directory)
    assert verify(disk.directory) == expected


def test_records_missing_at_the_end_show_against_a_head_kept_elsewhere(
    asset: Path, tmp_path: Path
) -> None:
    disk = opened(tmp_path)
    disk.apply(segment(asset))
    disk.end(True)
    path = disk.directory / manifest.NAME
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    assert verify(disk.directory) is None
    assert "records are missing" in str(verify(disk.directory, disk.head))


def test_a_timeline_orders_tracks_gaps_and_speech_by_time(
    flash_and_beep: tuple[Path, Path], tmp_path: Path
) -> None:
    disk = opened(tmp_path)
    picture, sound = flash_and_beep
    disk.apply(segment(sound, index=1))
    disk.apply(segment(picture))
    disk.apply(segment(picture, index=1))
    disk.gap(Gap(20, 30, "loss"), "TR_video", "an")
    disk.gap(Gap(10, 15, "disconnected"))
    disk.record("speech", participant="an", from_ms=1, to_ms=2, level=0.5)
    line = timeline_of(manifest.read(disk.directory)[0])
    assert [track.track for track in line.tracks] == ["TR_video", "TR_audio"]
    assert [s.index for s in line.tracks[0].segments] == [0, 1]
    assert (line.start_ms, line.end_ms) == (OPEN_MS, OPEN_MS + 20_000)
    assert [gap.reason for gap in line.gaps] == ["disconnected", "loss"]
    assert not line.ended
    assert segment_path(disk.directory, "TR_video", 7) is None

import io
from datetime import timedelta

import httpx
import pytest
from PIL import Image

from server.http.errors import NotFound
from server.recordings.files import build_recording, open_recording_file
from tests.server.conftest import Desk
from tests.server.recordings.conftest import SESSION, Recorded, StateOf
from tests.server.session.meeting import Meeting

PATH = "/api/sessions/{session_id}/recording"


async def shown(desk: Desk):  # type: ignore[no-untyped-def]
    return await desk("GET", PATH, session_id=SESSION)


async def served(desk: Desk, file: str, **headers: str):  # type: ignore[no-untyped-def]
    """The file as a browser gets it."""
    response = await desk("GET", PATH + "/{file}", session_id=SESSION, file=file)
    transport = httpx.ASGITransport(app=response)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        return await client.get("/", headers=headers)


async def test_tracks_bear_names_and_lie_on_one_clock(
    desk: Desk, held: Meeting, recorded: Recorded
) -> None:
    recording = await shown(desk)
    assert recording.title == held.state.convened.title
    assert (recording.started_at, recording.duration_ms) == (recorded.start, 300_000)
    found = {t.id: (t.person, t.name, t.kind, t.source) for t in recording.tracks}
    assert found == {
        "TR_cam1": ("p01", "Đảng viên 01", "video", "camera"),
        "TR_mic1": ("p01", "Đảng viên 01", "audio", "microphone"),
        "TR_room": (None, "Phòng họp", "video", "camera"),
        "TR_mic4": ("p04", "Đảng viên 04", "audio", "microphone"),
    }
    camera = next(t for t in recording.tracks if t.id == "TR_cam1")
    assert [(s.start_ms, s.duration_ms) for s in camera.segments] == [(0, 1000), (100_000, 1000)]


async def test_only_gaps_of_everything_are_told_in_words(desk: Desk, recorded: Recorded) -> None:
    gaps = (await shown(desk)).gaps
    assert [(g.from_ms, g.to_ms, g.reason) for g in gaps] == [
        (60_000, 90_000, "máy ghi khởi động lại")
    ]


async def test_items_votes_turns_absences_and_stops_are_marked_where_they_happened(
    desk: Desk, held: Meeting, recorded: Recorded
) -> None:
    marks = (await shown(desk)).marks
    by_kind = {kind: [m for m in marks if m.kind == kind] for kind in {m.kind for m in marks}}
    start = recorded.start

    def at(time):  # type: ignore[no-untyped-def]
        return (time - start) // timedelta(milliseconds=1)

    items = held.state.items
    assert [(m.at_ms, m.label, m.detail) for m in by_kind["item"]] == [
        (at(items["i1"].started_at), "1. Kết quả tháng 11", "Nhất trí báo cáo."),
        (at(items["i2"].started_at), "2. Nghị quyết tháng 12", "Đã thông qua."),
    ]
    [vote] = by_kind["vote"]
    motion = held.state.motions["m1"]
    assert (vote.at_ms, vote.end_ms) == (at(motion.opened_at), at(motion.closed_at))
    assert (vote.label, vote.outcome) == ("Thông qua Nghị quyết tháng 12", "passed")
    assert vote.detail == "3/5, cần 3: thông qua"
    [kept] = by_kind["reserved"]
    assert (kept.person, kept.detail) == ("p02", "Xin bảo lưu ý kiến.")
    [turn] = by_kind["floor"]
    assert (turn.person, turn.label, turn.detail) == ("p04", "Đảng viên 04", "Kết quả tháng 11")
    [away] = [m for m in by_kind["presence"] if m.person == "p05"]
    assert away.end_ms is not None
    assert 7000 <= away.end_ms - away.at_ms <= 9000
    [stop] = by_kind["incident"]
    assert (stop.label, stop.detail) == ("Máy ghi gián đoạn", "máy ghi không trả lời")
    assert all(0 <= m.at_ms <= 300_000 for m in marks)
    assert [m.at_ms for m in marks] == sorted(m.at_ms for m in marks)


async def test_every_file_it_names_is_given_whole_and_in_ranges(
    desk: Desk, recorded: Recorded
) -> None:
    recording = await shown(desk)
    urls = [segment.url for track in recording.tracks for segment in track.segments]
    assert len(urls) == 5
    for url in urls:
        base, _, file = url.rpartition("/")
        assert base == f"/api/sessions/{SESSION}/recording"
        kind = "audio" if "mic" in file else "video"
        whole = await served(desk, file)
        assert (whole.status_code, whole.content) == (200, recorded.media[kind])
        assert whole.headers["content-type"] == f"{kind}/webm"
        assert whole.headers["cache-control"] == "private, no-store"
        part = await served(desk, file, range="bytes=10-19")
        assert (part.status_code, part.content) == (206, recorded.media[kind][10:20])
        assert part.headers["content-range"] == f"bytes 10-19/{len(recorded.media[kind])}"
    beyond = await served(desk, file, range="bytes=99999999-")
    assert beyond.status_code == 416


@pytest.mark.parametrize(
    "file",
    [
        "manifest.jsonl",
        "../s1/manifest.jsonl",
        "..%2fmanifest.jsonl",
        "segments/TR_cam1-00000.webm",
        "TR_cam1-00000.webm",
        "TR_cam1-2.webm",
        "TR_other-0.webm",
        "",
        "\x00",
    ],
)
async def test_no_other_file_can_be_named(desk: Desk, recorded: Recorded, file: str) -> None:
    with pytest.raises(NotFound):
        await open_recording_file(desk.services, SESSION, file)


@pytest.mark.parametrize("session_id", ["..", "", "s1/..", "other", "S1", "s1\x00"])
async def test_no_other_folder_can_be_named(
    desk: Desk, recorded: Recorded, session_id: str
) -> None:
    for act in (
        build_recording(desk.services, session_id),
        open_recording_file(desk.services, session_id, "TR_cam1-0.webm"),
    ):
        with pytest.raises(NotFound):
            await act


async def test_a_manifest_that_points_outside_is_not_followed(
    desk: Desk, recorded: Recorded
) -> None:
    outside = recorded.directory.parent / "secret.webm"
    outside.write_bytes(b"secret")
    recorded.disk.record(
        "segment",
        file="../secret.webm",
        track="TR_x",
        index=0,
        kind="video",
        participant="p01.0",
        source="camera",
        width=1,
        height=1,
        start_utc_ms=recorded.ms(0),
        duration_ms=1,
        bytes=6,
    )
    with pytest.raises(NotFound):
        await open_recording_file(desk.services, SESSION, "TR_x-0.webm")


async def test_the_thumbnail_is_a_picture_made_once_after_the_end(
    desk: Desk, recorded: Recorded
) -> None:
    recording = await shown(desk)
    assert recording.thumbnail == f"/api/sessions/{SESSION}/recording/thumbnail.jpg"
    first = await served(desk, "thumbnail.jpg")
    picture = Image.open(io.BytesIO(first.content))
    assert (picture.format, picture.width) == ("JPEG", 480)
    for file in (recorded.directory / "segments").iterdir():
        file.unlink()
    assert (await served(desk, "thumbnail.jpg")).content == first.content


async def test_a_running_recording_plays_but_has_no_thumbnail_yet(
    desk: Desk, recorded: Recorded
) -> None:
    recorded.disk.record("resume")
    recorded.segment("TR_cam1", 2, "p01", "camera", 310)
    recording = await shown(desk)
    assert (recording.thumbnail, recording.duration_ms) == (None, 311_000)
    with pytest.raises(NotFound):
        await open_recording_file(desk.services, SESSION, "thumbnail.jpg")


async def test_files_may_be_given_out_under_another_address(desk: Desk, recorded: Recorded) -> None:
    base = f"/api/peer/sessions/{SESSION}/recording"
    recording = await build_recording(desk.services, SESSION, base)
    urls = [s.url for t in recording.tracks for s in t.segments]
    assert all(url.startswith(base + "/") for url in [*urls, recording.thumbnail or ""])


async def test_a_session_without_a_recording_says_so(desk: Desk, held: Meeting) -> None:
    object.__setattr__(desk.services, "session", StateOf(held.state))
    with pytest.raises(NotFound) as refusal:
        await shown(desk)
    assert refusal.value.message == "Chưa có bản ghi của buổi sinh hoạt này."

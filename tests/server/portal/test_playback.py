"""Officers play the cell's recording through their own installation."""

import hashlib
from datetime import UTC, datetime

import pytest

from recording.disk import SessionDisk
from server.portal.playback import relocated
from server.recordings.models import Recording, SegmentListed, TrackListed
from server.store.database import Connection
from server.store.tables import sign_in
from tests.server.portal.test_officer import closed, delivered
from tests.server.recordings.conftest import Recorded, media
from tests.server.submission.installations import SESSION, Installation, ok

Pair = tuple[Installation, Installation]
PATH = f"/api/officer/sessions/{SESSION}/recording"
__all__ = ["media"]


@pytest.fixture
async def recorded(pair: Pair, media: dict[str, bytes]) -> Recorded:
    """A reported session whose recording lies at the cell."""
    m = await delivered(pair, closed(pair[0]))
    await pair[0].hold(m)
    assert m.state.waiting_at
    disk = SessionDisk(pair[0].config.recording_dir, SESSION, SESSION)
    disk.open()
    made = Recorded(disk, m.state.waiting_at, media)
    made.segment("TR_cam1", 0, "p01", "camera", 0)
    made.segment("TR_mic1", 0, "p01", "microphone", 0.2)
    disk.end(True)
    return made


async def test_every_file_comes_whole_and_in_ranges(pair: Pair, recorded: Recorded):
    async with await pair[1].officer() as officer:
        shown = ok(await officer.get(PATH))
        urls = [segment["url"] for track in shown["tracks"] for segment in track["segments"]]
        assert len(urls) == 2
        assert all(url.startswith(PATH + "/") for url in urls)
        file = await officer.get(urls[0])
        assert file.status_code == 200
        known = {hashlib.sha256(data).hexdigest() for data in recorded.media.values()}
        assert hashlib.sha256(file.content).hexdigest() in known
        part = await officer.get(urls[0], headers={"range": "bytes=10-19"})
        assert (part.status_code, part.content) == (206, file.content[10:20])
        assert part.headers["content-range"] == f"bytes 10-19/{len(file.content)}"
        assert (await officer.get(f"{PATH}/manifest.jsonl")).status_code == 404


async def test_recordings_need_a_second_factor_given_lately(pair: Pair, recorded: Recorded):
    committee = pair[1]
    async with await committee.officer() as officer:

        def age(conn: Connection) -> None:
            conn.execute(sign_in.update().values(stepped_up_at=datetime(2026, 1, 1, tzinfo=UTC)))

        await committee.services.database.write(age)
        refused = await officer.get(PATH)
        assert (refused.status_code, refused.json()["code"]) == (403, "step_up_needed")
        assert (await officer.get(f"{PATH}/x")).status_code == 403


async def test_a_cell_that_is_away_is_said_in_words(pair: Pair, recorded: Recorded):
    cell_side, committee = pair
    await cell_side.stop()
    async with await committee.officer() as officer:
        refused = await officer.get(PATH)
        assert (refused.status_code, refused.json()["code"]) == (503, "cell_away")
        assert (await officer.get(f"{PATH}/a.webm")).status_code == 503
    await cell_side.start()


def test_only_the_last_part_of_the_cells_addresses_is_believed():
    segment = SegmentListed(url="https://else.example/a/../b c.webm", start_ms=0, duration_ms=1)
    track = TrackListed(
        id="t", person=None, name="", kind="video", source="camera", segments=[segment]
    )
    found = Recording(
        session_id="s1",
        title="",
        cell_name="",
        started_at=datetime.now(UTC),
        duration_ms=1,
        thumbnail="javascript:alert(1)",
        tracks=[track],
        marks=[],
        gaps=[],
    )
    own = relocated(found, "/here")
    assert own.tracks[0].segments[0].url == "/here/b%20c.webm"
    assert own.thumbnail == "/here/javascript%3Aalert%281%29"

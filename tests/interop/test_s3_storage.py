"""The whole application on a real bucket and PostgreSQL, and what happens when the bucket goes."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from minio_rig import Minio

from recording.disk import SessionDisk
from server.blobs import open_blobs
from server.config import Config
from server.http.errors import Unavailable
from server.launch import CannotStart, check_storage
from server.services import Blobs
from server.session import events as e
from tests.server.blob_contract import CONTRACT, NAME
from tests.server.convening.conftest import pdf
from tests.server.convening.test_over_http import a_cell, a_draft, send
from tests.server.recordings.conftest import Recorded, media
from tests.server.site import Site

__all__ = ["media", "pdf"]  # fixtures of the tests beside the server
BUCKET = "s3://chibo/cell"


@pytest.fixture(scope="module")
def minio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Minio]:
    running = Minio(tmp_path_factory.mktemp("minio"))
    running.start()
    yield running
    running.stop()


@pytest.fixture(autouse=True)
def keys(minio: Minio, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in minio.env.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize("holds", CONTRACT, ids=lambda f: f.__name__)
async def test_in_a_bucket(holds: Callable[[Blobs], Awaitable[None]]) -> None:
    await holds(open_blobs(BUCKET))


@pytest.mark.parametrize(
    ("name", "value", "url"),
    [
        ("AWS_SECRET_ACCESS_KEY", "another password", BUCKET),
        ("AWS_ACCESS_KEY_ID", "somebody", BUCKET),
        ("AWS_REGION", "us-east-1", "s3://no-such-bucket/cell"),
    ],
)
async def test_a_store_that_refuses_us_is_told_apart_from_a_missing_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, value: str, url: str
) -> None:
    monkeypatch.setenv(name, value)
    blobs = open_blobs(url)
    for act in (
        lambda: blobs.put(NAME, b"x"),
        lambda: blobs.get(NAME),
        lambda: blobs.read(NAME),
        blobs.check,
    ):
        with pytest.raises(Unavailable) as refusal:
            await act()
        assert refusal.value.code == "storage_refused"
    config = Config.load({"CHIBO_DATA": str(tmp_path), "CHIBO_BLOB_URL": url}, at_work=False)
    with pytest.raises(CannotStart, match="AWS_SECRET_ACCESS_KEY"):
        await check_storage(config)


@pytest.fixture
async def site(tmp_path: Path, postgres_url: str) -> AsyncIterator[Site]:
    made = Site(tmp_path, postgres_url, CHIBO_BLOB_URL=BUCKET)
    async with made.running():
        yield made


async def test_convene_read_and_play_on_a_bucket_and_postgresql(
    site: Site, minio: Minio, pdf: Callable[..., bytes], media: dict[str, bytes]
) -> None:
    await site.person("0911000000", "Quản trị", "administrator")
    cell_id, secretary, member = await a_cell(site, await site.signed_in("0911000000"))
    session_id = await a_draft(site, secretary, cell_id)
    paper = pdf(2)
    sent = await send(secretary, session_id, paper)
    assert sent.status_code == 200, sent.text
    path = f"/api/sessions/{session_id}"
    await secretary.ok("POST", f"{path}/convene")
    document = f"{path}/documents/{sent.json()['id']}"
    page = await member("GET", f"{document}/pages/2")
    assert (page.status_code, page.content[8:12]) == (200, b"WEBP")
    assert (await member("GET", f"{document}/file")).content == paper
    part = await member("GET", f"{document}/file", headers={"Range": "bytes=10-99"})
    assert (part.status_code, part.content) == (206, paper[10:100])
    assert not list(site.config.data_dir.glob("blobs/**/*"))

    recorded = await record(site, session_id, media)
    shown = await secretary.ok("GET", f"{path}/recording")
    [track] = shown["tracks"]
    url = track["segments"][0]["url"]
    heard = await secretary("GET", url, headers={"Range": "bytes=100-299"})
    assert (heard.status_code, heard.content) == (206, media["video"][100:300])
    picture = await secretary("GET", f"{path}/recording/{Path(shown['thumbnail']).name}")
    assert (picture.status_code, picture.headers["content-type"]) == (200, "image/jpeg")
    assert recorded.directory.exists()

    draft = await a_draft(site, secretary, cell_id)
    minio.stop()
    try:
        for answer in (
            await send(secretary, draft, paper),
            await member("GET", f"{document}/pages/1"),
            await member("GET", f"{document}/file"),
        ):
            assert (answer.status_code, answer.json()["code"]) == (503, "storage_away")
        site.clock.forward(seconds=20)
        assert (await secretary("GET", "/readyz")).json()["checks"]["storage"] == "away"
        # Nothing is listed that was not stored.
        assert (await secretary.ok("GET", f"/api/sessions/{draft}"))["documents"] == []
        [listed] = (await member.ok("GET", path))["documents"]
        assert listed["id"] == sent.json()["id"]
        assert (await member.ok("GET", f"{path}/view"))["stage"] == "open"  # which goes on
    finally:
        minio.start()
    assert (await member("GET", f"{document}/file")).content == paper
    assert (await send(secretary, draft, paper)).status_code == 200
    site.clock.forward(seconds=20)
    assert (await secretary("GET", "/readyz")).json()["checks"]["storage"] == "ok"


async def record(site: Site, session_id: str, media: dict[str, bytes]) -> Recorded:
    """An opened session with one second of picture that the recorder has finished."""
    log, now = site.services.session.log, site.clock()

    def opened(_state: Any, _now: Any) -> list[e.Event]:
        return [e.WaitingOpened(), e.Opened("", 0, "", "")]

    state = (await log.append(session_id, "p01", None, now, opened)).state
    disk = SessionDisk(site.config.recording_dir, session_id, session_id)
    disk.open()
    assert state.waiting_at is not None
    made = Recorded(disk, state.waiting_at, media)
    made.segment("TR_cam1", 0, "p01", "camera", 0)
    disk.end(True)
    return made

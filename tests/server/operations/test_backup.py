import asyncio
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from server.config import Config
from server.operations.backup import BackupFailed, make_backup, restore_backup
from server.store.database import Database
from server.store.tables import account
from tests.bench.postgres import program as postgres_program
from tests.conftest import Cluster
from tests.server.site import Site

Pair = tuple[str, str]
PASSPHRASE = "một câu thật dài để giữ khóa"


def names(url: str) -> list[str]:
    database = Database(url)
    with database.engine.connect() as conn:
        found = conn.execute(account.select().order_by(account.c.phone)).all()
    database.close()
    return [row.name for row in found]


@pytest.fixture
def passphrase(tmp_path: Path) -> Path:
    file = tmp_path / "passphrase"
    file.write_text(PASSPHRASE)
    return file


async def fill(site: Site) -> None:
    await site.person("0900000101", "Lò Văn Chung")
    await site.services.blobs.put("documents/one", b"%PDF-1.7 ...")
    segment = site.config.recording_dir / "s1" / "0001.mka"
    segment.parent.mkdir(parents=True)
    segment.write_bytes(b"sound" * 1000)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def addresses(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pair]:
    """A database to back up and an empty one to restore into; empty text for SQLite's own."""
    if request.param == "sqlite":
        yield "", ""
        return
    cluster: Cluster = request.getfixturevalue("postgres_cluster")
    monkeypatch.setenv("PATH", str(Path(postgres_program("pg_dump")).parent), prepend=":")
    yield cluster.create("backed_up"), cluster.create("restored")
    cluster.drop("backed_up")
    cluster.drop("restored")


async def test_what_was_backed_up_while_running_comes_back(
    tmp_path: Path, passphrase: Path, addresses: Pair
) -> None:
    site, archive = Site(tmp_path / "old", addresses[0]), tmp_path / "backup.tar"
    async with site.running():
        await fill(site)
        writing = asyncio.create_task(keep_writing(site))
        said = await asyncio.to_thread(make_backup, site.config, archive, passphrase)
        writing.cancel()
    assert "đã mã hóa" in said
    new = fresh_config(tmp_path / "new")
    restore_backup(
        replace(new, database_url=addresses[1]) if addresses[1] else new, archive, passphrase
    )
    restored = Site(tmp_path / "new", addresses[1])
    async with restored.running():
        assert "Lò Văn Chung" in names(restored.config.database_url)
        assert await restored.services.blobs.get("documents/one") == b"%PDF-1.7 ..."
        # The keys came back too: second factors open, and the seal is the same.
        restored.secrets = site.secrets
        await restored.signed_in("0900000101")
        assert restored.services.keys.seal.key_id == site.services.keys.seal.key_id
    segment = restored.config.recording_dir / "s1" / "0001.mka"
    assert segment.read_bytes() == b"sound" * 1000


async def keep_writing(site: Site) -> None:
    for n in range(10_000):
        await site.person(f"09000{n:05d}", f"Người {n}")


def fresh_config(folder: Path) -> Config:
    return Config.load(
        {
            "CHIBO_DATA": str(folder),
            "LIVEKIT_API_KEY": "key",
            "LIVEKIT_API_SECRET": "s" * 40,
            "CHIBO_SERVICE_KEY": "r" * 40,
        }
    )


async def test_no_key_is_in_the_archive_in_the_clear(tmp_path: Path, passphrase: Path) -> None:
    site = Site(tmp_path / "old")
    async with site.running():
        await fill(site)
        await asyncio.to_thread(make_backup, site.config, tmp_path / "without.tar", None)
        await asyncio.to_thread(make_backup, site.config, tmp_path / "with.tar", passphrase)
    secrets = [path.read_bytes() for path in site.config.keys_dir.iterdir()]
    for name in ("without.tar", "with.tar"):
        data = (tmp_path / name).read_bytes()
        assert not any(secret in data for secret in secrets if len(secret) > 30)


@pytest.mark.parametrize("harm", ["database/chibo.db", "blobs/documents/one"])
async def test_a_changed_archive_is_refused_and_leaves_nothing(tmp_path: Path, harm: str) -> None:
    site, archive = Site(tmp_path / "old"), tmp_path / "backup.tar"
    async with site.running():
        await fill(site)
        await asyncio.to_thread(make_backup, site.config, archive, None)
    with tarfile.open(archive) as opened:
        offset = opened.getmember(harm).offset_data
    data = bytearray(archive.read_bytes())
    data[offset] ^= 1
    archive.write_bytes(data)
    new = fresh_config(tmp_path / "new")
    with pytest.raises(BackupFailed, match=harm):
        restore_backup(new, archive, None)
    assert not new.data_dir.exists()


async def test_a_restore_never_overwrites(tmp_path: Path) -> None:
    site, archive = Site(tmp_path / "old"), tmp_path / "backup.tar"
    async with site.running():
        await asyncio.to_thread(make_backup, site.config, archive, None)
        with pytest.raises(BackupFailed, match="đã có"):
            make_backup(site.config, archive, None)
    with pytest.raises(BackupFailed, match="không trống"):
        restore_backup(site.config, archive, None)
    assert (site.config.data_dir / "chibo.db").exists()


async def test_without_pg_dump_it_says_which_program_is_missing(
    tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    site, archive = Site(tmp_path / "old", postgres_url), tmp_path / "backup.tar"
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BackupFailed, match="pg_dump"):
        make_backup(site.config, archive, None)
    assert not archive.exists()


async def test_of_a_bucket_it_says_that_it_is_not_in_the_archive(tmp_path: Path) -> None:
    site, archive = Site(tmp_path / "old", CHIBO_BLOB_URL="s3://chibo/cell"), tmp_path / "b.tar"
    assert "s3://chibo/cell" in make_backup(site.config, archive, None)
    with tarfile.open(archive) as made:
        assert not [name for name in made.getnames() if name.startswith("blobs/")]

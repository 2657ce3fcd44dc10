import asyncio
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from server.config import Config
from server.operations.backup import BackupFailed, make_backup, restore_backup
from server.store.database import Connection, Database
from server.store.tables import account
from tests.conftest import postgres_program
from tests.server.site import Site

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


async def test_what_was_backed_up_while_running_comes_back(
    tmp_path: Path, passphrase: Path
) -> None:
    site, archive = Site(tmp_path / "old"), tmp_path / "backup.tar"
    async with site.running():
        await fill(site)
        writing = asyncio.create_task(keep_writing(site))
        said = await asyncio.to_thread(make_backup, site.config, archive, passphrase)
        writing.cancel()
    assert "đã mã hóa" in said
    restore_backup(fresh_config(tmp_path / "new"), archive, passphrase)
    restored = Site(tmp_path / "new")
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


async def test_postgresql_is_backed_up_and_restored(
    tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(Path(postgres_program("pg_dump")).parent), prepend=":")
    site, archive = Site(tmp_path / "old", postgres_url), tmp_path / "backup.tar"
    async with site.running():
        await fill(site)
        await asyncio.to_thread(make_backup, site.config, archive, None)
        before = names(postgres_url)

        def lose(conn: Connection) -> None:
            conn.exec_driver_sql("DROP SCHEMA public CASCADE")
            conn.exec_driver_sql("CREATE SCHEMA public")

        await site.services.database.write(lose)
    new = replace(fresh_config(tmp_path / "new"), database_url=postgres_url)
    restore_backup(new, archive, None)
    assert names(postgres_url) == before == ["Lò Văn Chung"]

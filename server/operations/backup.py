"""`chibo backup` and `chibo restore`: one archive, consistent also while a session runs.

Order matters. The database is copied first, in one transaction; files are written before the rows
that name them, so every file that the copy names is still there to be copied after it. Keys are
left out, or go in encrypted under a passphrase, because a copy of the database with its keys is
the installation itself.
"""

import hashlib
import io
import json
import os
import shutil
import sqlite3
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO
from urllib.parse import unquote, urlsplit

import pyrage

from server.config import Config
from server.store.database import Database
from server.store.schema import head

FORMAT = 1
CHUNK = 1 << 20  # bytes
LIST = "backup.json"
KEYS = "keys.age"


class BackupFailed(Exception):
    """A sentence for the operator. The target was left as it was."""


def make_backup(config: Config, target: Path, passphrase_file: Path | None) -> str:
    """Writes the archive and returns what it holds, as a sentence. An existing file stays."""
    if target.exists():
        raise BackupFailed(f"{target} đã có; đặt tên tệp khác.")
    part = target.with_name(f".{target.name}.part")
    listed: dict[str, str] = {}
    try:
        with tempfile.TemporaryDirectory(dir=config.data_dir) as work:
            database = _copy_database(config, Path(work))
            with tarfile.open(part, "w") as archive:
                _add(archive, f"database/{database.name}", database, listed)
                for kind, folder in _folders(config):
                    for name, path in _files(folder):
                        _add(archive, f"{kind}/{name}", path, listed)
                if passphrase_file:
                    _add_keys(archive, config, _passphrase(passphrase_file), listed)
                _add_list(archive, listed)
        _sync(part)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    keys = "có khóa, đã mã hóa" if passphrase_file else "không có khóa, hãy sao riêng thư mục khóa"
    elsewhere = ""
    if urlsplit(config.blob_url).scheme != "file":
        elsewhere = (
            f" Tài liệu và văn bản ở {config.blob_url} không nằm trong tệp này: sao lưu kho."
        )
    return f"Đã sao lưu {len(listed)} tệp vào {target} ({keys}).{elsewhere}"


def restore_backup(config: Config, source: Path, passphrase_file: Path | None) -> str:
    """Unpacks into an empty installation, checking every file; nothing is left when one fails."""
    if config.data_dir.exists() and any(config.data_dir.iterdir()):
        raise BackupFailed(f"{config.data_dir} không trống; khôi phục vào một thư mục mới.")
    config.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        with tarfile.open(source) as archive:
            listed = _read_list(archive)
            folders = dict(_folders(config))
            for name, digest in listed.items():
                kind, _, rest = name.partition("/")
                folder = folders.get(kind, config.data_dir / ".restoring")
                path = folder / (rest or name)
                if _place(path, _member(archive, name)) != digest:
                    raise BackupFailed(f"{name} trong bản sao lưu đã bị thay đổi.")
                if kind == "database":
                    _restore_database(config, path)
            if KEYS in listed and passphrase_file:
                sealed = (config.data_dir / ".restoring" / KEYS).read_bytes()
                _restore_keys(config, sealed, _passphrase(passphrase_file))
        shutil.rmtree(config.data_dir / ".restoring")
    except (OSError, tarfile.TarError, BackupFailed) as error:
        shutil.rmtree(config.data_dir, ignore_errors=True)
        raise BackupFailed(f"Chưa khôi phục được: {error}") from error
    told = "" if passphrase_file and KEYS in listed else f" Chép khóa vào {config.keys_dir}."
    return f"Đã khôi phục {len(listed)} tệp vào {config.data_dir}.{told}"


def _copy_database(config: Config, work: Path) -> Path:
    """A consistent copy: SQLite's backup API, or pg_dump's single snapshot."""
    database = Database(config.database_url)
    try:
        if database.sqlite:
            target = work / "chibo.db"
            source = sqlite3.connect(f"file:{database.url.database}?mode=ro", uri=True)
            with source, sqlite3.connect(target) as copy:
                source.backup(copy)
            copy.close()
            source.close()
            return target
        target = work / "chibo.dump"
        _run(["pg_dump", "--format=custom", "--no-owner", f"--file={target}"], database)
        return target
    finally:
        database.close()


def _restore_database(config: Config, copy: Path) -> None:
    database = Database(config.database_url)
    try:
        if database.sqlite != (copy.suffix == ".db"):
            raise BackupFailed("bản sao lưu là của loại cơ sở dữ liệu khác.")
        if database.sqlite:
            with copy.open("rb") as file:
                _place(Path(str(database.url.database)), file)
            return
        name = str(database.url.database)
        _run(
            ["pg_restore", "--no-owner", "--exit-on-error", f"--dbname={name}", str(copy)], database
        )
    finally:
        database.close()


def _run(command: list[str], database: Database) -> None:
    # The password goes in by the environment: other users can read command lines.
    url = database.url
    env = {
        "PGHOST": url.host or str(url.query.get("host", "")),
        "PGPORT": str(url.port or 5432),
        "PGUSER": url.username or "",
        "PGPASSWORD": str(url.password or ""),
        "PGDATABASE": url.database or "",
    }
    try:
        subprocess.run(command, env=os.environ | env, check=True, capture_output=True, text=True)
    except FileNotFoundError:
        raise BackupFailed(f"cần chương trình {command[0]} của PostgreSQL.") from None
    except subprocess.CalledProcessError as error:
        raise BackupFailed(f"{command[0]}: {error.stderr.strip()[:300]}") from None


def _folders(config: Config) -> Iterator[tuple[str, Path]]:
    """What is copied file by file. Blobs in S3 are backed up where they are."""
    blobs = urlsplit(config.blob_url)
    if blobs.scheme == "file":
        yield "blobs", Path(unquote(blobs.path))
    yield "recordings", config.recording_dir


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.rglob("*")) if folder.exists() else []:
        if path.is_file() and not path.is_symlink():
            yield path.relative_to(folder).as_posix(), path


def _add(archive: tarfile.TarFile, name: str, path: Path, listed: dict[str, str]) -> None:
    """The file as long as it is now: a recording may be growing while we read it."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return  # a part that was just renamed into place
    with file:
        reader = _Hashing(file)
        archive.addfile(_entry(name, os.fstat(file.fileno()).st_size), reader)
    listed[name] = reader.hash.hexdigest()


def _add_bytes(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    archive.addfile(_entry(name, len(data)), io.BytesIO(data))


def _entry(name: str, size: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode, entry.mtime = size, 0o600, int(datetime.now(UTC).timestamp())
    return entry


def _add_list(archive: tarfile.TarFile, listed: dict[str, str]) -> None:
    made = datetime.now(UTC).isoformat()
    facts = {"format": FORMAT, "schema": head(), "made_at": made, "files": listed}
    _add_bytes(archive, LIST, json.dumps(facts, indent=1).encode())


def _read_list(archive: tarfile.TarFile) -> dict[str, str]:
    facts = json.load(_member(archive, LIST))
    if facts.get("format") != FORMAT or facts.get("schema") != head():
        raise BackupFailed("bản sao lưu là của phiên bản chương trình khác.")
    files: dict[str, str] = facts["files"]
    for name in files:
        if name.startswith("/") or ".." in Path(name).parts:
            raise BackupFailed(f"tên tệp không hợp lệ: {name}")
    return files


def _member(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    try:
        file = archive.extractfile(name)
    except KeyError:
        file = None
    if file is None:
        raise BackupFailed(f"thiếu {name}.")
    return file


def _add_keys(
    archive: tarfile.TarFile, config: Config, passphrase: str, listed: dict[str, str]
) -> None:
    inner = io.BytesIO()
    with tarfile.open(fileobj=inner, mode="w") as keys:
        for name, path in _files(config.keys_dir):
            _add_bytes(keys, name, path.read_bytes())
    sealed = pyrage.passphrase.encrypt(inner.getvalue(), passphrase)
    _add_bytes(archive, KEYS, sealed)
    listed[KEYS] = hashlib.sha256(sealed).hexdigest()


def _restore_keys(config: Config, sealed: bytes, passphrase: str) -> None:
    try:
        opened = pyrage.passphrase.decrypt(sealed, passphrase)
    except pyrage.DecryptError:
        raise BackupFailed("mật khẩu của khóa không đúng.") from None
    with tarfile.open(fileobj=io.BytesIO(opened)) as keys:
        for entry in keys.getmembers():
            _place(config.keys_dir / Path(entry.name).name, _member(keys, entry.name))


def _passphrase(file: Path) -> str:
    text = file.read_text("utf-8").strip()
    if len(text) < 12:
        raise BackupFailed("mật khẩu của khóa cần ít nhất 12 ký tự.")
    return text


def _place(path: Path, data: IO[bytes]) -> str:
    """Writes a new file, durably; its SHA-256."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    reader = _Hashing(data)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        shutil.copyfileobj(reader, file, CHUNK)
        file.flush()
        os.fsync(file.fileno())
    return reader.hash.hexdigest()


class _Hashing:
    """Reads through, so that hours of recording never stand in memory."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.hash = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self.hash.update(data)
        return data


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())

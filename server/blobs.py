"""Files outside the web root: on local disk, or in an S3 bucket."""

import asyncio
import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from server.http.errors import Unavailable
from server.services import Blobs

# Names are ours (`document/<id>`), never a person's text.
NAME = re.compile(r"[a-z0-9_-]+(/[A-Za-z0-9_-][A-Za-z0-9._-]*)+")


class BlobMissing(Exception):
    """There is no file of this name."""


def open_blobs(url: str) -> Blobs:
    """The store for `file:///folder` or `s3://bucket/prefix` (AWS_* variables apply)."""
    parts = urlsplit(url)
    if parts.scheme == "file":
        return LocalBlobs(Path(unquote(parts.path)))
    return S3Blobs(S3Store.from_url(url))


class LocalBlobs:
    """One file each under a folder. A file is there whole and synced, or not at all."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    async def put(self, name: str, data: bytes) -> None:
        await asyncio.to_thread(self._put, name, data)

    async def get(self, name: str) -> bytes:
        try:
            return await asyncio.to_thread(self._path(name).read_bytes)
        except FileNotFoundError:
            raise BlobMissing(name) from None

    async def delete(self, name: str) -> None:
        await asyncio.to_thread(self._path(name).unlink, missing_ok=True)

    def names(self) -> Iterator[str]:
        """All names, for a backup."""
        for path in sorted(self.folder.rglob("*")):
            name = path.relative_to(self.folder).as_posix()
            if path.is_file() and NAME.fullmatch(name):
                yield name

    def _path(self, name: str) -> Path:
        if not NAME.fullmatch(name):
            raise ValueError(f"not a blob name: {name!r}")
        return self.folder / name

    def _put(self, name: str, data: bytes) -> None:
        path = self._path(name)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        try:
            with part.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        except OSError:
            part.unlink(missing_ok=True)
            raise
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


class S3Blobs:
    """Objects under a bucket and prefix."""

    def __init__(self, store: S3Store) -> None:
        self.store = store

    async def put(self, name: str, data: bytes) -> None:
        if not NAME.fullmatch(name):
            raise ValueError(f"not a blob name: {name!r}")
        try:
            await obstore.put_async(self.store, name, data)
        except BaseError as error:
            raise Unavailable("storage_away") from error

    async def get(self, name: str) -> bytes:
        try:
            answer = await obstore.get_async(self.store, name)
            return bytes(await answer.bytes_async())
        except (FileNotFoundError, obstore.exceptions.NotFoundError):
            raise BlobMissing(name) from None
        except BaseError as error:
            raise Unavailable("storage_away") from error

    async def delete(self, name: str) -> None:
        try:
            await obstore.delete_async(self.store, name)
        except (FileNotFoundError, obstore.exceptions.NotFoundError):
            return
        except BaseError as error:
            raise Unavailable("storage_away") from error

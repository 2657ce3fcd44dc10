"""Files outside the web root: on local disk, or in an S3 bucket."""

import asyncio
import errno
import os
import re
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import unquote, urlsplit

import obstore
import structlog
from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import S3Store

from server.http.errors import Unavailable
from server.services import Blobs, Piece

if TYPE_CHECKING:
    from obstore import GetResult

# Names are ours (`document/<id>`), never a person's text.
NAME = re.compile(r"[a-z0-9_-]+(/[A-Za-z0-9_-][A-Za-z0-9._-]*)+")
CHUNK = 256 * 1024  # bytes; of a file that is passed on, no more than this is in memory
PROBE = "probe/written"
log = structlog.get_logger()


class BlobMissing(Exception):
    """There is no file of this name."""


def open_blobs(url: str) -> Blobs:
    """The store for `file:///folder` or `s3://bucket/prefix` (AWS_* variables apply)."""
    parts = urlsplit(url)
    if parts.scheme == "file":
        return LocalBlobs(Path(unquote(parts.path)))
    # Patience for a hiccup; a person who waits wants the sentence sooner than the three minutes
    # that the library would try for.
    return S3Blobs(
        S3Store.from_url(
            url,
            client_options={"connect_timeout": "3s", "timeout": "60s", "allow_http": True},
            retry_config={"max_retries": 2, "retry_timeout": timedelta(seconds=10)},
        )
    )


class LocalBlobs:
    """One file each under a folder. A file is there whole and synced, or not at all."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    async def put(self, name: str, data: bytes) -> None:
        path = self._path(name)
        with local_faults():
            await asyncio.to_thread(_write, path, data)

    async def get(self, name: str) -> bytes:
        path = self._path(name)
        with local_faults():
            return await asyncio.to_thread(path.read_bytes)

    async def read(self, name: str, first: int = 0, last: int | None = None) -> Piece:
        path = self._path(name)
        with local_faults():
            file = await asyncio.to_thread(path.open, "rb")
            size = os.fstat(file.fileno()).st_size
        start, end = bounds(size, first, last)
        return Piece(size, _pieces(file, start, end))

    async def delete(self, name: str) -> None:
        path = self._path(name)
        with local_faults():
            await asyncio.to_thread(path.unlink, missing_ok=True)

    async def check(self) -> None:
        """Raises Unavailable unless a file could be written now."""
        with local_faults():
            await asyncio.to_thread(_write, self.folder / PROBE, b"\n" * 4096)

    def names(self) -> Iterator[str]:
        """All names, for a backup."""
        for path in sorted(self.folder.rglob("*")):
            name = path.relative_to(self.folder).as_posix()
            if path.is_file() and NAME.fullmatch(name):
                yield name

    def _path(self, name: str) -> Path:
        return self.folder / checked(name)


@contextmanager
def local_faults() -> Iterator[None]:
    """Turns the operating system's refusals into sentences for the person who waits."""
    try:
        yield
    except FileNotFoundError as error:
        raise BlobMissing(str(error.filename)) from None
    except OSError as error:
        log.error("storage_failed", error=errno.errorcode.get(error.errno or 0, "?"))
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        raise Unavailable("disk_full" if full else "storage_away") from error


def _write(path: Path, data: bytes) -> None:
    """Beside, synced, then in its place; the folder synced, so that the name lasts as well."""
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


async def _pieces(file: BinaryIO, start: int, end: int) -> AsyncIterator[bytes]:
    with file:
        file.seek(start)
        left = end - start
        while left > 0 and (data := await asyncio.to_thread(file.read, min(CHUNK, left))):
            left -= len(data)
            yield data


class S3Blobs:
    """Objects under a bucket and prefix. An object is there whole once `put` has returned."""

    def __init__(self, store: S3Store) -> None:
        self.store = store

    async def put(self, name: str, data: bytes) -> None:
        with s3_faults(checked(name)):
            await obstore.put_async(self.store, name, data)

    async def get(self, name: str) -> bytes:
        with s3_faults(checked(name)):
            answer = await obstore.get_async(self.store, name)
            return bytes(await answer.bytes_async())

    async def read(self, name: str, first: int = 0, last: int | None = None) -> Piece:
        with s3_faults(checked(name)):
            size = await self._size(name)
            start, end = bounds(size, first, last)
            if start == end:
                return Piece(size, _nothing())
            answer = await obstore.get_async(self.store, name, options={"range": (start, end)})
        return Piece(size, _received(answer, name))

    async def _size(self, name: str) -> int:
        try:
            return (await obstore.head_async(self.store, name))["size"]
        except FileNotFoundError:
            # An answer without a body cannot say whether file or bucket is missing; this one can.
            return (await obstore.get_async(self.store, name)).meta["size"]

    async def delete(self, name: str) -> None:
        try:
            with s3_faults(checked(name)):
                await obstore.delete_async(self.store, name)
        except BlobMissing:
            return

    async def check(self) -> None:
        """Raises Unavailable unless an object could be written now."""
        with s3_faults(PROBE):
            await obstore.put_async(self.store, PROBE, b"\n")


@contextmanager
def s3_faults(name: str) -> Iterator[None]:
    """Of a store that does not answer, one that refuses us, and a file that is not there."""
    try:
        yield
    except FileNotFoundError as error:  # the library's NotFoundError is one
        if "NoSuchBucket" not in str(error):
            raise BlobMissing(name) from None
        log.error("storage_failed", error="NoSuchBucket")
        raise Unavailable("storage_refused") from error
    except (PermissionDeniedError, UnauthenticatedError) as error:
        log.error("storage_failed", error=type(error).__name__)
        raise Unavailable("storage_refused") from error
    except BaseError as error:
        log.error("storage_failed", error=type(error).__name__)
        raise Unavailable("storage_away") from error


async def _received(answer: "GetResult", name: str) -> AsyncIterator[bytes]:
    with s3_faults(name):
        async for chunk in answer.stream(min_chunk_size=CHUNK):
            yield bytes(chunk)


async def _nothing() -> AsyncIterator[bytes]:
    for chunk in tuple[bytes, ...]():
        yield chunk


def bounds(size: int, first: int, last: int | None) -> tuple[int, int]:
    """The half-open stretch for "from `first` to `last`, both included", kept inside the file."""
    start = min(max(first, 0), size)
    end = size if last is None else min(last + 1, size)
    return start, max(start, end)


def checked(name: str) -> str:
    """The name. Raises ValueError for what cannot be one of ours."""
    if not NAME.fullmatch(name):
        raise ValueError(f"not a blob name: {name!r}")
    return name

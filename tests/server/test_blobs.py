"""Files on the local disk; the same contract holds for a bucket (tests/interop)."""

import errno
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from server.blobs import LocalBlobs
from server.http.errors import Unavailable
from server.http.ranges import file_answer, wanted
from server.services import Blobs
from tests.server.blob_contract import CONTRACT, NAME


@pytest.mark.parametrize("holds", CONTRACT, ids=lambda f: f.__name__)
async def test_on_local_disk(tmp_path: Path, holds: Callable[[Blobs], Awaitable[None]]) -> None:
    await holds(LocalBlobs(tmp_path / "blobs"))


async def test_a_full_disk_is_said_and_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blobs = LocalBlobs(tmp_path)
    await blobs.put(NAME, b"old")

    def full(_fd: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    for act in (blobs.put(NAME, b"new"), blobs.check()):
        with pytest.raises(Unavailable) as refusal:
            await act
        assert refusal.value.code == "disk_full"
    monkeypatch.undo()
    assert await blobs.get(NAME) == b"old"
    assert list(blobs.names()) == [NAME]
    assert files_of(tmp_path) == ["file.pdf"]  # and no half of another


def files_of(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("header", "asked"),
    [
        ("bytes=0-99", (0, 99)),
        ("bytes=100-", (100, None)),
        ("bytes=-5", (None, 5)),
        ("", None),
        ("bytes=-", None),
        ("bytes=9-1", None),
        ("bytes=0-1,3-4", None),
        ("pages=1-2", None),
    ],
)
def test_one_range_is_understood_and_anything_else_is_the_whole(header: str, asked: Any) -> None:
    assert wanted(header) == asked


@pytest.mark.parametrize(
    ("header", "status", "content", "range_"),
    [
        ("", 200, b"0123456789", None),
        ("bytes=2-4", 206, b"234", "bytes 2-4/10"),
        ("bytes=8-99", 206, b"89", "bytes 8-9/10"),
        ("bytes=-3", 206, b"789", "bytes 7-9/10"),
        ("bytes=-99", 206, b"0123456789", "bytes 0-9/10"),
        ("bytes=10-", 416, b"", "bytes */10"),
        ("bytes=-0", 416, b"", "bytes */10"),
    ],
)
async def test_a_player_gets_the_range_it_asks_for(
    tmp_path: Path, header: str, status: int, content: bytes, range_: str | None
) -> None:
    blobs = LocalBlobs(tmp_path)
    await blobs.put(NAME, b"0123456789")

    async def app(scope: Any, receive: Any, send: Any) -> None:
        from starlette.requests import Request

        answer = await file_answer(Request(scope), blobs, NAME, "application/pdf", {"X-Own": "1"})
        await answer(scope, receive, send)

    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        got = await client.get("/", headers={"Range": header} if header else {})
    assert (got.status_code, got.content) == (status, content)
    assert got.headers.get("content-range") == range_
    if status != 416:
        assert int(got.headers["content-length"]) == len(content)
        assert (got.headers["accept-ranges"], got.headers["x-own"]) == ("bytes", "1")

"""What every blob store must do, the local disk and a bucket alike."""

import asyncio
import os

import pytest

from server.blobs import CHUNK, BlobMissing
from server.services import Blobs, Piece

NAME = "document/a1/file.pdf"


async def joined(piece: Piece) -> bytes:
    return b"".join([chunk async for chunk in piece.chunks])


async def keeps_what_it_was_given(blobs: Blobs) -> None:
    await blobs.put(NAME, b"first")
    await blobs.put("document/a1/1.webp", b"page")
    assert await blobs.get(NAME) == b"first"
    await blobs.put(NAME, b"second, and longer")
    assert await blobs.get(NAME) == b"second, and longer"
    await blobs.put(NAME, b"")
    assert await blobs.get(NAME) == b""
    assert await joined(await blobs.read(NAME)) == b""
    await blobs.delete(NAME)
    await blobs.delete(NAME)  # gone already: nothing to complain of
    assert await blobs.get("document/a1/1.webp") == b"page"


async def says_what_is_missing(blobs: Blobs) -> None:
    for act in (blobs.get("document/none/1.webp"), blobs.read("document/none/1.webp")):
        with pytest.raises(BlobMissing):
            await act


async def takes_no_strangers_names(blobs: Blobs) -> None:
    for name in ("../etc/passwd", "document/../../x", "/etc/passwd", "x", "document/a\x00b", ""):
        for act in (blobs.put(name, b""), blobs.get(name), blobs.read(name), blobs.delete(name)):
            with pytest.raises(ValueError, match="not a blob name"):
                await act


async def gives_the_part_that_is_asked_for(blobs: Blobs) -> None:
    data = bytes(range(256)) * 4
    await blobs.put(NAME, data)
    for first, last, part in (
        (0, None, data),
        (0, 0, data[:1]),
        (100, 299, data[100:300]),
        (1000, None, data[1000:]),
        (1000, 5000, data[1000:]),
        (1024, None, b""),
        (9999, None, b""),
        (0, -1, b""),
    ):
        piece = await blobs.read(NAME, first, last)
        assert (piece.size, await joined(piece)) == (1024, part), (first, last)


async def streams_what_is_large(blobs: Blobs) -> None:
    """In pieces far smaller than the file, so that many readers do not fill the memory."""
    data = os.urandom(20 * 1024 * 1024)
    await blobs.put(NAME, data)
    piece = await blobs.read(NAME)
    sizes, whole = [], []
    async for chunk in piece.chunks:
        sizes.append(len(chunk))
        whole.append(chunk)
    assert (b"".join(whole), piece.size) == (data, len(data))
    assert max(sizes) <= 8 * CHUNK


async def survives_many_at_once(blobs: Blobs) -> None:
    names = [f"document/many/{n}.webp" for n in range(40)]
    await asyncio.gather(*(blobs.put(name, name.encode()) for name in names))
    found = await asyncio.gather(*(blobs.get(name) for name in names))
    assert found == [name.encode() for name in names]


async def is_ready(blobs: Blobs) -> None:
    await blobs.check()


CONTRACT = [
    keeps_what_it_was_given,
    says_what_is_missing,
    takes_no_strangers_names,
    gives_the_part_that_is_asked_for,
    streams_what_is_large,
    survives_many_at_once,
    is_ready,
]

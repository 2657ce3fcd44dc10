"""One file from the blob store as an answer, in whole or in the range asked for (RFC 9110 §14)."""

import re
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from server.services import Blobs

_ONE = re.compile(r"bytes=(\d*)-(\d*)")  # several ranges at once are answered with the whole file


async def file_answer(
    request: Request, blobs: Blobs, name: str, media_type: str, headers: Mapping[str, str]
) -> Response:
    """Streams; no file stands whole in memory. Raises what the store raises."""
    asked = wanted(request.headers.get("range", ""))
    common = {**headers, "Accept-Ranges": "bytes"}
    if asked is None:
        piece = await blobs.read(name)
        length = {"Content-Length": str(piece.size)}
        return StreamingResponse(piece.chunks, 200, {**common, **length}, media_type)
    first, last = asked
    if first is None:  # the last so many bytes
        size = (await blobs.read(name, 0, -1)).size
        first, last = max(0, size - (last or 0)), None
    piece = await blobs.read(name, first, last)
    end = piece.size - 1 if last is None else min(last, piece.size - 1)
    if first > end:
        return Response(status_code=416, headers={"Content-Range": f"bytes */{piece.size}"})
    answer = {
        "Content-Range": f"bytes {first}-{end}/{piece.size}",
        "Content-Length": str(end - first + 1),
    }
    return StreamingResponse(piece.chunks, 206, {**common, **answer}, media_type)


def wanted(header: str) -> tuple[int | None, int | None] | None:
    """(first, last) of a single range; (None, n) for the last n bytes; None for the whole file."""
    found = _ONE.fullmatch(header.strip())
    if found is None or found.groups() == ("", ""):
        return None
    first, last = (int(part) if part else None for part in found.groups())
    if first is not None and last is not None and last < first:
        return None
    return first, last

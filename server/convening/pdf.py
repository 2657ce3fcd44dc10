"""Turns an uploaded PDF into page pictures, in a process of its own that may fail alone."""

import asyncio
import json
import sys

import structlog

from server.convening import rendering
from server.http.errors import BadInput, TooLarge, Unavailable

MAX_PDF = 50 * 1024 * 1024  # bytes
PATIENCE = 120.0  # seconds of wall clock
log = structlog.get_logger()
_one_at_a_time = asyncio.Semaphore(1)  # drawing takes a whole core; the meetings need the others


async def page_pictures(data: bytes) -> list[bytes]:
    """Each page as WebP of at most 60 KB.

    Raises BadInput with the reason when the file is no PDF, broken, locked or too long, TooLarge
    by its size, Unavailable when the drawing process cannot be started.
    """
    if len(data) > MAX_PDF:
        raise TooLarge(limit=f"{MAX_PDF // 1024 // 1024} MB")
    async with _one_at_a_time:
        answer = await _run(data)
    head, _, rest = answer.partition(b"\n")
    try:
        verdict = json.loads(head)
    except ValueError:
        raise BadInput("pdf_broken") from None
    if "error" in verdict:
        raise BadInput(verdict["error"], most=rendering.MAX_PAGES)
    pictures = []
    at = 0
    while at < len(rest):
        end = at + 4 + int.from_bytes(rest[at : at + 4], "big")
        pictures.append(rest[at + 4 : end])
        at = end
    if len(pictures) != verdict["pages"]:
        raise BadInput("pdf_broken")
    return pictures


async def _run(data: bytes) -> bytes:
    """The child's output; empty when it crashed or ran out of time or memory."""
    try:
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            rendering.__file__,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={"LANG": "C.UTF-8"},  # none of our secrets
        )
    except OSError as error:
        log.error("renderer_not_started", exc_info=error)
        raise Unavailable("renderer_away") from None
    try:
        answer, _ = await asyncio.wait_for(child.communicate(data), PATIENCE)
    except TimeoutError:
        log.warning("renderer_too_slow", size=len(data))
        answer = b""
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    if child.returncode != 0:
        log.warning("renderer_failed", status=child.returncode, size=len(data))
        return b""
    return answer

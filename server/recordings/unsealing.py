"""Sealed segments are opened here for who may play them: in memory, by a key in a file."""

from functools import lru_cache
from pathlib import Path

from pyrage import DecryptError, IdentityError
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from recording.playback import Timeline, segment_path
from recording.sealing import unseal
from server.http.errors import Conflict, NotFound
from server.http.ranges import wanted


def read_identity(file: Path) -> str:
    """The private key in an age identity file. Raises NotFound when there is none here."""
    try:
        lines = file.read_text("ascii").splitlines()
    except (OSError, UnicodeError):
        raise NotFound("recording_sealed") from None
    keys = [line.strip() for line in lines if line.startswith("AGE-SECRET-KEY-1")]
    if not keys:
        raise NotFound("recording_sealed")
    return keys[0]


def opened(path: Path, identity: str) -> bytes:
    """The segment's media. Raises Conflict when that key does not open it, or it was altered."""
    try:
        return unseal(path.read_bytes(), identity)
    except OSError:
        raise NotFound("recording_damaged") from None
    except (DecryptError, IdentityError):
        raise Conflict("recording_wrong_key") from None


def require_key(directory: Path, timeline: Timeline, file: Path) -> None:
    """Before a player lists sealed segments: is there a key, and does it open the first of them?

    Raises NotFound or Conflict with what is wrong.
    """
    for track in timeline.tracks:
        for segment in track.segments:
            if segment.sealed:
                path = segment_path(directory, track.track, segment.index)
                if path is not None:
                    _opens(path, read_identity(file))
                return


@lru_cache(maxsize=64)
def _opens(path: Path, identity: str) -> None:
    opened(path, identity)


class Opened(Response):
    """Media in memory, in whole or in the one range that the request asks for (RFC 9110 §14)."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        data, size = bytes(self.body), len(self.body)
        self.headers["Accept-Ranges"] = "bytes"
        asked = wanted(Headers(scope=scope).get("range", ""))
        if asked is not None:
            first, last = asked
            if first is None:
                first, last = max(0, size - (last or 0)), size - 1
            last = size - 1 if last is None else min(last, size - 1)
            if first > last:
                self.status_code, self.body = 416, b""
                self.headers["Content-Range"] = f"bytes */{size}"
            else:
                self.status_code, self.body = 206, data[first : last + 1]
                self.headers["Content-Range"] = f"bytes {first}-{last}/{size}"
            self.headers["Content-Length"] = str(len(self.body))
        await super().__call__(scope, receive, send)

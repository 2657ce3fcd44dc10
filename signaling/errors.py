"""Every error of the media engine, and whose fault it is.

MediaError
├── RemoteError      the peer sent something we cannot accept
│   ├── MalformedMessage   bytes that do not parse (protobuf, SDP, RTP)
│   └── Denied             token or grant does not allow it (HTTP status attached)
├── Refused          a RoomService call that cannot be carried out (Twirp code attached)
└── LocalError       a bug or misconfiguration on our side
"""

from __future__ import annotations


class MediaError(Exception):
    """Base of all errors raised by this package; `code` is stable, the text is for people."""

    code = "internal"


class RemoteError(MediaError):
    code = "bad_peer"


class MalformedMessage(RemoteError):
    code = "malformed"


class Denied(RemoteError):
    """A caller without a valid token (401) or without the grant needed (403)."""

    code = "denied"

    def __init__(self, text: str, status: int = 401) -> None:
        super().__init__(text)
        self.status = status


class Refused(MediaError):
    """A RoomService call refused with one of Twirp's error codes."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


class LocalError(MediaError):
    code = "local"

"""What a room asks its surroundings to do: one type per effect, carried out in order."""

from __future__ import annotations

from dataclasses import dataclass

from livekit.protocol.models import DisconnectReason
from livekit.protocol.rtc import SignalResponse


@dataclass(frozen=True, slots=True)
class Send:
    """A signalling message for one participant."""

    sid: str
    message: SignalResponse


@dataclass(frozen=True, slots=True)
class Expel:
    """The participant is out of the room: say why, then close its connection."""

    sid: str
    reason: DisconnectReason


@dataclass(frozen=True, slots=True)
class Subscribe:
    sid: str
    publisher: str
    track_sid: str


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    sid: str
    track_sid: str


@dataclass(frozen=True, slots=True)
class StopTrack:
    """A publication ended: free its media."""

    sid: str
    track_sid: str


@dataclass(frozen=True, slots=True)
class SetMuted:
    """Media of a track is to be passed on, or not."""

    sid: str
    track_sid: str
    muted: bool


@dataclass(frozen=True, slots=True)
class Deliver:
    """A data packet for one participant's data channel."""

    sid: str
    channel: str
    data: bytes


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """The participant's rights changed: its next token must say so."""

    sid: str


Effect = Send | Expel | Subscribe | Unsubscribe | StopTrack | SetMuted | Deliver | RefreshToken

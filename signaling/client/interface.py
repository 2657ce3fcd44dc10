"""What a user of the headless client sees: tracks, people, and the handler it implements."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

Kind = Literal["audio", "video"]


@dataclass(frozen=True, slots=True)
class RemoteTrack:
    """A subscribed track. `ssrc` names its packets; `level_id` is the id of the RFC 6464
    audio-level header extension, 0 when the server does not pass it on."""

    sid: str
    kind: Kind
    source: str  # camera, microphone, screen_share, screen_share_audio or unknown
    participant_identity: str
    participant_sid: str
    mime: str  # video/vp8 or audio/opus
    ssrc: int
    muted: bool
    level_id: int = 0


@dataclass(frozen=True, slots=True)
class Participant:
    """Somebody else in the room; `tracks` maps each published track's sid to (source, muted)."""

    sid: str
    identity: str
    name: str
    tracks: tuple[tuple[str, str, bool], ...]


class ClientHandler(Protocol):
    """Called on the client's event loop; times are nanoseconds of one wall-based clock that
    never steps back. A method that raises closes the connection, which then comes back."""

    def on_connected(self, room_sid: str) -> None: ...
    def on_track(self, track: RemoteTrack) -> None: ...
    def on_rtp(self, track: RemoteTrack, packet: bytes, arrival_ns: int) -> None: ...
    def on_sender_report(self, track: RemoteTrack, ntp: int, rtp: int, arrival_ns: int) -> None: ...
    def on_track_muted(self, track_sid: str, muted: bool) -> None: ...
    def on_track_ended(self, track: RemoteTrack) -> None: ...
    def on_participants(self, participants: Sequence[Participant]) -> None: ...
    def on_speakers(self, levels: Sequence[tuple[str, float]]) -> None:
        """(participant sid, level 0..1), 0 for somebody who stopped speaking."""

    def on_closed(self, reason: str, final: bool) -> None:
        """The connection is gone; unless `final`, the client is already trying again."""


class QuietHandler:
    """A ClientHandler that does nothing, for those who care about one or two of its calls."""

    def on_connected(self, room_sid: str) -> None:
        pass

    def on_track(self, track: RemoteTrack) -> None:
        pass

    def on_rtp(self, track: RemoteTrack, packet: bytes, arrival_ns: int) -> None:
        pass

    def on_sender_report(self, track: RemoteTrack, ntp: int, rtp: int, arrival_ns: int) -> None:
        pass

    def on_track_muted(self, track_sid: str, muted: bool) -> None:
        pass

    def on_track_ended(self, track: RemoteTrack) -> None:
        pass

    def on_participants(self, participants: Sequence[Participant]) -> None:
        pass

    def on_speakers(self, levels: Sequence[tuple[str, float]]) -> None:
        pass

    def on_closed(self, reason: str, final: bool) -> None:
        pass

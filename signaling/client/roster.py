"""Who is in the room and what they publish, kept from `join` and `update` messages."""

from collections.abc import Iterable
from dataclasses import dataclass

from livekit.protocol.models import ParticipantInfo, TrackInfo, TrackSource, TrackType

from signaling.client.interface import Kind, Participant

SOURCE_VALUES = {
    "camera": TrackSource.CAMERA,
    "microphone": TrackSource.MICROPHONE,
    "screen_share": TrackSource.SCREEN_SHARE,
    "screen_share_audio": TrackSource.SCREEN_SHARE_AUDIO,
}
SOURCES: dict[int, str] = {value: name for name, value in SOURCE_VALUES.items()}


def source_name(value: int) -> str:
    return SOURCES.get(value, "unknown")


def track_kind(info: TrackInfo) -> Kind:
    return "audio" if info.type == TrackType.AUDIO else "video"


@dataclass(frozen=True, slots=True)
class Published:
    """A track as announced, with the participant who publishes it."""

    info: TrackInfo
    participant: ParticipantInfo


class Roster:
    """Leaves out the participant whose sid is `own`."""

    def __init__(self, own: str) -> None:
        self._own = own
        self._people: dict[str, ParticipantInfo] = {}
        self._tracks: dict[str, Published] = {}

    def update(self, infos: Iterable[ParticipantInfo]) -> list[tuple[str, bool]]:
        """Takes in full states of participants; returns the tracks whose mute changed."""
        changed: list[tuple[str, bool]] = []
        for info in infos:
            if info.sid == self._own:
                continue
            before = {sid: p.info.muted for sid, p in self._tracks.items()}
            self._tracks = {
                sid: p for sid, p in self._tracks.items() if p.participant.sid != info.sid
            }
            if info.state == ParticipantInfo.State.DISCONNECTED:
                self._people.pop(info.sid, None)
                continue
            self._people[info.sid] = info
            for track in info.tracks:
                self._tracks[track.sid] = Published(track, info)
                if before.get(track.sid, track.muted) != track.muted:
                    changed.append((track.sid, track.muted))
        return changed

    def track(self, sid: str) -> Published | None:
        return self._tracks.get(sid)

    def participants(self) -> list[Participant]:
        return [
            Participant(
                p.sid,
                p.identity,
                p.name,
                tuple((t.sid, source_name(t.source), t.muted) for t in p.tracks),
            )
            for p in self._people.values()
        ]

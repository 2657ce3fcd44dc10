"""What the recorder can vouch for at a moment, and how it is put to the application. Pure."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

FRESH_MS = 5000  # no opening and no vote on evidence older than this

State = Literal["recording", "waiting", "stopped"]


@dataclass(frozen=True, slots=True)
class TrackStatus:
    """A published track; `last_written_ms` is the capture time of its newest media that is on
    disk and decodable, 0 if none is. `fresh` says that this is recent and the track is not
    muted."""

    track_sid: str
    participant: str
    source: str
    kind: str
    last_written_ms: int
    bytes: int
    fresh: bool
    muted: bool


@dataclass(frozen=True, slots=True)
class GapStatus:
    """A gap not yet acknowledged; `id` counts the recording's gaps from 1, `track_sid` is empty
    when everything was missing."""

    id: int
    track_sid: str
    participant: str
    from_ms: int
    to_ms: int
    reason: str


@dataclass(frozen=True, slots=True)
class RecorderStatus:
    """`seq` and `head` name the manifest's last record; `problem` is why it is not recording."""

    session_id: str
    seq: int
    head: str
    tracks: tuple[TrackStatus, ...]
    gaps: tuple[GapStatus, ...]
    segments: int
    bytes: int
    disk_free: int
    state: State
    problem: str
    time_ms: int

    def payload(self, checkpoint_nonce: str) -> dict[str, Any]:
        """The checkpoint as the application receives it."""
        return {**asdict(self), "checkpoint_nonce": checkpoint_nonce}


def is_fresh(last_written_ms: int, muted: bool, now_ms: int) -> bool:
    return not muted and now_ms - last_written_ms <= FRESH_MS


def not_recording(session_id: str, problem: str, now_ms: int) -> RecorderStatus:
    """What is said of a session that could not even be begun."""
    return RecorderStatus(session_id, 0, "", (), (), 0, 0, 0, "waiting", problem, now_ms)

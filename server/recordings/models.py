"""What the recorder posts and what players get."""

from datetime import datetime
from typing import Any

from server.http.model import Model


class RecorderJob(Model):
    session_id: str
    room: str
    livekit_url: str
    token: str
    started_at: datetime
    checkpoint_nonce: str
    recipient: str  # age public key to which finished segments are sealed; empty for none


class RecorderJobs(Model):
    jobs: list[RecorderJob]


class TrackStatus(Model):
    track_sid: str
    participant: str
    source: str
    kind: str
    last_written_ms: int
    bytes: int
    fresh: bool
    muted: bool


class RecordingGap(Model):
    from_ms: int
    to_ms: int
    reason: str


class ToldGap(RecordingGap):
    """A gap is told until it is acknowledged, so it may come twice: `id` counts a recording's
    gaps from 1. Without a track it means that everything was missing."""

    id: int
    track_sid: str
    participant: str


class Checkpoint(Model):
    """A statement of the recorder; `seq` and `head` are those of its manifest's last line."""

    session_id: str
    seq: int
    head: str
    tracks: list[TrackStatus]
    gaps: list[ToldGap]
    segments: int
    bytes: int
    disk_free: int
    state: str  # recording, waiting, stopped
    problem: str  # why it is not recording, for the log; empty while it is
    checkpoint_nonce: str
    time_ms: int


class RecordingFinished(Model):
    session_id: str
    head: str
    segments: int
    duration_ms: int
    bytes: int


class SegmentListed(Model):
    url: str
    start_ms: int  # after the start of the recording
    duration_ms: int


class TrackListed(Model):
    id: str
    person: str | None
    name: str
    kind: str  # video, audio
    source: str  # camera, microphone, screen_share
    segments: list[SegmentListed]


class TimelineMark(Model):
    at_ms: int
    end_ms: int | None
    kind: str  # item, vote, floor, reserved, incident, presence
    label: str
    detail: str
    person: str | None
    outcome: str = ""  # of a vote: passed, failed, void; empty while open


class Recording(Model):
    session_id: str
    title: str
    cell_name: str
    started_at: datetime
    duration_ms: int
    thumbnail: str | None
    tracks: list[TrackListed]
    marks: list[TimelineMark]
    gaps: list[RecordingGap]


class Verdict(Model):
    """Word first, then each check as a sentence."""

    intact: bool
    erased: bool = False  # nothing is wrong, but with content destroyed not all can be recomputed
    notes: int
    checks: list[dict[str, Any]]  # {ok, level: ok|note|erased|broken, sentence}
    checked_at: datetime

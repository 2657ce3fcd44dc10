"""What can be in a session's log: one frozen dataclass per event type (by area in
`events_*.py`), and its JSON form.

Payload fields are plain JSON values; times are text as `times.to_text` writes them. The actor and
the time of an event stand in its header, not here. People are pseudonyms of the session.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from server.session.events_convened import (
    AgendaLine,
    Authorisation,
    Convened,
    DocumentAdded,
    DocumentLine,
    DocumentWithdrawn,
    EligibilitySum,
    Rescheduled,
    RosterLine,
)
from server.session.events_course import (
    Abandoned,
    Adjourned,
    AgendaApproved,
    ChairHanded,
    ChairTaken,
    ChatAllowed,
    Closed,
    Concluded,
    MessageSaid,
    MinutesAgreed,
    MinutesRead,
    NoteAdded,
    NoteKind,
    Opened,
    RecessBegun,
    Resumed,
    RollCallFinished,
    RollCallStarted,
    SecretaryNamed,
    WaitingOpened,
)
from server.session.events_items import (
    FloorAsked,
    FloorEnded,
    FloorGiven,
    FloorWithdrawn,
    ItemFinished,
    ItemPostponed,
    ItemStarted,
    Muted,
)
from server.session.events_people import (
    CheckedIn,
    CheckInHow,
    Connected,
    DeviceCertified,
    DeviceKeyRevoked,
    Disconnected,
    Left,
    MarkedAbsent,
    Removed,
    Vouched,
)
from server.session.events_record import (
    Checkpointed,
    DocumentsNumbered,
    HeadWitnessed,
    RecorderChanged,
    RecordingFinished,
    RecordingGap,
    ReportCorrected,
    ReportReceived,
    ReportReviewed,
    ReportSealed,
)
from server.session.events_votes import (
    BallotCast,
    HandEntered,
    MotionProposed,
    ObjectionRaised,
    VoteAnnounced,
    VoteClosed,
    VoteExtended,
    VoteOpened,
    VoteVoided,
)

__all__ = [
    "BY_TYPE",
    "RECORDER",
    "SYSTEM",
    "UPPER",
    "Abandoned",
    "Adjourned",
    "AgendaApproved",
    "AgendaLine",
    "Authorisation",
    "BallotCast",
    "ChairHanded",
    "ChairTaken",
    "ChatAllowed",
    "CheckInHow",
    "CheckedIn",
    "Checkpointed",
    "Closed",
    "Concluded",
    "Connected",
    "Convened",
    "DeviceCertified",
    "DeviceKeyRevoked",
    "Disconnected",
    "DocumentAdded",
    "DocumentLine",
    "DocumentWithdrawn",
    "DocumentsNumbered",
    "EligibilitySum",
    "Event",
    "FloorAsked",
    "FloorEnded",
    "FloorGiven",
    "FloorWithdrawn",
    "HandEntered",
    "HeadWitnessed",
    "ItemFinished",
    "ItemPostponed",
    "ItemStarted",
    "Left",
    "Logged",
    "MarkedAbsent",
    "MessageSaid",
    "MinutesAgreed",
    "MinutesRead",
    "MotionProposed",
    "Muted",
    "NoteAdded",
    "NoteKind",
    "ObjectionRaised",
    "Opened",
    "RecessBegun",
    "RecorderChanged",
    "RecordingFinished",
    "RecordingGap",
    "Removed",
    "ReportCorrected",
    "ReportReceived",
    "ReportReviewed",
    "ReportSealed",
    "Rescheduled",
    "Resumed",
    "RollCallFinished",
    "RollCallStarted",
    "RosterLine",
    "SecretaryNamed",
    "VoteAnnounced",
    "VoteClosed",
    "VoteExtended",
    "VoteOpened",
    "VoteVoided",
    "Vouched",
    "WaitingOpened",
    "from_data",
    "to_data",
]

SYSTEM = "system"  # actor of what the application notices by itself
RECORDER = "recorder"
UPPER = "upper"  # the upper committee's installation

Event = (
    Convened
    | DocumentAdded
    | DocumentWithdrawn
    | Rescheduled
    | WaitingOpened
    | Connected
    | Disconnected
    | DeviceCertified
    | DeviceKeyRevoked
    | Opened
    | SecretaryNamed
    | RollCallStarted
    | CheckedIn
    | Vouched
    | MarkedAbsent
    | Left
    | RollCallFinished
    | AgendaApproved
    | ItemStarted
    | ItemFinished
    | ItemPostponed
    | FloorAsked
    | FloorWithdrawn
    | FloorGiven
    | FloorEnded
    | Muted
    | Removed
    | NoteAdded
    | MotionProposed
    | VoteOpened
    | VoteExtended
    | BallotCast
    | HandEntered
    | VoteClosed
    | ObjectionRaised
    | VoteAnnounced
    | VoteVoided
    | ChatAllowed
    | MessageSaid
    | RecessBegun
    | Resumed
    | Concluded
    | MinutesRead
    | MinutesAgreed
    | Closed
    | Adjourned
    | Abandoned
    | ChairTaken
    | ChairHanded
    | RecorderChanged
    | RecordingGap
    | Checkpointed
    | HeadWitnessed
    | RecordingFinished
    | ReportSealed
    | ReportReceived
    | DocumentsNumbered
    | ReportReviewed
    | ReportCorrected
)

BY_TYPE: dict[str, type[Event]] = {kind.TYPE: kind for kind in Event.__args__}


@dataclass(frozen=True, slots=True)
class Logged:
    """An event in its place in the log, with the hash of its header."""

    seq: int
    time: datetime
    actor: str
    event: Event
    command: str | None  # id of the command that caused it
    hash: str


@cache
def _adapter(kind: str) -> TypeAdapter[Event]:
    return TypeAdapter(BY_TYPE[kind])


def to_data(event: Event) -> dict[str, Any]:
    """The event's fields as JSON values."""
    data: dict[str, Any] = _adapter(event.TYPE).dump_python(event, mode="json")
    return data


def from_data(kind: str, data: dict[str, Any]) -> Event:
    """The inverse of `to_data`. Raises KeyError for an unknown type, ValueError for bad fields."""
    return _adapter(kind).validate_python(data)

"""Events: what moves a session on or ends it, and what is said and noted in it."""

from dataclasses import dataclass
from typing import ClassVar, Literal

NoteKind = Literal["opinion", "reserved", "task", "conclusion"]


@dataclass(frozen=True, slots=True)
class WaitingOpened:
    TYPE: ClassVar[str] = "waiting-opened"


@dataclass(frozen=True, slots=True)
class Opened:
    """With what the recorder had confirmed, and when; empty when no recording is asked for."""

    TYPE: ClassVar[str] = "opened"
    recorder: Literal["recording", ""]
    tracks: int
    confirmed_at: str
    rule_version: str


@dataclass(frozen=True, slots=True)
class SecretaryNamed:
    TYPE: ClassVar[str] = "secretary-named"
    person: str


@dataclass(frozen=True, slots=True)
class RollCallStarted:
    TYPE: ClassVar[str] = "roll-call-started"


@dataclass(frozen=True, slots=True)
class RollCallFinished:
    TYPE: ClassVar[str] = "roll-call-finished"
    present: int
    base: int


@dataclass(frozen=True, slots=True)
class AgendaApproved:
    TYPE: ClassVar[str] = "agenda-approved"


@dataclass(frozen=True, slots=True)
class NoteAdded:
    TYPE: ClassVar[str] = "note-added"
    id: str
    item: str | None
    person: str | None
    text: str
    kind: NoteKind


@dataclass(frozen=True, slots=True)
class ChatAllowed:
    TYPE: ClassVar[str] = "chat-allowed"
    allowed: bool


@dataclass(frozen=True, slots=True)
class MessageSaid:
    TYPE: ClassVar[str] = "message-said"
    person: str
    text: str


@dataclass(frozen=True, slots=True)
class RecessBegun:
    TYPE: ClassVar[str] = "recess-begun"


@dataclass(frozen=True, slots=True)
class Resumed:
    TYPE: ClassVar[str] = "resumed"


@dataclass(frozen=True, slots=True)
class Concluded:
    TYPE: ClassVar[str] = "concluded"
    text: str


@dataclass(frozen=True, slots=True)
class MinutesRead:
    """The text as it was shown and read out, and its SHA-256."""

    TYPE: ClassVar[str] = "minutes-read"
    text: str
    hash: str


@dataclass(frozen=True, slots=True)
class MinutesAgreed:
    TYPE: ClassVar[str] = "minutes-agreed"
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """The session's figures as claimed at the close; the verifier reckons them anew."""

    TYPE: ClassVar[str] = "closed"
    members: int
    official: int
    attended: int
    absent_with_reason: int
    absent: int
    minutes_hash: str


@dataclass(frozen=True, slots=True)
class Adjourned:
    TYPE: ClassVar[str] = "adjourned"
    reason: str
    until: str


@dataclass(frozen=True, slots=True)
class Abandoned:
    TYPE: ClassVar[str] = "abandoned"
    reason: str


@dataclass(frozen=True, slots=True)
class ChairTaken:
    """By the deputy, after the chair had been away."""

    TYPE: ClassVar[str] = "chair-taken"
    person: str
    away_seconds: int


@dataclass(frozen=True, slots=True)
class ChairHanded:
    TYPE: ClassVar[str] = "chair-handed"
    person: str

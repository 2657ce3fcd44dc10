"""A session as the fold of its log: immutable values, no behaviour beyond questions about itself.

`fold.apply` is the only place that makes a new State from an event.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from server.session.events import (
    AgendaLine,
    Authorisation,
    Convened,
    DocumentLine,
    HeadWitnessed,
    NoteKind,
    ReportReviewed,
    RosterLine,
)
from server.session.ledger import LogLedger
from server.session.stages import Stage
from voting.ballot import Choice
from voting.decision import DecisionKind, DecisionRule
from voting.electorate import Base, Category, MemberStanding
from voting.ruleset import RuleSet
from voting.tally import Tally


class Attendance(StrEnum):
    EXPECTED = "expected"  # not heard of yet
    PRESENT = "present"
    DROPPED = "dropped"  # checked in, line lost
    LEFT = "left"
    ABSENT_REASON = "absent_reason"
    ABSENT = "absent"
    REMOVED = "removed"


class Place(StrEnum):
    REMOTE = "remote"
    IN_ROOM = "in_room"


@dataclass(frozen=True, slots=True)
class Interval:
    start: datetime
    end: datetime | None


@dataclass(frozen=True, slots=True)
class Correction:
    """An addendum to a returned report, with the officer's reason; made in the log's line `seq`."""

    version: int
    corrects: str
    reason: str
    text: str
    person: str
    at: datetime
    seq: int
    head: str  # hash of that line


@dataclass(frozen=True, slots=True)
class Certificate:
    """A device key of one member, for this session only."""

    key_id: str
    spki: bytes
    at: datetime
    seq: int
    label: str = ""
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Member:
    line: RosterLine
    connected: bool = False
    attendance: Attendance = Attendance.EXPECTED
    place: Place | None = None
    since: datetime | None = None  # of the present attendance
    intervals: tuple[Interval, ...] = ()  # when present
    how: str = ""  # how the check-in was made
    vouched_by: tuple[str, ...] = ()
    reason: str = ""  # of absence, leaving or removal
    certificates: tuple[Certificate, ...] = ()
    counters: Mapping[str, int] = field(default_factory=dict)  # last check-in, by key id
    asked_at: datetime | None = None

    @property
    def checked_in(self) -> bool:
        return self.attendance in (Attendance.PRESENT, Attendance.DROPPED)

    @property
    def attended(self) -> bool:
        return bool(self.intervals)

    @property
    def present(self) -> bool:
        return self.attendance is Attendance.PRESENT

    @property
    def standing(self) -> MemberStanding:
        return standing(self.line)

    def certificate(self, key_id: str) -> Certificate | None:
        """That key's certificate, revoked ones too."""
        return next((c for c in self.certificates if c.key_id == key_id), None)


def standing(line: RosterLine) -> MemberStanding:
    """The roster line as the rules see it."""
    return MemberStanding(
        line.id,
        Category.OFFICIAL if line.official else Category.PROBATIONARY,
        exempt=line.exempt,
        suspended=line.suspended,
        prosecuted=line.prosecuted,
        temporary_elsewhere=line.temporary == "elsewhere",
        temporary_here=line.temporary == "here",
    )


class ItemStage(StrEnum):
    WAITING = "waiting"
    CURRENT = "current"
    DONE = "done"
    POSTPONED = "postponed"


@dataclass(frozen=True, slots=True)
class Item:
    line: AgendaLine
    stage: ItemStage = ItemStage.WAITING
    started_at: datetime | None = None
    ended_at: datetime | None = None
    conclusion: str = ""
    postponed_why: str = ""


class MotionStage(StrEnum):
    PROPOSED = "proposed"
    OPEN = "open"
    CLOSED = "closed"  # closed, result not announced
    ANNOUNCED = "announced"
    VOID = "void"


@dataclass(frozen=True, slots=True)
class Cast:
    """A choice that counts now: the member's own ballot, or a hand entered by name."""

    choice: Choice
    at: datetime
    seq: int
    ballot_hash: str | None  # None: a hand
    changed: bool


@dataclass(frozen=True, slots=True)
class Motion:
    id: str
    item: str
    text: str
    hash: str
    rule: DecisionRule
    attempt: int
    stage: MotionStage = MotionStage.PROPOSED
    base: Base | None = None
    opened_at: datetime | None = None
    opened_seq: int = 0
    closes_at: datetime | None = None
    closed_at: datetime | None = None
    ballots: Mapping[str, Cast] = field(default_factory=dict)  # by person
    hands: Mapping[str, Cast] = field(default_factory=dict)
    objections: tuple[tuple[str, str], ...] = ()  # person, text
    void_reason: str = ""
    result: Tally | None = None  # once announced
    repeated_by: str | None = None

    @property
    def kind(self) -> DecisionKind:
        return self.rule.kind

    def cast_of(self, person: str) -> Cast | None:
        """What counts for that person: their own ballot before a hand."""
        return self.ballots.get(person) or self.hands.get(person)

    @property
    def pending(self) -> bool:
        """Open, or closed and not yet announced: nothing else may be decided meanwhile."""
        return self.stage in (MotionStage.OPEN, MotionStage.CLOSED)


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn at the floor."""

    person: str
    item: str | None
    began_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Note:
    id: str
    item: str | None
    person: str | None
    text: str
    at: datetime
    kind: NoteKind


@dataclass(frozen=True, slots=True)
class Message:
    person: str
    text: str
    at: datetime


class RecorderStage(StrEnum):
    OFF = "off"
    WAITING = "waiting"
    RECORDING = "recording"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Gap:
    start: datetime
    end: datetime | None
    reason: str


@dataclass(frozen=True, slots=True)
class Recorder:
    stage: RecorderStage = RecorderStage.OFF
    since: datetime | None = None
    reason: str = ""
    gaps: tuple[Gap, ...] = ()
    gaps_told: int = 0  # number of the last gap that the recorder itself reported
    checkpoint_at: datetime | None = None
    nonce: str = ""  # the recorder is to answer it: set when a vote opens and closes
    nonce_answered: bool = True


@dataclass(frozen=True, slots=True)
class Move:
    """The session was put off: from when and where, by whom and why."""

    starts_at: datetime
    place: str
    by: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A paper taken back before the opening."""

    document: DocumentLine
    by: str
    reason: str
    replaced_by: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class State:
    """The fold. `convened` never changes; `heads` of the ledger are the hashes of all events."""

    session: str
    convened: Convened
    rules: RuleSet
    stage: Stage
    seq: int
    head: str
    time: datetime  # of the last event
    chair: str
    deputy: str | None
    starts_at: datetime
    place: str
    authorisation: Authorisation
    members: Mapping[str, Member]
    items: Mapping[str, Item]  # in the order of the agenda
    ledger: LogLedger
    added: tuple[DocumentLine, ...] = ()  # documents that came after the convening
    withdrawn: tuple[Withdrawal, ...] = ()
    moves: tuple[Move, ...] = ()
    secretary: str | None = None
    waiting_at: datetime | None = None
    opened_at: datetime | None = None
    roll_seq: int = 0
    ended_at: datetime | None = None
    resume_to: Stage | None = None
    chair_away_since: datetime | None = None
    current: str | None = None
    floor: Turn | None = None
    turns: tuple[Turn, ...] = ()
    queue: tuple[str, ...] = ()
    motions: Mapping[str, Motion] = field(default_factory=dict)
    recorder: Recorder = field(default_factory=Recorder)
    chat_allowed: bool = False
    chat: tuple[Message, ...] = ()
    notes: tuple[Note, ...] = ()
    conclusion: str = ""
    minutes_text: str = ""  # as last read out
    minutes_hash: str = ""
    minutes_stale: bool = False  # something that belongs in them came after the reading
    minutes_agreed: bool = False
    end_reason: str = ""
    adjourned_until: str = ""
    witnessed_seq: int = 0
    witnessed: HeadWitnessed | None = None
    witnessed_at: datetime | None = None
    unwitnessed: bool = True  # something other than a countersignature stands at the end
    recording_finished: bool = False
    report_sealed: str = ""  # SHA-256
    report_received: tuple[str, str, str, str, str] | None = None
    review: ReportReviewed | None = None  # the last one
    corrections: tuple[Correction, ...] = ()
    numbers: tuple[tuple[str, int], ...] = ()  # of the documents, by kind
    numbered: tuple[int, str] | None = None  # that line's seq and hash
    commands: Mapping[tuple[str, str], int] = field(default_factory=dict)  # (actor, id) → seq

    @property
    def documents(self) -> tuple[DocumentLine, ...]:
        """The papers that stand, in the order in which they came."""
        gone = {one.document.id for one in self.withdrawn}
        return tuple(d for d in (*self.convened.documents, *self.added) if d.id not in gone)

    def member(self, person: str) -> Member | None:
        return self.members.get(person)

    def person_of(self, member_id: str) -> str | None:
        """The pseudonym of a member on the roster."""
        return next((p for p, m in self.members.items() if m.line.member_id == member_id), None)

    def name(self, person: str | None) -> str:
        member = self.members.get(person or "")
        return member.line.name if member else ""

    @property
    def pending(self) -> Motion | None:
        """The motion that is open or waits for its announcement."""
        return next((m for m in self.motions.values() if m.pending), None)

    def motions_on(self, item: str) -> tuple[Motion, ...]:
        return tuple(m for m in self.motions.values() if m.item == item)

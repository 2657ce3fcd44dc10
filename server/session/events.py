"""What can be in a session's log: one frozen dataclass per event type, and its JSON form.

Payload fields are plain JSON values; times are text as `times.to_text` writes them. The actor and
the time of an event stand in its header, not here. People are pseudonyms of the session.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, ClassVar, Literal

from pydantic import TypeAdapter

SYSTEM = "system"  # actor of what the application notices by itself
RECORDER = "recorder"
UPPER = "upper"  # the upper committee's installation

NoteKind = Literal["opinion", "reserved", "task", "conclusion"]
CheckInHow = Literal["device", "code", "secretary", "vouch"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterLine:
    """A member as convened. `id` is the pseudonym p01, p02, ...; guests are not on the roster."""

    id: str
    member_id: str
    name: str
    title: str  # "Bí thư", "Phó Bí thư", "Chi ủy viên", ""
    honour: str
    official: bool
    exempt: bool = False
    suspended: bool = False
    prosecuted: bool = False
    temporary: Literal["none", "elsewhere", "here"] = "none"
    circumstance: str = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgendaLine:
    id: str
    number: int
    kind: Literal["report", "discussion", "vote", "other"]
    title: str
    minutes: int
    motion: str | None = None  # the text to vote on
    decision: str = "ordinary"


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentLine:
    id: str
    item_id: str | None
    name: str
    pages: int
    size: int
    sha256: str
    uploaded_at: str
    late_reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorisation:
    """The upper committee's permission. Dates are ISO dates."""

    issuer: str
    number: str
    date: str
    valid_until: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EligibilitySum:
    """03-HD/TW II.1.1 as it was reckoned at convening."""

    members: int
    denominator: int
    cannot_meet: int
    needed: int
    eligible: bool
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Convened:
    """The first event. `rules` is `RuleSet.to_data()`: a recount needs no other table."""

    TYPE: ClassVar[str] = "convened"
    installation: str
    seal_key: str  # key id of the installation
    seal_spki: str  # base64url
    cell_id: str
    cell_name: str
    committee: str
    title: str
    starts_at: str
    place: str
    mode: Literal["online", "hybrid"]
    chair: str
    deputy: str | None
    roster: tuple[RosterLine, ...]
    items: tuple[AgendaLine, ...]
    documents: tuple[DocumentLine, ...]
    authorisation: Authorisation
    eligibility: EligibilitySum
    rule_version: str
    rules: dict[str, Any]
    web_bundle: str  # SHA-256 of the web bundle that members load
    floor_seconds: int = 300  # shown to a speaker; nobody is cut off by it


@dataclass(frozen=True, slots=True)
class DocumentAdded:
    """A paper that came after the convening, with its reason when it came late."""

    TYPE: ClassVar[str] = "document-added"
    document: DocumentLine
    by: str


@dataclass(frozen=True, slots=True)
class DocumentWithdrawn:
    """A paper that was a mistake, before the opening. Its content is destroyed; this line stays.

    `replaced_by` is the id of the paper that takes its place, if one does.
    """

    TYPE: ClassVar[str] = "document-withdrawn"
    document: DocumentLine
    reason: str
    replaced_by: str | None


@dataclass(frozen=True, slots=True)
class Rescheduled:
    """Another time or place before anybody gathered; everybody is summoned anew."""

    TYPE: ClassVar[str] = "rescheduled"
    starts_at: str
    place: str
    reason: str
    authorisation: Authorisation  # the one in force on the new day


@dataclass(frozen=True, slots=True)
class WaitingOpened:
    TYPE: ClassVar[str] = "waiting-opened"


@dataclass(frozen=True, slots=True)
class Connected:
    TYPE: ClassVar[str] = "connected"
    person: str


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The lease of the person's last device ran out."""

    TYPE: ClassVar[str] = "disconnected"
    person: str


@dataclass(frozen=True, slots=True)
class DeviceCertified:
    """`by`: the second factor, or chair and secretary who vouched."""

    TYPE: ClassVar[str] = "device-certified"
    person: str
    key_id: str
    spki: str
    label: str
    by: Literal["factor", "vouch"]
    factor_at: str | None


@dataclass(frozen=True, slots=True)
class DeviceKeyRevoked:
    """Nothing signed by that key after this line counts; what stands before it stays valid.

    `by`: the member on a device of theirs, or the two people who reset the member's factors.
    """

    TYPE: ClassVar[str] = "device-key-revoked"
    person: str
    key_id: str
    by: Literal["member", "reset"]


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
class CheckedIn:
    """`statement` and `signature` only when the device signed; the actor is who did it."""

    TYPE: ClassVar[str] = "checked-in"
    person: str
    place: Literal["remote", "in_room"]
    how: CheckInHow
    statement: dict[str, Any] | None = None
    signature: str | None = None


@dataclass(frozen=True, slots=True)
class Vouched:
    """The actor has seen and heard the person. Two such, chair and secretary, make a check-in."""

    TYPE: ClassVar[str] = "vouched"
    person: str
    office: Literal["chair", "secretary"]


@dataclass(frozen=True, slots=True)
class MarkedAbsent:
    TYPE: ClassVar[str] = "marked-absent"
    person: str
    with_reason: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Left:
    """Went before the end, of one's own will or as the secretary noted."""

    TYPE: ClassVar[str] = "left"
    person: str
    reason: str


@dataclass(frozen=True, slots=True)
class RollCallFinished:
    TYPE: ClassVar[str] = "roll-call-finished"
    present: int
    base: int


@dataclass(frozen=True, slots=True)
class AgendaApproved:
    TYPE: ClassVar[str] = "agenda-approved"


@dataclass(frozen=True, slots=True)
class ItemStarted:
    TYPE: ClassVar[str] = "item-started"
    item: str


@dataclass(frozen=True, slots=True)
class ItemFinished:
    TYPE: ClassVar[str] = "item-finished"
    item: str
    conclusion: str


@dataclass(frozen=True, slots=True)
class ItemPostponed:
    TYPE: ClassVar[str] = "item-postponed"
    item: str
    reason: str


@dataclass(frozen=True, slots=True)
class FloorAsked:
    TYPE: ClassVar[str] = "floor-asked"
    person: str


@dataclass(frozen=True, slots=True)
class FloorWithdrawn:
    TYPE: ClassVar[str] = "floor-withdrawn"
    person: str


@dataclass(frozen=True, slots=True)
class FloorGiven:
    TYPE: ClassVar[str] = "floor-given"
    person: str


@dataclass(frozen=True, slots=True)
class FloorEnded:
    TYPE: ClassVar[str] = "floor-ended"
    person: str


@dataclass(frozen=True, slots=True)
class Muted:
    TYPE: ClassVar[str] = "muted"
    person: str
    source: Literal["microphone", "camera", "screen"]


@dataclass(frozen=True, slots=True)
class Removed:
    TYPE: ClassVar[str] = "removed"
    person: str
    reason: str


@dataclass(frozen=True, slots=True)
class NoteAdded:
    TYPE: ClassVar[str] = "note-added"
    id: str
    item: str | None
    person: str | None
    text: str
    kind: NoteKind


@dataclass(frozen=True, slots=True)
class MotionProposed:
    """`repeats` names the void motion that this one puts again."""

    TYPE: ClassVar[str] = "motion-proposed"
    motion: str
    item: str
    text: str
    hash: str
    decision: str
    attempt: int
    repeats: str | None


@dataclass(frozen=True, slots=True)
class VoteOpened:
    """The base as it stands at opening stays with the motion."""

    TYPE: ClassVar[str] = "vote-opened"
    motion: str
    rule_version: str
    threshold: str
    base: tuple[str, ...]
    excluded: tuple[tuple[str, str], ...]  # person, reason
    needed: int
    present: int
    closes_at: str


@dataclass(frozen=True, slots=True)
class VoteExtended:
    TYPE: ClassVar[str] = "vote-extended"
    motion: str
    closes_at: str


@dataclass(frozen=True, slots=True)
class BallotCast:
    """`ballot` is the signed statement, `hash` the SHA-256 of its canonical JSON."""

    TYPE: ClassVar[str] = "ballot-cast"
    ballot: dict[str, Any]
    signature: str
    hash: str


@dataclass(frozen=True, slots=True)
class HandEntered:
    TYPE: ClassVar[str] = "hand-entered"
    motion: str
    person: str
    choice: Literal["approve", "disapprove", "abstain"]


@dataclass(frozen=True, slots=True)
class VoteClosed:
    TYPE: ClassVar[str] = "vote-closed"
    motion: str
    disconnected: tuple[str, ...]  # had not voted and were not connected; the chair saw them


@dataclass(frozen=True, slots=True)
class ObjectionRaised:
    TYPE: ClassVar[str] = "objection-raised"
    motion: str
    person: str
    text: str


@dataclass(frozen=True, slots=True)
class VoteAnnounced:
    """The result as announced; whoever holds the log recounts it from the ballots."""

    TYPE: ClassVar[str] = "vote-announced"
    motion: str
    approve: int
    disapprove: int
    abstain: int
    not_voted: int
    base: int
    needed: int
    passed: bool
    sentence: str


@dataclass(frozen=True, slots=True)
class VoteVoided:
    TYPE: ClassVar[str] = "vote-voided"
    motion: str
    reason: str


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


@dataclass(frozen=True, slots=True)
class RecorderChanged:
    """`since`: when it was last heard, if that is earlier than this was noticed; else empty."""

    TYPE: ClassVar[str] = "recorder-changed"
    state: Literal["recording", "stopped"]
    reason: str
    since: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingGap:
    """A gap that the recorder reports, counted from 1. Times are its clock's, in ms since 1970."""

    TYPE: ClassVar[str] = "recording-gap"
    number: int
    track: str  # empty: everything was missing
    participant: str
    from_ms: int
    to_ms: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpointed:
    """One of the recorder's signed statements; `hash` is the SHA-256 of its body as posted.

    `manifest_seq` and `manifest_head` name the last record of the recording's own chain, which
    so cannot be rewritten later without contradicting this log.
    """

    TYPE: ClassVar[str] = "checkpointed"
    hash: str
    key_id: str
    manifest_seq: int
    manifest_head: str
    nonce: str
    tracks: int
    segments: int
    bytes: int


@dataclass(frozen=True, slots=True)
class HeadWitnessed:
    """The upper committee's countersignature of a head."""

    TYPE: ClassVar[str] = "head-witnessed"
    seq: int
    head: str
    received_at: str
    key_id: str
    signature: str


@dataclass(frozen=True, slots=True)
class RecordingFinished:
    """The recorder has closed its files; `head` is the last hash of its manifest."""

    TYPE: ClassVar[str] = "recording-finished"
    head: str
    segments: int
    duration_ms: int
    bytes: int


@dataclass(frozen=True, slots=True)
class ReportSealed:
    """Each file of the report by name, and the installation's signature over the report's hash."""

    TYPE: ClassVar[str] = "report-sealed"
    sha256: str
    files: tuple[tuple[str, str], ...]  # name, SHA-256
    key_id: str
    signature: str


@dataclass(frozen=True, slots=True)
class ReportReceived:
    TYPE: ClassVar[str] = "report-received"
    committee: str
    number: str
    received_at: str
    sha256: str
    key_id: str
    signature: str


@dataclass(frozen=True, slots=True)
class ReportReviewed:
    """What an officer of the upper committee decided about the report with this SHA-256."""

    TYPE: ClassVar[str] = "report-reviewed"
    sha256: str
    state: Literal["accepted", "returned"]
    note: str
    reviewed_at: str
    key_id: str
    signature: str


@dataclass(frozen=True, slots=True)
class ReportCorrected:
    """An addendum to a returned report; what was sealed stays as it is. The actor wrote it."""

    TYPE: ClassVar[str] = "report-corrected"
    version: int  # of the report that this makes, from 2
    corrects: str  # SHA-256 of the one that was returned
    text: str


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

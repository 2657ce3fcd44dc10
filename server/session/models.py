"""The session as its members see it, and the bodies of its commands."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from server.convening.models import AgendaItem, Document, SessionMode, Stage
from server.http.model import Model
from server.session.events import NoteKind
from server.session.evidence_models import CorrectionShown, DeviceKeyShown, Review, Witnessed

Choice = Literal["approve", "disapprove", "abstain"]
Attendance = Literal["expected", "present", "dropped", "left", "absent_reason", "absent", "removed"]
Place = Literal["remote", "in_room"]
ViewerRole = Literal["chair", "deputy", "secretary", "official", "probationary", "guest"]
DeliveryStage = Literal["none", "drafting", "sealed", "sending", "acknowledged"]


class Head(Model):
    """The signed end of the log: whoever holds it can prove a later change of history."""

    seq: int
    hash: str  # hex SHA-256
    time: datetime
    key_id: str
    signature: str  # base64url raw r||s over the canonical JSON of {session, seq, hash, time}


class EventHeader(Model):
    """What the chain covers; clients check `prev` and `hash` of each against the one before."""

    seq: int
    prev: str
    type: str
    time: str  # ISO 8601, UTC, as hashed
    actor: str  # pseudonym
    payload_hash: str
    hash: str


class Person(Model):
    """One roster line. `id` is the pseudonym of this session, the same in events."""

    id: str
    name: str
    title: str  # "Bí thư", "Thư ký", ""
    honour: str
    official: bool
    votes: bool  # in the voting base
    attendance: Attendance
    place: Place | None
    connected: bool
    devices: int
    since: datetime | None  # present or dropped since
    checked_in: bool
    vouched_by: list[str]  # ids; chair and secretary both needed
    reason: str
    line: Literal["good", "fair", "poor", "none"]
    key_id: str | None  # device key certified for this session
    microphone: bool
    camera: bool
    asked_floor_at: datetime | None


class Quorum(Model):
    present: int  # voters present
    base: int
    needed_half: int
    needed_two_thirds: int
    half_met: bool
    two_thirds_met: bool
    attendance_floor: int | None
    floor_met: bool


class ItemState(Model):
    item: AgendaItem
    state: Literal["waiting", "current", "done", "postponed"]
    started_at: datetime | None
    seconds: int  # spent so far
    expected_at: datetime
    conclusion: str
    postponed_why: str


class BallotShown(Model):
    person: str
    choice: Choice
    at: datetime
    by_hand: bool
    changed: bool
    seq: int


class Motion(Model):
    id: str
    item_id: str
    text: str
    hash: str  # hex SHA-256 of the text, signed in each ballot
    decision: str
    rule: str  # "Quá nửa tổng số đảng viên chính thức"
    rule_version: str
    base: int
    needed: int
    state: Literal["proposed", "open", "closed", "announced", "void"]
    opened_at: datetime | None
    closes_at: datetime | None  # the time shown; the chair closes
    attempt: int
    approve: int | None  # None while the viewer may not know
    disapprove: int | None
    abstain: int | None
    not_voted: int
    cast: int
    passed: bool | None
    arithmetic: str  # "12/20, cần 11: thông qua"
    ballots: list[BallotShown]  # by name: to all once closed; to chair and secretary while open
    disconnected: list[str]  # persons in the base who have not voted and are not connected
    objections: list[str]
    void_reason: str
    my_choice: Choice | None
    my_ballot_hash: str | None
    my_ballot_seq: int | None


class Speaking(Model):
    person: str
    since: datetime
    limit_seconds: int


class Contribution(Model):
    """One turn at the floor; the secretary writes beside it."""

    person: str
    item_id: str | None
    began_at: datetime
    ended_at: datetime | None  # None: still speaking


class Gap(Model):
    from_: datetime = Field(alias="from")
    to: datetime | None
    reason: str


class RecorderState(Model):
    state: Literal["off", "waiting", "recording", "stopped"]
    since: datetime | None
    reason: str
    gaps: list[Gap]
    tracks: int
    disk_free: int  # bytes


class Message(Model):
    person: str
    text: str
    at: datetime


class Note(Model):
    id: str
    item_id: str | None
    person: str | None
    text: str
    at: datetime
    kind: NoteKind


class Act(Model):
    """Something the viewer may press. `code` names title and sentence in the web's catalogue."""

    code: str  # e.g. "open", "start_roll_call", "open_vote", "close_vote"
    command: str  # name of the command's route, e.g. "open-vote"
    body: dict[str, Any]
    params: dict[str, str | int | None]


class Refusal(Model):
    """Why not: reason, the sum, and what unblocks it. All in the reader's language."""

    code: str
    reason: str
    arithmetic: str
    remedy: str


class NextStep(Model):
    """The chair's next lawful step; for other viewers, what they are waiting for."""

    act: Act | None
    blocked: Refusal | None
    others: list[Act]  # lawful alternatives, drawn as second buttons


class Receipt(Model):
    """The upper committee's acknowledgement of a report."""

    committee: str
    number: str
    received_at: datetime
    sha256: str
    key_id: str


class Delivery(Model):
    state: DeliveryStage
    attempts: int
    next_try_at: datetime | None
    error: str
    receipt: Receipt | None
    documents: list[str]  # kinds ready: minutes, report
    minutes_due_at: datetime | None
    review: Review | None
    corrections: list[CorrectionShown]  # oldest first
    numbers: dict[str, int]  # of the documents, by kind


class SessionView(Model):
    """All that one viewer's screen draws. The live socket sends it whole, then what changed."""

    id: str
    cell_name: str
    committee: str
    title: str
    mode: SessionMode
    stage: Stage
    starts_at: datetime
    opened_at: datetime | None
    closed_at: datetime | None
    now: datetime
    me: str | None  # my person id; None for an officer
    my_roles: list[ViewerRole]
    chair: str | None
    secretary: str | None
    chair_away_since: datetime | None
    people: list[Person]
    quorum: Quorum
    items: list[ItemState]
    current_item: str | None
    floor: Speaking | None
    queue: list[str]  # persons who asked for the floor, in order
    spoke_on_item: int
    contributions: list[Contribution] = Field(default_factory=list)  # oldest first
    motion: Motion | None  # the one that matters now
    motions: list[Motion]
    recorder: RecorderState
    chat_allowed: bool
    chat: list[Message]
    notes: list[Note]
    documents: list[Document]
    room_code: str | None  # rotating check-in code, only to the room's screen, chair and secretary
    minutes_draft: str  # plain text shown and read out
    minutes_hash: str
    minutes_agreed: bool
    next: NextStep
    may: list[str]  # commands that this viewer may give now
    my_counter: int = 0  # of my last accepted statement in this session, on any device
    my_last_ballot: str | None = None  # its hash: the `previous` of my next ballot
    delivery: Delivery
    head: Head
    witnessed_seq: int  # last head countersigned by the upper committee
    witnessed: Witnessed | None = None  # that countersignature, for the device to check
    upper_committee_connected: bool
    media_down: bool = False  # the media engine does not answer; the session itself goes on
    trouble: str = ""  # why nothing can be written into the log just now, as a sentence
    factor_fresh_until: datetime | None
    device_certified: bool
    my_keys: list[DeviceKeyShown]


# ---- commands: POST /api/sessions/{session_id}/commands/<name> ----


class Command(Model):
    """`command_id` (a UUID made on the device) makes every command idempotent."""

    command_id: str = Field(min_length=8, max_length=64)


class PersonCommand(Command):
    person: str


class NameSecretary(PersonCommand):
    pass


class RevokeDevice(Command):
    key_id: str


class CorrectReport(Command):
    text: str = Field(max_length=8000)


class CheckInStatement(Model):
    purpose: Literal["check-in"]
    installation: str
    session: str
    member: str
    device: str  # key id
    counter: int
    seen_seq: int
    seen_head: str


class CheckIn(Command):
    statement: CheckInStatement
    signature: str


class CheckInByCode(Command):
    code: str


class MarkAbsent(PersonCommand):
    with_reason: bool
    reason: str = ""


class ItemCommand(Command):
    item: str


class FinishItem(ItemCommand):
    conclusion: str = ""


class PostponeItem(ItemCommand):
    reason: str


class MutePerson(PersonCommand):
    source: Literal["microphone", "camera", "screen"]


class RemovePerson(PersonCommand):
    reason: str


class AddNote(Command):
    item: str | None = None
    person: str | None = None
    text: str = Field(max_length=4000)
    kind: NoteKind = "opinion"


class ProposeMotion(ItemCommand):
    text: str = Field(min_length=3, max_length=2000)
    decision: str = "ordinary"


class MotionCommand(Command):
    motion: str


class OpenVote(MotionCommand):
    seconds: int = Field(default=120, ge=15, le=3600)


class CloseVote(MotionCommand):
    despite_disconnected: bool = False


class ExtendVote(MotionCommand):
    seconds: int = Field(default=60, ge=15, le=600)


class VoidVote(MotionCommand):
    reason: str = Field(min_length=3, max_length=500)


class Objection(MotionCommand):
    text: str = Field(min_length=3, max_length=1000)


class BallotStatement(Model):
    """RFC 8785 canonical JSON of exactly these fields is what the device signs."""

    purpose: Literal["ballot"]
    installation: str
    session: str
    motion: str
    motion_hash: str
    rule_version: str
    choice: Choice
    member: str
    device: str
    counter: int
    previous: str | None
    seen_seq: int
    seen_head: str


class CastBallot(Command):
    ballot: BallotStatement
    signature: str


class EnterHand(MotionCommand):
    person: str
    choice: Choice


class AllowChat(Command):
    allowed: bool


class Say(Command):
    text: str = Field(min_length=1, max_length=1000)


class Reason(Command):
    reason: str = Field(min_length=3, max_length=500)


class Adjourn(Reason):
    until: datetime


class Conclude(Command):
    text: str = Field(max_length=4000)


class AgreeMinutes(Command):
    minutes_hash: str


class Ack(Model):
    """Signed by the installation only once the event is durable."""

    seq: int
    hash: str
    time: datetime
    key_id: str
    signature: str  # over canonical JSON {purpose:"ack", session, seq, hash, time, subject}
    subject: str  # ballot hash, or command id


class DeviceKeyBody(Model):
    spki: str  # base64url SPKI DER of an ECDSA P-256 public key
    label: str = Field(default="", max_length=80)


class DeviceCertificate(Model):
    key_id: str
    session: str
    member: str
    certified_at: datetime
    seq: int
    signature: str


class MediaToken(Model):
    """How to reach the media engine; the token lives 60 s."""

    url: str
    token: str
    ice_servers: list[dict[str, Any]]


class RoomPairing(Model):
    """A code that turns a device into the meeting room's camera and microphone."""

    code: str
    expires_at: datetime


class PairBody(Model):
    code: str


class RoomKeyBody(Model):
    key: str = Field(max_length=200)


class RoomDevice(Model):
    """The meeting room's screen: its way to the media engine, and the check-in code it shows."""

    key: str  # the paired device asks again with it, for as long as the session is held
    media: MediaToken
    session: str
    cell_name: str
    title: str
    stage: Stage
    code: str | None  # of this half minute; None before the roll call
    code_seconds_left: int
    qr_svg: str  # leads a phone to the check-in with the code filled in


class ChainView(Model):
    """Event headers for whoever wants to recompute the chain."""

    installation: str
    session: str
    headers: list[EventHeader]
    head: Head

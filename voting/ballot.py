"""A signed open ballot, and the pure decision whether it is accepted.

Each ballot names the hash of its member's previous one in the session, so that a ballot which
the server drops leaves a visible hole, and the log head its device had seen, so that it witnesses
the history.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol, Self

from voting.decision import DecisionKind
from voting.electorate import Base
from voting.errors import MalformedStatement
from voting.signing import PublicKey, statement_hash
from voting.threshold import Threshold

PURPOSE = "ballot"
_MAX_INTEGER = 2**53 - 1  # the largest that JavaScript and RFC 8785 carry exactly
_MAX_TEXT = 200  # ids and hashes are far shorter; this only bounds hostile input


class Choice(StrEnum):
    APPROVE = "approve"
    DISAPPROVE = "disapprove"
    ABSTAIN = "abstain"

    @property
    def text_vi(self) -> str:
        return _CHOICE_VI[self]


_CHOICE_VI = {
    Choice.APPROVE: "tán thành",
    Choice.DISAPPROVE: "không tán thành",
    Choice.ABSTAIN: "không có ý kiến",
}


@dataclass(frozen=True, slots=True)
class Ballot:
    """The statement that the device signs. `choice` stays text until `accept` has judged it."""

    installation: str
    session: str
    motion: str
    motion_hash: str
    rule_version: str
    choice: str
    member: str
    device: str  # key id of the device's session key
    counter: int  # from 1, rising with each ballot of this member in this session
    previous: str | None  # hash of this member's previous ballot in this session
    seen_seq: int
    seen_head: str
    purpose: str = PURPOSE

    def to_statement(self) -> dict[str, Any]:
        """The JSON object whose canonical bytes are hashed and signed."""
        return {name: getattr(self, name) for name in _FIELDS}

    @classmethod
    def from_statement(cls, statement: Mapping[str, Any]) -> Self:
        """Read a statement strictly: every field, no other, right types.

        Raises MalformedStatement. What the values mean is for `accept` to judge.
        """
        if set(statement) != set(_FIELDS):
            raise MalformedStatement("a ballot has exactly its fields")
        for name, value in statement.items():
            if name in ("counter", "seen_seq"):
                if type(value) is not int or not 0 <= value <= _MAX_INTEGER:
                    raise MalformedStatement(f"{name} is a whole number")
            elif value is None and name == "previous":
                continue
            elif not isinstance(value, str) or not 0 < len(value) <= _MAX_TEXT:
                raise MalformedStatement(f"{name} is a short text")
        return cls(**statement)

    @property
    def ballot_hash(self) -> str:
        return statement_hash(self.to_statement())


_FIELDS = tuple(f.name for f in fields(Ballot))


@dataclass(frozen=True, slots=True)
class SignedBallot:
    ballot: Ballot
    signature: str  # r||s, base64url


@dataclass(frozen=True, slots=True)
class DeviceKey:
    """A device key as certified in the log. `revoked_at` in UTC, None while it holds."""

    member: str
    key: PublicKey
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Motion:
    """A motion as it was opened: its text's hash, its rule and its base do not change after."""

    installation: str
    session: str
    motion: str
    motion_hash: str
    rule_version: str
    kind: DecisionKind
    threshold: Threshold
    base: Base
    opened_seq: int  # of the log event that opened it
    is_open: bool = True


class Ledger(Protocol):
    """What `accept` asks of the ballots accepted so far and of the log."""

    def find(self, ballot_hash: str) -> Ballot | None:
        """The accepted ballot with that hash."""

    def last_of(self, member: str) -> Ballot | None:
        """The last ballot accepted from that member in this session, over all motions."""

    def counted(self, motion: str, member: str) -> Ballot | None:
        """The ballot that now counts for that member on that motion."""

    def head_hash(self, seq: int) -> str | None:
        """The hash of the log head at that seq, None when the log has no such seq."""


class Refusal(StrEnum):
    """Why a ballot is not taken. Stable codes; `text_vi` is for the member."""

    WRONG_PURPOSE = "wrong_purpose"
    WRONG_INSTALLATION = "wrong_installation"
    WRONG_SESSION = "wrong_session"
    WRONG_MOTION = "wrong_motion"
    WRONG_MOTION_TEXT = "wrong_motion_text"
    WRONG_RULE_VERSION = "wrong_rule_version"
    CHOICE_INVALID = "choice_invalid"
    KEY_UNKNOWN = "key_unknown"
    KEY_REVOKED = "key_revoked"
    SIGNATURE_INVALID = "signature_invalid"
    NOT_IN_BASE = "not_in_base"
    MOTION_CLOSED = "motion_closed"
    SUPERSEDED = "superseded"
    COUNTER_NOT_HIGHER = "counter_not_higher"
    PREVIOUS_STALE = "previous_stale"
    PREVIOUS_UNKNOWN = "previous_unknown"
    HISTORY_DIFFERS = "history_differs"
    MOTION_NOT_SEEN = "motion_not_seen"

    @property
    def text_vi(self) -> str:
        return _REFUSAL_VI[self]


_REFUSAL_VI = {
    Refusal.WRONG_PURPOSE: "Nội dung gửi lên không phải là phiếu biểu quyết.",
    Refusal.WRONG_INSTALLATION: "Phiếu này được lập cho một hệ thống khác.",
    Refusal.WRONG_SESSION: "Phiếu này thuộc một buổi sinh hoạt khác.",
    Refusal.WRONG_MOTION: "Phiếu này thuộc một nội dung biểu quyết khác.",
    Refusal.WRONG_MOTION_TEXT: "Nội dung biểu quyết trên máy đồng chí khác với nội dung đang mở.",
    Refusal.WRONG_RULE_VERSION: "Phiếu được lập theo bộ quy định khác với nội dung đang mở.",
    Refusal.CHOICE_INVALID: "Lựa chọn trên phiếu không hợp lệ.",
    Refusal.KEY_UNKNOWN: "Thiết bị này chưa được xác nhận cho đồng chí trong buổi sinh hoạt.",
    Refusal.KEY_REVOKED: "Xác nhận của thiết bị này đã bị thu hồi. Mời đồng chí xác thực lại.",
    Refusal.SIGNATURE_INVALID: "Chữ ký trên phiếu không đúng.",
    Refusal.NOT_IN_BASE: "Đồng chí không thuộc diện biểu quyết nội dung này.",
    Refusal.MOTION_CLOSED: "Phiếu đến sau khi biểu quyết đã kết thúc nên không được tính.",
    Refusal.SUPERSEDED: "Phiếu này đã được thay bằng phiếu sau của đồng chí.",
    Refusal.COUNTER_NOT_HIGHER: "Phiếu này cũ hơn phiếu đã nhận của đồng chí.",
    Refusal.PREVIOUS_STALE: "Đồng chí đã gửi phiếu khác sau phiếu mà thiết bị này biết.",
    Refusal.PREVIOUS_UNKNOWN: "Máy chủ không có phiếu trước của đồng chí. Hãy báo chủ trì ngay.",
    Refusal.HISTORY_DIFFERS: "Diễn biến buổi họp trên máy đồng chí khác với máy chủ. Hãy báo ngay.",
    Refusal.MOTION_NOT_SEEN: "Phiếu được lập trước khi nội dung này được đưa ra biểu quyết.",
}


@dataclass(frozen=True, slots=True)
class Accepted:
    """The ballot counts. `repeated`: it already did, so append nothing and acknowledge again."""

    ballot_hash: str
    choice: Choice
    repeated: bool


@dataclass(frozen=True, slots=True)
class Refused:
    code: Refusal


def accept(
    signed: SignedBallot, ledger: Ledger, motion: Motion, key: DeviceKey | None, now: datetime
) -> Accepted | Refused:
    """Judge one ballot for one motion.

    `key` is the certified key whose id the ballot names as its device, None when there is none.
    `now` is UTC. Append the ballot in the same transaction that read the ledger.
    """
    ballot = signed.ballot
    refusal = _wrong_matter(ballot, motion) or _wrong_signer(signed, key, now)
    if refusal is not None:
        return Refused(refusal)
    ballot_hash = ballot.ballot_hash
    # Before the closing is looked at: an acknowledgement lost on the way is given again.
    if ledger.find(ballot_hash) is not None:
        counted = ledger.counted(ballot.motion, ballot.member)
        if counted is None or counted.ballot_hash != ballot_hash:
            return Refused(Refusal.SUPERSEDED)
        return Accepted(ballot_hash, Choice(ballot.choice), repeated=True)
    refusal = _wrong_moment(ballot, motion, ledger) or _wrong_place(ballot, ledger)
    if refusal is not None:
        return Refused(refusal)
    return Accepted(ballot_hash, Choice(ballot.choice), repeated=False)


def _wrong_matter(ballot: Ballot, motion: Motion) -> Refusal | None:
    checks = (
        (ballot.purpose == PURPOSE, Refusal.WRONG_PURPOSE),
        (ballot.installation == motion.installation, Refusal.WRONG_INSTALLATION),
        (ballot.session == motion.session, Refusal.WRONG_SESSION),
        (ballot.motion == motion.motion, Refusal.WRONG_MOTION),
        (ballot.motion_hash == motion.motion_hash, Refusal.WRONG_MOTION_TEXT),
        (ballot.rule_version == motion.rule_version, Refusal.WRONG_RULE_VERSION),
        (ballot.choice in set(Choice), Refusal.CHOICE_INVALID),
    )
    return next((code for holds, code in checks if not holds), None)


def _wrong_signer(signed: SignedBallot, key: DeviceKey | None, now: datetime) -> Refusal | None:
    ballot = signed.ballot
    if key is None or key.member != ballot.member or key.key.key_id != ballot.device:
        return Refusal.KEY_UNKNOWN
    if key.revoked_at is not None and key.revoked_at <= now:
        return Refusal.KEY_REVOKED
    if not key.key.verify(ballot.to_statement(), signed.signature):
        return Refusal.SIGNATURE_INVALID
    return None


def _wrong_moment(ballot: Ballot, motion: Motion, ledger: Ledger) -> Refusal | None:
    if not motion.is_open:
        return Refusal.MOTION_CLOSED
    if ballot.member not in motion.base:
        return Refusal.NOT_IN_BASE
    # The most serious finding first: this device has been shown another history.
    if ledger.head_hash(ballot.seen_seq) != ballot.seen_head:
        return Refusal.HISTORY_DIFFERS
    if ballot.seen_seq < motion.opened_seq:
        return Refusal.MOTION_NOT_SEEN
    return None


def _wrong_place(ballot: Ballot, ledger: Ledger) -> Refusal | None:
    if ballot.previous is not None and ledger.find(ballot.previous) is None:
        return Refusal.PREVIOUS_UNKNOWN
    last = ledger.last_of(ballot.member)
    if ballot.counter <= (0 if last is None else last.counter):
        return Refusal.COUNTER_NOT_HIGHER
    if ballot.previous != (None if last is None else last.ballot_hash):
        return Refusal.PREVIOUS_STALE
    return None


@dataclass(frozen=True, slots=True)
class MemoryLedger:
    """A ledger in memory, never changed in place; each change copies its maps.

    A fold over a long log had better answer `head_hash` from the state it already has.
    """

    ballots: Mapping[str, Ballot] = field(default_factory=dict)  # by hash, in order of acceptance
    heads: Mapping[int, str] = field(default_factory=dict)
    _last: Mapping[str, Ballot] = field(default_factory=dict)
    _counted: Mapping[tuple[str, str], Ballot] = field(default_factory=dict)

    def find(self, ballot_hash: str) -> Ballot | None:
        return self.ballots.get(ballot_hash)

    def last_of(self, member: str) -> Ballot | None:
        return self._last.get(member)

    def counted(self, motion: str, member: str) -> Ballot | None:
        return self._counted.get((motion, member))

    def head_hash(self, seq: int) -> str | None:
        return self.heads.get(seq)

    def with_ballot(self, ballot: Ballot) -> Self:
        """This ledger after a ballot that `accept` has accepted for the first time."""
        return type(self)(
            {**self.ballots, ballot.ballot_hash: ballot},
            self.heads,
            {**self._last, ballot.member: ballot},
            {**self._counted, (ballot.motion, ballot.member): ballot},
        )

    def with_head(self, seq: int, head: str) -> Self:
        return type(self)(self.ballots, {**self.heads, seq: head}, self._last, self._counted)

    def on_motion(self, motion: str) -> tuple[Ballot, ...]:
        """The counting ballots of one motion, by member."""
        pairs = sorted(self._counted.items(), key=lambda pair: pair[0])
        return tuple(ballot for (of, _), ballot in pairs if of == motion)

"""Events: motions and votes."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal


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

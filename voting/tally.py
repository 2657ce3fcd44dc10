"""Counting an open vote by name: the same ballots in any order give the same, recountable tally."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from voting.ballot import Ballot, Choice
from voting.electorate import Base
from voting.errors import AmbiguousBallots
from voting.threshold import Comparison, Threshold


class Origin(StrEnum):
    DEVICE = "device"  # signed by the member
    HAND = "hand"  # raised in the room, entered by name


@dataclass(frozen=True, slots=True)
class Vote:
    """One member's choice on one motion.

    `order` decides between several of one origin: a device ballot's counter, or the log seq of
    the event that entered the hand. `ballot_hash` is None for a hand.
    """

    member: str
    choice: Choice
    origin: Origin
    order: int
    ballot_hash: str | None = None


def device_vote(ballot: Ballot) -> Vote:
    """The vote that an accepted ballot is."""
    return Vote(
        ballot.member, Choice(ballot.choice), Origin.DEVICE, ballot.counter, ballot.ballot_hash
    )


@dataclass(frozen=True, slots=True)
class MemberVote:
    """A line of the roll read out before the announcement; choice None is not voted."""

    member: str
    choice: Choice | None
    origin: Origin | None
    ballot_hash: str | None


@dataclass(frozen=True, slots=True)
class Tally:
    """Four counts that add up to the base, and the outcome as arithmetic.

    `outside_base` names those whose votes were not counted because they are not in the base.
    """

    approve: int
    disapprove: int
    abstain: int
    not_voted: int
    arithmetic: Comparison
    by_member: tuple[MemberVote, ...]
    outside_base: tuple[str, ...]

    @property
    def base(self) -> int:
        return self.arithmetic.base

    @property
    def needed(self) -> int:
        return self.arithmetic.needed

    @property
    def passed(self) -> bool:
        return self.arithmetic.met

    @property
    def sentence_vi(self) -> str:
        """The outcome as it is read out: "12/20, cần 11: thông qua"."""
        verdict = "thông qua" if self.passed else "không thông qua"
        return f"{self.approve}/{self.base}, cần {self.needed}: {verdict}"


def tally(base: Base, votes: Iterable[Vote], threshold: Threshold) -> Tally:
    """Count the votes of one motion over the base it was opened with.

    A member's own signed ballot outranks a hand entered for them; then the highest order counts.
    Abstaining and not voting stay in the base. Raises AmbiguousBallots when two different votes
    of a member hold the same place.
    """
    of_member: dict[str, Vote] = {}
    for vote in votes:
        standing = of_member.get(vote.member)
        of_member[vote.member] = vote if standing is None else _prevailing(standing, vote)
    lines = tuple(_line(member, of_member.get(member)) for member in base.members)
    counts = Counter(line.choice for line in lines)
    return Tally(
        approve=counts[Choice.APPROVE],
        disapprove=counts[Choice.DISAPPROVE],
        abstain=counts[Choice.ABSTAIN],
        not_voted=counts[None],
        arithmetic=threshold.compare(counts[Choice.APPROVE], base.size),
        by_member=lines,
        outside_base=tuple(sorted(set(of_member) - set(base.members))),
    )


def _prevailing(one: Vote, other: Vote) -> Vote:
    if one == other:
        return one
    ranks = [(vote.origin is Origin.DEVICE, vote.order) for vote in (one, other)]
    if ranks[0] == ranks[1]:
        raise AmbiguousBallots(f"two votes of {one.member} hold the same place")
    return one if ranks[0] > ranks[1] else other


def _line(member: str, vote: Vote | None) -> MemberVote:
    if vote is None:
        return MemberVote(member, None, None, None)
    return MemberVote(member, vote.choice, vote.origin, vote.ballot_hash)

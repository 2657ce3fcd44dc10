"""Finding a dropped, inserted or forked ballot in what is said to be all of them."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from voting.ballot import Ballot


class Break(StrEnum):
    MISSING = "missing"  # the ballot before this one is not among them
    FORKED = "forked"  # two ballots follow the same one
    ORDER = "order"  # the counter does not rise along the chain


@dataclass(frozen=True, slots=True)
class ChainBreak:
    """`at` is the hash of the ballot at which the member's chain does not hold."""

    member: str
    at: str
    kind: Break


def chain_breaks(ballots: Iterable[Ballot]) -> tuple[ChainBreak, ...]:
    """Every place where a member's chain of one session's ballots fails; order is irrelevant.

    The end of a chain cannot testify to itself: a member's last ballot, if dropped, shows by the
    signed acknowledgement in the device or by the member's next ballot.
    """
    of_member: defaultdict[str, dict[str, Ballot]] = defaultdict(dict)
    for ballot in ballots:
        of_member[ballot.member][ballot.ballot_hash] = ballot
    breaks: list[ChainBreak] = []
    for member in sorted(of_member):
        breaks.extend(_breaks_of(member, of_member[member]))
    return tuple(breaks)


def _breaks_of(member: str, by_hash: dict[str, Ballot]) -> list[ChainBreak]:
    breaks: list[ChainBreak] = []
    followed: set[str | None] = set()
    for at, ballot in sorted(by_hash.items(), key=lambda pair: (pair[1].counter, pair[0])):
        before = by_hash.get(ballot.previous) if ballot.previous is not None else None
        if ballot.previous is not None and before is None:
            breaks.append(ChainBreak(member, at, Break.MISSING))
        if before is not None and before.counter >= ballot.counter:
            breaks.append(ChainBreak(member, at, Break.ORDER))
        if ballot.previous in followed:
            breaks.append(ChainBreak(member, at, Break.FORKED))
        followed.add(ballot.previous)
    return breaks

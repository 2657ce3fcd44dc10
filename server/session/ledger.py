"""What the judgement of a ballot asks of this session's log (`voting.ballot.Ledger`)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from voting.ballot import Ballot


@dataclass(frozen=True, slots=True)
class LogLedger:
    """Never changed in place. `heads[n]` is the hash of event n + 1."""

    heads: tuple[str, ...] = ()
    ballots: Mapping[str, Ballot] = field(default_factory=dict)  # by hash, in order of acceptance
    last: Mapping[str, Ballot] = field(default_factory=dict)  # by member
    counting: Mapping[tuple[str, str], Ballot] = field(default_factory=dict)  # motion, member

    def find(self, ballot_hash: str) -> Ballot | None:
        return self.ballots.get(ballot_hash)

    def last_of(self, member: str) -> Ballot | None:
        return self.last.get(member)

    def counted(self, motion: str, member: str) -> Ballot | None:
        return self.counting.get((motion, member))

    def head_hash(self, seq: int) -> str | None:
        return self.heads[seq - 1] if 1 <= seq <= len(self.heads) else None

    def with_ballot(self, ballot: Ballot) -> "LogLedger":
        """This ledger after a ballot accepted for the first time."""
        return replace(
            self,
            ballots={**self.ballots, ballot.ballot_hash: ballot},
            last={**self.last, ballot.member: ballot},
            counting={**self.counting, (ballot.motion, ballot.member): ballot},
        )

    def with_head(self, head: str) -> "LogLedger":
        return replace(self, heads=(*self.heads, head))

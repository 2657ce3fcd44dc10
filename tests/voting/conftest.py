"""The rules of a fixed day, and a small session in which members sign ballots."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from voting.ballot import Accepted, Ballot, DeviceKey, MemoryLedger, Motion, Refused, SignedBallot
from voting.ballot import accept as accept_ballot
from voting.decision import DecisionKind
from voting.electorate import Base
from voting.rules import RuleSet, rules_at
from voting.signing import PrivateKey
from voting.threshold import Threshold

DAY = date(2026, 11, 22)


@pytest.fixture(scope="session")
def rules() -> RuleSet:
    return rules_at(DAY)


class Room:
    """A session with one open motion and a key for each of four members."""

    now = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)

    def __init__(self, rules: RuleSet) -> None:
        self.members = ("m1", "m2", "m3", "m4")
        self.private = {member: PrivateKey.generate() for member in (*self.members, "stranger")}
        self.keys = {m: DeviceKey(m, key.public) for m, key in self.private.items()}
        self.motion = Motion(
            installation="cell",
            session="session-a",
            motion="motion-1",
            motion_hash="ab" * 32,
            rule_version=rules.version,
            kind=DecisionKind.RESOLUTION,
            threshold=Threshold.MORE_THAN_HALF,
            base=Base(self.members, ()),
            opened_seq=5,
        )
        self.ledger = MemoryLedger()
        for seq in range(1, 8):
            self.ledger = self.ledger.with_head(seq, f"{seq:02x}" * 32)

    def ballot(self, member: str, choice: str = "approve", **changes: Any) -> Ballot:
        """The ballot an honest device of that member would sign now, with changes."""
        last = self.ledger.last_of(member)
        honest = Ballot(
            installation=self.motion.installation,
            session=self.motion.session,
            motion=self.motion.motion,
            motion_hash=self.motion.motion_hash,
            rule_version=self.motion.rule_version,
            choice=choice,
            member=member,
            device=self.private[member].key_id,
            counter=1 if last is None else last.counter + 1,
            previous=None if last is None else last.ballot_hash,
            seen_seq=6,
            seen_head="06" * 32,
        )
        return replace(honest, **changes)

    def sign(self, ballot: Ballot, signer: str | None = None) -> SignedBallot:
        key = self.private[signer or ballot.member]
        return SignedBallot(ballot, key.sign(ballot.to_statement()))

    def send(self, ballot: Ballot, **given: Any) -> Accepted | Refused:
        """Sign and submit; an accepted ballot enters the ledger as the server would have it."""
        signed = given.pop("signed", None) or self.sign(ballot)
        motion = given.pop("motion", self.motion)
        key = given.pop("key", self.keys.get(ballot.member))
        verdict = accept_ballot(signed, self.ledger, motion, key, given.pop("now", self.now))
        if isinstance(verdict, Accepted) and not verdict.repeated:
            self.ledger = self.ledger.with_ballot(ballot)
        return verdict


@pytest.fixture
def room(rules: RuleSet) -> Room:
    return Room(rules)

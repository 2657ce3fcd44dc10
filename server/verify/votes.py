"""The verifier's own recount: bases, every ballot's signature and place, tallies."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from server.verify.chain import Line
from server.verify.people import Roll
from voting.ballot import Accepted, Ballot, Choice, DeviceKey, Motion, SignedBallot, accept
from voting.chain import chain_breaks
from voting.decision import DecisionKind, decision_rule, motion_bars
from voting.electorate import Base, quorum, voting_base
from voting.errors import VotingError
from voting.ruleset import RuleSet
from voting.tally import Origin, Tally, Vote, device_vote, tally


@dataclass(slots=True)
class Put:
    """A motion as the lines read so far leave it."""

    text_hash: str
    decision: str
    opened: Motion | None = None
    open: bool = False
    hands: dict[str, Vote] = field(default_factory=dict)
    result: str = ""


@dataclass(slots=True)
class Ledger:
    """What `voting.ballot.accept` asks; filled line by line."""

    heads: list[str]
    known: dict[str, Ballot] = field(default_factory=dict)
    last: dict[str, Ballot] = field(default_factory=dict)
    counting: dict[tuple[str, str], Ballot] = field(default_factory=dict)

    def find(self, ballot_hash: str) -> Ballot | None:
        return self.known.get(ballot_hash)

    def last_of(self, member: str) -> Ballot | None:
        return self.last.get(member)

    def counted(self, motion: str, member: str) -> Ballot | None:
        return self.counting.get((motion, member))

    def head_hash(self, seq: int) -> str | None:
        return self.heads[seq - 1] if 1 <= seq <= len(self.heads) else None


class Count:
    """Follows every line that is about votes. Faults are sentences."""

    def __init__(self, rules: RuleSet, roll: Roll, session: str, heads: list[str]) -> None:
        self.rules = rules
        self.roll = roll
        self.session = session
        self.ledger = Ledger(heads)
        self.motions: dict[str, Put] = {}
        self.faults: list[str] = []
        self.ballots = 0
        self.announced = 0

    def read(self, line: Line) -> None:
        data = line.data or {}
        match line.type:
            case "motion-proposed":
                self._proposed(line, data)
            case "vote-opened":
                self._opened(line, data)
            case "ballot-cast":
                self._cast(line, data)
            case "hand-entered":
                self._hand(line, data)
            case "vote-closed" | "vote-voided":
                self.motions[data["motion"]].open = False
            case "vote-announced":
                self._announced(line, data)
            case _:
                pass

    def end(self) -> None:
        """Once all is read: does every member's chain of ballots hold?"""
        for found in chain_breaks(self.ledger.known.values()):
            name = self.roll.people[found.member].name
            self.faults.append(f"Chuỗi phiếu của đồng chí {name} bị đứt tại phiếu {found.at[:16]}.")

    def _proposed(self, line: Line, data: Mapping[str, Any]) -> None:
        if hashlib.sha256(data["text"].encode()).hexdigest() != data["hash"]:
            self.faults.append(f"Nội dung biểu quyết ở dòng {line.seq} không khớp với dấu của nó.")
        self.motions[data["motion"]] = Put(data["hash"], data["decision"])

    def _opened(self, line: Line, data: Mapping[str, Any]) -> None:
        put = self.motions[data["motion"]]
        kind = DecisionKind(put.decision)
        rule = decision_rule(kind, self.rules)
        standings = [person.standing for person in self.roll.people.values()]
        here = self.roll.present
        base = voting_base(standings, here, self.rules, rule.base, self.roll.excused)
        told = Base(tuple(data["base"]), ())
        if told.members != base.members:
            self.faults.append(f"Số được biểu quyết ghi ở dòng {line.seq} khác với tính lại từ sổ.")
        needed = rule.threshold.needed(base.size)
        if (data["needed"], data["threshold"]) != (needed, rule.threshold.value):
            self.faults.append(f"Mức cần đạt ghi ở dòng {line.seq} khác với quy định.")
        if not quorum(base, here, self.rules).can_pass(rule.threshold):
            self.faults.append(f"Biểu quyết ở dòng {line.seq} mở khi chưa đủ người.")
        if motion_bars(kind, (), self.rules):
            self.faults.append(f"Nội dung ở dòng {line.seq} không được biểu quyết trực tuyến.")
        put.opened = Motion(
            self.roll.installation,
            self.session,
            data["motion"],
            put.text_hash,
            data["rule_version"],
            kind,
            rule.threshold,
            told,
            line.seq,
        )
        put.open = True

    def _cast(self, line: Line, data: Mapping[str, Any]) -> None:
        try:
            ballot = Ballot.from_statement(data["ballot"])
        except VotingError:
            self.faults.append(f"Phiếu ở dòng {line.seq} không đúng mẫu.")
            return
        put = self.motions.get(ballot.motion)
        person = self.roll.people.get(ballot.member)
        if put is None or put.opened is None or not put.open or person is None:
            self.faults.append(f"Phiếu ở dòng {line.seq} nằm ngoài lúc biểu quyết.")
            return
        if line.actor != ballot.member or ballot.ballot_hash != data["hash"]:
            self.faults.append(f"Phiếu ở dòng {line.seq} không khớp với dấu của nó.")
            return
        if ballot.device in person.revoked:
            revoked = person.revoked[ballot.device]
            self.faults.append(
                f"Phiếu ở dòng {line.seq} ký bằng khóa máy đã thu hồi ở dòng {revoked}."
            )
            return
        key = person.keys.get(ballot.device)
        verdict = accept(
            SignedBallot(ballot, data["signature"]),
            self.ledger,
            put.opened,
            DeviceKey(ballot.member, key) if key else None,
            line.time,
        )
        if not isinstance(verdict, Accepted) or verdict.repeated:
            why = "lặp lại" if isinstance(verdict, Accepted) else verdict.code.text_vi
            self.faults.append(f"Phiếu ở dòng {line.seq}: {why}")
            return
        self.ballots += 1
        self.ledger.known[ballot.ballot_hash] = ballot
        self.ledger.last[ballot.member] = ballot
        self.ledger.counting[ballot.motion, ballot.member] = ballot

    def _hand(self, line: Line, data: Mapping[str, Any]) -> None:
        put = self.motions.get(data["motion"])
        person = self.roll.people.get(data["person"])
        if put is None or not put.open or person is None or not (person.here and person.in_room):
            self.faults.append(f"Giơ tay ghi ở dòng {line.seq} không hợp lệ.")
            return
        vote = Vote(data["person"], Choice(data["choice"]), Origin.HAND, line.seq)
        put.hands[data["person"]] = vote

    def _announced(self, line: Line, data: Mapping[str, Any]) -> None:
        motion = data["motion"]
        put = self.motions.get(motion)
        if put is None or put.opened is None or put.open:
            self.faults.append(f"Kết quả ở dòng {line.seq} công bố khi biểu quyết chưa đóng.")
            return
        count = self._tally(motion, put, put.opened)
        told = {
            "motion": motion,
            "approve": count.approve,
            "disapprove": count.disapprove,
            "abstain": count.abstain,
            "not_voted": count.not_voted,
            "base": count.base,
            "needed": count.needed,
            "passed": count.passed,
            "sentence": count.sentence_vi,
        }
        if told != data:
            self.faults.append(
                f"Kết quả công bố ở dòng {line.seq} là “{data.get('sentence')}”, "
                f"kiểm lại từng phiếu là “{count.sentence_vi}”."
            )
        put.result = count.sentence_vi
        self.announced += 1

    def _tally(self, motion: str, put: Put, opened: Motion) -> Tally:
        cast = [
            device_vote(ballot) for (of, _), ballot in self.ledger.counting.items() if of == motion
        ]
        return tally(opened.base, [*cast, *put.hands.values()], opened.threshold)

"""A meeting in virtual time for tests: people, devices and a recorder that one can command.

m = meeting(official=5)
m.gather().open().roll_call().to_items()
m.vote(approve=3)
"""

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from server.session import decide_system as system
from server.session import events as e
from server.session import models
from server.session.chain import GENESIS, Entry, entry
from server.session.decide import decide
from server.session.fold import apply, begin
from server.session.law import Case, Facts, RecorderFacts, TrackFact
from server.session.models import Head, SessionView
from server.session.recording import statement_events
from server.session.refusal import Refused
from server.session.state import State
from server.session.surroundings import Surroundings, Viewer
from server.session.times import to_text
from server.session.view import view_of
from server.session.view_parts import Parts
from voting.rules import rules_at
from voting.signing import PrivateKey, to_base64url

START = datetime(2026, 12, 3, 12, 30, tzinfo=UTC)  # 19:30 in Vietnam
BODIES: dict[str, type[models.Command]] = {
    "name-secretary": models.NameSecretary,
    "check-in": models.CheckIn,
    "check-in-by-code": models.CheckInByCode,
    "mark-in-room": models.PersonCommand,
    "mark-absent": models.MarkAbsent,
    "vouch": models.PersonCommand,
    "revoke-device": models.RevokeDevice,
    "correct-report": models.CorrectReport,
    "start-item": models.ItemCommand,
    "finish-item": models.FinishItem,
    "postpone-item": models.PostponeItem,
    "give-floor": models.PersonCommand,
    "mute": models.MutePerson,
    "remove": models.RemovePerson,
    "note": models.AddNote,
    "reserve-opinion": models.Say,
    "propose-motion": models.ProposeMotion,
    "open-vote": models.OpenVote,
    "extend-vote": models.ExtendVote,
    "cast-ballot": models.CastBallot,
    "enter-hand": models.EnterHand,
    "close-vote": models.CloseVote,
    "object": models.Objection,
    "announce": models.MotionCommand,
    "void-vote": models.VoidVote,
    "repeat-vote": models.OpenVote,
    "allow-chat": models.AllowChat,
    "say": models.Say,
    "conclude": models.Conclude,
    "agree-minutes": models.AgreeMinutes,
    "adjourn": models.Adjourn,
    "abandon": models.Reason,
    "hand-chair": models.PersonCommand,
}
AGENDA = (
    e.AgendaLine(id="i1", number=1, kind="report", title="Kết quả tháng 11", minutes=20),
    e.AgendaLine(
        id="i2",
        number=2,
        kind="vote",
        title="Nghị quyết tháng 12",
        minutes=20,
        motion="Thông qua Nghị quyết tháng 12",
        decision="resolution",
    ),
    e.AgendaLine(
        id="i3",
        number=3,
        kind="vote",
        title="Đề nghị kết nạp",
        minutes=20,
        motion="Đề nghị kết nạp quần chúng A",
        decision="admit_member",
    ),
)


def convened(
    official: int = 5,
    probationary: int = 1,
    exempt: int = 0,
    mode: str = "hybrid",
    items: tuple[e.AgendaLine, ...] = AGENDA,
    seal: PrivateKey | None = None,
) -> e.Convened:
    """A convening of fictional members p01 (secretary of the cell), p02 (deputy), p03, ..."""
    count = official + probationary + exempt
    people = [
        e.RosterLine(
            id=f"p{n:02}",
            member_id=f"member{n}",
            name=f"Đảng viên {n:02}",
            title={1: "Bí thư", 2: "Phó Bí thư"}.get(n, ""),
            honour="",
            official=n <= official or n > official + probationary,
            exempt=n > official + probationary,
        )
        for n in range(1, count + 1)
    ]
    rules = rules_at(START.date())
    key = seal or PrivateKey.generate()
    made: dict[str, Any] = {"mode": mode}
    return e.Convened(
        installation="installation1",
        seal_key=key.key_id,
        seal_spki=to_base64url(key.public.spki),
        cell_id="cell1",
        cell_name="Chi bộ bản Thử",
        committee="Đảng ủy xã Thử",
        title="Sinh hoạt thường kỳ tháng 12",
        starts_at=to_text(START),
        place="Trực tuyến",
        **made,
        chair="p01",
        deputy="p02",
        roster=tuple(people),
        items=items,
        documents=(),
        authorisation=e.Authorisation(
            issuer="Đảng ủy xã Thử", number="12-CV/ĐU", date="2026-01-05", valid_until="2026-12-31"
        ),
        eligibility=e.EligibilitySum(
            members=count,
            denominator=count,
            cannot_meet=count,
            needed=count // 2 + 1,
            eligible=True,
            sentence="đủ điều kiện",
        ),
        rule_version=rules.version,
        rules=rules.to_data(),
        web_bundle="0" * 64,
    )


class Meeting:
    """A session in memory; `entries` is its log. Every act takes one second of virtual time."""

    def __init__(self, first: e.Convened) -> None:
        self.now = START - timedelta(minutes=10)
        self.entries: list[Entry] = []
        self.keys: dict[str, PrivateKey] = {}
        self.counters: dict[str, int] = {}
        self.recording: RecorderFacts | None = None
        self.recorder_on = True
        self.factor_at: datetime | None = None
        self.code_good = False
        self.switched_on: frozenset[tuple[str, str]] = frozenset()
        self.state = self._first(first)
        self._commands = 0

    # ---- the log

    def _first(self, first: e.Convened) -> State:
        line = self._entry(first, "p01", None, 1, GENESIS)
        return begin("s1", line.logged())

    def _entry(self, event: e.Event, actor: str, command: str | None, seq: int, prev: str) -> Entry:
        salt = hashlib.sha256(f"salt {seq}".encode()).digest()
        line = entry("s1", seq, prev, to_text(self.now), actor, event, command, salt)
        self.entries.append(line)
        return line

    def append(self, events: Iterable[e.Event], actor: str, command: str | None = None) -> None:
        for event in events:
            line = self._entry(event, actor, command, self.state.seq + 1, self.state.head)
            self.state = apply(self.state, line.logged())

    # ---- commanding

    def give(self, actor: str, command: str, **body: Any) -> "Meeting":
        """One command a second later. Raises Refused."""
        self.wait(1)
        self._commands += 1
        given = BODIES.get(command, models.Command).model_validate(
            {"command_id": f"command-{self._commands}", **body}
        )
        events = decide(command, Case(self.state, given, actor, self.now, self.facts()))
        self.append(events, actor, given.command_id)
        return self

    def refused(self, actor: str, command: str, **body: Any) -> Refused:
        """The refusal of a command that must be refused, and change nothing."""
        seq = self.state.seq
        with pytest.raises(Refused) as caught:
            self.give(actor, command, **body)
        assert self.state.seq == seq
        assert caught.value.reason.endswith(".")
        return caught.value

    def facts(self) -> Facts:
        factor = self.factor_at or self.now
        return Facts(factor, self.code_good, self.recording, self.switched_on)

    def wait(self, seconds: float) -> "Meeting":
        self.now += timedelta(seconds=seconds)
        if self.recorder_on:
            self.hear_recorder()
        return self

    def hear_recorder(self, state: str = "recording", *tracks: TrackFact) -> "Meeting":
        """The recorder's statement of this moment."""
        shown = tracks or (TrackFact(self.state_chair(), "microphone", False, True),)
        self.recording = RecorderFacts(self.now, state, shown, 10**10)
        return self

    def state_chair(self) -> str:
        return self.state.chair if hasattr(self, "state") else "p01"

    def recorder_stops(self) -> "Meeting":
        self.recorder_on = False
        return self.wait(30).tick()

    def recorder_returns(self) -> "Meeting":
        self.recorder_on = True
        self.wait(1)
        return self._statement("")

    def recorder_on_off(self, state: str, problem: str) -> "Meeting":
        """The recorder says that it is not recording, and why."""
        self.recorder_on = False
        self.wait(1).hear_recorder(state)
        return self._statement(problem)

    def _statement(self, problem: str) -> "Meeting":
        assert self.recording
        point = e.Checkpointed(
            hash="0" * 64,
            key_id="key",
            manifest_seq=1,
            manifest_head="0" * 64,
            nonce="",
            tracks=1,
            segments=1,
            bytes=1,
        )
        said = statement_events(self.state, self.recording, problem, point, [])
        self.append(said, e.RECORDER)
        return self

    def tick(self) -> "Meeting":
        """What the application notices by itself."""
        self.append(
            system.silence(self.state, self.recording and self.recording.at, self.now), e.SYSTEM
        )
        return self

    # ---- people

    def alive(self, *people: str) -> "Meeting":
        """Exactly these have a live socket."""
        self.wait(1)
        self.append(system.presence(self.state, frozenset(people), self.now), e.SYSTEM)
        return self

    def connect(self, *people: str) -> "Meeting":
        return self.alive(*self.connected(), *people)

    def drop(self, *people: str) -> "Meeting":
        return self.alive(*(p for p in self.connected() if p not in people))

    def connected(self) -> list[str]:
        return [p for p, member in self.state.members.items() if member.connected]

    def certify(self, person: str) -> "Meeting":
        key = PrivateKey.generate()
        self.keys[person] = key
        spki = to_base64url(key.public.spki)
        event = e.DeviceCertified(person, key.key_id, spki, "", "factor", to_text(self.now))
        self.append([event], person)
        return self

    def check_in(self, person: str, **change: Any) -> "Meeting":
        if person not in self.keys:
            self.certify(person)
        counter = self.counters[person] = self.counters.get(person, 0) + 1
        key = self.keys[person]
        statement = {
            "purpose": "check-in",
            "installation": "installation1",
            "session": "s1",
            "member": person,
            "device": key.key_id,
            "counter": counter,
            "seen_seq": self.state.seq,
            "seen_head": self.state.head,
            **change,
        }
        return self.give(person, "check-in", statement=statement, signature=key.sign(statement))

    def ballot(self, person: str, choice: str, on: str = "m1", **change: Any) -> dict[str, Any]:
        """A signed ballot as the member's device would make it now."""
        last = self.state.ledger.last_of(person)
        put = self.state.motions[on]
        statement = {
            "purpose": "ballot",
            "installation": "installation1",
            "session": "s1",
            "motion": on,
            "motion_hash": put.hash,
            "rule_version": put.rule.rule_version,
            "choice": choice,
            "member": person,
            "device": self.keys[person].key_id,
            "counter": last.counter + 1 if last else 1,
            "previous": last.ballot_hash if last else None,
            "seen_seq": self.state.seq,
            "seen_head": self.state.head,
            **change,
        }
        return {"ballot": statement, "signature": self.keys[person].sign(statement)}

    def cast(self, person: str, choice: str, on: str = "m1") -> "Meeting":
        return self.give(person, "cast-ballot", **self.ballot(person, choice, on))

    # ---- the usual way

    def gather(self, *people: str) -> "Meeting":
        """Everybody, or only these, and the chair in the waiting room."""
        return self.alive(*(people or self.state.members), "p01")

    def open(self) -> "Meeting":
        self.give("p01", "open")
        return self.give("p01", "name-secretary", person="p03")

    def roll_call(self, *people: str) -> "Meeting":
        """All who are connected check in, or only these; the rest are marked absent."""
        self.give("p01", "start-roll-call")
        for person in people or self.connected():
            self.check_in(person)
        return self.give("p01", "finish-roll-call")

    def to_items(self) -> "Meeting":
        return self.give("p01", "approve-agenda")

    def item(self, item: str) -> "Meeting":
        return self.give("p01", "start-item", item=item)

    def to_vote(self) -> "Meeting":
        """Item 2, with its motion m1 proposed."""
        self.item("i1").give("p01", "finish-item", item="i1")
        return self.item("i2")

    def open_vote(self, motion: str = "m1") -> "Meeting":
        return self.give("p01", "open-vote", motion=motion)

    def voted(self, **choices: str) -> "Meeting":
        """m1 opened, cast as told (p01="approve"), closed and announced."""
        self.open_vote()
        for person, choice in choices.items():
            self.cast(person, choice)
        self.give("p01", "close-vote", motion="m1", despite_disconnected=True)
        return self.give("p01", "announce", motion="m1")

    def to_close(self) -> "Meeting":
        """From item 2 decided to the close."""
        self.give("p01", "finish-item", item="i2", conclusion="Đã thông qua.")
        self.give("p01", "postpone-item", item="i3", reason="Thiếu hồ sơ")
        self.give("p01", "conclude", text="Tập trung thực hiện nghị quyết.")
        self.give("p01", "read-minutes")
        self.give("p01", "agree-minutes", minutes_hash=self.state.minutes_hash)
        return self.give("p01", "close")

    def view(self, person: str, around: Surroundings | None = None) -> SessionView:
        return view_of(self.parts(around), Viewer(person, "in1", self.now))

    def parts(self, around: Surroundings | None = None) -> Parts:
        head = Head(
            seq=self.state.seq,
            hash=self.state.head,
            time=self.state.time,
            key_id="key",
            signature=to_base64url(hashlib.sha512(self.state.head.encode()).digest()),
        )
        around = replace(around or Surroundings(), recorder=self.recording)
        return Parts(self.state, around, self.now, head)


def meeting(**settings: Any) -> Meeting:
    return Meeting(convened(**settings))


def at_vote(**settings: Any) -> Meeting:
    """Everybody here, item 2 current, its motion m1 proposed."""
    return meeting(**settings).gather().open().roll_call().to_items().to_vote()

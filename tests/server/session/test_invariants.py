"""Random commands by random people at random moments never break what must always hold."""

import contextlib
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from server.session.attendance import base_now, quorum_now, tally_of
from server.session.chain import GENESIS
from server.session.decide import LAWS, allowed
from server.session.fold import fold
from server.session.law import Case
from server.session.refusal import Refused
from server.session.stages import ENDED, MOVES
from server.session.state import MotionStage
from server.session.view import view_of
from tests.server.session.meeting import Meeting, meeting
from tests.server.session.reader import Reader, Showing, still
from voting.signing import statement_hash

PEOPLE = st.sampled_from([f"p{n:02}" for n in range(1, 6)])
ITEMS = st.sampled_from(["i1", "i2", "i3"])
MOTIONS = st.sampled_from(["m1", "m2", "m3"])
CHOICES = st.sampled_from(["approve", "disapprove", "abstain"])
FURTHER = {
    "person": PEOPLE,
    "item": ITEMS,
    "motion": MOTIONS,
    "choice": CHOICES,
    "reason": st.just("Có lý do"),
    "text": st.just("Nội dung"),
    "with_reason": st.booleans(),
    "despite_disconnected": st.booleans(),
    "source": st.just("microphone"),
    "allowed": st.booleans(),
}
BODIES: dict[str, tuple[str, ...]] = {
    "name-secretary": ("person",),
    "mark-in-room": ("person",),
    "mark-absent": ("person", "with_reason", "reason"),
    "vouch": ("person",),
    "start-item": ("item",),
    "finish-item": ("item",),
    "postpone-item": ("item", "reason"),
    "give-floor": ("person",),
    "mute": ("person", "source"),
    "remove": ("person", "reason"),
    "note": ("text", "person", "item"),
    "reserve-opinion": ("text",),
    "propose-motion": ("item", "text"),
    "open-vote": ("motion",),
    "extend-vote": ("motion",),
    "enter-hand": ("motion", "person", "choice"),
    "close-vote": ("motion", "despite_disconnected"),
    "object": ("motion", "text"),
    "announce": ("motion",),
    "void-vote": ("motion", "reason"),
    "repeat-vote": ("motion",),
    "allow-chat": ("allowed",),
    "say": ("text",),
    "conclude": ("text",),
    "hand-chair": ("person",),
}
NOT_BY_CHANCE = {
    "revoke-device",
    "correct-report",
    "check-in",
    "check-in-by-code",
    "cast-ballot",
    "adjourn",
    "abandon",
    "close",
}
PLAIN = sorted(set(LAWS) - NOT_BY_CHANCE - {"agree-minutes"})


class Sessions(RuleBasedStateMachine):
    m: Meeting

    @initialize(far=st.sampled_from(["waiting", "items", "vote"]))
    def begin(self, far: str) -> None:
        self.m = meeting(official=4, probationary=1).gather()
        if far != "waiting":
            self.m.open().roll_call().to_items()
        if far == "vote":
            self.m.to_vote().open_vote()
        self.showing = Showing(self.m)
        self.readers = [Reader(f"p{n:02}") for n in range(1, 6)]

    @rule(data=st.data(), command=st.sampled_from(PLAIN), actor=PEOPLE)
    def any_command(self, data: st.DataObject, command: str, actor: str) -> None:
        self.given(data, command, actor)

    @rule(data=st.data(), presides=st.booleans(), person=PEOPLE)
    def lawful_command(self, data: st.DataObject, presides: bool, person: str) -> None:
        actor = self.m.state.chair if presides else person
        may = sorted(set(self.m.view(actor).may) & set(PLAIN))
        if may:
            self.given(data, data.draw(st.sampled_from(may)), actor)

    def given(self, data: st.DataObject, command: str, actor: str) -> None:
        body: dict[str, Any] = {name: data.draw(FURTHER[name]) for name in BODIES.get(command, ())}
        self.attempt(actor, command, **body)

    @rule(data=st.data())
    def next_step(self, data: st.DataObject) -> None:
        """The chair presses the button that the screen shows."""
        chair = self.m.state.chair
        step = self.m.view(chair).next
        if step.act is None or step.blocked is not None:
            return
        missing = {"name_secretary": {"person": "p03"}, "conclude": {"text": "Xong"}}
        body = {**step.act.body, **missing.get(step.act.code, {})}
        self.attempt(chair, step.act.command, **body)

    @rule(person=PEOPLE)
    def check_in(self, person: str) -> None:
        with contextlib.suppress(Refused):
            self.m.check_in(person)

    @rule(person=PEOPLE, choice=CHOICES)
    def vote(self, person: str, choice: str) -> None:
        motion = self.m.state.pending
        if motion is None or person not in self.m.keys:
            return
        self.attempt(person, "cast-ballot", **self.m.ballot(person, choice, motion.id))

    @rule(people=st.sets(PEOPLE))
    def connections(self, people: set[str]) -> None:
        self.m.alive(*people)

    @rule(on=st.booleans())
    def recorder(self, on: bool) -> None:
        if on:
            self.m.recorder_returns()
        else:
            self.m.recorder_stops()

    @rule()
    def agree(self) -> None:
        self.attempt(self.m.state.chair, "agree-minutes", minutes_hash=self.m.state.minutes_hash)

    def attempt(self, actor: str, command: str, **body: Any) -> None:
        before, refusal = self.m.state, None
        try:
            self.m.give(actor, command, **body)
        except Refused as refused:
            refusal = refused
        stage = self.m.state.stage
        assert stage is before.stage or stage in _reachable(before.stage)
        assert refusal is None or (refusal.reason and self.m.state is before)

    @invariant()
    def four_counts_make_the_base(self) -> None:
        for motion in self.m.state.motions.values():
            if motion.base is None:
                continue
            count = tally_of(motion)
            total = count.approve + count.disapprove + count.abstain + count.not_voted
            assert total == count.base == motion.base.size
            assert "p05" not in motion.base  # the probationary member
            assert count.outside_base == ()

    @invariant()
    def at_most_one_vote_is_under_way(self) -> None:
        pending = [m for m in self.m.state.motions.values() if m.pending]
        assert len(pending) <= 1

    @invariant()
    def present_are_no_more_than_the_base(self) -> None:
        count = quorum_now(self.m.state)
        assert 0 <= count.present <= count.base == base_now(self.m.state).size == 4

    @invariant()
    def a_floor_is_held_by_somebody_here(self) -> None:
        floor = self.m.state.floor
        assert floor is None or self.m.state.members[floor.person].checked_in

    @invariant()
    def announced_results_never_change(self) -> None:
        for motion in self.m.state.motions.values():
            if motion.stage is MotionStage.ANNOUNCED:
                assert motion.result == tally_of(motion)

    @invariant()
    def everybody_has_a_view_and_may_only_what_is_lawful(self) -> None:
        state = self.m.state
        for person in state.members:
            view = self.m.view(person)
            assert view.may == allowed(Case(state, None, person, self.m.now, self.m.facts()))
            assert state.stage not in ENDED or view.may == []

    @rule(lost=st.sets(PEOPLE))
    def lines_break(self, lost: set[str]) -> None:
        for reader in self.readers:
            if reader.viewer.person in lost:
                reader.reconnect()

    @rule(slow=st.sets(PEOPLE))
    def screens_follow(self, slow: set[str]) -> None:
        """Every device that is not behind has exactly the server's view of it."""
        edition = self.showing.edition()
        for reader in self.readers:
            if reader.viewer.person not in slow:
                reader.follow(edition, self.m)
                plain = view_of(self.m.parts(), reader.viewer).model_dump(
                    mode="json", by_alias=True
                )
                assert still(reader.view) == still(plain)

    def teardown(self) -> None:
        if not hasattr(self, "m"):
            return
        self.screens_follow(set())
        for reader in self.readers:
            assert [h["hash"] for h in reader.headers] == [x.hash for x in self.m.entries]
        entries = self.m.entries
        assert [x.prev for x in entries] == [GENESIS, *(x.hash for x in entries[:-1])]
        assert all(statement_hash(x.header()) == x.hash for x in entries)
        again = fold("s1", (x.logged() for x in entries))
        assert again == self.m.state


def _reachable(stage: Any) -> frozenset[Any]:
    """One command may make two moves at most."""
    once = MOVES[stage]
    return once | frozenset(further for way in once for further in MOVES[way])


Sessions.TestCase.settings = settings(
    max_examples=25,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestSessions = Sessions.TestCase

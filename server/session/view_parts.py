"""What all viewers of a session see alike: built once for each version of the view."""

from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Any

from server.convening.models import AgendaItem
from server.session import models as m
from server.session import recording
from server.session.attendance import quorum_now
from server.session.decide_closing import chair_away_since
from server.session.decide_report import returned
from server.session.events import to_data
from server.session.evidence_models import CorrectionShown, Review, Witnessed
from server.session.stages import ENDED, GATHERING, Stage
from server.session.state import ItemStage, Member, Motion, State
from server.session.surroundings import PersonLive, Surroundings
from server.session.times import from_text
from server.session.view_motions import Sight, motion_seen
from server.texts import say
from voting.electorate import may_vote

_NOT_LIVE = PersonLive(0, "none", False, False)
_CHAT_SHOWN = 200
_HEARD_LATELY = timedelta(seconds=15)
_DISK_STEP = 100 * 1024 * 1024  # rounded down to this, or every checkpoint would change the view


class Parts:
    """The parts of the views of one state and its surroundings, each made when first asked for."""

    def __init__(self, state: State, around: Surroundings, now: datetime, head: m.Head) -> None:
        self.state, self.around, self.now, self.head = state, around, now, head
        self._motions: dict[tuple[str, Sight], m.Motion] = {}

    @cached_property
    def alike(self) -> dict[str, Any]:
        """The fields of a view that do not depend on the viewer."""
        state, around, told = self.state, self.around, self.state.convened
        return {
            "id": state.session,
            "cell_name": told.cell_name,
            "committee": told.committee,
            "title": told.title,
            "mode": told.mode,
            "stage": word(state.stage),
            "starts_at": state.starts_at,
            "opened_at": state.opened_at,
            "closed_at": state.ended_at,
            "now": self.now,
            "chair": state.chair,
            "secretary": state.secretary,
            "chair_away_since": chair_away_since(state) if state.stage not in ENDED else None,
            "people": [_person(state, member, around) for member in state.members.values()],
            "quorum": _quorum(state),
            "items": _items(state),
            "current_item": state.current,
            "floor": _floor(state),
            "queue": list(state.queue),
            "spoke_on_item": len({t.person for t in state.turns if t.item == state.current}),
            "contributions": _contributions(state),
            "recorder": _recorder(state, around, self.now),
            "chat_allowed": state.chat_allowed,
            "chat": _chat(state),
            "minutes_agreed": state.minutes_agreed,
            "delivery": _delivery(state, around),
            "head": self.head,
            "witnessed_seq": state.witnessed_seq,
            "witnessed": _witnessed(state),
            "upper_committee_connected": around.upper_connected,
            "media_down": around.media_down,
            "trouble": say(f"refused.{around.trouble}") if around.trouble else "",
        }

    def motion(self, motion: Motion, sight: Sight) -> m.Motion:
        """The motion as all see it who may see as much."""
        key = (motion.id, sight)
        if key not in self._motions:
            self._motions[key] = motion_seen(self.state, motion, sight)
        return self._motions[key]


def word(value: StrEnum) -> Any:
    """For a field of fixed words, which pydantic checks."""
    return value.value


def _person(state: State, member: Member, around: Surroundings) -> m.Person:
    line = member.line
    live = around.people.get(line.id, _NOT_LIVE) if member.connected else _NOT_LIVE
    return m.Person(
        id=line.id,
        name=line.name,
        title="Thư ký" if line.id == state.secretary and not line.title else line.title,
        honour=line.honour,
        official=line.official,
        votes=may_vote(member.standing, state.rules),
        attendance=word(member.attendance),
        place=word(member.place) if member.place else None,
        connected=member.connected,
        devices=live.devices,
        since=member.since,
        checked_in=member.checked_in,
        vouched_by=list(member.vouched_by),
        reason=member.reason,
        line=live.line,
        key_id=member.certificates[-1].key_id if member.certificates else None,
        microphone=live.microphone,
        camera=live.camera,
        asked_floor_at=member.asked_at,
    )


def _quorum(state: State) -> m.Quorum:
    count = quorum_now(state)
    return m.Quorum(
        present=count.present,
        base=count.base,
        needed_half=count.needed_half,
        needed_two_thirds=count.needed_two_thirds,
        half_met=count.half_met,
        two_thirds_met=count.two_thirds_met,
        attendance_floor=count.floor_needed,
        floor_met=count.floor_met,
    )


def _items(state: State) -> list[m.ItemState]:
    """Nothing here moves with the clock: `expected_at` follows from what has begun and the planned
    minutes, and the reader counts the seconds of an item that is not ended from `started_at`."""
    shown = []
    expected = state.opened_at or state.starts_at
    for item in state.items.values():
        line = item.line
        begun = item.started_at
        at = begun or expected
        until = item.ended_at or state.ended_at
        if item.stage is not ItemStage.POSTPONED:
            expected = item.ended_at or at + timedelta(minutes=line.minutes)
        agenda = AgendaItem(
            id=line.id,
            number=line.number,
            kind=line.kind,
            title=line.title,
            minutes=line.minutes,
            motion=line.motion,
            decision=line.decision,
        )
        shown.append(
            m.ItemState(
                item=agenda,
                state=word(item.stage),
                started_at=begun,
                seconds=int((until - begun).total_seconds()) if begun and until else 0,
                expected_at=at,
                conclusion=item.conclusion,
                postponed_why=item.postponed_why,
            )
        )
    return shown


def _floor(state: State) -> m.Speaking | None:
    if state.floor is None:
        return None
    return m.Speaking(
        person=state.floor.person,
        since=state.floor.began_at,
        limit_seconds=state.convened.floor_seconds,
    )


def _recorder(state: State, around: Surroundings, now: datetime) -> m.RecorderState:
    said = around.recorder
    kept = state.recorder
    stage = word(kept.stage)
    if state.stage in GATHERING and said is not None and now - said.at < _HEARD_LATELY:
        stage = said.state  # before the opening nothing of it is in the log yet
    return m.RecorderState(
        state=stage,
        since=kept.since,
        reason=recording.reason_text(kept.reason),
        gaps=[
            m.Gap(**{"from": g.start}, to=g.end, reason=recording.reason_text(g.reason))
            for g in kept.gaps
        ],
        tracks=len(said.tracks) if said else 0,
        disk_free=said.disk_free // _DISK_STEP * _DISK_STEP if said else 0,
    )


def _delivery(state: State, around: Surroundings) -> m.Delivery:
    facts = around.delivery
    receipt = None
    if state.report_received is not None:
        committee, number, received_at, digest, key_id = state.report_received
        receipt = m.Receipt(
            committee=committee,
            number=number,
            received_at=from_text(received_at),
            sha256=digest,
            key_id=key_id,
        )
    closed = state.stage is Stage.CLOSED
    due = None
    if closed and state.ended_at is not None:
        due = state.ended_at + timedelta(days=state.rules.number("report.deadline_days"))
    stages: list[tuple[bool, m.DeliveryStage]] = [
        (not closed, "none"),
        (receipt is not None, "acknowledged"),
        (not state.report_sealed, "drafting"),
        (facts.attempts > 0, "sending"),
    ]
    return m.Delivery(
        state=next((name for holds, name in stages if holds), "sealed"),
        attempts=facts.attempts,
        next_try_at=facts.next_try_at,
        error=facts.error,
        receipt=receipt,
        documents=list(facts.documents),
        minutes_due_at=due,
        review=_review(state),
        numbers=dict(state.numbers),
        corrections=[
            CorrectionShown(
                version=c.version, reason=c.reason, text=c.text, by=state.name(c.person), at=c.at
            )
            for c in state.corrections
        ],
    )


def _review(state: State) -> Review | None:
    found = state.review
    if found is None:
        return None
    return Review(
        state=found.state,
        note=found.note,
        at=from_text(found.reviewed_at),
        asks=returned(state) is not None,
    )


def _contributions(state: State) -> list[m.Contribution]:
    return [
        m.Contribution(person=t.person, item_id=t.item, began_at=t.began_at, ended_at=t.ended_at)
        for t in state.turns
    ]


def _chat(state: State) -> list[m.Message]:
    return [m.Message(person=c.person, text=c.text, at=c.at) for c in state.chat[-_CHAT_SHOWN:]]


def _witnessed(state: State) -> Witnessed | None:
    found = state.witnessed
    return Witnessed.model_validate(to_data(found)) if found else None

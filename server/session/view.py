"""The view of one member's screen: a pure projection of the fold and the surroundings."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from server.convening.models import AgendaItem, Document
from server.session import models as m
from server.session import recording
from server.session.attendance import not_voted_and_dropped, quorum_now, tally_of
from server.session.decide import allowed
from server.session.decide_closing import chair_away_since
from server.session.events import to_data
from server.session.law import Case
from server.session.minutes import draft, text_hash
from server.session.next_step import next_step
from server.session.stages import ENDED, GATHERING, Stage
from server.session.state import ItemStage, Member, Motion, MotionStage, Note, State
from server.session.surroundings import PersonLive, Surroundings, Viewer
from server.session.times import from_text
from voting.electorate import may_vote
from voting.threshold import Threshold

_NOT_LIVE = PersonLive(0, "none", False, False)
_THRESHOLD_VI = {
    Threshold.MORE_THAN_HALF: "Quá nửa tổng số đảng viên chính thức",
    Threshold.AT_LEAST_TWO_THIRDS: "Ít nhất hai phần ba tổng số đảng viên chính thức",
}
_CHAT_SHOWN = 200
_HEARD_LATELY = timedelta(seconds=15)
_DISK_STEP = 100 * 1024 * 1024  # rounded down to this, or every checkpoint would change the view


def view(
    state: State, around: Surroundings, viewer: Viewer, now: datetime, head: m.Head
) -> m.SessionView:
    """All that this viewer's screen draws, and nothing that they may not know."""
    me = viewer.person if viewer.person in state.members else None
    presides = me is not None and me in (state.chair, state.secretary)
    text = _minutes(state, presides)
    told = state.convened
    case = Case(state, None, me or "", now, around.facts(viewer.factor_at))
    shown = [_motion(state, motion, me, presides) for motion in state.motions.values()]
    return m.SessionView(
        id=state.session,
        cell_name=told.cell_name,
        committee=told.committee,
        title=told.title,
        mode=told.mode,
        stage=_word(state.stage),
        starts_at=state.starts_at,
        opened_at=state.opened_at,
        closed_at=state.ended_at,
        now=now,
        me=me,
        my_roles=_roles(state, me),
        chair=state.chair,
        secretary=state.secretary,
        chair_away_since=chair_away_since(state) if state.stage not in ENDED else None,
        people=[_person(state, member, around) for member in state.members.values()],
        quorum=_quorum(state),
        items=_items(state, now),
        current_item=state.current,
        floor=_floor(state),
        queue=list(state.queue),
        spoke_on_item=len({t.person for t in state.turns if t.item == state.current}),
        contributions=[
            m.Contribution(
                person=t.person, item_id=t.item, began_at=t.began_at, ended_at=t.ended_at
            )
            for t in state.turns
        ],
        motion=next((s for s in shown if s.id == _matters(state)), None),
        motions=shown,
        recorder=_recorder(state, around, now),
        chat_allowed=state.chat_allowed,
        chat=[m.Message(person=c.person, text=c.text, at=c.at) for c in state.chat[-_CHAT_SHOWN:]],
        notes=[_note(n) for n in state.notes if presides or n.person == me],
        documents=_documents(around, state.members[me].line.member_id if me else None),
        room_code=around.room_code if presides else None,
        minutes_draft=text,
        minutes_hash=text_hash(text) if text else "",
        minutes_agreed=state.minutes_agreed,
        next=next_step(case) if me else m.NextStep(act=None, blocked=None, others=[]),
        may=allowed(case) if me else [],
        my_counter=_my_counter(state, me),
        my_last_ballot=_my_last_ballot(state, me),
        delivery=_delivery(state, around),
        head=head,
        witnessed_seq=state.witnessed_seq,
        witnessed=_witnessed(state),
        upper_committee_connected=around.upper_connected,
        media_down=around.media_down,
        factor_fresh_until=_fresh_until(state, viewer),
        device_certified=viewer.sign_in_id in around.certified,
    )


def without_clock(shown: m.SessionView) -> m.SessionView:
    """The same view with everything that changes by itself set still, to compare two views."""
    still = [item.model_copy(update={"seconds": 0}) for item in shown.items]
    return shown.model_copy(update={"now": shown.starts_at, "items": still})


def _word(value: StrEnum) -> Any:
    """For a field of fixed words, which pydantic checks."""
    return value.value


def _roles(state: State, me: str | None) -> list[m.ViewerRole]:
    if me is None:
        return ["guest"]
    roles: list[m.ViewerRole] = []
    if me == state.chair:
        roles.append("chair")
    if me == state.deputy:
        roles.append("deputy")
    if me == state.secretary:
        roles.append("secretary")
    roles.append("official" if state.members[me].line.official else "probationary")
    return roles


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
        attendance=_word(member.attendance),
        place=_word(member.place) if member.place else None,
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


def _items(state: State, now: datetime) -> list[m.ItemState]:
    """`expected_at` follows from what has begun and the planned minutes, not from the clock."""
    shown = []
    expected = state.opened_at or state.starts_at
    for item in state.items.values():
        line = item.line
        begun = item.started_at
        at = begun or expected
        until = item.ended_at or (state.ended_at or now)
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
                state=_word(item.stage),
                started_at=begun,
                seconds=max(0, int((until - begun).total_seconds())) if begun else 0,
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


def _matters(state: State) -> str | None:
    """The motion that is put, or the last one on the current item."""
    if state.pending is not None:
        return state.pending.id
    if state.current is None:
        return None
    motions = state.motions_on(state.current)
    return motions[-1].id if motions else None


def _motion(state: State, motion: Motion, me: str | None, presides: bool) -> m.Motion:
    counted = tally_of(motion) if motion.base else None
    mine = motion.cast_of(me) if me else None
    by_name = motion.stage not in (MotionStage.PROPOSED, MotionStage.OPEN)
    knows = counted is not None and (by_name or presides or mine is not None)
    base = counted.base if counted else quorum_now(state, motion.rule.base).base
    told = counted is not None and motion.stage is MotionStage.ANNOUNCED
    return m.Motion(
        id=motion.id,
        item_id=motion.item,
        text=motion.text,
        hash=motion.hash,
        decision=_word(motion.kind),
        rule=_THRESHOLD_VI[motion.rule.threshold],
        rule_version=motion.rule.rule_version,
        base=base,
        needed=motion.rule.threshold.needed(base),
        state=_word(motion.stage),
        opened_at=motion.opened_at,
        closes_at=motion.closes_at,
        attempt=motion.attempt,
        approve=counted.approve if counted and knows else None,
        disapprove=counted.disapprove if counted and knows else None,
        abstain=counted.abstain if counted and knows else None,
        not_voted=counted.not_voted if counted else base,
        cast=base - counted.not_voted if counted else 0,
        passed=counted.passed if counted and told else None,
        arithmetic=counted.sentence_vi if counted and told else "",
        ballots=_ballots(motion) if by_name or presides else [],
        disconnected=list(not_voted_and_dropped(state, motion)),
        objections=[f"{state.name(person)}: {text}" for person, text in motion.objections],
        void_reason=motion.void_reason,
        my_choice=_word(mine.choice) if mine else None,
        my_ballot_hash=mine.ballot_hash if mine else None,
        my_ballot_seq=mine.seq if mine else None,
    )


def _ballots(motion: Motion) -> list[m.BallotShown]:
    shown = []
    for person in motion.base.members if motion.base else ():
        cast = motion.cast_of(person)
        if cast is not None:
            shown.append(
                m.BallotShown(
                    person=person,
                    choice=_word(cast.choice),
                    at=cast.at,
                    by_hand=cast.ballot_hash is None,
                    changed=cast.changed,
                    seq=cast.seq,
                )
            )
    return shown


def _recorder(state: State, around: Surroundings, now: datetime) -> m.RecorderState:
    said = around.recorder
    kept = state.recorder
    stage = _word(kept.stage)
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


def _note(note: Note) -> m.Note:
    return m.Note(
        id=note.id,
        item_id=note.item,
        person=note.person,
        text=note.text,
        at=note.at,
        kind=note.kind,
    )


def _documents(around: Surroundings, member_id: str | None) -> list[Document]:
    return [
        Document(
            id=d.id,
            item_id=d.item_id,
            name=d.name,
            pages=d.pages,
            size=d.size,
            sha256=d.sha256,
            uploaded_at=d.uploaded_at,
            late_reason=d.late_reason,
            my_last_page=d.last_pages.get(member_id or "", 0),
            readers=len(d.last_pages),
        )
        for d in around.documents
    ]


def _minutes(state: State, presides: bool) -> str:
    """To the chair and the secretary as it grows, to all once it is read out."""
    read = state.minutes_text
    if presides and (not read or state.minutes_stale) and state.stage not in ENDED:
        return draft(state)
    return read


def _my_counter(state: State, me: str | None) -> int:
    if me is None:
        return 0
    last = state.ledger.last_of(me)
    return max(last.counter if last else 0, *state.members[me].counters.values(), 0)


def _my_last_ballot(state: State, me: str | None) -> str | None:
    last = state.ledger.last_of(me) if me else None
    return last.ballot_hash if last else None


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
    )


def _fresh_until(state: State, viewer: Viewer) -> datetime | None:
    if viewer.factor_at is None:
        return None
    return viewer.factor_at + timedelta(minutes=state.rules.number("factor.fresh_minutes"))


def _witnessed(state: State) -> m.Witnessed | None:
    found = state.witnessed
    return m.Witnessed.model_validate(to_data(found)) if found else None

"""The law of recess, conclusion, minutes, and the end; and of who takes the chair."""

from datetime import datetime, timedelta
from math import ceil

from server.session import events as e
from server.session import recording
from server.session.attendance import counts
from server.session.decide_agenda import end_turn
from server.session.law import Case, Events, member_of, nothing_pending
from server.session.minutes import draft, text_hash
from server.session.models import Adjourn, AgreeMinutes, Conclude, PersonCommand, Reason
from server.session.refusal import Refused
from server.session.state import ItemStage, State
from server.session.times import to_text
from voting.electorate import may_vote


def ready_for_recess(case: Case) -> None:
    nothing_pending(case.state)


def begin_recess(case: Case) -> Events:
    return [*end_turn(case.state), e.RecessBegun()]


def ready_to_resume(case: Case) -> None:
    recording.require(case)


def resume(case: Case) -> Events:
    return [e.Resumed()]


def ready_to_conclude(case: Case) -> None:
    state = case.state
    nothing_pending(state)
    open_items = [
        i.line.number
        for i in state.items.values()
        if i.stage in (ItemStage.WAITING, ItemStage.CURRENT)
    ]
    if open_items:
        raise Refused(
            "items_left", count=len(open_items), numbers=", ".join(str(n) for n in open_items)
        )


def conclude(case: Case) -> Events:
    body: Conclude = case.body
    return [*end_turn(case.state), e.Concluded(body.text.strip())]


def ready_to_read_minutes(case: Case) -> None:
    if case.state.minutes_agreed:
        raise Refused("minutes_already_agreed")
    if case.state.secretary is None:
        raise Refused("no_secretary")


def read_minutes(case: Case) -> Events:
    text = draft(case.state)
    return [e.MinutesRead(text, text_hash(text))]


def ready_to_agree_minutes(case: Case) -> None:
    if case.state.minutes_stale:
        raise Refused("minutes_changed")


def agree_minutes(case: Case) -> Events:
    body: AgreeMinutes = case.body
    if body.minutes_hash != case.state.minutes_hash:
        raise Refused("minutes_differ")
    return [] if case.state.minutes_agreed else [e.MinutesAgreed(body.minutes_hash)]


def ready_to_close(case: Case) -> None:
    state = case.state
    if not state.minutes_agreed:
        raise Refused("minutes_not_agreed")
    if state.minutes_stale:
        raise Refused("minutes_changed")


def close(case: Case) -> Events:
    state = case.state
    sums = counts(state)
    closed = e.Closed(
        members=sums.members,
        official=sums.official,
        attended=sums.attended,
        absent_with_reason=len(sums.absent_with_reason),
        absent=len(sums.absent),
        minutes_hash=state.minutes_hash,
    )
    return [*end_turn(state), closed]


def adjourn(case: Case) -> Events:
    body: Adjourn = case.body
    nothing_pending(case.state)
    if body.until.tzinfo is None or body.until <= case.now:
        raise Refused("adjourned_to_the_past")
    return [*end_turn(case.state), e.Adjourned(body.reason.strip(), to_text(body.until))]


def abandon(case: Case) -> Events:
    body: Reason = case.body
    pending = case.state.pending
    voided: Events = [] if pending is None else [e.VoteVoided(pending.id, body.reason.strip())]
    return [*voided, *end_turn(case.state), e.Abandoned(body.reason.strip())]


def chair_away_since(state: State) -> datetime | None:
    """Since when nobody sits in the chair; None while somebody does.

    Before the chair has come at all it counts from the summoned hour, or the first arrival if
    that is later.
    """
    if state.members[state.chair].connected:
        return None
    if state.chair_away_since is not None:
        return state.chair_away_since
    return None if state.waiting_at is None else max(state.waiting_at, state.starts_at)


def ready_to_take_chair(case: Case) -> None:
    state = case.state
    if case.actor == state.chair:
        raise Refused("already_chair")
    away = chair_away_since(state)
    seconds = state.rules.number("chair.takeover_seconds")
    if away is None:
        raise Refused("chair_is_here", name=state.name(state.chair))
    left = away + timedelta(seconds=seconds) - case.now
    if left > timedelta():
        raise Refused("chair_away_too_short", seconds=seconds, left=ceil(left.total_seconds()))


def take_chair(case: Case) -> Events:
    away = chair_away_since(case.state) or case.now
    return [e.ChairTaken(case.actor, int((case.now - away).total_seconds()))]


def hand_chair(case: Case) -> Events:
    body: PersonCommand = case.body
    state = case.state
    member = member_of(state, body.person)
    name = member.line.name
    if body.person == state.chair:
        return []
    if not may_vote(member.standing, state.rules):
        raise Refused("chair_must_be_official", name=name)
    if not member.connected:
        raise Refused("person_dropped", name=name)
    return [e.ChairHanded(body.person)]

"""The fold of who is here: connections, check-ins, absences, device keys, removal."""

from dataclasses import replace
from datetime import datetime

from server.session import events as e
from server.session.events import Logged
from server.session.state import Attendance, Certificate, Interval, Member, Place, State
from voting.signing import from_base64url


def changed(state: State, logged: Logged) -> State | None:
    """The next state, or None when the event is not about people."""
    now = logged.time
    match logged.event:
        case e.Connected(person):
            back = None if person == state.chair else state.chair_away_since
            return replace(
                _with(state, person, _connected(state.members[person], now)), chair_away_since=back
            )
        case e.Disconnected(person):
            away = now if person == state.chair else state.chair_away_since
            return replace(
                _with(state, person, _disconnected(state.members[person], now)),
                chair_away_since=away,
            )
        case e.DeviceCertified(person, key_id, spki, label):
            certificate = Certificate(key_id, from_base64url(spki), now, logged.seq, label)
            member = state.members[person]
            others = tuple(c for c in member.certificates if c.key_id != key_id)
            return _with(state, person, replace(member, certificates=(*others, certificate)))
        case e.DeviceKeyRevoked(person, key_id):
            member = state.members[person]
            kept = tuple(
                replace(c, revoked_at=now) if c.key_id == key_id else c for c in member.certificates
            )
            return _with(state, person, replace(member, certificates=kept))
        case e.CheckedIn():
            return _checked_in(state, logged.event, now)
        case e.Vouched(person):
            member = state.members[person]
            return _with(
                state, person, replace(member, vouched_by=(*member.vouched_by, logged.actor))
            )
        case e.MarkedAbsent(person, with_reason, reason):
            kind = Attendance.ABSENT_REASON if with_reason else Attendance.ABSENT
            member = replace(state.members[person], attendance=kind, since=now, reason=reason)
            return _with(state, person, member)
        case e.Left(person, reason):
            gone = replace(
                stopped(state.members[person], now),
                reason=reason,
                attendance=Attendance.LEFT,
                since=now,
            )
            left = replace(_with(state, person, gone), minutes_stale=True)
            return off_floor(left, person, now)
        case e.Removed(person, reason):
            gone = replace(
                stopped(state.members[person], now),
                reason=reason,
                connected=False,
                attendance=Attendance.REMOVED,
                since=now,
            )
            left = replace(_with(state, person, gone), minutes_stale=True)
            return off_floor(left, person, now)
        case _:
            return None


def _with(state: State, person: str, member: Member) -> State:
    return replace(state, members={**state.members, person: member})


def _connected(member: Member, now: datetime) -> Member:
    member = replace(member, connected=True)
    if member.attendance is not Attendance.DROPPED:
        return member
    return started(replace(member, attendance=Attendance.PRESENT, since=now), now)


def _disconnected(member: Member, now: datetime) -> Member:
    member = replace(member, connected=False)
    # Who sits in the meeting room is there whether their own phone is on or not.
    if not member.present or member.place is Place.IN_ROOM:
        return member
    return replace(stopped(member, now), attendance=Attendance.DROPPED, since=now)


def _checked_in(state: State, event: e.CheckedIn, now: datetime) -> State:
    member = state.members[event.person]
    counters = member.counters
    if event.statement is not None:
        counters = {**counters, event.statement["device"]: event.statement["counter"]}
    member = replace(
        member,
        attendance=Attendance.PRESENT,
        place=Place(event.place),
        since=now,
        how=event.how,
        reason="",
        counters=counters,
    )
    stale = state.minutes_stale or not member.attended
    return replace(_with(state, event.person, started(member, now)), minutes_stale=stale)


def started(member: Member, now: datetime) -> Member:
    if member.intervals and member.intervals[-1].end is None:
        return member
    return replace(member, intervals=(*member.intervals, Interval(now, None)))


def stopped(member: Member, now: datetime) -> Member:
    if not member.intervals or member.intervals[-1].end is not None:
        return member
    last = replace(member.intervals[-1], end=now)
    return replace(member, intervals=(*member.intervals[:-1], last), asked_at=None)


def off_floor(state: State, person: str, now: datetime) -> State:
    """Without that person at the floor or in the queue."""
    queue = tuple(p for p in state.queue if p != person)
    if state.floor is None or state.floor.person != person:
        return replace(state, queue=queue)
    turns = (*state.turns[:-1], replace(state.turns[-1], ended_at=now))
    return replace(state, queue=queue, floor=None, turns=turns)

"""Who is here, who votes, and whether that is enough: projections over the fold."""

from dataclasses import dataclass
from datetime import datetime

from server.session.state import Attendance, Member, Motion, State
from voting.decision import BaseKind
from voting.electorate import Base, Quorum, quorum, voting_base
from voting.tally import Origin, Tally, Vote, tally


def present(state: State) -> tuple[str, ...]:
    """Those checked in and reachable now: by their line, or in the meeting room."""
    return tuple(person for person, m in state.members.items() if m.present)


def base_now(state: State, kind: BaseKind = BaseKind.OFFICIAL) -> Base:
    """The voting base as it would be if a motion opened now."""
    excused = [
        person
        for person, m in state.members.items()
        if m.attendance is Attendance.ABSENT_REASON and not m.attended
    ]
    # A member whom the chair removed stays in the base: the chair must not choose who counts.
    standings = [m.standing for m in state.members.values()]
    return voting_base(standings, present(state), state.rules, kind, excused)


def quorum_now(state: State, kind: BaseKind = BaseKind.OFFICIAL) -> Quorum:
    return quorum(base_now(state, kind), present(state), state.rules)


def tally_of(motion: Motion) -> Tally:
    """The count as it stands. Raises ValueError for a motion that was never opened."""
    if motion.base is None:
        raise ValueError("a motion without a base")
    votes = [
        Vote(person, cast.choice, Origin.HAND, cast.seq) for person, cast in motion.hands.items()
    ] + [
        Vote(person, cast.choice, Origin.DEVICE, cast.seq, cast.ballot_hash)
        for person, cast in motion.ballots.items()
    ]
    return tally(motion.base, votes, motion.rule.threshold)


def not_voted_and_dropped(state: State, motion: Motion) -> tuple[str, ...]:
    """Those of the base who had checked in, have not voted, and are not connected now."""
    members = motion.base.members if motion.base else ()
    return tuple(
        person
        for person in members
        if motion.cast_of(person) is None and state.members[person].attendance is Attendance.DROPPED
    )


@dataclass(frozen=True, slots=True)
class Counts:
    """The attendance figures of minutes and report."""

    members: int
    official: int
    probationary: int
    exempt: int
    attended: int
    absent_with_reason: tuple[str, ...]
    absent: tuple[str, ...]


def counts(state: State) -> Counts:
    """Over the whole sitting: whoever was present at some time attended."""
    members = state.members.values()
    away = [m for m in members if not m.attended]
    excused = tuple(m.line.id for m in away if m.attendance is Attendance.ABSENT_REASON)
    return Counts(
        members=len(members),
        official=sum(m.line.official for m in members),
        probationary=sum(not m.line.official for m in members),
        exempt=sum(m.line.exempt for m in members),
        attended=len(members) - len(away),
        absent_with_reason=excused,
        absent=tuple(m.line.id for m in away if m.line.id not in excused),
    )


def seconds_present(member: Member, until: datetime) -> int:
    """How long a member was present, whole seconds."""
    return sum(int(((i.end or until) - i.start).total_seconds()) for i in member.intervals)

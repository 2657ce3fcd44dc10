"""The fold of motions and ballots."""

from dataclasses import replace
from typing import Any

from server.session import events as e
from server.session.attendance import tally_of
from server.session.events import Logged
from server.session.state import Cast, Motion, MotionStage, State
from server.session.times import from_text
from voting.ballot import Ballot, Choice
from voting.decision import DecisionKind, decision_rule
from voting.electorate import Base, Exclusion


def changed(state: State, logged: Logged) -> State | None:
    """The next state, or None when the event is about something else."""
    match logged.event:
        case e.MotionProposed():
            return _proposed(state, logged.event)
        case e.VoteOpened():
            return _opened(state, logged.event, logged)
        case e.VoteExtended(motion, closes_at):
            return _motion(state, motion, closes_at=from_text(closes_at))
        case e.BallotCast(ballot):
            return _cast(state, Ballot.from_statement(ballot), logged)
        case e.HandEntered(motion, person, choice):
            old = state.motions[motion].hands.get(person)
            hand = Cast(Choice(choice), logged.time, logged.seq, None, old is not None)
            return _motion(state, motion, hands={**state.motions[motion].hands, person: hand})
        case e.VoteClosed(motion):
            closed = _motion(state, motion, stage=MotionStage.CLOSED, closed_at=logged.time)
            return _asking_recorder(closed, logged)
        case e.ObjectionRaised(motion, person, text):
            objections = (*state.motions[motion].objections, (person, text))
            return replace(_motion(state, motion, objections=objections), minutes_stale=True)
        case e.VoteAnnounced(motion):
            result = tally_of(state.motions[motion])
            return _motion(state, motion, stage=MotionStage.ANNOUNCED, result=result)
        case e.VoteVoided(motion, reason):
            return _motion(state, motion, stage=MotionStage.VOID, void_reason=reason)
        case _:
            return None


def _motion(state: State, motion: str, **change: Any) -> State:
    return replace(
        state, motions={**state.motions, motion: replace(state.motions[motion], **change)}
    )


def _proposed(state: State, event: e.MotionProposed) -> State:
    rule = decision_rule(DecisionKind(event.decision), state.rules)
    motion = Motion(event.motion, event.item, event.text, event.hash, rule, event.attempt)
    if event.repeats is not None:
        state = _motion(state, event.repeats, repeated_by=event.motion)
    return replace(state, motions={**state.motions, event.motion: motion})


def _opened(state: State, event: e.VoteOpened, logged: Logged) -> State:
    excluded = tuple((person, Exclusion(why)) for person, why in event.excluded)
    opened = _motion(
        state,
        event.motion,
        stage=MotionStage.OPEN,
        base=Base(event.base, excluded),
        opened_at=logged.time,
        opened_seq=logged.seq,
        closes_at=from_text(event.closes_at),
    )
    return _asking_recorder(opened, logged)


def _asking_recorder(state: State, logged: Logged) -> State:
    recorder = replace(state.recorder, nonce=logged.hash[:16], nonce_answered=False)
    return replace(state, recorder=recorder)


def _cast(state: State, ballot: Ballot, logged: Logged) -> State:
    motion = state.motions[ballot.motion]
    changed = motion.cast_of(ballot.member) is not None
    cast = Cast(Choice(ballot.choice), logged.time, logged.seq, ballot.ballot_hash, changed)
    state = _motion(state, ballot.motion, ballots={**motion.ballots, ballot.member: cast})
    return replace(state, ledger=state.ledger.with_ballot(ballot))

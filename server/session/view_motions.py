"""Motions on the screen: the same for all who may see as much, and each viewer's own ballot."""

from enum import Enum, auto

from server.session import models as m
from server.session.attendance import not_voted_and_dropped, quorum_now, tally_of
from server.session.state import Motion, MotionStage, State
from voting.threshold import Threshold

_THRESHOLD_VI = {
    Threshold.MORE_THAN_HALF: "Quá nửa tổng số đảng viên chính thức",
    Threshold.AT_LEAST_TWO_THIRDS: "Ít nhất hai phần ba tổng số đảng viên chính thức",
}


class Sight(Enum):
    """How much of a motion somebody may see."""

    TEXT = auto()  # and how many have voted
    COUNTS = auto()  # and how
    NAMES = auto()  # and who


def sight_of(motion: Motion, me: str | None, presides: bool) -> Sight:
    """Names to all once the vote is closed; before that to chair and secretary. Whoever has voted
    sees the counts."""
    if presides or motion.stage not in (MotionStage.PROPOSED, MotionStage.OPEN):
        return Sight.NAMES
    voted = me is not None and motion.cast_of(me) is not None
    return Sight.COUNTS if voted else Sight.TEXT


def matters(state: State) -> str | None:
    """The motion that is put, or the last one on the current item."""
    if state.pending is not None:
        return state.pending.id
    if state.current is None:
        return None
    motions = state.motions_on(state.current)
    return motions[-1].id if motions else None


def motion_seen(state: State, motion: Motion, sight: Sight) -> m.Motion:
    """Without the viewer's own ballot."""
    counted = tally_of(motion) if motion.base else None
    knows = counted is not None and sight is not Sight.TEXT
    base = counted.base if counted else quorum_now(state, motion.rule.base).base
    told = counted is not None and motion.stage is MotionStage.ANNOUNCED
    return m.Motion(
        id=motion.id,
        item_id=motion.item,
        text=motion.text,
        hash=motion.hash,
        decision=motion.kind.value,
        rule=_THRESHOLD_VI[motion.rule.threshold],
        rule_version=motion.rule.rule_version,
        base=base,
        needed=motion.rule.threshold.needed(base),
        state=motion.stage.value,
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
        ballots=_ballots(motion) if sight is Sight.NAMES else [],
        disconnected=list(not_voted_and_dropped(state, motion)),
        objections=[f"{state.name(person)}: {text}" for person, text in motion.objections],
        void_reason=motion.void_reason,
        my_choice=None,
        my_ballot_hash=None,
        my_ballot_seq=None,
    )


def own_ballot(motion: Motion, me: str | None) -> dict[str, str | int | None]:
    """The fields of a motion that tell the viewer of their own ballot."""
    mine = motion.cast_of(me) if me else None
    if mine is None:
        return {}
    return {
        "my_choice": mine.choice.value,
        "my_ballot_hash": mine.ballot_hash,
        "my_ballot_seq": mine.seq,
    }


def _ballots(motion: Motion) -> list[m.BallotShown]:
    shown = []
    for person in motion.base.members if motion.base else ():
        cast = motion.cast_of(person)
        if cast is not None:
            shown.append(
                m.BallotShown(
                    person=person,
                    choice=cast.choice.value,
                    at=cast.at,
                    by_hand=cast.ballot_hash is None,
                    changed=cast.changed,
                    seq=cast.seq,
                )
            )
    return shown

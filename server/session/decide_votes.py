"""The law of motions and ballots."""

from datetime import timedelta

from server.session import events as e
from server.session import recording
from server.session.attendance import (
    base_now,
    not_voted_and_dropped,
    present,
    quorum_now,
    tally_of,
)
from server.session.decide_agenda import proposal
from server.session.decide_devices import require_living
from server.session.law import Case, Events, item_of, motion_of, nothing_pending, present_member
from server.session.models import (
    CastBallot,
    CloseVote,
    EnterHand,
    ExtendVote,
    MotionCommand,
    Objection,
    OpenVote,
    ProposeMotion,
    VoidVote,
)
from server.session.refusal import Refused
from server.session.state import Motion, MotionStage, Place, State
from server.session.times import to_text
from voting.ballot import Accepted, Ballot, DeviceKey, SignedBallot, accept
from voting.ballot import Motion as OpenedMotion
from voting.decision import DecisionKind, decision_rule, motion_bars
from voting.electorate import Quorum
from voting.errors import MalformedStatement
from voting.hand import Hand, accept_hand
from voting.signing import PublicKey
from voting.threshold import Threshold


def propose_motion(case: Case) -> Events:
    body: ProposeMotion = case.body
    state = case.state
    item = item_of(state, body.item)
    if state.current != body.item:
        raise Refused("item_not_current", number=item.line.number)
    nothing_pending(state)
    if body.decision not in set(DecisionKind):
        raise Refused("decision_unknown")
    text = body.text.strip()
    if not text:
        raise Refused("text_missing")
    require_votable_online(state, DecisionKind(body.decision))
    return [proposal(state, body.item, text, body.decision)]


def require_votable_online(state: State, kind: DecisionKind) -> None:
    bars = motion_bars(kind, (), state.rules)
    if bars:
        raise Refused("barred_online", why=bars[0].text_vi)


def open_vote(case: Case) -> Events:
    body: OpenVote = case.body
    motion = motion_of(case.state, body.motion)
    if motion.stage is not MotionStage.PROPOSED:
        raise Refused("motion_not_proposed")
    require_openable(case, motion)
    return [_opening(case, motion, motion.id)]


def require_openable(case: Case, motion: Motion) -> None:
    """All that opening a vote on this motion needs now. Raises Refused with the first lack."""
    state = case.state
    nothing_pending(state)
    number = state.items[motion.item].line.number
    if state.current != motion.item:
        raise Refused("item_not_current", number=number)
    if state.floor is not None:
        raise Refused("floor_held", name=state.name(state.floor.person))
    require_votable_online(state, motion.kind)
    count = quorum_now(state, motion.rule.base)
    if not count.can_pass(motion.rule.threshold):
        raise _too_few(motion, count)
    recording.require(case)


def _too_few(motion: Motion, count: Quorum) -> Refused:
    two_thirds = motion.rule.threshold is Threshold.AT_LEAST_TWO_THIRDS
    needed = max(
        count.needed_two_thirds if two_thirds else count.needed_half, count.floor_needed or 0
    )
    return Refused(
        "vote_lacks_two_thirds" if two_thirds else "vote_lacks_half",
        missing=needed - count.present,
        present=count.present,
        base=count.base,
        needed=needed,
    )


def _opening(case: Case, motion: Motion, motion_id: str) -> e.VoteOpened:
    body: OpenVote = case.body
    base = base_now(case.state, motion.rule.base)
    return e.VoteOpened(
        motion_id,
        motion.rule.rule_version,
        motion.rule.threshold.value,
        base.members,
        tuple((person, why.value) for person, why in base.excluded),
        motion.rule.threshold.needed(base.size),
        len(set(present(case.state)) & set(base.members)),
        to_text(case.now + timedelta(seconds=body.seconds)),
    )


def repeat_vote(case: Case) -> Events:
    body: OpenVote = case.body
    state = case.state
    void = motion_of(state, body.motion)
    if void.stage is not MotionStage.VOID or void.repeated_by is not None:
        raise Refused("motion_not_void")
    require_openable(case, void)
    again = proposal(state, void.item, void.text, void.kind.value, void.attempt + 1, void.id)
    return [again, _opening(case, void, again.motion)]


def extend_vote(case: Case) -> Events:
    body: ExtendVote = case.body
    motion = _open(case.state, body.motion)
    until = max(case.now, motion.closes_at or case.now) + timedelta(seconds=body.seconds)
    return [e.VoteExtended(motion.id, to_text(until))]


def _open(state: State, motion_id: str) -> Motion:
    motion = motion_of(state, motion_id)
    if motion.stage is not MotionStage.OPEN:
        raise Refused("vote_not_open")
    return motion


def as_opened(state: State, motion: Motion) -> OpenedMotion:
    """The motion as `voting` judges ballots by it. Raises Refused if it was never opened."""
    if motion.base is None:
        raise Refused("vote_not_open")
    return OpenedMotion(
        state.convened.installation,
        state.session,
        motion.id,
        motion.hash,
        motion.rule.rule_version,
        motion.kind,
        motion.rule.threshold,
        motion.base,
        motion.opened_seq,
        motion.stage is MotionStage.OPEN,
    )


def cast_ballot(case: Case) -> Events:
    body: CastBallot = case.body
    state = case.state
    try:
        ballot = Ballot.from_statement(body.ballot.model_dump())
    except MalformedStatement:
        raise Refused("ballot_malformed") from None
    if ballot.member != case.actor:
        raise Refused("ballot_of_another")
    motion = motion_of(state, ballot.motion)
    member = present_member(state, case.actor)
    certificate = member.certificate(ballot.device)
    require_living(certificate)
    key = DeviceKey(case.actor, PublicKey(certificate.spki)) if certificate else None
    signed = SignedBallot(ballot, body.signature)
    verdict = accept(signed, state.ledger, as_opened(state, motion), key, case.now)
    match verdict:
        case Accepted(repeated=True):
            return []
        case Accepted():
            return [e.BallotCast(ballot.to_statement(), body.signature, verdict.ballot_hash)]
        case _:
            raise Refused(f"ballot_{verdict.code.value}")


def enter_hand(case: Case) -> Events:
    body: EnterHand = case.body
    state = case.state
    motion = motion_of(state, body.motion)
    present_member(state, body.person)
    in_room = [p for p, m in state.members.items() if m.present and m.place is Place.IN_ROOM]
    verdict = accept_hand(body.person, body.choice, state.ledger, as_opened(state, motion), in_room)
    if not isinstance(verdict, Hand):
        raise Refused(f"hand_{verdict.code.value}", name=state.name(body.person))
    standing = motion.hands.get(body.person)
    if standing is not None and standing.choice is verdict.choice:
        return []
    return [e.HandEntered(motion.id, body.person, body.choice)]


def close_vote(case: Case) -> Events:
    body: CloseVote = case.body
    motion = _open(case.state, body.motion)
    gone = not_voted_and_dropped(case.state, motion)
    if gone and not body.despite_disconnected:
        names = ", ".join(case.state.name(person) for person in gone)
        raise Refused("voters_disconnected", count=len(gone), names=names)
    return [e.VoteClosed(motion.id, gone)]


def object_to_vote(case: Case) -> Events:
    body: Objection = case.body
    motion = motion_of(case.state, body.motion)
    present_member(case.state, case.actor)
    if not motion.pending:
        raise Refused("objection_too_late")
    if not body.text.strip():
        raise Refused("text_missing")
    return [e.ObjectionRaised(motion.id, case.actor, body.text.strip())]


def announce(case: Case) -> Events:
    body: MotionCommand = case.body
    motion = motion_of(case.state, body.motion)
    require_announceable(case, motion)
    count = tally_of(motion)
    return [
        e.VoteAnnounced(
            motion.id,
            count.approve,
            count.disapprove,
            count.abstain,
            count.not_voted,
            count.base,
            count.needed,
            count.passed,
            count.sentence_vi,
        )
    ]


def require_announceable(case: Case, motion: Motion) -> None:
    if motion.stage is MotionStage.OPEN:
        raise Refused("vote_not_closed")
    if motion.stage is not MotionStage.CLOSED:
        raise Refused("nothing_to_announce")
    recording.require(case)


def void_vote(case: Case) -> Events:
    body: VoidVote = case.body
    motion = motion_of(case.state, body.motion)
    if motion.stage is MotionStage.ANNOUNCED:
        raise Refused("vote_already_announced")
    if not motion.pending:
        raise Refused("vote_not_open")
    if not body.reason.strip():
        raise Refused("reason_missing")
    return [e.VoteVoided(motion.id, body.reason.strip())]


def threshold_of(state: State, decision: str) -> Threshold:
    """The majority that a decision kind of the agenda asks for."""
    return decision_rule(DecisionKind(decision), state.rules).threshold

"""The next lawful step: the one button of the chair's screen, and why it is locked if it is.

Codes of acts (titles stand in the web's catalogue): open, name_secretary, start_roll_call,
finish_roll_call, approve_agenda, start_item, open_vote, close_vote, announce, finish_item,
conclude, read_minutes, agree_minutes, close, resume, check_in, cast_ballot, take_chair; and as
second buttons also propose_motion, extend_vote, void_vote, repeat_vote, postpone_item, end_floor,
give_floor, recess, adjourn, change_ballot.
"""

from collections.abc import Callable
from typing import Any

from server.session import decide_votes
from server.session.attendance import not_voted_and_dropped
from server.session.decide import LAWS
from server.session.decide_agenda import next_item
from server.session.law import Case, check
from server.session.models import Act, NextStep, Refusal
from server.session.refusal import Refused
from server.session.stages import ENDED, Stage
from server.session.state import Attendance, Item, Motion, MotionStage, State
from server.texts import say


def next_step(case: Case) -> NextStep:
    """For the chair the step, for others what they may do now or what they wait for."""
    state = case.state
    if state.stage in ENDED:
        return NextStep(act=None, blocked=None, others=[])
    if case.actor == state.chair:
        return _chair(case)
    return _other(case)


def act(code: str, command: str, body: dict[str, Any] | None = None, **params: Any) -> Act:
    return Act(code=code, command=command, body=body or {}, params=params)


def as_refusal(refused: Refused) -> Refusal:
    return Refusal(
        code=refused.code,
        reason=refused.reason,
        arithmetic=refused.arithmetic,
        remedy=refused.remedy,
    )


def waiting_for(code: str, **params: str | int) -> Refusal:
    """What somebody other than the chair waits for."""
    return Refusal(
        code=f"waiting_{code}",
        reason=say(f"session.waiting.{code}", **params),
        arithmetic="",
        remedy="",
    )


def _step(case: Case, shown: Act, others: list[Act], obstacle: Callable[[], None]) -> NextStep:
    try:
        obstacle()
    except Refused as refused:
        return NextStep(act=shown, blocked=as_refusal(refused), others=others)
    return NextStep(act=shown, blocked=None, others=others)


def _plain(case: Case, code: str, command: str, *others: Act, **body: Any) -> NextStep:
    shown = act(code, command, body)
    return _step(case, shown, list(others), lambda: check(LAWS[command], case))


def _chair(case: Case) -> NextStep:
    state = case.state
    match state.stage:
        case Stage.CONVENED | Stage.WAITING:
            return _plain(case, "open", "open")
        case Stage.OPEN if state.secretary is None:
            return _plain(case, "name_secretary", "name-secretary")
        case Stage.OPEN:
            return _plain(case, "start_roll_call", "start-roll-call")
        case Stage.ROLL_CALL:
            return _plain(case, "finish_roll_call", "finish-roll-call", act("adjourn", "adjourn"))
        case Stage.AGENDA:
            return _plain(case, "approve_agenda", "approve-agenda")
        case Stage.ITEMS:
            return _item_step(case)
        case Stage.CONCLUDING:
            return _plain(case, "read_minutes", "read-minutes")
        case Stage.MINUTES:
            return _minutes_step(case)
        case Stage.RECESS:
            return _plain(case, "resume", "resume")
        case _:
            return NextStep(act=None, blocked=None, others=[])


def _minutes_step(case: Case) -> NextStep:
    state = case.state
    if state.minutes_stale:
        return _plain(case, "read_minutes", "read-minutes")
    if not state.minutes_agreed:
        return _plain(case, "agree_minutes", "agree-minutes", minutes_hash=state.minutes_hash)
    return _plain(case, "close", "close")


def _item_step(case: Case) -> NextStep:
    state = case.state
    recess = act("recess", "recess")
    if state.pending is not None:
        return _pending_step(case, state.pending)
    if state.current is not None:
        return _current_step(case, state.items[state.current])
    item = next_item(state)
    if item is None:
        return _plain(case, "conclude", "conclude", recess)
    line = item.line
    shown = act("start_item", "start-item", {"item": line.id}, number=line.number)
    return _step(case, shown, [recess], lambda: check(LAWS["start-item"], case))


def _pending_step(case: Case, motion: Motion) -> NextStep:
    state, body = case.state, {"motion": motion.id}
    void = act("void_vote", "void-vote", body)
    if motion.stage is MotionStage.CLOSED:
        shown = act("announce", "announce", body, objections=len(motion.objections))
        return _step(case, shown, [void], lambda: decide_votes.require_announceable(case, motion))
    gone = not_voted_and_dropped(state, motion)
    here = [
        state.name(p)
        for p in (motion.base.members if motion.base else ())
        if motion.cast_of(p) is None and state.members[p].present
    ]
    shown = act(
        "close_vote",
        "close-vote",
        {**body, "despite_disconnected": bool(gone)},
        disconnected=len(gone),
        not_voted=len(here),
        names=", ".join(here),
    )
    extend = act("extend_vote", "extend-vote", {**body, "seconds": 60})
    return NextStep(act=shown, blocked=None, others=[extend, void])


def _current_step(case: Case, item: Item) -> NextStep:
    state, line = case.state, item.line
    motions = state.motions_on(line.id)
    proposed = next((m for m in motions if m.stage is MotionStage.PROPOSED), None)
    void = next((m for m in motions if m.stage is MotionStage.VOID and not m.repeated_by), None)
    postpone = act("postpone_item", "postpone-item", {"item": line.id}, number=line.number)
    others = [*_floor_acts(state), postpone]
    finish = act("finish_item", "finish-item", {"item": line.id}, number=line.number)
    if proposed is not None:
        shown = act("open_vote", "open-vote", {"motion": proposed.id}, number=line.number)
        if line.kind != "vote":
            others.append(finish)
        return _step(case, shown, others, lambda: decide_votes.require_openable(case, proposed))
    if void is not None:
        shown = act("repeat_vote", "repeat-vote", {"motion": void.id}, number=line.number)
        return _step(case, shown, others, lambda: decide_votes.require_openable(case, void))
    if line.kind == "vote" and not motions:
        shown = act(
            "propose_motion",
            "propose-motion",
            {"item": line.id, "text": line.motion or line.title, "decision": line.decision},
            number=line.number,
        )
        return _step(case, shown, others, lambda: check(LAWS["propose-motion"], case))
    return NextStep(act=finish, blocked=None, others=others)


def _floor_acts(state: State) -> list[Act]:
    if state.floor is not None:
        return [act("end_floor", "end-floor")]
    if state.queue:
        first = state.queue[0]
        return [act("give_floor", "give-floor", {"person": first}, name=state.name(first))]
    return []


def _other(case: Case) -> NextStep:
    state = case.state
    member = state.members[case.actor]
    others: list[Act] = []
    try:
        check(LAWS["take-chair"], case)
        others.append(act("take_chair", "take-chair", name=state.name(state.chair)))
    except Refused:
        pass
    may_check_in = state.roll_seq > 0 and not member.checked_in
    if may_check_in and member.attendance is not Attendance.REMOVED:
        return NextStep(act=act("check_in", "check-in"), blocked=None, others=others)
    motion = state.pending
    if motion is not None and motion.base and case.actor in motion.base:
        if motion.stage is MotionStage.OPEN:
            code = "cast_ballot" if motion.cast_of(case.actor) is None else "change_ballot"
            shown = act(code, "cast-ballot", {"motion": motion.id})
            return NextStep(act=shown, blocked=None, others=others)
        waits = waiting_for("announcement")
        return NextStep(act=None, blocked=waits, others=others)
    return NextStep(act=None, blocked=_what_for(state), others=others)


def _what_for(state: State) -> Refusal | None:
    away = state.stage not in (Stage.CONVENED, Stage.WAITING)
    if away and not state.members[state.chair].connected:
        return waiting_for("chair", name=state.name(state.chair))
    match state.stage:
        case Stage.CONVENED | Stage.WAITING:
            return waiting_for("opening")
        case Stage.OPEN:
            return waiting_for("roll_call")
        case Stage.ROLL_CALL:
            return waiting_for("end_of_roll_call")
        case Stage.AGENDA:
            return waiting_for("agenda")
        case Stage.RECESS:
            return waiting_for("resumption")
        case Stage.MINUTES:
            return waiting_for("minutes")
        case _:
            return None

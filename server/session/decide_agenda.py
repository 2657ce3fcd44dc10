"""The law of agenda items, the floor, notes and chat."""

import hashlib

from server.session import events as e
from server.session.law import (
    Case,
    Events,
    item_of,
    member_of,
    nothing_pending,
    present_member,
)
from server.session.models import (
    AddNote,
    AllowChat,
    FinishItem,
    ItemCommand,
    MutePerson,
    PersonCommand,
    PostponeItem,
    RemovePerson,
    Say,
)
from server.session.refusal import Refused
from server.session.state import Attendance, Item, ItemStage, MotionStage, State


def next_item(state: State) -> Item | None:
    """The first item of the agenda that is still waiting."""
    return next((i for i in state.items.values() if i.stage is ItemStage.WAITING), None)


def ready_to_start_item(case: Case) -> None:
    nothing_pending(case.state)
    if case.state.current is not None:
        raise Refused("item_still_current", number=case.state.items[case.state.current].line.number)


def start_item(case: Case) -> Events:
    body: ItemCommand = case.body
    state = case.state
    item = item_of(state, body.item)
    number = item.line.number
    if item.stage is ItemStage.DONE:
        raise Refused("item_done", number=number)
    first = next_item(state)
    if item.stage is ItemStage.WAITING and first is not None and first.line.id != body.item:
        raise Refused("item_out_of_order", number=number, first=first.line.number)
    started: Events = [e.ItemStarted(body.item)]
    untried = all(m.stage is MotionStage.VOID for m in state.motions_on(body.item))
    if item.line.motion and untried and not state.motions_on(body.item):
        started.append(proposal(state, body.item, item.line.motion, item.line.decision))
    return started


def proposal(
    state: State, item: str, text: str, decision: str, attempt: int = 1, repeats: str | None = None
) -> e.MotionProposed:
    """A motion under the next id of this session; its hash is what every ballot signs."""
    return e.MotionProposed(
        f"m{len(state.motions) + 1}",
        item,
        text,
        hashlib.sha256(text.encode()).hexdigest(),
        decision,
        attempt,
        repeats,
    )


def finish_item(case: Case) -> Events:
    body: FinishItem = case.body
    state = case.state
    item = _current(state, body.item)
    nothing_pending(state)
    votes = state.motions_on(body.item)
    decided = any(m.stage is MotionStage.ANNOUNCED for m in votes)
    if item.line.kind == "vote" and not decided:
        raise Refused("item_not_voted", number=item.line.number)
    return [*end_turn(state), e.ItemFinished(body.item, body.conclusion.strip())]


def _current(state: State, item: str) -> Item:
    found = item_of(state, item)
    if state.current != item:
        raise Refused("item_not_current", number=found.line.number)
    return found


def postpone_item(case: Case) -> Events:
    body: PostponeItem = case.body
    state = case.state
    item = item_of(state, body.item)
    number = item.line.number
    if item.stage in (ItemStage.DONE, ItemStage.POSTPONED):
        raise Refused("item_not_waiting", number=number)
    if not body.reason.strip():
        raise Refused("reason_missing")
    if state.current == body.item:
        nothing_pending(state)
        return [*end_turn(state), e.ItemPostponed(body.item, body.reason.strip())]
    return [e.ItemPostponed(body.item, body.reason.strip())]


def end_turn(state: State) -> Events:
    """The floor given back, if somebody has it."""
    return [] if state.floor is None else [e.FloorEnded(state.floor.person)]


def ask_floor(case: Case) -> Events:
    state = case.state
    present_member(state, case.actor)
    holds = state.floor is not None and state.floor.person == case.actor
    if holds or case.actor in state.queue:
        return []
    return [e.FloorAsked(case.actor)]


def withdraw_floor(case: Case) -> Events:
    if case.actor not in case.state.queue:
        return []
    return [e.FloorWithdrawn(case.actor)]


def ready_to_give_floor(case: Case) -> None:
    motion = case.state.pending
    if motion is not None and motion.stage is MotionStage.OPEN:
        raise Refused("vote_still_open", number=case.state.items[motion.item].line.number)


def give_floor(case: Case) -> Events:
    body: PersonCommand = case.body
    state = case.state
    member = present_member(state, body.person)
    if not member.present:
        raise Refused("person_dropped", name=member.line.name)
    if state.floor is not None and state.floor.person == body.person:
        return []
    return [*end_turn(state), e.FloorGiven(body.person)]


def ready_to_end_floor(case: Case) -> None:
    if case.state.floor is None:
        raise Refused("floor_free")


def end_floor(case: Case) -> Events:
    return end_turn(case.state)


def leave_floor(case: Case) -> Events:
    floor = case.state.floor
    return end_turn(case.state) if floor is not None and floor.person == case.actor else []


def mute(case: Case) -> Events:
    body: MutePerson = case.body
    member = member_of(case.state, body.person)
    if not member.connected:
        raise Refused("person_dropped", name=member.line.name)
    return [e.Muted(body.person, body.source)]


def remove(case: Case) -> Events:
    body: RemovePerson = case.body
    member = member_of(case.state, body.person)
    if body.person == case.state.chair:
        raise Refused("chair_not_removable")
    if member.attendance is Attendance.REMOVED:
        return []
    if not body.reason.strip():
        raise Refused("reason_missing")
    return [e.Removed(body.person, body.reason.strip())]


def add_note(case: Case) -> Events:
    body: AddNote = case.body
    state = case.state
    if not body.text.strip():
        raise Refused("text_missing")
    if body.item is not None:
        item_of(state, body.item)
    if body.person is not None:
        member_of(state, body.person)
    return [_note(state, body.item, body.person, body.text, body.kind)]


def _note(
    state: State, item: str | None, person: str | None, text: str, kind: e.NoteKind
) -> e.NoteAdded:
    return e.NoteAdded(f"n{len(state.notes) + 1}", item, person, text.strip(), kind)


def reserve_opinion(case: Case) -> Events:
    body: Say = case.body
    present_member(case.state, case.actor)
    if not body.text.strip():
        raise Refused("text_missing")
    return [_note(case.state, case.state.current, case.actor, body.text, "reserved")]


def allow_chat(case: Case) -> Events:
    body: AllowChat = case.body
    return [] if body.allowed == case.state.chat_allowed else [e.ChatAllowed(body.allowed)]


def say_message(case: Case) -> Events:
    body: Say = case.body
    if not case.state.chat_allowed:
        raise Refused("chat_not_allowed")
    present_member(case.state, case.actor)
    if not body.text.strip():
        raise Refused("text_missing")
    return [e.MessageSaid(case.actor, body.text.strip())]

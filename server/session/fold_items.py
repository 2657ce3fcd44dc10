"""The fold of the agenda and the floor."""

from dataclasses import replace
from typing import Any

from server.session import events as e
from server.session.events import Logged
from server.session.fold_people import off_floor
from server.session.state import ItemStage, State, Turn


def changed(state: State, logged: Logged) -> State | None:
    """The next state, or None when the event is about something else."""
    now = logged.time
    match logged.event:
        case e.ItemStarted(item):
            started = state.items[item].started_at or now
            current = replace(state, current=item)
            return _item(current, item, stage=ItemStage.CURRENT, started_at=started)
        case e.ItemFinished(item, conclusion):
            left = replace(state, current=None)
            return _item(left, item, stage=ItemStage.DONE, ended_at=now, conclusion=conclusion)
        case e.ItemPostponed(item, reason):
            left = replace(state, current=None if state.current == item else state.current)
            return _item(left, item, stage=ItemStage.POSTPONED, postponed_why=reason)
        case e.FloorAsked(person):
            return replace(_asked(state, person, now), queue=(*state.queue, person))
        case e.FloorWithdrawn(person):
            queue = tuple(p for p in state.queue if p != person)
            return replace(_asked(state, person, None), queue=queue)
        case e.FloorGiven(person):
            turn = Turn(person, state.current, now, None)
            queue = tuple(p for p in state.queue if p != person)
            given = replace(state, floor=turn, turns=(*state.turns, turn), queue=queue)
            return _asked(given, person, None)
        case e.FloorEnded(person):
            return off_floor(state, person, now)
        case e.Muted():
            return state  # the engine mutes; the fold keeps no switches of other people's devices
        case _:
            return None


def _item(state: State, item: str, **change: Any) -> State:
    items = {**state.items, item: replace(state.items[item], **change)}
    return replace(state, items=items)


def _asked(state: State, person: str, at: Any) -> State:
    member = replace(state.members[person], asked_at=at)
    return replace(state, members={**state.members, person: member})

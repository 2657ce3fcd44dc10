"""Which lawful commands have something to act on now: screens draw only those."""

from collections.abc import Callable, Mapping

from server.session.law import Case
from server.session.state import ItemStage, Motion, MotionStage


def sensible(command: str, case: Case) -> bool:
    """Whether the command has an object in the present state; most always have."""
    needs = _NEEDS.get(command)
    return needs is None or needs(case)


def _here(case: Case) -> bool:
    return case.state.members[case.actor].checked_in


def _put(case: Case) -> Motion | None:
    """The motion that is open for votes."""
    motion = case.state.pending
    return motion if motion is not None and motion.stage is MotionStage.OPEN else None


def _may_cast(case: Case) -> bool:
    motion = _put(case)
    return motion is not None and motion.base is not None and case.actor in motion.base


def _on_current(case: Case, stage: MotionStage) -> bool:
    motions = case.state.motions_on(case.state.current or "")
    return any(m.stage is stage and m.repeated_by is None for m in motions)


def _holds_floor(case: Case) -> bool:
    return case.state.floor is not None and case.state.floor.person == case.actor


def _at_item(case: Case) -> bool:
    return case.state.current is not None and case.state.pending is None


def _items_to_start(case: Case) -> bool:
    return any(
        i.stage in (ItemStage.WAITING, ItemStage.POSTPONED) for i in case.state.items.values()
    )


def _to_announce(case: Case) -> bool:
    return case.state.pending is not None and _put(case) is None


def _may_ask(case: Case) -> bool:
    return _here(case) and not _holds_floor(case) and case.actor not in case.state.queue


_NEEDS: Mapping[str, Callable[[Case], bool]] = {
    "check-in": lambda case: not _here(case),
    "check-in-by-code": lambda case: not _here(case),
    "start-item": _items_to_start,
    "finish-item": _at_item,
    "propose-motion": _at_item,
    "ask-floor": _may_ask,
    "withdraw-floor": lambda case: case.actor in case.state.queue,
    "leave-floor": _holds_floor,
    "revoke-device": lambda case: any(
        c.revoked_at is None for c in case.state.members[case.actor].certificates
    ),
    "leave": lambda case: _here(case) and case.actor != case.state.chair,
    "reserve-opinion": _here,
    "say": lambda case: _here(case) and case.state.chat_allowed,
    "open-vote": lambda case: _at_item(case) and _on_current(case, MotionStage.PROPOSED),
    "repeat-vote": lambda case: _at_item(case) and _on_current(case, MotionStage.VOID),
    "extend-vote": lambda case: _put(case) is not None,
    "close-vote": lambda case: _put(case) is not None,
    "cast-ballot": lambda case: _here(case) and _may_cast(case),
    "enter-hand": lambda case: case.state.convened.mode == "hybrid" and _put(case) is not None,
    "object": lambda case: _here(case) and case.state.pending is not None,
    "announce": _to_announce,
    "void-vote": lambda case: case.state.pending is not None,
    "agree-minutes": lambda case: not case.state.minutes_agreed,
}

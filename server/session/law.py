"""What a law is: who may give a command, in which stages, what else must hold, what follows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from server.http.routing import As
from server.session.events import Event
from server.session.refusal import Refused
from server.session.stages import ENDED, Stage
from server.session.state import Attendance, Item, Member, Motion, State
from server.texts import say


@dataclass(frozen=True, slots=True)
class TrackFact:
    """A track as the recorder last reported it. `person` is "room" for the room's device."""

    person: str
    source: str  # camera, microphone, screen_share, ...
    muted: bool
    fresh: bool  # written to disk in the last seconds before the report


@dataclass(frozen=True, slots=True)
class RecorderFacts:
    """The recorder's last signed statement."""

    at: datetime  # received
    state: str
    tracks: tuple[TrackFact, ...]
    disk_free: int  # bytes


@dataclass(frozen=True, slots=True)
class Facts:
    """What the law must know beside the log. Gathered at the edge just before deciding."""

    factor_at: datetime | None = None  # second factor proven on this device
    code_good: bool = False  # the rotating code of the meeting room
    recorder: RecorderFacts | None = None
    switched_on: frozenset[tuple[str, str]] = frozenset()  # (person, camera|microphone) publishing


@dataclass(frozen=True, slots=True)
class Case:
    """One command before the law."""

    state: State
    body: Any  # the command's model from `models`
    actor: str
    now: datetime
    facts: Facts = field(default_factory=Facts)


Events = list[Event]


@dataclass(frozen=True, slots=True)
class Law:
    """`ready` holds the conditions that do not depend on the body; the chair's next step and
    `may` ask it alone. `decide` runs after it."""

    role: As
    stages: frozenset[Stage]
    decide: Callable[[Case], Events]
    ready: Callable[[Case], None] | None = None


Laws = Mapping[str, Law]


def check(law: Law, case: Case) -> None:
    """Raises Refused unless role, stage and `ready` hold."""
    check_role(law.role, case)
    state = case.state
    if state.stage not in law.stages:
        if state.stage in ENDED:
            raise Refused("ended", stage=say(f"session.stage.{state.stage}"))
        if state.stage is Stage.RECESS:
            raise Refused("in_recess")
        raise Refused("wrong_stage", stage=say(f"session.stage.{state.stage}"))
    if law.ready is not None:
        law.ready(case)


def check_role(role: As, case: Case) -> None:
    state, actor = case.state, case.actor
    member = state.member(actor)
    if member is None or member.attendance is Attendance.REMOVED:
        raise Refused("not_participant")
    match role:
        case As.PARTICIPANT:
            return
        case As.CHAIR:
            if actor != state.chair:
                raise Refused("not_chair", chair=state.name(state.chair))
        case As.SECRETARY | As.CHAIR_OR_SECRETARY:
            if actor not in (state.chair, state.secretary):
                raise Refused("not_chair_or_secretary")
        case As.DEPUTY:
            if actor != state.deputy:
                raise Refused("not_deputy")


def member_of(state: State, person: str) -> Member:
    member = state.member(person)
    if member is None:
        raise Refused("person_unknown")
    return member


def present_member(state: State, person: str) -> Member:
    """That member, who must be checked in and not gone."""
    member = member_of(state, person)
    if not member.checked_in:
        raise Refused("not_checked_in", name=member.line.name)
    return member


def item_of(state: State, item: str) -> Item:
    if item not in state.items:
        raise Refused("item_unknown")
    return state.items[item]


def motion_of(state: State, motion: str) -> Motion:
    if motion not in state.motions:
        raise Refused("motion_unknown")
    return state.motions[motion]


def nothing_pending(state: State) -> None:
    """No vote may be open, nor closed without its announcement."""
    motion = state.pending
    if motion is None:
        return
    number = state.items[motion.item].line.number
    code = "vote_still_open" if motion.stage == "open" else "vote_not_announced"
    raise Refused(code, number=number)

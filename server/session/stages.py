"""The stages of a session and the legal moves between them; a draft has no log and is outside."""

from enum import StrEnum


class Stage(StrEnum):
    CONVENED = "convened"
    WAITING = "waiting"  # people gather; nothing is discussed
    OPEN = "open"  # opened, purpose and guests; the session secretary is named
    ROLL_CALL = "roll_call"
    AGENDA = "agenda"  # quorum told, agenda to be approved
    ITEMS = "items"
    CONCLUDING = "concluding"
    MINUTES = "minutes"  # read out and agreed
    RECESS = "recess"  # nothing is discussed or voted
    CLOSED = "closed"
    ADJOURNED = "adjourned"  # to another day, by a new convening
    ABANDONED = "abandoned"  # ended without a resolution


_BROKEN_OFF = frozenset({Stage.ADJOURNED, Stage.ABANDONED})

MOVES: dict[Stage, frozenset[Stage]] = {
    Stage.CONVENED: frozenset({Stage.WAITING}) | _BROKEN_OFF,
    Stage.WAITING: frozenset({Stage.OPEN}) | _BROKEN_OFF,
    Stage.OPEN: frozenset({Stage.ROLL_CALL}) | _BROKEN_OFF,
    Stage.ROLL_CALL: frozenset({Stage.AGENDA}) | _BROKEN_OFF,
    Stage.AGENDA: frozenset({Stage.ITEMS, Stage.RECESS}) | _BROKEN_OFF,
    Stage.ITEMS: frozenset({Stage.CONCLUDING, Stage.RECESS}) | _BROKEN_OFF,
    Stage.CONCLUDING: frozenset({Stage.MINUTES, Stage.RECESS}) | _BROKEN_OFF,
    Stage.MINUTES: frozenset({Stage.CLOSED, Stage.RECESS}) | _BROKEN_OFF,
    Stage.RECESS: frozenset({Stage.AGENDA, Stage.ITEMS, Stage.CONCLUDING, Stage.MINUTES})
    | _BROKEN_OFF,
    Stage.CLOSED: frozenset(),
    Stage.ADJOURNED: frozenset(),
    Stage.ABANDONED: frozenset(),
}

ENDED = frozenset({Stage.CLOSED, *_BROKEN_OFF})
GATHERING = frozenset({Stage.CONVENED, Stage.WAITING})
RUNNING = frozenset(Stage) - ENDED - GATHERING  # opened and not ended: must be recorded
WORKING = RUNNING - {Stage.RECESS}
COUNTED = RUNNING - {Stage.OPEN}  # roll call begun: attendance is kept


class IllegalMove(Exception):
    """An event would move the session where the table has no way; a fault, never a refusal."""


def move(old: Stage, new: Stage) -> Stage:
    """`new`, if the table has the move. Raises IllegalMove."""
    if new not in MOVES[old]:
        raise IllegalMove(f"{old} → {new}")
    return new

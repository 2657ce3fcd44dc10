"""The law of what the cell's leaders may change between the convening and the opening."""

from datetime import datetime

from server.session import events as e
from server.session.law import Events
from server.session.refusal import Refused
from server.session.stages import ENDED, GATHERING, Stage
from server.session.state import Attendance, State
from server.session.times import from_text
from server.texts import say


def reschedule(state: State, actor: str, to: e.Rescheduled, now: datetime) -> Events:
    """Another time or place. Once people gather it is too late: then the chair adjourns.

    What the new day asks of the cell (eligibility, authorisation, rules) is for the caller.
    """
    _leader(state, actor)
    if state.stage is not Stage.CONVENED:
        _before_opening(state)
        raise Refused("gathered_already")
    if from_text(to.starts_at) <= now:
        raise Refused("rescheduled_to_the_past")
    same = (from_text(to.starts_at), to.place) == (state.starts_at, state.place)
    return [] if same else [to]


def cancel(state: State, actor: str, reason: str) -> Events:
    """Nothing is held: the session ends without a resolution before it was opened."""
    _leader(state, actor)
    _before_opening(state)
    return [e.Abandoned(reason)]


def add_document(
    state: State, actor: str, document: e.DocumentLine, replaces: str | None, reason: str
) -> Events:
    """A further paper, or one that takes the place of another."""
    _leader(state, actor)
    _before_opening(state)
    if any(known.id == document.id for known in state.documents):
        return []
    added: Events = [e.DocumentAdded(document, actor)]
    if replaces is None:
        return added
    return [*added, e.DocumentWithdrawn(_standing(state, replaces), reason, document.id)]


def withdraw_document(state: State, actor: str, document_id: str, reason: str) -> Events:
    _leader(state, actor)
    _before_opening(state)
    if any(one.document.id == document_id for one in state.withdrawn):
        return []
    return [e.DocumentWithdrawn(_standing(state, document_id), reason, None)]


def _standing(state: State, document_id: str) -> e.DocumentLine:
    for document in state.documents:
        if document.id == document_id:
            return document
    raise Refused("document_unknown")


def _leader(state: State, actor: str) -> None:
    if state.members[actor].attendance is Attendance.REMOVED:
        raise Refused("not_participant")


def _before_opening(state: State) -> None:
    stage = say(f"session.stage.{state.stage}")
    if state.stage in ENDED:
        raise Refused("ended", stage=stage)
    if state.stage not in GATHERING:
        raise Refused("opened_already", stage=stage)

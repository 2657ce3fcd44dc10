"""What the application itself writes into the log: who is connected, what the recorder does."""

from datetime import datetime, timedelta

from server.session import decide_report as report
from server.session import events as e
from server.session.decide_opening import waiting_opens_at
from server.session.events import Event
from server.session.law import Events
from server.session.recording import silence_events as silence
from server.session.refusal import Refused
from server.session.stages import ENDED, Stage
from server.session.state import Attendance, State

__all__ = ["Event", "presence", "silence", "system_note"]


def presence(state: State, alive: frozenset[str], now: datetime) -> Events:
    """Joins and drops, given who holds an unexpired lease now. Asked again, it adds nothing.

    Before the waiting room opens whoever looks in only reads: nothing is recorded or logged.
    """
    early = state.stage is Stage.CONVENED and now < waiting_opens_at(state)
    if state.stage in ENDED or early:
        return []
    events: Events = []
    for person, member in state.members.items():
        if member.attendance is Attendance.REMOVED:
            continue
        if person in alive and not member.connected:
            events.append(e.Connected(person))
        elif member.connected and person not in alive:
            events.append(e.Disconnected(person))
    if state.stage is Stage.CONVENED and events:
        return [e.WaitingOpened(), *events]
    return events


WITNESS_EVERY = timedelta(seconds=30)  # the upper committee answers more often than the log needs


def system_note(state: State, event: Event, now: datetime) -> Events:
    """Whether what another process reports is new to the log. Raises Refused if it is false."""
    match event:
        case e.HeadWitnessed(seq, head):
            if state.ledger.head_hash(seq) != head:
                raise Refused("witness_of_another_log")
            return [event] if _witness_due(state, seq, now) else []
        case e.ReportSealed(sha256=digest):
            return [] if digest == state.report_sealed else [event]
        case e.ReportReceived():
            return report.received(state, event)
        case e.DocumentsNumbered():
            return report.numbered(state, event)
        case e.ReportReviewed():
            return report.reviewed(state, event)
        case e.RecordingFinished():
            return [] if state.recording_finished else [event]
        case _:
            raise Refused("not_for_others_to_note")


def _witness_due(state: State, seq: int, now: datetime) -> bool:
    if state.witnessed_at is None or now - state.witnessed_at >= WITNESS_EVERY:
        return state.stage not in ENDED or state.unwitnessed
    return state.stage in ENDED and state.unwitnessed and seq > state.witnessed_seq

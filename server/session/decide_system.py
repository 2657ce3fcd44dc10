"""What the application itself writes into the log: who is connected, what the recorder does."""

from server.session import events as e
from server.session.law import Events
from server.session.recording import silence_events as silence
from server.session.stages import ENDED, Stage
from server.session.state import Attendance, State

__all__ = ["presence", "silence"]


def presence(state: State, alive: frozenset[str]) -> Events:
    """Joins and drops, given who holds an unexpired lease now. Asked again, it adds nothing."""
    if state.stage in ENDED:
        return []
    events: Events = []
    for person, member in state.members.items():
        if member.attendance is Attendance.REMOVED:
            continue
        if person in alive and not member.connected:
            events.append(e.Connected(person))
        elif member.connected and person not in alive:
            events.append(e.Disconnected(person))
    if state.stage is Stage.CONVENED and any(isinstance(x, e.Connected) for x in events):
        return [e.WaitingOpened(), *events]
    return events

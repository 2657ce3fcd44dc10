"""Whether the recorder has confirmed what it must, and what its statements change in the log."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from server.session import events as e
from server.session.law import Case, Events, Facts, RecorderFacts
from server.session.refusal import Refused
from server.session.stages import RUNNING
from server.session.state import RecorderStage, State
from server.session.times import to_text
from server.texts import say

# A statement is posted every `recording.confirm_seconds`; it stands until the next is overdue by
# this much, which covers posting and writing it down.
LATENESS = timedelta(seconds=2.5)
CHECKPOINT_EVERY = timedelta(seconds=60)  # at most so far apart in the log
DISK_FLOOR = 256 * 1024 * 1024  # bytes; about an hour of one camera and all microphones


def require(case: Case) -> RecorderFacts | None:
    """The statement that confirms the recording. Raises Refused with what is missing.

    The recorder must be in the room and able to write; every camera that is on must be fresh on
    disk, and the sound of whoever has the floor (else the chair) if their microphone is on. While
    nobody sends anything, the first is all. None when the rules do not ask for a recording.
    """
    if not case.state.rules.flag("recording.required"):
        return None
    refusal = obstacle(case.state, case.facts, case.now)
    if refusal is not None:
        raise refusal
    return case.facts.recorder


def obstacle(state: State, facts: Facts, now: datetime) -> Refused | None:
    said = facts.recorder
    limit = timedelta(seconds=state.rules.number("recording.confirm_seconds")) + LATENESS
    if said is None:
        return Refused("recorder_absent")
    if now - said.at > limit:
        return Refused("recorder_silent", seconds=int((now - said.at).total_seconds()))
    if said.disk_free < DISK_FLOOR:
        return Refused("recorder_disk_full", megabytes=said.disk_free // (1024 * 1024))
    # The log must say so too: nothing may stand in it as decided during a gap.
    stopped = state.stage in RUNNING and state.recorder.stage is RecorderStage.STOPPED
    if said.state != "recording" or stopped:
        return Refused("recorder_not_recording")
    return _tracks_obstacle(state, facts, said)


def _tracks_obstacle(state: State, facts: Facts, said: RecorderFacts) -> Refused | None:
    speaker = state.floor.person if state.floor else state.chair
    fresh = {(t.person, t.source) for t in said.tracks if t.fresh and not t.muted}
    wanted = {(t.person, t.source) for t in said.tracks if not t.muted} | facts.switched_on
    for person, source in sorted(wanted - fresh):
        name = state.name(person) or "phòng họp"
        if source == "camera":
            return Refused("camera_not_recorded", name=name)
        if source == "microphone" and person == speaker:
            return Refused("voice_not_recorded", name=name)
    return None


def statement_events(
    state: State,
    said: RecorderFacts,
    problem: str,
    point: e.Checkpointed,
    gaps: Iterable[e.RecordingGap],
) -> Events:
    """What one statement of the recorder adds to the log: changes, gaps, and now and then itself.

    `point` is the statement as an event; it goes in when its nonce answers a vote's opening or
    closing, when a minute has passed, or beside any change. `problem` is why it is not recording.
    """
    if state.stage not in RUNNING:
        return []
    told = state.recorder.gaps_told
    new = sorted((gap for gap in gaps if gap.number > told), key=lambda gap: gap.number)
    changes: Events = list(new)
    # In an open session whatever is not recording is a gap, also "waiting" to get back in.
    if said.state == "recording":
        if state.recorder.stage is not RecorderStage.RECORDING:
            changes.append(e.RecorderChanged("recording", ""))
    elif state.recorder.stage is not RecorderStage.STOPPED:
        changes.append(e.RecorderChanged("stopped", problem[:200]))
    answers = not state.recorder.nonce_answered and point.nonce == state.recorder.nonce
    last = state.recorder.checkpoint_at
    if changes or answers or last is None or said.at - last >= CHECKPOINT_EVERY:
        changes.append(point)
    return changes


def silence_events(state: State, heard: datetime | None, now: datetime) -> Events:
    """The recorder was last heard at `heard`, too long ago: the log says so, once."""
    if state.stage not in RUNNING or state.recorder.stage is RecorderStage.STOPPED:
        return []
    limit = 2 * timedelta(seconds=state.rules.number("recording.confirm_seconds")) + LATENESS
    since = max((t for t in (heard, state.opened_at) if t is not None), default=now)
    if now - since <= limit:
        return []
    return [e.RecorderChanged("stopped", "silent", to_text(since))]


_REASONS = {
    "silent": "silent",
    "recorder-restart": "restarted",
    "disconnected": "cut_off",
    "not joined yet": "not_joined",
    "cut off": "cut_off",
    "unplayable": "unplayable",
    "disk": "disk",
    "the disk": "disk",
    "ended": "ended",
}


def reason_text(problem: str) -> str:
    """The recorder's own words, which the log keeps, as a reader's sentence."""
    if not problem:
        return ""
    code = next((code for start, code in _REASONS.items() if problem.startswith(start)), "other")
    return say(f"session.recorder.{code}")

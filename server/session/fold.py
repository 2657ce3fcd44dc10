"""The fold: a state and the next event of the log make the next state. Nothing is judged here."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from server.session import events as e
from server.session import fold_items, fold_people, fold_votes
from server.session.events import Logged
from server.session.ledger import LogLedger
from server.session.stages import Stage, move
from server.session.state import (
    Correction,
    Gap,
    Item,
    Member,
    Message,
    Move,
    Note,
    Recorder,
    RecorderStage,
    State,
    Withdrawal,
)
from server.session.times import from_text
from voting.ruleset import RuleSet


class BrokenLog(Exception):
    """The log does not begin, continue or name things as it must."""


def fold(session: str, log: Iterable[Logged]) -> State | None:
    """The state after these events; None for an empty log."""
    state: State | None = None
    for logged in log:
        state = begin(session, logged) if state is None else apply(state, logged)
    return state


def begin(session: str, logged: Logged) -> State:
    """The state after the first event, which must be a convening."""
    first = logged.event
    if not isinstance(first, e.Convened) or logged.seq != 1:
        raise BrokenLog("a log begins with its convening")
    rules = RuleSet.from_data(first.rules)
    if rules.version != first.rule_version:
        raise BrokenLog("the rules do not have the version that is named")
    return State(
        session=session,
        convened=first,
        rules=rules,
        stage=Stage.CONVENED,
        seq=1,
        head=logged.hash,
        time=logged.time,
        chair=first.chair,
        deputy=first.deputy,
        starts_at=from_text(first.starts_at),
        place=first.place,
        authorisation=first.authorisation,
        members={line.id: Member(line) for line in first.roster},
        items={line.id: Item(line) for line in sorted(first.items, key=lambda i: i.number)},
        ledger=LogLedger().with_head(logged.hash),
    )


def apply(state: State, logged: Logged) -> State:
    """The next state. Raises BrokenLog when the event is not the next one."""
    if logged.seq != state.seq + 1:
        raise BrokenLog(f"event {logged.seq} after {state.seq}")
    changed = _changed(state, logged)
    commands = changed.commands
    if logged.command is not None:
        commands = {**commands, (logged.actor, logged.command): logged.seq}
    return replace(
        changed,
        seq=logged.seq,
        head=logged.hash,
        time=logged.time,
        ledger=changed.ledger.with_head(logged.hash),
        commands=commands,
        unwitnessed=not isinstance(logged.event, e.HeadWitnessed),
    )


def _changed(state: State, logged: Logged) -> State:
    for part in (fold_people.changed, fold_items.changed, fold_votes.changed, _course, _record):
        if (new := part(state, logged)) is not None:
            return new
    raise BrokenLog(f"no fold for {logged.event.TYPE}")


def _to(state: State, stage: Stage, **more: Any) -> State:
    return replace(state, stage=move(state.stage, stage), **more)


def _course(state: State, logged: Logged) -> State | None:
    """Events that move the session on, or end it."""
    match logged.event:
        case e.WaitingOpened():
            return _to(state, Stage.WAITING, waiting_at=logged.time)
        case e.Opened(said):
            recorder = replace(
                state.recorder, stage=RecorderStage(said or "off"), since=logged.time
            )
            return _to(state, Stage.OPEN, opened_at=logged.time, recorder=recorder)
        case e.SecretaryNamed(person):
            return replace(state, secretary=person)
        case e.RollCallStarted():
            return _to(state, Stage.ROLL_CALL, roll_seq=logged.seq)
        case e.RollCallFinished():
            return _to(state, Stage.AGENDA)
        case e.AgendaApproved():
            return _to(state, Stage.ITEMS)
        case e.RecessBegun():
            return _to(state, Stage.RECESS, resume_to=state.stage)
        case e.Resumed():
            return _to(state, state.resume_to or Stage.ITEMS, resume_to=None)
        case e.Concluded(text):
            return _to(state, Stage.CONCLUDING, conclusion=text, current=None)
        case e.MinutesRead(text, digest):
            stage = Stage.MINUTES
            read = state if state.stage is stage else _to(state, stage)
            return replace(read, minutes_text=text, minutes_hash=digest, minutes_stale=False)
        case e.MinutesAgreed():
            return replace(state, minutes_agreed=True)
        case e.Closed():
            return _ended(state, Stage.CLOSED, logged)
        case e.Adjourned(reason, until):
            ended = _ended(state, Stage.ADJOURNED, logged)
            return replace(ended, end_reason=reason, adjourned_until=until)
        case e.Abandoned(reason):
            return replace(_ended(state, Stage.ABANDONED, logged), end_reason=reason)
        case e.ChairTaken(person) | e.ChairHanded(person):
            away = None if state.members[person].connected else logged.time
            secretary = None if person == state.secretary else state.secretary
            return replace(state, chair=person, chair_away_since=away, secretary=secretary)
        case _:
            return None


def _ended(state: State, stage: Stage, logged: Logged) -> State:
    """Attendance stops at the end, so that intervals are closed for good."""
    return _to(
        state,
        stage,
        ended_at=logged.time,
        floor=None,
        queue=(),
        members={p: fold_people.stopped(m, logged.time) for p, m in state.members.items()},
    )


def _record(state: State, logged: Logged) -> State | None:
    """Papers, the appointed time, notes, chat, and what recorder and upper committee said."""
    match logged.event:
        case e.DocumentAdded(document):
            return replace(state, added=(*state.added, document))
        case e.DocumentWithdrawn(document, reason, replaced_by):
            gone = Withdrawal(document, logged.actor, reason, replaced_by, logged.time)
            return replace(state, withdrawn=(*state.withdrawn, gone))
        case e.Rescheduled(starts_at, place, reason, authorisation):
            moved = Move(state.starts_at, state.place, logged.actor, reason, logged.time)
            return replace(
                state,
                starts_at=from_text(starts_at),
                place=place,
                authorisation=authorisation,
                moves=(*state.moves, moved),
            )
        case e.NoteAdded(note_id, item, person, text, kind):
            note = Note(note_id, item, person, text, logged.time, kind)
            return replace(state, notes=(*state.notes, note), minutes_stale=True)
        case e.ChatAllowed(allowed):
            return replace(state, chat_allowed=allowed)
        case e.MessageSaid(person, text):
            return replace(state, chat=(*state.chat, Message(person, text, logged.time)))
        case e.RecorderChanged(new, reason, since):
            at = from_text(since) if since else logged.time
            return replace(state, recorder=_recorder(state.recorder, new, reason, at))
        case e.RecordingGap(number=number):
            return replace(state, recorder=replace(state.recorder, gaps_told=number))
        case e.Checkpointed(nonce=nonce):
            recorder = replace(
                state.recorder,
                checkpoint_at=logged.time,
                nonce_answered=state.recorder.nonce_answered or nonce == state.recorder.nonce,
            )
            return replace(state, recorder=recorder)
        case e.HeadWitnessed(seq=seq) as event:
            return replace(state, witnessed=event, witnessed_seq=seq, witnessed_at=logged.time)
        case e.RecordingFinished():
            recorder = replace(state.recorder, stage=RecorderStage.OFF, since=logged.time)
            return replace(state, recorder=recorder, recording_finished=True)
        case e.ReportSealed(sha256=digest):
            return replace(state, report_sealed=digest)
        case e.ReportReceived(committee, number, received_at, digest, key_id):
            receipt = (committee, number, received_at, digest, key_id)
            return replace(state, report_received=receipt)
        case e.DocumentsNumbered(numbers=numbers):
            return replace(state, numbers=numbers, numbered=(logged.seq, logged.hash))
        case e.ReportReviewed() as event:
            return replace(state, review=event)
        case e.ReportCorrected(version, corrects, text):
            made = Correction(
                version,
                corrects,
                state.review.note if state.review else "",
                text,
                logged.actor,
                logged.time,
                logged.seq,
                logged.hash,
            )
            return replace(state, corrections=(*state.corrections, made))
        case _:
            return None


def _recorder(old: Recorder, new: str, reason: str, at: datetime) -> Recorder:
    stage = RecorderStage(new)
    gaps = old.gaps
    if stage is RecorderStage.STOPPED and old.stage is not RecorderStage.STOPPED:
        gaps = (*gaps, Gap(at, None, reason))
    elif old.stage is RecorderStage.STOPPED and stage is not RecorderStage.STOPPED and gaps:
        gaps = (*gaps[:-1], replace(gaps[-1], end=at))
    return replace(old, stage=stage, since=at, reason=reason, gaps=gaps)

"""What happened, as plain data: the projection of the log that minutes and report are written from.

It takes the log up to the session's end and nothing else, so that the same log gives the same
documents at any time and on any machine. Names and numbers come from here only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from server.session import events as e
from server.session.attendance import counts, seconds_present, tally_of
from server.session.events import Logged
from server.session.fold import fold
from server.session.recording import reason_text
from server.session.stages import Stage
from server.session.state import Attendance, Item, ItemStage, Member, Motion, MotionStage, State
from voting.ballot import Choice
from voting.tally import Origin


class NotEnded(Exception):
    """The log has no end yet, so there is nothing to report."""


@dataclass(frozen=True, slots=True)
class Absence:
    name: str
    with_reason: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Attender:
    """One who was there at some time. Seconds are of presence, not of connection."""

    name: str
    title: str
    official: bool
    place: str  # remote, in_room
    how: str  # device, code, secretary, vouch
    seconds: int
    drops: int
    left_at: datetime | None
    removed: bool
    reason: str


@dataclass(frozen=True, slots=True)
class VoteFacts:
    """A motion that was put to the vote; the numbers are those of `voting.tally`, or all None."""

    motion: str
    text: str
    attempt: int
    void_reason: str
    base: int | None
    approve: int | None
    disapprove: int | None
    abstain: int | None
    not_voted: int | None
    needed: int | None
    passed: bool | None
    sentence: str
    rule_version: str
    decision: str
    against: tuple[str, ...]  # names
    abstaining: tuple[str, ...]
    by_hand: tuple[str, ...]
    objections: tuple[tuple[str, str], ...]  # name, text


@dataclass(frozen=True, slots=True)
class Said:
    """A note of the session secretary, or an opinion that a member reserved."""

    kind: str  # opinion, reserved, task, conclusion
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class ItemFacts:
    number: int
    title: str
    kind: str
    state: str
    started_at: datetime | None
    ended_at: datetime | None
    speakers: tuple[str, ...]
    said: tuple[Said, ...]
    votes: tuple[VoteFacts, ...]
    conclusion: str
    postponed_why: str


@dataclass(frozen=True, slots=True)
class GapFacts:
    start: datetime
    end: datetime | None
    reason: str


@dataclass(frozen=True, slots=True)
class RecordingFacts:
    """What the recorder had confirmed when the session ended."""

    checkpoints: int
    last_checkpoint: str  # SHA-256 of its last signed statement before the end
    segments: int
    bytes: int
    gaps: tuple[GapFacts, ...]


@dataclass(frozen=True, slots=True)
class Facts:
    session: str
    cell_name: str
    committee: str
    title: str
    mode: str
    place: str
    authorisation: e.Authorisation
    eligibility: str
    starts_at: datetime  # as last appointed
    stage: str  # closed, adjourned, abandoned
    end_reason: str
    adjourned_until: str
    opened_at: datetime
    ended_at: datetime
    chair: str
    chair_title: str
    secretary: str
    chairs_before: tuple[str, ...]  # names of those who had the chair and gave or lost it
    members: int
    official: int
    probationary: int
    exempt: int
    attended: int
    in_room: int
    absent: tuple[Absence, ...]
    attenders: tuple[Attender, ...]
    items: tuple[ItemFacts, ...]
    said: tuple[Said, ...]  # on no item
    conclusion: str
    minutes_read: str  # the text that was read out; empty when it never was
    minutes_hash: str
    minutes_agreed_at: datetime | None
    recording: RecordingFacts
    rule_version: str
    web_bundle: str
    head_seq: int
    head: str
    numbers: tuple[tuple[str, int], ...] = ()  # of the documents, by kind

    @property
    def votes(self) -> tuple[VoteFacts, ...]:
        return tuple(vote for item in self.items for vote in item.votes)

    @property
    def absent_with_reason(self) -> tuple[Absence, ...]:
        return tuple(a for a in self.absent if a.with_reason)

    @property
    def absent_without(self) -> tuple[Absence, ...]:
        return tuple(a for a in self.absent if not a.with_reason)


ENDS = (e.Closed, e.Adjourned, e.Abandoned)


def until_end(log: Sequence[Logged]) -> Sequence[Logged]:
    """The log up to and with the event that ended the session. Raises NotEnded."""
    for index, logged in enumerate(log):
        if isinstance(logged.event, ENDS):
            return log[: index + 1]
    raise NotEnded("the session has not ended")


def facts(session: str, log: Sequence[Logged]) -> Facts:
    """The facts of an ended session. Raises NotEnded; also for one that never opened."""
    whole = fold(session, log)
    log = until_end(log)
    state = fold(session, log)
    if state is None or state.opened_at is None:
        raise NotEnded("the session was never opened")
    sums, told = counts(state), state.convened
    chair = state.members[state.chair].line
    ended_at = log[-1].time
    return Facts(
        session=session,
        cell_name=told.cell_name,
        committee=told.committee,
        title=told.title,
        mode=told.mode,
        place=state.place,
        authorisation=state.authorisation,
        eligibility=told.eligibility.sentence,
        starts_at=state.starts_at,
        stage=state.stage.value,
        end_reason=state.end_reason,
        adjourned_until=state.adjourned_until,
        opened_at=state.opened_at,
        ended_at=ended_at,
        chair=chair.name,
        chair_title=chair.title,
        secretary=state.name(state.secretary),
        chairs_before=_chairs_before(state, log),
        members=sums.members,
        official=sums.official,
        probationary=sums.probationary,
        exempt=sums.exempt,
        attended=sums.attended,
        in_room=sum(m.attended and m.place == "in_room" for m in state.members.values()),
        absent=tuple(
            _absence(state.members[p], p in sums.absent_with_reason)
            for p in (*sums.absent_with_reason, *sums.absent)
        ),
        attenders=tuple(_attender(m, ended_at) for m in state.members.values() if m.attended),
        items=tuple(_item(state, item) for item in state.items.values()),
        said=_said(state, None),
        conclusion=state.conclusion,
        minutes_read=state.minutes_text,
        minutes_hash=state.minutes_hash,
        minutes_agreed_at=_agreed_at(log) if state.stage is Stage.CLOSED else None,
        recording=_recording(state, log),
        rule_version=state.rules.version,
        web_bundle=told.web_bundle,
        head_seq=state.seq,
        head=state.head,
        numbers=whole.numbers if whole else (),
    )


def _chairs_before(state: State, log: Sequence[Logged]) -> tuple[str, ...]:
    changes = [x.event for x in log if isinstance(x.event, e.ChairTaken | e.ChairHanded)]
    held = [state.convened.chair, *(change.person for change in changes)]
    return tuple(dict.fromkeys(state.name(p) for p in held if p != state.chair))


def _absence(member: Member, with_reason: bool) -> Absence:
    return Absence(member.line.name, with_reason, member.reason)


def _attender(member: Member, ended_at: datetime) -> Attender:
    left = member.attendance is Attendance.LEFT
    removed = member.attendance is Attendance.REMOVED
    return Attender(
        name=member.line.name,
        title=member.line.title,
        official=member.line.official,
        place=member.place.value if member.place else "remote",
        how=member.how,
        seconds=seconds_present(member, ended_at),
        drops=len(member.intervals) - 1,
        left_at=member.since if left or removed else None,
        removed=removed,
        reason=member.reason if left or removed else "",
    )


def _item(state: State, item: Item) -> ItemFacts:
    line = item.line
    speakers = dict.fromkeys(state.name(t.person) for t in state.turns if t.item == line.id)
    return ItemFacts(
        number=line.number,
        title=line.title,
        kind=line.kind,
        state=item.stage.value,
        started_at=item.started_at,
        ended_at=item.ended_at,
        speakers=tuple(speakers),
        said=_said(state, line.id),
        votes=tuple(
            _vote(state, m)
            for m in state.motions_on(line.id)
            if m.stage is MotionStage.VOID or m.result is not None
        ),
        conclusion=item.conclusion,
        postponed_why=item.postponed_why if item.stage is ItemStage.POSTPONED else "",
    )


def _said(state: State, item: str | None) -> tuple[Said, ...]:
    return tuple(Said(n.kind, state.name(n.person), n.text) for n in state.notes if n.item == item)


def _vote(state: State, motion: Motion) -> VoteFacts:
    objections = tuple((state.name(person), text) for person, text in motion.objections)
    shared = {
        "motion": motion.id,
        "text": motion.text,
        "attempt": motion.attempt,
        "void_reason": motion.void_reason,
        "rule_version": motion.rule.rule_version,
        "decision": motion.kind.value,
        "objections": objections,
    }
    if motion.result is None:
        numbers = dict.fromkeys(("base", "approve", "disapprove", "abstain", "not_voted", "needed"))
        nobody = dict.fromkeys(("against", "abstaining", "by_hand"), ())
        return VoteFacts(**shared, **numbers, **nobody, passed=None, sentence="")  # type: ignore[arg-type]
    result = tally_of(motion)

    def named(choice: Choice) -> tuple[str, ...]:
        return tuple(state.name(v.member) for v in result.by_member if v.choice is choice)

    return VoteFacts(
        **shared,  # type: ignore[arg-type]
        base=result.base,
        approve=result.approve,
        disapprove=result.disapprove,
        abstain=result.abstain,
        not_voted=result.not_voted,
        needed=result.needed,
        passed=result.passed,
        sentence=result.sentence_vi,
        against=named(Choice.DISAPPROVE),
        abstaining=named(Choice.ABSTAIN),
        by_hand=tuple(state.name(v.member) for v in result.by_member if v.origin is Origin.HAND),
    )


def _agreed_at(log: Sequence[Logged]) -> datetime | None:
    agreed = [x.time for x in log if isinstance(x.event, e.MinutesAgreed)]
    return agreed[-1] if agreed else None


def _recording(state: State, log: Sequence[Logged]) -> RecordingFacts:
    points = [x.event for x in log if isinstance(x.event, e.Checkpointed)]
    return RecordingFacts(
        checkpoints=len(points),
        last_checkpoint=points[-1].hash if points else "",
        segments=points[-1].segments if points else 0,
        bytes=points[-1].bytes if points else 0,
        gaps=tuple(GapFacts(g.start, g.end, reason_text(g.reason)) for g in state.recorder.gaps),
    )

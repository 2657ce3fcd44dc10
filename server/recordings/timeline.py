"""What a player shows: the recorder's files and the log's marks on one clock. Pure."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from recording.playback import PlaybackTrack, Timeline
from server.recordings.models import (
    Recording,
    RecordingGap,
    SegmentListed,
    TimelineMark,
    TrackListed,
)
from server.session.gathering import person_of
from server.session.recording import reason_text
from server.session.state import Item, Member, Motion, MotionStage, State
from server.texts import say

THUMBNAIL = "thumbnail.jpg"


def recording_of(state: State, timeline: Timeline, base: str) -> Recording:
    """`base` is the address under which the files are given out; they are named in the manifest."""
    clock = Clock(timeline.start_ms, timeline.end_ms)
    return Recording(
        session_id=state.session,
        title=state.convened.title,
        cell_name=state.convened.cell_name,
        started_at=clock.start,
        duration_ms=clock.length,
        thumbnail=f"{base}/{THUMBNAIL}" if timeline.ended and _pictures(timeline) else None,
        tracks=[_track(track, state, clock, base) for track in timeline.tracks if track.segments],
        marks=sorted(marks(state, clock), key=lambda mark: (mark.at_ms, mark.kind)),
        gaps=[
            RecordingGap(
                from_ms=clock.clamp(gap.from_ms - timeline.start_ms),
                to_ms=clock.clamp(gap.to_ms - timeline.start_ms),
                reason=gap_reason(gap.reason),
            )
            for gap in timeline.gaps
            if not gap.track  # a single track's gaps show as holes between its segments
        ],
    )


class Clock:
    """Milliseconds after the recording's start, never outside of it."""

    def __init__(self, start_ms: int, end_ms: int) -> None:
        self.start = datetime.fromtimestamp(start_ms / 1000, UTC)
        self.length = end_ms - start_ms

    def at(self, time: datetime) -> int:
        return self.clamp((time - self.start) // timedelta(milliseconds=1))

    def until(self, time: datetime | None) -> int | None:
        return None if time is None else self.at(time)

    def clamp(self, ms: int) -> int:
        return min(max(ms, 0), self.length)


def marks(state: State, clock: Clock) -> Iterable[TimelineMark]:
    for item in state.items.values():
        if item.started_at is not None:
            yield _item_mark(item, item.started_at, clock)
    for motion in state.motions.values():
        if motion.opened_at is not None:
            yield _vote_mark(motion, motion.opened_at, clock)
    for turn in state.turns:
        yield TimelineMark(
            at_ms=clock.at(turn.began_at),
            end_ms=clock.until(turn.ended_at),
            kind="floor",
            label=state.name(turn.person),
            detail=state.items[turn.item].line.title if turn.item else "",
            person=turn.person,
        )
    for note in state.notes:
        if note.kind == "reserved":  # an opinion kept against the majority
            yield TimelineMark(
                at_ms=clock.at(note.at),
                end_ms=clock.at(note.at),
                kind="reserved",
                label=state.name(note.person),
                detail=note.text,
                person=note.person,
            )
    for gap in state.recorder.gaps:
        yield TimelineMark(
            at_ms=clock.at(gap.start),
            end_ms=clock.until(gap.end),
            kind="incident",
            label=say("recordings.recorder_stopped"),
            detail=gap_reason(gap.reason),
            person=None,
        )
    for person, member in state.members.items():
        yield from _presence_marks(person, member, state.ended_at, clock)


def gap_reason(reason: str) -> str:
    """The recorder's word for it in Vietnamese."""
    return reason_text(reason) if reason else say("recordings.gap.unknown")


def _item_mark(item: Item, started_at: datetime, clock: Clock) -> TimelineMark:
    return TimelineMark(
        at_ms=clock.at(started_at),
        end_ms=clock.until(item.ended_at),
        kind="item",
        label=f"{item.line.number}. {item.line.title}",
        detail=item.conclusion or item.postponed_why,
        person=None,
    )


def _vote_mark(motion: Motion, opened_at: datetime, clock: Clock) -> TimelineMark:
    detail, outcome = "", ""
    if motion.stage is MotionStage.VOID:
        detail, outcome = say("recordings.vote_void", reason=motion.void_reason), "void"
    elif motion.result is not None:
        detail = motion.result.sentence_vi
        outcome = "passed" if motion.result.passed else "failed"
    return TimelineMark(
        at_ms=clock.at(opened_at),
        end_ms=clock.until(motion.closed_at),
        kind="vote",
        label=motion.text,
        detail=detail,
        person=None,
        outcome=outcome,
    )


def _presence_marks(
    person: str, member: Member, ended_at: datetime | None, clock: Clock
) -> Iterable[TimelineMark]:
    """Each time a member who had been present was gone before the end, and until when."""
    ends = [interval.end for interval in member.intervals]
    backs = [interval.start for interval in member.intervals[1:]]
    for n, gone in enumerate(ends):
        if gone is None or gone == ended_at:
            continue
        yield TimelineMark(
            at_ms=clock.at(gone),
            end_ms=clock.at(backs[n]) if n < len(backs) else None,
            kind="presence",
            label=say("recordings.away", name=member.line.name),
            detail=member.reason if n == len(ends) - 1 else "",
            person=person,
        )


def _track(track: PlaybackTrack, state: State, clock: Clock, base: str) -> TrackListed:
    start_ms = round(clock.start.timestamp() * 1000)
    person = state.member(person_of(track.participant))
    return TrackListed(
        id=track.track,
        person=person.line.id if person else None,
        name=person.line.name if person else say("recordings.room"),
        kind=track.kind,
        source=track.source,
        segments=[
            SegmentListed(
                url=f"{base}/{segment_name(track.track, segment.index)}",
                start_ms=segment.start_ms - start_ms,
                duration_ms=segment.duration_ms,
            )
            for segment in track.segments
        ],
    )


def segment_name(track: str, index: int) -> str:
    return f"{track}-{index}.webm"


def _pictures(timeline: Timeline) -> bool:
    """Whether a thumbnail can be made: of what lies here in the clear."""
    return any(
        track.kind == "video" and not segment.sealed
        for track in timeline.tracks
        for segment in track.segments
    )

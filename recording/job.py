"""Records one session: a hidden client in the room, one track recorder for each track, a disk."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from recording.disk import SessionDisk
from recording.errors import RecordingError
from recording.speech import Speech, SpeechLog
from recording.status import GapStatus, RecorderStatus, State, TrackStatus, is_fresh
from recording.timing import LeastOffset
from recording.track import Append, Begin, Close, Effect, Gap, TrackRecorder, WantKeyframe
from signaling.client.client import HeadlessClient
from signaling.client.interface import Participant, RemoteTrack
from signaling.client.transport import now_ns

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

TICK = 1.0
LOOKS = 5  # at whether a gap has ended, during one tick
SETTLE_NS = 500_000_000  # whoever was cut off with us comes back about when we do
BACK_WITHIN_NS = 3_000_000_000  # a track still silent then has trouble of its own
RECENT_NS = 20_000_000_000
EXPELLED_RETRY = 2.0
KINDS = {
    "camera": "video",
    "screen_share": "video",
    "microphone": "audio",
    "screen_share_audio": "audio",
}


@dataclass(frozen=True, slots=True)
class JobSpec:
    """What the application asks for. `checkpoint_nonce` changes when it wants a checkpoint;
    `recipient` is the session's age public key, empty to store segments in the clear."""

    session_id: str
    room: str
    livekit_url: str
    token: str
    started_at: Any = None
    checkpoint_nonce: str = ""
    recipient: str = ""


@dataclass(slots=True)
class _Away:
    """Since when nothing could be recorded, since when the room is joined again, and when each
    track's media came again."""

    since_ns: int
    reason: str
    back_ns: int = 0
    tracks: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class _Written:
    until_ns: int = 0
    size: int = 0


class RecordingJob:
    """`start` → many `update` and `status` → `stop`. Also the client's handler.

    Raises RecordingError if the specification makes no sense."""

    def __init__(
        self,
        spec: JobSpec,
        root: Path,
        *,
        livekit_url: str = "",
        clock: Callable[[], int] = now_ns,
        on_news: Callable[[], None] = lambda: None,
    ) -> None:
        self.spec = spec
        self._clock = clock
        self._on_news = on_news  # recording stopped, began again, or a gap is known whole
        self._disk = SessionDisk(root, spec.session_id, spec.room, spec.recipient)
        self._thread = ThreadPoolExecutor(1, f"disk-{spec.session_id}")
        self._client = HeadlessClient(
            livekit_url or spec.livekit_url, lambda: self.spec.token, self
        )
        self._recorders: dict[str, TrackRecorder] = {}
        self._indexes: dict[str, int] = {}
        self._publishers: dict[str, LeastOffset] = {}
        self._people: Sequence[Participant] = ()
        self._written: dict[str, _Written] = {}
        self._effects: list[Effect] = []
        self._new_gaps: list[tuple[Gap, str, str]] = []
        self._speeches: list[Speech] = []
        self._told_gaps: list[GapStatus] = []
        self._speech = SpeechLog()
        self._away: _Away | None = None
        self._problem = "not joined yet"
        self._disk_problem = ""
        self._stopped = False
        self._disk_turn = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._free = 0
        self._last_heard_ns = 0

    async def start(self) -> None:
        """Takes up what an earlier run left. Raises OSError or RecordingError if it cannot."""
        await self._open_disk("recorder-restart")
        await self._client.start()
        self._task = asyncio.create_task(self._run())

    def update(self, spec: JobSpec) -> None:
        self.spec = spec

    async def stop(self, *, final: bool) -> dict[str, Any]:
        """Closes all segments; `final` ends the recording, otherwise it is to be continued.
        Returns the facts that the application is told at the end."""
        await self._client.stop()
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        for sid in list(self._recorders):
            self._end(sid, "stopped")
        self._speeches += self._speech.finish()
        if self._away is not None:
            self._away.back_ns = self._away.back_ns or self._clock()
            self._end_gap_if_back(self._clock() + BACK_WITHIN_NS)
        await self.flush()
        async with self._disk_turn:
            facts = await self._on_disk(self._disk.end, final)
            self._stopped = True
        self._thread.shutdown()
        return facts

    async def flush(self) -> None:
        """Puts everything received so far on disk."""
        async with self._disk_turn:
            if self._stopped:
                return
            try:
                if self._disk_problem:
                    await self._open_disk("disk")
                    self._start_over()
                effects, self._effects = self._effects, []
                until, told, said = await self._on_disk(
                    self._write, effects, tuple(self._new_gaps), tuple(self._speeches)
                )
            except (OSError, RecordingError) as error:
                self._fail(str(error))
                return
            del self._new_gaps[: len(told)]
            del self._speeches[:said]
        self._told_gaps += told
        for effect in effects:
            if isinstance(effect, Append):
                self._written.setdefault(effect.head.track, _Written()).size += len(effect.data)
        for track, until_ns in until.items():
            self._written.setdefault(track, _Written()).until_ns = until_ns

    def acknowledged(self, status: RecorderStatus) -> None:
        """The application has these gaps; they need not be told again."""
        known = {gap.id for gap in status.gaps}
        self._told_gaps = [gap for gap in self._told_gaps if gap.id not in known]

    def status(self) -> RecorderStatus:
        now_ms = self._clock() // 1_000_000
        tracks = []
        for person in self._people:
            for sid, source, muted in person.tracks:
                written = self._written.get(sid, _Written())
                last_ms = written.until_ns // 1_000_000
                tracks.append(
                    TrackStatus(
                        sid,
                        person.identity,
                        source,
                        KINDS.get(source, "unknown"),
                        last_ms,
                        written.size,
                        is_fresh(last_ms, muted, now_ms),
                        muted,
                    )
                )
        problem = self._disk_problem or self._problem
        state: State = "stopped" if self._stopped else "waiting" if problem else "recording"
        return RecorderStatus(
            self.spec.session_id,
            self._disk.seq,
            self._disk.head,
            tuple(tracks),
            tuple(self._told_gaps),
            self._disk.segments,
            self._disk.size,
            self._free,
            state,
            problem,
            now_ms,
        )

    async def _run(self) -> None:
        while True:
            await self._until_tick()
            now = self._clock()
            for sid, recorder in self._recorders.items():
                self._take(sid, recorder.tick(now))
                self._speech.level(recorder.track.participant_identity, recorder.take_level(), now)
            self._speeches += self._speech.tick(now)
            await self.flush()

    async def _until_tick(self) -> None:
        for _ in range(LOOKS):
            await asyncio.sleep(TICK / LOOKS)
            if self._end_gap_if_back(self._clock()):
                await self.flush()
                self._on_news()

    async def _on_disk(self, work: Callable[P, T], *args: P.args, **_: P.kwargs) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *args)

    async def _open_disk(self, reason: str) -> None:
        resumed = await self._on_disk(self._disk.open)
        self._free = await self._on_disk(self._disk.free)
        self._indexes.update(resumed.next_index)
        if resumed.last_ms and self._away is None:
            self._away = _Away(resumed.last_ms * 1_000_000, reason)

    def _write(
        self,
        effects: Sequence[Effect],
        gaps: Sequence[tuple[Gap, str, str]],
        speeches: Sequence[Speech],
    ) -> tuple[dict[str, int], list[GapStatus], int]:
        until = self._disk.apply(effects)
        told = []
        for gap, track, participant in gaps:
            number = self._disk.gap(gap, track, participant)
            told.append(GapStatus(number, track, participant, gap.from_ms, gap.to_ms, gap.reason))
        for speech in speeches:
            self._disk.record(
                "speech",
                participant=speech.participant,
                from_ms=speech.from_ms,
                to_ms=speech.to_ms,
                level=speech.level,
            )
        self._free = self._disk.free()
        return until, told, len(speeches)

    def _fail(self, problem: str) -> None:
        """The disk is gone: what is open on it is cut off, and nothing is kept in memory."""
        log.error("%s: the disk refuses: %s", self.spec.session_id, problem)
        self._disk_problem = f"the disk refuses: {problem}"
        self._effects.clear()
        if self._away is None:
            self._away = _Away(self._clock(), "disk")

    def _start_over(self) -> None:
        """The disk is back, with everything on it finished: begin new segments."""
        self._disk_problem = ""
        self._effects.clear()
        if self._away is not None and not self._problem:
            self._away.back_ns = self._clock()
        for sid, recorder in list(self._recorders.items()):
            self._recorders[sid] = self._recorder(recorder.track, recorder.muted)
            self._client.request_keyframe(sid)

    def _recorder(self, track: RemoteTrack, muted: bool) -> TrackRecorder:
        sid = track.sid
        if sid in self._recorders:
            self._indexes[sid] = self._recorders[sid].next_index
        publisher = self._publishers.setdefault(track.participant_sid, LeastOffset())
        now = self._clock()
        recorder = TrackRecorder(track, publisher, self._indexes.get(sid, 0), now)
        recorder.set_muted(muted, now)
        return recorder

    def _take(self, sid: str, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case WantKeyframe():
                    self._client.request_keyframe(sid)
                case Gap():
                    track = self._recorders[sid].track
                    self._new_gaps.append((effect, sid, track.participant_identity))
                case Begin() | Append() | Close() if self._disk_problem:
                    continue
                case Begin() | Close():
                    self._effects.append(effect)
                case Append(until_ns=until_ns):
                    self._effects.append(effect)
                    if self._away is not None:
                        self._away.tracks.setdefault(sid, until_ns)
                case _:
                    raise AssertionError(f"unknown effect {effect}")

    def _end_gap_if_back(self, now: int) -> bool:
        """The gap lasts until every open microphone and camera is being recorded again."""
        away = self._away
        if away is None or not away.back_ns or self._disk_problem:
            return False
        if now - away.back_ns < SETTLE_NS:
            return False
        missing = any(
            not recorder.muted and sid not in away.tracks
            for sid, recorder in self._recorders.items()
        )
        overdue = now - away.back_ns > BACK_WITHIN_NS
        if overdue or (away.tracks and not missing):
            self._away = None
            until = max([away.since_ns, away.back_ns, *away.tracks.values()])
            gap = Gap(away.since_ns // 1_000_000, until // 1_000_000, away.reason)
            self._new_gaps.append((gap, "", ""))
            return True
        return False

    async def _token(self) -> str:
        return self.spec.token  # the application renews it with every poll

    def _end(self, sid: str, why: str) -> None:
        recorder = self._recorders.get(sid)
        if recorder is not None:
            self._take(sid, recorder.end(why, self._clock()))
            self._indexes[sid] = recorder.next_index
            del self._recorders[sid]

    # The client's handler.

    def on_connected(self, room_sid: str) -> None:
        self._problem = ""
        if self._away is not None:
            self._away.back_ns = self._clock()
        self._on_news()

    def on_track(self, track: RemoteTrack) -> None:
        self._end(track.sid, "ended")
        self._recorders[track.sid] = self._recorder(track, track.muted)

    def on_rtp(self, track: RemoteTrack, packet: bytes, arrival_ns: int) -> None:
        recorder = self._recorders.get(track.sid)
        if recorder is not None:
            self._last_heard_ns = arrival_ns
            effects = recorder.packet(packet, arrival_ns)
            if effects:
                self._take(track.sid, effects)

    def on_sender_report(self, track: RemoteTrack, ntp: int, rtp: int, arrival_ns: int) -> None:
        recorder = self._recorders.get(track.sid)
        if recorder is not None:
            recorder.sender_report(ntp, rtp)

    def on_track_muted(self, track_sid: str, muted: bool) -> None:
        recorder = self._recorders.get(track_sid)
        if recorder is not None:
            self._take(track_sid, recorder.set_muted(muted, self._clock()))

    def on_track_ended(self, track: RemoteTrack) -> None:
        self._end(track.sid, "ended")

    def on_participants(self, participants: Sequence[Participant]) -> None:
        self._people = participants

    def on_speakers(self, levels: Sequence[tuple[str, float]]) -> None:
        identities = {person.sid: person.identity for person in self._people}
        for sid, level in levels:
            if sid in identities:
                self._speech.announced(identities[sid], level, self._clock())

    def on_closed(self, reason: str, final: bool) -> None:
        now = self._clock()
        log.warning("%s: cut off from the room: %s", self.spec.session_id, reason)
        self._problem = f"cut off from the room: {reason}"
        self._people = ()
        self._speeches += self._speech.finish()
        if self._away is None:
            recent = now - self._last_heard_ns < RECENT_NS
            self._away = _Away(self._last_heard_ns if recent else now, "disconnected")
        self._away.back_ns = 0
        self._away.tracks.clear()
        self._on_news()
        if final:
            asyncio.get_running_loop().call_later(EXPELLED_RETRY, self._rejoin)

    def _rejoin(self) -> None:
        if self._task is not None and not self._task.done():
            self._client.restart()

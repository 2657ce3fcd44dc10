"""The recorder process: follows the application's list of sessions, one job for each."""

import asyncio
import contextlib
import logging
import signal
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import uvloop

from recording import manifest
from recording.config import RecorderConfig
from recording.control import Application
from recording.disk import SessionDisk
from recording.errors import RecordingError
from recording.job import JobSpec, RecordingJob
from recording.signing import Signer
from recording.status import State, not_recording

log = logging.getLogger(__name__)

POLL = 1.0
BREATH = 0.2  # between turns at least, however much there is to tell
CHECKPOINT = 5.0
LAST_WORDS = 1.0  # a supervisor waits only a few seconds for the end
TELL_AGAIN = 30.0  # the end of a recording that the application would not take
TOLD = "finished.ack"  # written once the application has taken the end of a recording


def run(config: RecorderConfig) -> None:
    """Records until SIGTERM or SIGINT, then closes all segments. Raises BadConfig."""
    signer = Signer.load(config.key_file)
    config.directory.mkdir(parents=True, exist_ok=True)
    uvloop.run(_main(config, signer))


async def _main(config: RecorderConfig, signer: Signer) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    service = Recorder(config, Application(config, signer))
    log.info("recorder ready, key %s", signer.key_id)
    await service.serve(stop)


@dataclass(frozen=True, slots=True)
class _Told:
    """What was last reported of a session, at `when` on the monotonic clock."""

    when: float = 0.0
    nonce: str = ""
    state: State = "stopped"
    gap: int = 0  # the last during which nothing at all was recorded


class Recorder:
    def __init__(self, config: RecorderConfig, application: Application) -> None:
        self._config = config
        self._application = application
        self._jobs: dict[str, RecordingJob] = {}
        self._told: dict[str, _Told] = {}
        self._news = asyncio.Event()
        self._reports: set[asyncio.Task[None]] = set()
        self._untold: dict[str, dict[str, Any]] = {}
        self._tell_after: dict[str, float] = {}
        self._refused: dict[str, str] = {}  # sessions that cannot be recorded, and why
        self._looked_back = False

    async def serve(self, stop: asyncio.Event) -> None:
        stopped = asyncio.create_task(stop.wait())
        specs: list[JobSpec] = []
        while not stop.is_set():
            poll = asyncio.create_task(self._application.jobs())
            await asyncio.wait([poll, stopped], return_when=asyncio.FIRST_COMPLETED)
            if not poll.done():
                poll.cancel()
                break
            answer = poll.result()
            if answer is not None:
                specs = answer
                await self._follow(specs)
            for spec in specs:
                self._report_if_due(spec)
            await self._tell_finished()
            await self._pause(stopped)
        for task in self._reports:
            task.cancel()
        await asyncio.gather(*(job.stop(final=False) for job in self._jobs.values()))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORDS):
                for job in self._jobs.values():
                    await self._application.checkpoint(job.status(), job.spec.checkpoint_nonce)
        await self._application.close()

    async def _pause(self, stopped: asyncio.Task[bool]) -> None:
        """Until the next turn, which comes early when a job has news."""
        await asyncio.wait([stopped], timeout=BREATH)
        news = asyncio.create_task(self._news.wait())
        await asyncio.wait(
            [stopped, news], timeout=POLL - BREATH, return_when=asyncio.FIRST_COMPLETED
        )
        news.cancel()
        self._news.clear()

    async def _follow(self, specs: list[JobSpec]) -> None:
        wanted = {spec.session_id: spec for spec in specs}
        self._refused = {s: why for s, why in self._refused.items() if s in wanted}
        for session_id in list(self._jobs.keys() - wanted.keys()):
            job = self._jobs.pop(session_id)
            self._told.pop(session_id, None)
            try:
                self._untold[session_id] = await job.stop(final=True)
            except (OSError, RecordingError) as error:
                log.error("%s cannot be ended yet: %s", session_id, error)
                self._looked_back = False
        for session_id, spec in wanted.items():
            if session_id in self._jobs:
                self._jobs[session_id].update(spec)
            else:
                await self._begin(spec)
        if not self._looked_back:
            self._looked_back = True
            await asyncio.to_thread(self._look_back, set(wanted))

    async def _begin(self, spec: JobSpec) -> None:
        config = self._config
        try:
            job = RecordingJob(
                spec, config.directory, livekit_url=config.livekit_url, on_news=self._news.set
            )
            await job.start()
        except (OSError, RecordingError) as error:
            log.error("%s cannot be recorded: %s", spec.session_id, error)
            self._refused[spec.session_id] = str(error)
            return
        self._refused.pop(spec.session_id, None)
        (config.directory / spec.session_id / TOLD).unlink(missing_ok=True)
        self._untold.pop(spec.session_id, None)
        self._jobs[spec.session_id] = job
        log.info("recording %s", spec.session_id)

    def _look_back(self, running: set[str]) -> None:
        """Ends what was being recorded when the recorder died and is no longer wanted."""
        for path in self._config.directory.iterdir():
            if path.name in running or not (path / manifest.NAME).exists():
                continue
            if not (path / TOLD).exists():
                try:
                    self._untold[path.name] = _end(path)
                except (OSError, RecordingError) as error:
                    log.error("%s cannot be ended: %s", path.name, error)

    def _report_if_due(self, spec: JobSpec) -> None:
        told = self._told.get(spec.session_id, _Told())
        now, job = time.monotonic(), self._jobs.get(spec.session_id)
        status = job.status() if job else None
        state: State = status.state if status else "stopped"
        whole = [gap.id for gap in status.gaps if not gap.track_sid] if status else []
        new = _Told(now, spec.checkpoint_nonce, state, max(whole, default=told.gap))
        # Told at once when recording stops or begins again, and then what is missing, because a
        # chair waits for it.
        if now - told.when < CHECKPOINT - POLL / 2 and new == replace(told, when=now):
            return
        self._told[spec.session_id] = new
        task = asyncio.create_task(self._report(spec))
        self._reports.add(task)
        task.add_done_callback(self._reports.discard)

    async def _report(self, spec: JobSpec) -> None:
        job = self._jobs.get(spec.session_id)
        if job is None:
            problem = self._refused.get(spec.session_id, "ended")
            status = not_recording(spec.session_id, problem, time.time_ns() // 1_000_000)
        else:
            await job.flush()
            status = job.status()
        if not await self._application.checkpoint(status, spec.checkpoint_nonce):
            self._told.pop(spec.session_id, None)  # again at the next turn
        elif job is not None:
            job.acknowledged(status)

    async def _tell_finished(self) -> None:
        for session_id, facts in list(self._untold.items()):
            if time.monotonic() < self._tell_after.get(session_id, 0.0):
                continue
            if await self._application.finished(facts):
                del self._untold[session_id]
                (self._config.directory / session_id / TOLD).touch()
            else:
                pause = TELL_AGAIN if session_id in self._tell_after else POLL
                self._tell_after[session_id] = time.monotonic() + pause


def _end(path: Path) -> dict[str, Any]:
    records, chain = manifest.read(path)
    if records and records[-1]["type"] == "end":
        end = records[-1]
        facts = {name: end[name] for name in ("segments", "duration_ms", "bytes")}
        return {"session_id": path.name, "head": chain.head, **facts}
    disk = SessionDisk(path.parent, path.name, records[0]["room"], records[0]["recipient"])
    disk.open()
    return disk.end(True)

"""The recorder process: follows the application's list of sessions, one job for each."""

import asyncio
import logging
import signal
import time
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

log = logging.getLogger(__name__)

POLL = 1.0
CHECKPOINT = 5.0
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


class Recorder:
    def __init__(self, config: RecorderConfig, application: Application) -> None:
        self._config = config
        self._application = application
        self._jobs: dict[str, RecordingJob] = {}
        self._told: dict[str, tuple[float, str]] = {}  # when and on which nonce last reported
        self._reports: set[asyncio.Task[None]] = set()
        self._untold: dict[str, dict[str, Any]] = {}
        self._looked_back = False

    async def serve(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            specs = await self._application.jobs()
            if specs is not None:
                await self._follow(specs)
            for session_id, job in self._jobs.items():
                self._report_if_due(session_id, job)
            await self._tell_finished()
            try:
                await asyncio.wait_for(stop.wait(), POLL)
            except TimeoutError:
                continue
        await asyncio.gather(*self._reports, return_exceptions=True)
        await asyncio.gather(*(job.stop(final=False) for job in self._jobs.values()))
        for job in self._jobs.values():
            await self._application.checkpoint(job.status(), job.spec.checkpoint_nonce)
        await self._application.close()

    async def _follow(self, specs: list[JobSpec]) -> None:
        wanted = {spec.session_id: spec for spec in specs}
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
        job = RecordingJob(spec, self._config.directory, livekit_url=self._config.livekit_url)
        try:
            await job.start()
        except (OSError, RecordingError) as error:
            log.error("%s cannot be recorded: %s", spec.session_id, error)
            return
        (self._config.directory / spec.session_id / TOLD).unlink(missing_ok=True)
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

    def _report_if_due(self, session_id: str, job: RecordingJob) -> None:
        when, nonce = self._told.get(session_id, (0.0, ""))
        now = time.monotonic()
        wanted = job.spec.checkpoint_nonce
        if now - when < CHECKPOINT - POLL / 2 and nonce == wanted:
            return
        self._told[session_id] = (now, wanted)
        task = asyncio.create_task(self._report(job, wanted))
        self._reports.add(task)
        task.add_done_callback(self._reports.discard)

    async def _report(self, job: RecordingJob, nonce: str) -> None:
        await job.flush()
        status = job.status()
        if await self._application.checkpoint(status, nonce):
            job.acknowledged(status)
        else:
            self._told[status.session_id] = (0.0, "")  # again at the next turn

    async def _tell_finished(self) -> None:
        for session_id, facts in list(self._untold.items()):
            if await self._application.finished(facts):
                del self._untold[session_id]
                (self._config.directory / session_id / TOLD).touch()


def _end(path: Path) -> dict[str, Any]:
    records, chain = manifest.read(path)
    if records and records[-1]["type"] == "end":
        end = records[-1]
        facts = {name: end[name] for name in ("segments", "duration_ms", "bytes")}
        return {"session_id": path.name, "head": chain.head, **facts}
    disk = SessionDisk(path.parent, path.name, records[0]["room"])
    disk.open()
    return disk.end(True)

"""The worker: seals and delivers what ended sessions leave, and has running ones witnessed.

Any number of workers may run; a lease in the database decides which one works.
"""

import asyncio
import contextlib
import random
import signal
from collections.abc import Awaitable, Callable
from datetime import timedelta

import structlog

from server.app import build_services
from server.blobs import BlobMissing
from server.config import Config
from server.services import Services
from server.store import leases
from server.store import reports as report_store
from server.store.schema import require_current
from server.submission.app_client import AppAway, AppClient
from server.submission.client import PeerAway, PeerClient, PeerRefused
from server.submission.delivery import Deliverer
from server.submission.reviews import ask_reviews
from server.submission.witness import BadCountersignature, Witness

LEASE, RENEW = 6, 2.0  # seconds; another worker takes over this soon after a kill
LOOK = 0.5  # seconds between two looks at the database; the close of a session is seen this soon
REVIEWS = 30.0  # seconds
RETRY = 5.0  # seconds, after something failed that may pass by itself
ENDED_LATELY = timedelta(days=7)
log = structlog.get_logger()


def run(config: Config) -> None:
    """Works until SIGTERM or SIGINT, then finishes within seconds."""
    asyncio.run(_until_signal(config))


async def _until_signal(config: Config) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stop.set)
    services = build_services(config)
    try:
        await services.database.read(require_current)
        async with Worker(services, random.random):
            await stop.wait()
    finally:
        services.database.close()


class Worker:
    """Its tasks run between `async with` and the end of the block."""

    def __init__(self, services: Services, chance: Callable[[], float]) -> None:
        self.services = services
        self.seat = services.config.seat
        self.holder = f"{self.seat}/{services.config.instance}"
        self.app = AppClient(services.config, services.keys)
        self.client = PeerClient(services.keys, services.clock)
        self.deliverer = Deliverer(services, self.app, self.client, chance)
        self.witness = Witness(services, self.app, self.client)
        self._leading = asyncio.Event()
        self._something_queued, self._something_taken = asyncio.Event(), asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> "Worker":
        jobs: tuple[tuple[Callable[[], Awaitable[None]], float], ...] = (
            (self._witness, LOOK),
            (self._reviews, REVIEWS),
        )
        woken = ((self._prepare, self._something_taken), (self._send, self._something_queued))
        self._tasks = [asyncio.create_task(self._lead())]
        self._tasks += [asyncio.create_task(self._forever(job, every)) for job, every in jobs]
        self._tasks += [asyncio.create_task(self._forever(job, LOOK, by)) for job, by in woken]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._leading.is_set():
            await self.services.database.write(leases.give_up, "worker", self.holder)
        await self.client.close()
        await self.app.close()

    async def _lead(self) -> None:
        while True:
            try:
                # Later than this the lease may have run out, and another process have it.
                async with asyncio.timeout(LEASE - RENEW):
                    held = await self.services.database.write(
                        leases.take, "worker", self.holder, LEASE, self.seat
                    )
            except Exception:
                log.exception("lease_failed")
                held = False
            if held:
                self._leading.set()
            else:
                self._leading.clear()
            await asyncio.sleep(RENEW)

    async def _forever(
        self, job: Callable[[], Awaitable[None]], every: float, wake: asyncio.Event | None = None
    ) -> None:
        """Runs a job again and again while we lead, sooner when woken; no failure ends it."""
        wake = wake or asyncio.Event()
        while True:
            await self._leading.wait()
            try:
                await job()
            except AppAway as error:
                log.warning("app_away", reason=str(error))
                await asyncio.sleep(LOOK)
            except Exception:
                log.exception("job_failed", job=job.__name__)
                await asyncio.sleep(RETRY)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(every):
                    await wake.wait()
            wake.clear()

    async def _prepare(self) -> None:
        for session_id in await self.services.database.read(report_store.unreported):
            try:
                if await self.deliverer.advance(session_id):
                    self._something_queued.set()
            except BlobMissing as error:
                log.error("report_file_missing", session=session_id, blob=str(error))

    async def _send(self) -> None:
        if await self.deliverer.send_due():
            self._something_taken.set()

    async def _reviews(self) -> None:
        await ask_reviews(self.services, self.client, self.app)

    async def _witness(self) -> None:
        """Each session on its own beat of ten seconds, all of them at once."""
        database, now = self.services.database, self.services.clock()
        running = await database.read(report_store.running)
        ended = await database.read(report_store.unwitnessed, now - ENDED_LATELY)
        followers = self.witness.followers
        for gone in set(followers) - {*running, *ended}:
            del followers[gone]
        due = [s for s in (*running, *ended) if self._is_due(s)]
        await asyncio.gather(*(self._witness_one(session_id) for session_id in due))

    def _is_due(self, session_id: str) -> bool:
        follower = self.witness.followers.get(session_id)
        if follower is None:
            return True
        if follower.finished:
            return False
        return follower.due_at is None or self.services.clock() >= follower.due_at

    async def _witness_one(self, session_id: str) -> None:
        try:
            await self.witness.send(session_id)
        except (PeerAway, PeerRefused, BadCountersignature, AppAway) as error:
            log.warning("not_witnessed", session=session_id, reason=str(error))
            failed = True
        else:
            failed = False
        if follower := self.witness.followers.get(session_id):
            follower.again(self.services.clock(), failed)

"""The workers together: forks them, looks after them, knows who has which room."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import signal
import time

from signaling.errors import LocalError
from signaling.workers.link import Link
from signaling.workers.memory import Memory
from signaling.workers.nursery import Nursery
from signaling.workers.placement import Placement

log = logging.getLogger(__name__)

LOOK_EVERY = 1.0  # seconds between looks at a worker's load and rooms
STUCK_AFTER = 10.0  # a worker that has not answered for so long is replaced
STOP_SECONDS = 2.5  # for the workers' farewell


class Crew:
    """Use: `start`, then `of_room` and `place` for every request, `stop` at the end."""

    def __init__(self, workers: int, nursery: Nursery) -> None:
        self.placement = Placement(workers)
        self.memory = Memory()
        self.restarts = 0
        self._nursery = nursery
        self._links: dict[int, Link] = {}
        self._settled = asyncio.Event()  # some worker serves, or each has failed
        self._looking: asyncio.Task[None] | None = None
        self._stopping = False
        self._ended = asyncio.Event()

    async def start(self) -> None:
        """Returns when a worker serves. Raises LocalError if none can."""
        for seat in self.placement.seats:
            self._fork(seat.index)
        await self._settled.wait()
        if not self.placement.serving:
            raise LocalError("no worker could start")
        self._looking = asyncio.create_task(self._look_after())

    async def stop(self) -> None:
        """Lets the workers say goodbye, then ends whatever is left."""
        self._stopping = True
        if self._looking is not None:
            self._looking.cancel()
        for link in list(self._links.values()):
            if link.ready is None:  # has nobody to say goodbye to
                link.close()
                del self._links[link.index]
            link.tell(signal.SIGTERM)
        if self._links:
            try:
                async with asyncio.timeout(STOP_SECONDS):
                    await self._ended.wait()
            except TimeoutError:
                log.warning("workers killed: %s", sorted(self._links))
        for link in list(self._links.values()):
            link.close()

    @property
    def serving(self) -> list[Link]:
        return [self._links[index] for index in self.placement.serving]

    @property
    def usable(self) -> list[Link]:
        """Those that serve, and those just forked that soon will."""
        now = time.monotonic()
        return [self._links[seat.index] for seat in self.placement.seats if seat.usable(now)]

    def of_room(self, room: str) -> Link | None:
        """The room's worker; for a room that does not exist, any that can say so."""
        index = self.placement.owner(room)
        if index is not None:
            return self._links.get(index)
        return next(iter(self.usable), None)

    def place(self, room: str) -> Link | None:
        """The worker where the room is, or is from now on. None if nobody serves."""
        known = self.placement.owner(room) is not None
        index = self.placement.place(room, time.monotonic())
        link = self._links.get(index) if index is not None else None
        if link is not None and not known:
            link.restore(self.memory.restored(room))
        return link

    def _fork(self, index: int) -> None:
        try:
            sock = self._nursery.fork(index)
        except OSError:
            raise SystemExit(1) from None  # no nursery: nobody can ever be replaced
        self.placement.started(index, time.monotonic())
        self._links[index] = Link(index, sock, self._on_ready, self._on_end)

    def _on_ready(self, link: Link) -> None:
        seconds = time.monotonic() - self.placement.seats[link.index].started
        log.info("worker %d serves, %.2f s after its fork", link.index, seconds)
        self.placement.came_up(link.index)
        self._note_start()

    def _note_start(self) -> None:
        seats = self.placement.seats
        if self.placement.serving or all(seat.failures > 1 for seat in seats):
            self._settled.set()

    def _on_end(self, link: Link) -> None:
        del self._links[link.index]
        if self._stopping:
            if not self._links:
                self._ended.set()
            return
        now = time.monotonic()
        rooms, again = self.placement.lost(link.index, now)
        self.restarts += 1
        log.error("worker %d ended with %d rooms", link.index, len(rooms))
        if again <= now:
            self._fork(link.index)
        else:
            asyncio.get_running_loop().call_later(again - now, self._fork_later, link.index)
        for room in rooms:
            if self.memory.was_created(room):
                with contextlib.suppress(OSError):  # that worker has just died, too
                    self.place(room)
        self._note_start()

    def _fork_later(self, index: int) -> None:
        if not self._stopping:
            self._fork(index)

    async def _look_after(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY)
            try:
                await asyncio.gather(*(self._look_at(link) for link in self.serving))
            except Exception:
                log.exception("the workers could not be looked after")

    async def _look_at(self, link: Link) -> None:
        asked = time.monotonic()
        try:
            answer = await link.ask("GET", "/load")
            said = json.loads(answer.body)
            cpu, rooms = float(said["cpu"]), set(said["rooms"])
        except (OSError, TimeoutError, ValueError, KeyError):
            if time.monotonic() - link.heard > STUCK_AFTER:
                log.error("worker %d does not answer and is replaced", link.index)
                link.tell(signal.SIGKILL)
            return
        if self._links.get(link.index) is not link:
            return
        load = (cpu - link.cpu) / max(asked - link.heard, LOOK_EVERY / 2)
        link.cpu, link.heard = cpu, asked
        for room in self.placement.reported(link.index, load, rooms, asked):
            self.memory.forget(room)

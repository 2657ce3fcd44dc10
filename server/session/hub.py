"""Watches running sessions: other processes' events, leases, surroundings; wakes the sockets."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import structlog

from server.http.errors import Unavailable
from server.keys import Keyring
from server.session import decide_system as system
from server.session import recording
from server.session.decide_closing import chair_away_since
from server.session.events import SYSTEM
from server.session.gathering import gather, room_code, witnessed_lately
from server.session.law import Facts
from server.session.log import SessionLog
from server.session.stages import ENDED, GATHERING
from server.session.state import State
from server.session.surroundings import Line, Surroundings
from server.store import notices, presence
from server.store import sessions as store
from server.store.database import Connection, Database

TURN = 0.5  # seconds
GATHER_EVERY = 2  # turns
LEASES_EVERY = 5  # turns
HEADS_EVERY = 10  # turns between looks at other processes' events while they tell us themselves
LISTEN_AGAIN = 1.0  # seconds after the line to the database was lost
log = structlog.get_logger()


@dataclass(slots=True)
class Heard:
    """A device with a live socket here, and when it last said that it lives."""

    at: float  # monotonic
    line: Line = "none"
    microphone: bool = False
    camera: bool = False


@dataclass(eq=False, slots=True)
class Watch:
    """One socket's interest in one session; `dirty` is set when there is something new."""

    session: str
    dirty: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(slots=True)
class _Seen:
    around: Surroundings
    clock: tuple[object, ...]  # what the passing of time alone has changed


class Hub:
    """One per process."""

    def __init__(
        self, database: Database, keys: Keyring, instance: str, clock: Callable[[], datetime]
    ) -> None:
        self.log = SessionLog(database, self.wake)
        self._database = database
        self._keys = keys
        self._instance = instance
        self._clock = clock
        self._watches: dict[str, set[Watch]] = {}
        self._devices: dict[tuple[str, str, str], Heard] = {}
        self._seen: dict[str, _Seen] = {}
        self._versions: dict[str, int] = {}  # of the views of watched sessions
        self._tasks: list[asyncio.Task[None]] = []
        self._told = False  # by others of what they append
        self.unwatched: Callable[[str], None] = lambda _session_id: None

    def start(self) -> None:
        self._tasks = [asyncio.create_task(part()) for part in (self._run, self._listen)]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    @contextlib.contextmanager
    def watch(self, session_id: str) -> Iterator[Watch]:
        watch = Watch(session_id)
        self._watches.setdefault(session_id, set()).add(watch)
        try:
            yield watch
        finally:
            self._watches[session_id].discard(watch)
            if not self._watches[session_id]:
                del self._watches[session_id]
                self._seen.pop(session_id, None)
                self.unwatched(session_id)

    def version(self, session_id: str) -> int:
        """Rises whenever the session's views may have changed."""
        return self._versions.get(session_id, 0)

    def wake(self, session_id: str) -> None:
        self._versions[session_id] = self.version(session_id) + 1
        for watch in self._watches.get(session_id, ()):
            watch.dirty.set()

    def wake_some(self, session_id: str | None) -> None:
        """Those of one session, or of all."""
        for watched in [session_id] if session_id else list(self._watches):
            self.wake(watched)

    async def around(self, session_id: str) -> Surroundings:
        """The surroundings as last gathered, or gathered now for a session nobody watches."""
        seen = self._seen.get(session_id)
        if seen is None or session_id not in self._watches:
            seen = await self._gather(session_id)
        return seen.around

    async def gather_now(self, session_id: str) -> None:
        """For changes that should not wait for the next turn."""
        await self._gather(session_id)
        self.wake(session_id)

    async def heard(
        self, session_id: str, person: str, device: str, heard: Heard, renew: bool = False
    ) -> None:
        """A device said that it lives. Its first word makes its lease, and perhaps a join."""
        key = (session_id, person, device)
        known = key in self._devices
        self._devices[key] = heard
        with contextlib.suppress(Unavailable):  # then a later turn does it
            if renew or not known:
                await self._renew([key])
            if not known:
                await self.look_at(session_id)

    def silent(self, session_id: str, person: str, device: str, heard: Heard) -> None:
        """The device's socket is gone; its lease runs out unless it comes back in time."""
        if self._devices.get((session_id, person, device)) is heard:
            del self._devices[session_id, person, device]

    async def look_at(self, session_id: str) -> None:
        """Writes joins, drops and the recorder's silence into the log, if there are any."""
        state = await self.log.state(session_id)
        if state.stage in ENDED:
            return
        held = await self._database.read(presence.devices, [session_id])
        alive = frozenset(device.person for device in held)
        last = await self._database.read(store.last_checkpoint, session_id)
        heard = last["received_at"] if last else None

        def decide(state: State, now: datetime) -> list[system.Event]:
            return [*system.presence(state, alive, now), *system.silence(state, heard, now)]

        if decide(state, self._clock()):
            await self.log.append(session_id, SYSTEM, None, self._clock(), decide)

    async def forget_person(self, session_id: str, person: str) -> None:
        await self._database.write(presence.drop_person, session_id, person)

    async def _run(self) -> None:
        turn, told = 0, ""
        while True:
            started = time.monotonic()
            turn += 1
            try:
                await self._turn(turn)
            except Unavailable as error:
                log.warning("hub_waits", reason=error.code)
            except Exception as error:  # no fault must end the watching
                log.error("hub_turn_failed", exc_info=error)
            if self._database.trouble != told:
                told = self._database.trouble
                self.wake_some(None)
            await asyncio.sleep(max(0.05, TURN - (time.monotonic() - started)))

    async def _listen(self) -> None:
        """Reads on as soon as another instance has appended. While that cannot be heard, and once
        in a while all the same, each turn looks."""
        while True:
            try:
                async for session_id, seq in notices.grown(self._database, self._listening):
                    if self.log.lacks(session_id, seq) and session_id in self._watches:
                        await self.log.moved([session_id])
            except Exception as error:
                log.warning("not_listening", reason=type(error).__name__)
            self._told = False
            await asyncio.sleep(LISTEN_AGAIN)

    async def _listening(self) -> None:
        self._told = True
        if self._watches:
            await self.log.moved(list(self._watches))

    async def _turn(self, turn: int) -> None:
        watched = list(self._watches)
        if watched and (turn % HEADS_EVERY == 0 or not self._told):
            await self.log.moved(watched)
        if turn % GATHER_EVERY == 0:
            for session_id in watched:
                before = self._seen.get(session_id)
                after = await self._gather(session_id)
                if before is None or _shown(after) != _shown(before):
                    self.wake(session_id)
        if turn % LEASES_EVERY == 0:
            await self._renew(list(self._devices))
            for session_id in await self._database.write(_going_on):
                await self.look_at(session_id)

    async def _renew(self, keys: list[tuple[str, str, str]]) -> None:
        now = time.monotonic()
        leases = []
        for session_id, person, device in keys:
            heard = self._devices.get((session_id, person, device))
            if heard is not None:
                age = timedelta(seconds=now - heard.at)
                leases.append(
                    presence.Lease(
                        session_id,
                        person,
                        device,
                        heard.line,
                        heard.microphone,
                        heard.camera,
                        age,
                    )
                )
        if leases:
            await self._database.write(presence.renew, self._instance, leases)

    async def _gather(self, session_id: str) -> _Seen:
        state = self.log.cached(session_id) or await self.log.state(session_id)
        now = self._clock()
        found = await self._database.read(gather, session_id, state.stage in ENDED)
        around = replace(
            found,
            upper_connected=witnessed_lately(state, now),
            room_code=self._room_code(state, now),
        )
        seen = _Seen(around, _by_clock(state, around.facts(), now))
        if session_id in self._watches:
            self._seen[session_id] = seen
        return seen

    def _room_code(self, state: State, now: datetime) -> str | None:
        if state.convened.mode != "hybrid" or state.stage in ENDED | GATHERING:
            return None
        return room_code(self._keys, state.session, now)


def _shown(seen: _Seen) -> tuple[object, ...]:
    """What of it a screen draws: not when the recorder last spoke, nor each byte of its disk."""
    said = seen.around.recorder
    drawn = (said.state, len(said.tracks)) if said else None
    return (replace(seen.around, recorder=None), drawn, seen.clock)


def _by_clock(state: State, facts: Facts, now: datetime) -> tuple[object, ...]:
    """What on a screen changes with time alone: the recorder falling silent, the chair away."""
    obstacle = recording.obstacle(state, facts, now)
    away = chair_away_since(state)
    seconds = state.rules.number("chair.takeover_seconds")
    free = away is not None and (now - away).total_seconds() >= seconds
    return (obstacle.code if obstacle else None, free)


def _going_on(conn: Connection) -> set[str]:
    """Sessions to look at; and leases that ran out are forgotten on the way."""
    with_leases = presence.sessions_with_leases(conn)
    presence.reap(conn)
    return with_leases | set(store.running(conn))

"""The log at work: the cached fold of each session, and appending under its lock.

The database's head decides who may append, so any number of processes can do this at once.
Commands that come while others are being written wait together and are written together: one
transaction and one sync to disk for all of them, and none is answered before it.
"""

import asyncio
import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from server.http.errors import Conflict, NotFound, Unavailable
from server.session.chain import GENESIS, Entry, entry
from server.session.events import Convened, Event
from server.session.fold import apply, begin
from server.session.law import Events
from server.session.state import State
from server.session.times import to_millisecond, to_text
from server.store import events as store
from server.store.database import Connection, Database

TOGETHER = 64  # commands in one transaction: deciding them holds up everything else meanwhile
ATTEMPTS = 20  # lost races against other instances before a command is given up
KEPT = 100  # sessions whose fold stays in memory
SALT_BYTES = 32
Beside = Callable[[Connection, State], None]


@dataclass(slots=True)
class Hot:
    """One session's fold and headers in this process."""

    session: str
    state: State | None = None
    entries: list[Entry] = field(default_factory=list)  # bodies of old ones are in the database
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: "deque[_Wish]" = field(default_factory=deque)
    writing: asyncio.Task[None] | None = None


@dataclass(frozen=True, slots=True)
class Appended:
    """The state after an append, and the lines it added; none when it was so already."""

    state: State
    lines: tuple[Entry, ...]


@dataclass(eq=False, slots=True)
class _Wish:
    """A command on its way into the log."""

    actor: str
    command: str | None
    now: datetime
    decide: Callable[[State, datetime], Events]
    beside: Beside | None
    answer: asyncio.Future[Appended]

    def end(self, outcome: Appended | Exception) -> None:
        if self.answer.done():  # whoever asked has gone away
            return
        if isinstance(outcome, Exception):
            self.answer.set_exception(outcome)
        else:
            self.answer.set_result(outcome)


class SessionLog:
    """Reads and appends the logs of all sessions."""

    def __init__(self, database: Database, changed: Callable[[str], None]) -> None:
        self._database = database
        self._changed = changed  # called with the session id after each growth
        self._hot: dict[str, Hot] = {}

    async def state(self, session_id: str) -> State:
        """The newest fold. Raises NotFound for a session without a log."""
        hot = self._find(session_id)
        async with hot.lock:
            return await self._catch_up(hot)

    def cached(self, session_id: str) -> State | None:
        """The fold as this process last knew it."""
        hot = self._hot.get(session_id)
        return hot.state if hot else None

    async def entries(self, session_id: str, after: int = 0) -> list[Entry]:
        """Log lines after `after`, newest state first caught up."""
        hot = self._find(session_id)
        async with hot.lock:
            await self._catch_up(hot)
            return hot.entries[after:]

    def entries_now(self, session_id: str, after: int, until: int) -> list[Entry]:
        """Lines after `after` up to `until`, of what this process has already read."""
        return self._hot[session_id].entries[after:until]

    async def append(
        self,
        session_id: str,
        actor: str,
        command: str | None,
        now: datetime,
        decide: Callable[[State, datetime], Events],
        beside: Beside | None = None,
    ) -> Appended:
        """Decides on the fresh fold and appends, again if another writer came first.

        `decide` may raise; then nothing was written. `beside` writes what belongs to the same
        transaction. When this returns, the lines are durable.
        """
        hot = self._find(session_id)
        answer: asyncio.Future[Appended] = asyncio.get_running_loop().create_future()
        hot.waiting.append(_Wish(actor, command, now, decide, beside, answer))
        if hot.writing is None:
            # Not in the caller's task: others' commands must not end when this caller goes away.
            hot.writing = asyncio.create_task(self._write_waiting(hot))
        return await answer

    async def _write_waiting(self, hot: Hot) -> None:
        while hot.waiting:
            async with hot.lock:
                together = _together(hot.waiting)
                try:
                    await self._write(hot, together)
                except Exception as error:
                    for wish in together:
                        wish.end(error)
        hot.writing = None

    async def _write(self, hot: Hot, wishes: list[_Wish]) -> None:
        for _ in range(ATTEMPTS):
            state = await self._catch_up(hot)
            lines: list[Entry] = []
            outcomes: list[Appended | Exception] = []
            for wish in wishes:
                outcome = _outcome(state, wish)
                outcomes.append(outcome)
                if isinstance(outcome, Appended):
                    state = outcome.state
                    lines += outcome.lines
            if lines:
                try:
                    await self._database.write(_append, state, lines, wishes[0].beside)
                except store.HeadMoved:
                    continue
                self._grown(hot, lines, state)
            for wish, outcome in zip(wishes, outcomes, strict=True):
                wish.end(outcome)
            return
        raise Unavailable("log_busy")

    async def begin(self, session_id: str, first: Convened, actor: str, now: datetime) -> Appended:
        """Writes the first event. Raises Conflict when the log has begun, NotFound for no draft."""
        hot = self._find(session_id)
        async with hot.lock:
            head = await self._database.read(store.head, session_id)
            if head is None:
                raise NotFound
            if head[0] != 0:
                raise Conflict("already_convened")
            line = _line(session_id, 1, GENESIS, first, actor, None, to_millisecond(now))
            state = begin(session_id, line.logged())
            try:
                await self._database.write(_append, state, [line])
            except store.HeadMoved:
                raise Conflict("already_convened") from None
            self._grown(hot, [line], state)
            return Appended(state, (line,))

    def lacks(self, session_id: str, seq: int) -> bool:
        """Whether this process has begun to follow the session and not got to that line."""
        state = self.cached(session_id)
        return state is not None and state.seq < seq

    async def moved(self, session_ids: list[str]) -> None:
        """Reads on in those sessions that another process has appended to."""
        heads = await self._database.read(store.heads, session_ids)
        for session_id, seq in heads.items():
            hot = self._hot.get(session_id)
            if hot is not None and hot.state is not None and hot.state.seq != seq:
                async with hot.lock:
                    await self._catch_up(hot)

    def _find(self, session_id: str) -> Hot:
        hot = self._hot.pop(session_id, None) or Hot(session_id)
        self._hot[session_id] = hot  # to the young end
        if len(self._hot) > KEPT:
            oldest = next(iter(self._hot.values()))
            if oldest.writing is None and not oldest.lock.locked():
                del self._hot[oldest.session]
        return hot

    async def _catch_up(self, hot: Hot) -> State:
        seq = hot.state.seq if hot.state else 0
        lines = await self._database.read(_news, hot.session, seq)
        state = hot.state
        for line in lines:
            logged = line.logged()
            state = begin(hot.session, logged) if state is None else apply(state, logged)
        if state is None:
            raise NotFound
        if lines:
            self._grown(hot, lines, state)
        return state

    def _grown(self, hot: Hot, lines: list[Entry], state: State) -> None:
        hot.entries += lines
        hot.state = state
        self._changed(hot.session)


def _news(conn: Connection, session_id: str, seq: int) -> list[Entry]:
    head = store.head(conn, session_id)
    if head is None or head[0] == seq:
        return []
    return store.entries_after(conn, session_id, seq)


def _append(
    conn: Connection,
    state: State,
    lines: list[Entry],
    beside: Beside | None = None,
) -> None:
    """The lines, and the copy of the fold that lists read."""
    appointed = {
        "starts_at": state.starts_at,
        "place": state.place,
        "corrections": len(state.corrections),
    }
    opened, ended = state.opened_at, state.ended_at
    store.append(conn, state.session, lines, state.stage.value, opened, ended, appointed)
    if beside is not None:
        beside(conn, state)


def _together(waiting: "deque[_Wish]") -> list[_Wish]:
    """Those that are written next. What writes beside the log goes alone, since it may fail."""
    found = [waiting.popleft()]
    while waiting and len(found) < TOGETHER and not (found[0].beside or waiting[0].beside):
        found.append(waiting.popleft())
    return found


def _outcome(state: State, wish: _Wish) -> Appended | Exception:
    """What the wish comes to on this state, if that is written."""
    # Clocks of several instances differ; the log's time never goes back.
    time = max(to_millisecond(wish.now), state.time)
    try:
        events = wish.decide(state, time)
        if not events:
            return Appended(state, ())
        lines, new = _extended(state, events, wish.actor, wish.command, time)
        return Appended(new, tuple(lines))
    except Exception as error:
        return error


def _extended(
    state: State, events: Events, actor: str, command: str | None, time: datetime
) -> tuple[list[Entry], State]:
    lines = []
    for event in events:
        line = _line(state.session, state.seq + 1, state.head, event, actor, command, time)
        lines.append(line)
        state = apply(state, line.logged())
    return lines, state


def _line(
    session: str,
    seq: int,
    prev: str,
    event: Event,
    actor: str,
    command: str | None,
    time: datetime,
) -> Entry:
    salt = secrets.token_bytes(SALT_BYTES)
    return entry(session, seq, prev, to_text(time), actor, event, command, salt)

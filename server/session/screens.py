"""The newest edition of each session that sockets of this process watch, at a bearable pace."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from server.session.editions import Edition

COALESCE = 0.1  # seconds: at most ten editions a second
SHARE = 4  # an edition that took so long to make and send is followed by this many times the pause
LONGEST = 1.0  # seconds: however many there are, screens are no staler than this


@dataclass(slots=True)
class _Shown:
    edition: Edition | None = None
    at: float = 0.0  # monotonic
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Screens:
    """`version` says how often a session's views may have changed so far; `make` builds one."""

    def __init__(
        self, version: Callable[[str], int], make: Callable[[str, int], Awaitable[Edition]]
    ) -> None:
        self._version = version
        self._make = make
        self._shown: dict[str, _Shown] = {}

    async def newest(self, session_id: str) -> Edition:
        """The edition that holds all changes so far. Waits while the last one is too young, so
        that making and sending them leaves most of the process's time to commands."""
        shown = self._shown.setdefault(session_id, _Shown())
        async with shown.lock:
            last = shown.edition
            if last is not None and last.number == self._version(session_id):
                return last
            if last is not None:
                pause = min(LONGEST, max(COALESCE, SHARE * last.cost))
                await asyncio.sleep(max(0.0, shown.at + pause - time.monotonic()))
            shown.edition = await self._make(session_id, self._version(session_id))
            shown.at = time.monotonic()
            return shown.edition

    def forget(self, session_id: str) -> None:
        """When nobody watches the session any more."""
        self._shown.pop(session_id, None)

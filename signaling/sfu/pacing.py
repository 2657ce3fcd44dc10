"""Sends pictures to a narrow line evenly, so that a keyframe is not lost as one burst. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

HEADROOM = 1.5  # of the budget: pictures are not to lag behind for want of pace
BURST = 0.02  # seconds' worth that may go at once
LONGEST = 0.6  # seconds a packet may wait at most; the pace is raised beyond that


@dataclass(frozen=True, slots=True)
class _Waiting:
    owner: object
    size: int
    send: Callable[[float], None]


class Pacer:
    """Holds packets back while there is a `rate` in bit/s; lets all through when it is None."""

    def __init__(self) -> None:
        self.rate: float | None = None
        self._queue: deque[_Waiting] = deque()
        self._queued = 0
        self._credit = 0.0  # bytes; negative after a packet larger than what was due
        self._at: float | None = None

    def __len__(self) -> int:
        return len(self._queue)

    def push(self, owner: object, size: int, send: Callable[[float], None], now: float) -> None:
        """Queues one packet; `send(now)` is called when it is due, perhaps at once."""
        self._queue.append(_Waiting(owner, size, send))
        self._queued += size
        self.run(now)

    def run(self, now: float) -> None:
        """Sends what is due. To be called often: at every packet and every round of upkeep."""
        if self.rate is None:
            self._credit, self._at = 0.0, None
            while self._queue:
                self._pop(now)
            return
        pace = max(self.rate * HEADROOM / 8, self._queued / LONGEST)
        if self._at is not None:
            self._credit += (now - self._at) * pace
        self._at = now
        while self._queue and self._credit >= 0:
            self._pop(now)
        if not self._queue:
            self._credit = min(self._credit, pace * BURST)

    def _pop(self, now: float) -> None:
        item = self._queue.popleft()
        self._queued -= item.size
        self._credit -= item.size
        item.send(now)

    def forget(self, owner: object) -> None:
        """Drops what waits of one track, because another version of it begins."""
        if any(item.owner is owner for item in self._queue):
            self._queue = deque(item for item in self._queue if item.owner is not owner)
            self._queued = sum(item.size for item in self._queue)

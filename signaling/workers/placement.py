"""Which worker has which room, and which gets the next one. Pure: times are given, in seconds.

A room stays where it is until its worker says that it has ended, or is lost.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

SETTLED = 5.0  # a room placed so lately may not exist yet, so that nobody can say it has ended
ROOM_ALLOWANCE = 0.1  # of a core, until a new room's own load shows
STARTS_WITHIN = 5.0  # a worker just forked is trusted that long to come up; what it gets waits
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 10.0  # before forking a worker that keeps dying
STEADY = 10.0  # a worker that lived this long is forked again at once


@dataclass(slots=True)
class Seat:
    """One worker's place: empty, starting or serving."""

    index: int
    started: float = -1.0  # -1: empty
    serving: bool = False
    load: float = 0.0  # of one core
    failures: int = 0  # deaths in a row, each soon after the start
    fresh: list[float] = field(default_factory=list)  # when rooms were placed here lately

    def usable(self, now: float) -> bool:
        return self.serving or (
            self.started >= 0 and self.failures <= 1 and now - self.started < STARTS_WITHIN
        )

    @property
    def pause(self) -> float:
        """Seconds until the next start."""
        if self.failures <= 1:
            return 0.0
        return float(min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (self.failures - 2)))

    def expected(self, now: float) -> float:
        self.fresh = [at for at in self.fresh if now - at < 2 * SETTLED]
        return self.load + ROOM_ALLOWANCE * len(self.fresh)


@dataclass(slots=True)
class _Placed:
    index: int
    used: float


class Placement:
    """Rooms and seats. The caller forks workers and says what became of them."""

    def __init__(self, workers: int) -> None:
        self.seats = [Seat(index) for index in range(workers)]
        self._rooms: dict[str, _Placed] = {}

    def __len__(self) -> int:
        return len(self._rooms)

    @property
    def serving(self) -> list[int]:
        return [seat.index for seat in self.seats if seat.serving]

    def owner(self, room: str) -> int | None:
        placed = self._rooms.get(room)
        return placed.index if placed else None

    def place(self, room: str, now: float) -> int | None:
        """The room's worker; a new room gets the least loaded. None if nobody serves."""
        placed = self._rooms.get(room)
        if placed is None:
            seats = [seat for seat in self.seats if seat.usable(now)]
            if not seats:
                return None
            count = self._counts()
            # Small differences of load say nothing; then the number of rooms decides.
            best = min(
                seats,
                key=lambda s: (
                    round(s.expected(now) / ROOM_ALLOWANCE),
                    count.get(s.index, 0),
                    s.index,
                ),
            )
            best.fresh.append(now)
            placed = self._rooms[room] = _Placed(best.index, now)
        placed.used = now
        return placed.index

    def _counts(self) -> dict[int, int]:
        found: dict[int, int] = {}
        for placed in self._rooms.values():
            found[placed.index] = found.get(placed.index, 0) + 1
        return found

    def started(self, index: int, now: float) -> None:
        seat = self.seats[index]
        seat.started, seat.serving, seat.load, seat.fresh = now, False, 0.0, []

    def came_up(self, index: int) -> None:
        self.seats[index].serving = True

    def lost(self, index: int, now: float) -> tuple[list[str], float]:
        """A worker has died: the rooms that now have none, and when to fork another."""
        seat = self.seats[index]
        seat.failures = 0 if now - seat.started > STEADY else seat.failures + 1
        seat.started, seat.serving = -1.0, False
        rooms = [room for room, placed in self._rooms.items() if placed.index == index]
        for room in rooms:
            del self._rooms[room]
        return rooms, now + seat.pause

    def reported(self, index: int, load: float, rooms: Collection[str], asked: float) -> list[str]:
        """What a worker said of itself when asked; the rooms that have ended."""
        self.seats[index].load = load
        here = [(room, p) for room, p in self._rooms.items() if p.index == index]
        ended = [r for r, p in here if r not in rooms and p.used < asked - SETTLED]
        for room in ended:
            del self._rooms[room]
        return ended

"""Which packets of an incoming stream are missing, and when to ask for them again."""

from __future__ import annotations

INTERVAL = 0.05  # seconds between requests for the same packet, unless the round trip is longer
MAX_TRIES = 8
MAX_MISSING = 250  # beyond this a keyframe is cheaper than repair
MAX_GAP = 1000  # a jump this wide is a restart of the sender


class Missing:
    """Tracks gaps in extended sequence numbers; `due` says what to request now."""

    __slots__ = ("_tries", "highest")

    def __init__(self) -> None:
        self.highest: int | None = None
        self._tries: dict[int, tuple[int, float]] = {}

    def __len__(self) -> int:
        return len(self._tries)

    def received(self, seq: int) -> bool:
        """Notes an arrival. Returns False if this packet is a duplicate or given up."""
        if self.highest is None:
            self.highest = seq
            return True
        if seq > self.highest:
            gap = seq - self.highest - 1
            if gap > MAX_GAP:
                self._tries.clear()
            elif gap:
                for number in range(self.highest + 1, seq):
                    self._tries[number] = (0, 0.0)
                while len(self._tries) > MAX_MISSING:
                    del self._tries[next(iter(self._tries))]
            self.highest = seq
            return True
        return self._tries.pop(seq, None) is not None

    def due(self, now: float, round_trip: float = 0.0) -> list[int]:
        """Packets to request now, oldest first; those asked for MAX_TRIES times are given up."""
        wait = max(INTERVAL, round_trip)
        asked = []
        for number, (tries, at) in list(self._tries.items()):
            if tries and now < at + wait:
                continue
            if tries >= MAX_TRIES:
                del self._tries[number]
                continue
            self._tries[number] = (tries + 1, now)
            asked.append(number)
        return asked

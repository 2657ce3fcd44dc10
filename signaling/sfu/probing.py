"""Trying whether a line takes more: a short while at a higher rate, padding included. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from signaling.sfu.sent import Outcome

DURATION = 0.2  # seconds of sending at the higher rate
PATIENCE = 1.0  # seconds, beyond the round trip, until the feedback must have come
KNOWN = 0.6  # share of the packets whose fate must be known to judge
MIN_PACKETS = 5
GROWTH = 0.03  # seconds the queue may have grown by the end


@dataclass(frozen=True, slots=True)
class Verdict:
    """`rate` is what arrived, in bit/s; `passed` says that the line took it without a queue."""

    passed: bool
    rate: float


class Probe:
    """One attempt at `target` bit/s, from packet number `first` on."""

    def __init__(self, target: float, first: int, now: float) -> None:
        self.target = target
        self.first = first
        self.began = now
        self.last: int | None = None  # number of its last packet, once all are sent
        self._ended = 0.0
        self._seen: dict[int, Outcome] = {}

    def due(self, sent: int, now: float) -> int:
        """Bytes of padding to send now, when `sent` bytes have gone out since it began."""
        if self.last is not None:
            return 0
        # What one round of upkeep sends covers the time until the next one.
        return int(self.target / 8 * min(now - self.began + 0.05, DURATION)) - sent

    def finish(self, following: int, now: float) -> bool:
        """Ends the sending when its time is over; `following` is the next unused number."""
        if self.last is None and now - self.began >= DURATION - 0.01:
            self.last = following - 1
            self._ended = now
        return self.last is not None

    def add(self, outcomes: Sequence[Outcome]) -> None:
        for outcome in outcomes:
            if outcome.number >= self.first and (self.last is None or outcome.number <= self.last):
                self._seen[outcome.number] = outcome

    def verdict(self, now: float, round_trip: float, usual_loss: float) -> Verdict | None:
        """The outcome; None while it is not known. Silence means failure."""
        if self.last is None:
            return None
        packets = self.last - self.first + 1
        late = now - self._ended > round_trip + PATIENCE
        if self.last not in self._seen and not late and len(self._seen) < packets:
            return None
        arrived = [o for o in self._seen.values() if o.arrived is not None and not o.repeated]
        if len(arrived) < MIN_PACKETS or len(self._seen) < KNOWN * packets:
            return Verdict(False, 0.0)
        arrived.sort(key=lambda outcome: outcome.number)
        times = [o.arrived for o in arrived if o.arrived is not None]
        span = max(max(times) - min(times), 0.001)
        sending = max(arrived[-1].sent - arrived[0].sent, 0.001)
        octets = sum(outcome.size for outcome in arrived) - arrived[0].size
        rate = octets * 8 / max(span, sending)
        delays = [t - o.sent for t, o in zip(times, arrived, strict=True)]
        third = max(2, len(delays) // 3)
        growth = min(delays[-third:]) - min(delays[:third])
        lost = 1 - len(arrived) / len(self._seen)
        passed = growth < GROWTH and lost < usual_loss * 1.5 + 0.07 and rate > 0.7 * self.target
        return Verdict(passed, rate)

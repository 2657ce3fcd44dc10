"""What a line does to packets, from transport-wide feedback: delay, loss, delivered rate. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from signaling.sfu.sent import Outcome

STANDING = 0.2  # seconds of arrivals over which the smallest delay counts as the queue
BASE = 15.0  # seconds after which an old smallest delay is forgotten: routes and clocks move
LOSS_WINDOW = 2.0  # seconds over which loss is counted
ENOUGH = 20  # packets below which a loss says nothing
WRAP = (1 << 24) * 0.064  # seconds after which arrival times begin anew


@dataclass(slots=True)
class _Batch:
    """One feedback packet, summed up. `last` is its latest arrival, None if nothing arrived."""

    at: float
    packets: int
    lost: int
    octets: int
    quickest: float
    last: float | None


class Gauge:
    """Sums feedback up batch by batch, so that a busy line costs no more than a quiet one."""

    def __init__(self) -> None:
        self._batches: deque[_Batch] = deque()
        self._base: deque[tuple[int, float]] = deque()  # smallest delay of each second
        self._latest: float | None = None
        self.round_trip: float | None = None

    def add(self, outcomes: Sequence[Outcome], now: float) -> None:
        batch = _Batch(now, len(outcomes), 0, 0, float("inf"), None)
        sent = 0.0
        for outcome in outcomes:
            if outcome.arrived is None:
                batch.lost += 1
                continue
            batch.octets += outcome.size
            if outcome.late:
                batch.packets -= 1  # was counted before
            if outcome.repeated:
                batch.lost += not outcome.late
                continue
            arrived = self._unwrap(outcome.arrived)
            batch.lost -= outcome.late
            batch.quickest = min(batch.quickest, arrived - outcome.sent)
            batch.last = arrived if batch.last is None else max(batch.last, arrived)
            sent = max(sent, outcome.sent)
        self._batches.append(batch)
        while self._batches[0].at < now - LOSS_WINDOW:
            self._batches.popleft()
        if batch.last is not None:
            self._note_base(batch.quickest, now)
            trip, known = now - sent, self.round_trip
            # The smallest, which slowly gives way to what has become usual.
            self.round_trip = trip if known is None else min(trip, known + (trip - known) * 0.02)

    def _unwrap(self, arrived: float) -> float:
        """Arrival times made continuous over their wrap; a jump of the clock starts afresh."""
        if self._latest is not None:
            arrived += round((self._latest - arrived) / WRAP) * WRAP
            if abs(arrived - self._latest) > 60:
                self._base.clear()
                self._batches.clear()
        self._latest = arrived
        return arrived

    def _note_base(self, delay: float, now: float) -> None:
        second = int(now)
        if self._base and self._base[-1][0] == second:
            delay = min(delay, self._base.pop()[1])
        self._base.append((second, delay))
        while self._base[0][0] < second - BASE:
            self._base.popleft()

    def queue(self) -> float:
        """Seconds that every packet of the last while had to wait in a queue.

        The smallest delay of a while is looked at, so that jitter is not taken for a queue.
        """
        recent = self._recent()
        quickest = min((batch.quickest for batch in recent), default=float("inf"))
        if quickest == float("inf") or not self._base:
            return 0.0
        return max(0.0, quickest - min(delay for _, delay in self._base))

    def delivered(self) -> float | None:
        """bit/s that arrived in that same while; None if too little did to say."""
        recent = self._recent()
        octets = sum(batch.octets for batch in recent)
        before = [batch.last for batch in self._batches if batch.last is not None]
        last = [batch.last for batch in recent if batch.last is not None]
        if len(before) <= len(last) or not last:
            return None
        span = max(last) - before[-len(last) - 1]
        return octets * 8 / span if span > 0.05 else None

    def _recent(self) -> list[_Batch]:
        if not self._batches:
            return []
        since = self._batches[-1].at - STANDING
        return [batch for batch in self._batches if batch.at >= since]

    def loss(self) -> float | None:
        """The fraction lost lately; None if too few packets were sent to tell."""
        packets = sum(batch.packets for batch in self._batches)
        if packets < ENOUGH:
            return None
        return max(0.0, sum(batch.lost for batch in self._batches) / packets)

    def rebase(self) -> None:
        """Takes the present delay for that of the route, which has become longer."""
        self._base.clear()
        recent = self._recent()
        quickest = min((batch.quickest for batch in recent), default=float("inf"))
        if quickest != float("inf"):
            self._base.append((int(recent[-1].at), quickest))
        self.round_trip = None

    def forget_loss(self) -> None:
        """Begins to count loss anew, after the rate was changed."""
        for batch in self._batches:
            batch.packets = batch.lost = 0

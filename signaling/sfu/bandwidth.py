"""What one subscriber's line can take, from its REMB and loss reports. Pure; times are arguments.

REMB cannot rise far above what is being sent, so it only limits after it has shown congestion;
from then on the limit is raised step by step, and each step that fails is waited for longer.
"""

from __future__ import annotations

HEAVY_LOSS = 0.1  # above this a line is congested whatever its REMB says
STEP = 1.5  # factor by which the limit is raised when trying for more
FIRST_WAIT = 3.0  # seconds without congestion before the first attempt
MAX_WAIT = 30.0
RELEASE = 8_000_000  # bit/s; a limit above this is no limit
FLOOR = 30_000  # bit/s
MEANINGFUL = 250_000  # bit/s sent, below which a REMB is mostly jitter of a small sample
PATIENCE = 1.0  # seconds a REMB must stay low: it lags behind when a stream begins or bursts


class Estimator:
    """`limit` is the budget in bit/s, None while there is no sign of a narrow line."""

    def __init__(self) -> None:
        self.limit: float | None = None
        self._calm_since = 0.0
        self._raised_at = 0.0
        self._wait = FIRST_WAIT
        self._loss_at = 0.0
        self._low_since: float | None = None
        self._estimate: float | None = None

    def on_estimate(self, bitrate: int, sending: float, now: float) -> None:
        """A REMB while we send `sending` bit/s."""
        self._estimate = float(bitrate)
        if bitrate < 0.85 * sending and sending > MEANINGFUL:
            if self._low_since is None:
                self._low_since = now
            elif now - self._low_since >= PATIENCE:
                self._low_since = None
                self._congested(max(MEANINGFUL, float(bitrate)), now)
            return
        self._low_since = None
        if self.limit is not None and bitrate > self.limit:
            self.limit = float(bitrate)

    def on_loss(self, fraction: float, sending: float, now: float) -> None:
        """A receiver report's loss; at most one reaction per second.

        Radio links lose packets at random: sending less does not help there. Only where the REMB,
        which looks at delay, agrees that the line is full may the limit fall to the very bottom.
        """
        if fraction > HEAVY_LOSS and now - self._loss_at > 1.0:
            self._loss_at = now
            full = self._estimate is not None and self._estimate < sending
            floor = FLOOR if full else MEANINGFUL
            self._congested(max(floor, sending * (1 - fraction / 2)), now)

    def _congested(self, limit: float, now: float) -> None:
        if self._raised_at and now - self._raised_at < 2 * FIRST_WAIT:
            self._wait = min(MAX_WAIT, self._wait * 2)  # the last attempt was too much
        self._raised_at = 0.0
        self.limit = limit
        self._calm_since = now

    def tick(self, now: float) -> None:
        """Tries for more after a calm while."""
        if self.limit is None or now - self._calm_since < self._wait:
            return
        if self._raised_at and now - self._raised_at > 2 * FIRST_WAIT:
            self._wait = FIRST_WAIT
        self.limit *= STEP
        self._raised_at = self._calm_since = now
        if self.limit > RELEASE:
            self.limit = None

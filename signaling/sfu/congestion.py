"""The budget of one subscriber's line, from transport-wide feedback. Pure; times are arguments.

A line counts as wide until it shows a queue or loss. Then the budget is what it delivered, and
probes find out when it takes more (the queue as the sign follows LiveKit's send-side estimator,
cut and probe sizes follow draft-ietf-rmcat-gcc-02 §5.5).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from signaling.sfu.gauge import Gauge
from signaling.sfu.probing import Probe
from signaling.sfu.sent import Outcome

QUEUE = 0.08  # seconds of standing queue that mean congestion
EMPTY = 0.04  # seconds of queue below which a line counts as calm again
FILL = 0.92  # of what a probe delivered that was too much
LONG_QUEUE = 0.15  # seconds of queue that must run empty before any picture is sent again
CUT = 0.85  # of the delivered rate, so that the queue runs empty
HEAVY_LOSS = 0.1  # above the usual loss of the line
HOPELESS = 0.4  # loss at which even the smallest picture is too much
LOSS_FLOOR = 250_000  # bit/s below which lesser loss without a queue does not lower the budget
LEARN = 0.01  # weight of each look (ten a second) in the usual loss
TRIAL = 1.5  # seconds, beyond the round trip, of sending less to see whether the loss is our doing
STALL = 1.5  # seconds without feedback while sending: the line is gone
SILENCE = 5.0  # seconds without feedback after which this estimate says nothing any more
LOSSY = 0.22  # usual loss above which pictures of many packets are seldom whole in time
FLOOR = 30_000  # bit/s
STEP = 1.5  # factor of the first probe over the budget
LEAP = 2.0  # factor of the probes after one that passed
MARGIN = 1.15  # a probe goes this far above what is wished, so that wishes may vary
FIRST_WAIT, MAX_WAIT = 1.0, 4.0  # seconds of calm before a probe
LASTING = 10.0  # seconds without congestion after which a budget counts as good
BUSY = 10  # packets sent without an answer that make a stall
JUMP = 0.5  # seconds in which a queue that came at once must grow, else it is a longer route
FUTILE = 3  # cuts that did not move the queue: it is not ours, the route has become longer


@dataclass(frozen=True, slots=True)
class _Trial:
    """Sending less for a while, to tell loss by congestion from loss by radio."""

    loss: float
    before: float | None
    until: float


class LineEstimator:
    """`limit` is the budget in bit/s with all headers, None while there is no sign of a limit."""

    def __init__(self) -> None:
        self.limit: float | None = None
        self.probe: Probe | None = None
        self.usual_loss = 0.0
        self.stalled = False
        self._gauge = Gauge()
        self._heard: float | None = None
        self._sent_since = 0
        self._trial: _Trial | None = None
        self._draining: float | None = None  # the queue at the last look, while it runs empty
        self._quiet_until = 0.0
        self._calm_since = 0.0
        self._raised_at = float("-inf")
        self._leaping = False
        self._futile = 0
        self._emptying = False  # after a cut, unlike after a probe, whose queue is its own
        self._queue = 0.0  # at the last look
        self._jump: tuple[float, float] | None = None  # when a queue came at once, how long it was
        self._wait = FIRST_WAIT

    @property
    def round_trip(self) -> float:
        return self._gauge.round_trip or 0.1

    @property
    def budget(self) -> float | None:
        """bit/s to divide now.

        Only sound is sent while nothing is heard from the client, and while a long queue runs
        empty: it would go on losing packets, those of sound as well.
        """
        if self.stalled or (self._emptying and self._gauge.queue() > LONG_QUEUE):
            return 0.0
        return self.limit

    @property
    def lossy(self) -> bool:
        """Whether only the smallest pictures have a chance to arrive whole."""
        return self.usual_loss > LOSSY

    def trusted(self, now: float) -> bool:
        """Whether the client sends this kind of feedback."""
        return self._heard is not None and (self.stalled or now - self._heard < SILENCE)

    def on_outcomes(self, outcomes: Sequence[Outcome], now: float) -> None:
        """Takes what one feedback packet told."""
        if not outcomes:
            return
        self._heard, self._sent_since = now, 0
        self._gauge.add(outcomes, now)
        if self.stalled:
            self.stalled = False
            # What waited in queues during the stall says nothing about the line after it.
            self._calm_since, self._quiet_until = now, now + 1.0
            self._gauge.forget_loss()
        if self.probe is not None:
            self.probe.add(outcomes)
            self._judge_probe(now)
        if now >= self._quiet_until and self.probe is None:
            self._look(now)

    def _look(self, now: float) -> None:
        before, self._queue = self._queue, self._gauge.queue()
        queue = self._queue
        if queue <= LONG_QUEUE:
            self._emptying = False
        if queue <= QUEUE:
            self._jump = None
        elif before <= EMPTY and self._draining is None:
            self._jump = (now, queue)
            return
        if queue <= EMPTY:
            if self._draining is not None:
                self._draining = None
                self._calm_since = now
            self._look_at_loss(now)
        elif self._draining is not None and queue < 0.9 * self._draining:
            self._draining = queue
            self._quiet_until = now + 0.4
        elif queue > QUEUE and not self._longer_route(queue, now):
            self._congested(queue, now)

    def _longer_route(self, queue: float, now: float) -> bool:
        """Whether a delay that came from one look to the next may be no queue: it does not grow."""
        if self._jump is None:
            return False
        at, begun = self._jump
        if queue > begun + 0.25 * QUEUE or (self._gauge.loss() or 0.0) > self.usual_loss + 0.05:
            self._jump = None
            return False
        if now - at >= JUMP:
            self._jump = None
            self._gauge.rebase()
        return True

    def _congested(self, queue: float, now: float) -> None:
        delivered = self._gauge.delivered()
        if delivered is None:
            return
        before = self._draining
        if before is not None and queue < 1.1 * before and (self._gauge.loss() or 0.0) < 0.05:
            self._futile += 1
            if self._futile >= FUTILE:
                self._futile, self._draining, self._emptying = 0, None, False
                self._gauge.rebase()
                return
        else:
            self._futile = 0
        self._trial = None
        self._draining = queue
        self._emptying = True
        # What arrived while the queue was short need not be all that the line takes.
        least = 0.9 * self.limit if self.limit is not None and queue < LONG_QUEUE else 0.0
        self._lower(max(least, CUT * delivered), now)
        # Packets sent from now on arrive after those that already wait.
        self._quiet_until = now + min(3.0, self.round_trip + queue + 0.5)

    def _lower(self, limit: float, now: float) -> None:
        if now - self._raised_at < LASTING:
            self._wait = min(MAX_WAIT, self._wait * 2)  # the last rise was too much
            self._raised_at = float("-inf")
        self.limit = max(FLOOR, limit if self.limit is None else min(limit, self.limit))
        self._calm_since = now
        self._leaping = False
        self._gauge.forget_loss()

    def _look_at_loss(self, now: float) -> None:
        loss = self._gauge.loss()
        if loss is None:
            return
        trial = self._trial
        if trial is not None:
            if now >= trial.until:
                self._trial = None
                self._calm_since = now
                if loss > 0.6 * trial.loss:  # sending less did not help: radio, not congestion
                    self.usual_loss = max(loss, self.usual_loss)
                    self.limit = trial.before
            return
        if loss <= self.usual_loss * 1.5 + HEAVY_LOSS:
            self.usual_loss += (loss - self.usual_loss) * LEARN
        else:
            delivered = self._gauge.delivered()
            if delivered is not None:
                before = self.limit
                # Bursts of a radio line look like congestion now and then: that alone starves
                # nobody, unless hardly anything passes.
                least = LOSS_FLOOR if loss < HOPELESS else FLOOR
                self._lower(max(least, CUT * delivered), now)
                self._trial = _Trial(loss, before, now + self.round_trip + TRIAL)
                self._quiet_until = now + self.round_trip + 0.3

    def tick(self, sent: int, now: float) -> None:
        """To be called every round with the number of packets sent since the last one."""
        self._sent_since += sent
        silent = self._heard is not None and now - self._heard > STALL + self.round_trip
        if silent and self._sent_since >= BUSY and not self.stalled:
            self.stalled = True
            self.probe = None
            self._trial = None
        if self.probe is not None:
            self._judge_probe(now)
        if now - max(self._calm_since, self._raised_at) > LASTING:
            self._wait = FIRST_WAIT

    # Probes

    def probe_due(self, need: float, now: float) -> float | None:
        """The rate to probe at now in bit/s, None if there is no reason to.

        `need` is what everything wished for would take.
        """
        if self.limit is None or self.stalled or self.probe is not None:
            return None
        if self._draining is not None or self._trial is not None or now < self._quiet_until:
            return None
        if self.limit >= need * MARGIN:
            self.limit = None
            return None
        if now - self._calm_since < self._wait:
            return None
        factor = LEAP if self._leaping else STEP
        return min(self.limit * factor, need * MARGIN * 1.05)

    def begin_probe(self, target: float, first: int, now: float) -> Probe:
        self.probe = Probe(target, first, now)
        return self.probe

    def _judge_probe(self, now: float) -> None:
        probe = self.probe
        if probe is None or self.limit is None:
            self.probe = None
            return
        verdict = probe.verdict(now, self.round_trip, self.usual_loss)
        if verdict is None:
            return
        self.probe = None
        self._leaping = verdict.passed
        if verdict.passed:
            self.limit = max(self.limit, min(verdict.rate, probe.target))
            self._raised_at = now
            self._quiet_until = now + 0.1
            return  # calm as before: the next one at once
        self._calm_since = now
        self._draining = float("inf")
        self._wait = min(MAX_WAIT, self._wait * 1.5)
        self._quiet_until = now + self.round_trip + 0.5  # its own queue has to run empty
        if verdict.rate * FILL > self.limit:
            self.limit = verdict.rate * FILL
            self._raised_at = now

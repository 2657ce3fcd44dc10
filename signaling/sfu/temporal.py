"""Temporal layers of VP8: fewer frames of the same picture, without a new keyframe. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from signaling.sfu.codecs import Vp8Descriptor

LEVELS = 4  # what two bits can say
ALL = LEVELS - 1
WINDOW = 2.0  # seconds over which rates are measured
SYNC = 0x20  # the picture needs none above the lowest level (RFC 7741 §4.2, Y)


def level_for(rates: Sequence[float], frames: float) -> int:
    """The highest level that keeps to `frames` a second, given the pictures up to each level."""
    fitting = [level for level, rate in enumerate(rates) if rate <= frames * 1.2]
    return max(fitting, default=0) if rates else ALL


class Temporal:
    """Decides which pictures pass, and measures what each level costs.

    `wanted` is the highest level to pass. Less takes effect with the next picture, more where a
    picture says that it can be decoded without those left out.
    """

    __slots__ = ("_began", "_now", "_octets", "_pictures", "_rates", "_shares", "wanted")

    def __init__(self) -> None:
        self.wanted = ALL
        self._now = ALL
        self._octets = [0] * LEVELS
        self._pictures = [0] * LEVELS
        self._began: float | None = None
        self._shares: tuple[float, ...] = (1.0,)
        self._rates: tuple[float, ...] = ()

    @property
    def shares(self) -> tuple[float, ...]:
        """The part of the stream's rate that levels up to each index need; (1.0,) if it has one."""
        return self._shares

    def level_for(self, frames: float) -> int:
        """The highest level that keeps to `frames` a second; the lowest if none does."""
        return level_for(self._rates, frames)

    def enter(self) -> None:
        """A keyframe: every level may begin."""
        self._now = self.wanted

    def passes(self, descriptor: Vp8Descriptor, octets: int, now: float) -> bool:
        """Whether this packet is to be sent."""
        tid_byte = descriptor.tid_byte
        if tid_byte is None:
            return True
        level = tid_byte >> 6
        self._measure(level, octets, descriptor.start, now)
        if self._now > self.wanted:
            self._now = self.wanted
        elif self._now < self.wanted and descriptor.start and level == self._now + 1:
            if tid_byte & SYNC:
                self._now = level
        elif self._now < self.wanted and self._now >= len(self._shares) - 1:
            self._now = self.wanted  # there is no higher level to wait for
        return level <= self._now

    def _measure(self, level: int, octets: int, start: bool, now: float) -> None:
        self._octets[level] += octets
        self._pictures[level] += start
        if self._began is None:
            self._began = now
        span = now - self._began
        if span < WINDOW:
            return
        total = sum(self._octets) or 1
        top = max((i for i in range(LEVELS) if self._octets[i]), default=0)
        self._shares = tuple(sum(self._octets[: i + 1]) / total for i in range(top + 1))
        self._rates = tuple(sum(self._pictures[: i + 1]) / span for i in range(top + 1))
        self._octets, self._pictures = [0] * LEVELS, [0] * LEVELS
        self._began = now

"""Who is speaking, from the audio levels (RFC 6464) in each packet. Pure; times are arguments."""

from __future__ import annotations

from dataclasses import dataclass

WINDOW = 0.4  # seconds over which levels are gathered
THRESHOLD = 40  # -dBov: louder than this counts as speech
SHARE = 0.3  # part of a window that must be speech
SMOOTHING = 0.5


@dataclass(frozen=True, slots=True)
class Speaker:
    """`level` runs from 0 to 1."""

    sid: str
    level: float
    active: bool


class _Meter:
    __slots__ = ("active", "level", "loud", "packets", "peak")

    def __init__(self) -> None:
        self.packets = self.loud = 0
        self.peak = 127
        self.level = 0.0
        self.active = False


class Speakers:
    """Collects levels per participant; `changes` tells what to announce."""

    def __init__(self) -> None:
        self._meters: dict[str, _Meter] = {}
        self._next = 0.0

    def level(self, sid: str, decibels: int) -> None:
        """One packet's level, 0 (loudest) to 127 (silence) below overload."""
        meter = self._meters.get(sid)
        if meter is None:
            meter = self._meters[sid] = _Meter()
        meter.packets += 1
        if decibels <= THRESHOLD:
            meter.loud += 1
        meter.peak = min(meter.peak, decibels)

    def forget(self, sid: str) -> None:
        self._meters.pop(sid, None)

    def current(self) -> list[Speaker]:
        return [Speaker(sid, m.level, True) for sid, m in self._meters.items() if m.active]

    def changes(self, now: float) -> list[Speaker]:
        """Speakers whose state or level changed since the last window."""
        if now < self._next:
            return []
        self._next = now + WINDOW
        changed = []
        for sid, meter in self._meters.items():
            expected = WINDOW / 0.02
            speaking = meter.loud >= SHARE * expected
            loudness = max(0.0, 1 - meter.peak / THRESHOLD) ** 0.5 if speaking else 0.0
            level = meter.level + SMOOTHING * (loudness - meter.level)
            was, meter.active = meter.active, speaking or level > 0.15
            # Steps of an eighth keep the announcements few.
            quantised = round(level * 8) / 8
            if meter.active and (not was or quantised != round(meter.level * 8) / 8):
                changed.append(Speaker(sid, max(quantised, 0.125), True))
            elif was and not meter.active:
                changed.append(Speaker(sid, 0.0, False))
            meter.level = level if meter.active else 0.0
            meter.packets = meter.loud = 0
            meter.peak = 127
        return changed

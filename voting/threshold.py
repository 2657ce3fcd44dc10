"""Majorities in whole numbers. A rounded percentage never decides anything."""

from dataclasses import dataclass
from enum import StrEnum


class Threshold(StrEnum):
    """How many of a base must agree (Điều lệ art. 4, 5, 9.5)."""

    MORE_THAN_HALF = "more_than_half"
    AT_LEAST_TWO_THIRDS = "at_least_two_thirds"

    def needed(self, base: int) -> int:
        """The smallest number that passes in a base of that size; at least 1, so 0 of 0 fails."""
        if base < 0:
            raise ValueError("a base cannot be negative")
        match self:
            case Threshold.MORE_THAN_HALF:
                return base // 2 + 1
            case Threshold.AT_LEAST_TWO_THIRDS:
                return max(1, (2 * base + 2) // 3)

    def compare(self, count: int, base: int) -> "Comparison":
        """`count` of `base` set against this threshold."""
        if not 0 <= count <= base:
            raise ValueError("the count must lie between 0 and the base")
        needed = self.needed(base)
        return Comparison(self, count, base, needed, count >= needed)


@dataclass(frozen=True, slots=True)
class Comparison:
    """An outcome as the arithmetic it is: count/base, needed, met."""

    threshold: Threshold
    count: int
    base: int
    needed: int
    met: bool

"""Events: the agenda and the floor."""

from dataclasses import dataclass
from typing import ClassVar, Literal


@dataclass(frozen=True, slots=True)
class ItemStarted:
    TYPE: ClassVar[str] = "item-started"
    item: str


@dataclass(frozen=True, slots=True)
class ItemFinished:
    TYPE: ClassVar[str] = "item-finished"
    item: str
    conclusion: str


@dataclass(frozen=True, slots=True)
class ItemPostponed:
    TYPE: ClassVar[str] = "item-postponed"
    item: str
    reason: str


@dataclass(frozen=True, slots=True)
class FloorAsked:
    TYPE: ClassVar[str] = "floor-asked"
    person: str


@dataclass(frozen=True, slots=True)
class FloorWithdrawn:
    TYPE: ClassVar[str] = "floor-withdrawn"
    person: str


@dataclass(frozen=True, slots=True)
class FloorGiven:
    TYPE: ClassVar[str] = "floor-given"
    person: str


@dataclass(frozen=True, slots=True)
class FloorEnded:
    TYPE: ClassVar[str] = "floor-ended"
    person: str


@dataclass(frozen=True, slots=True)
class Muted:
    TYPE: ClassVar[str] = "muted"
    person: str
    source: Literal["microphone", "camera", "screen"]

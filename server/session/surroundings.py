"""What a screen shows beside the log: lines, switches, the recorder's last word, delivery."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from server.session.law import Facts, RecorderFacts

Line = Literal["good", "fair", "poor", "none"]


@dataclass(frozen=True, slots=True)
class PersonLive:
    """A connected person over all their devices: the best line, any microphone, any camera."""

    devices: int
    line: Line
    microphone: bool
    camera: bool


@dataclass(frozen=True, slots=True)
class DocumentShown:
    id: str
    item_id: str | None
    name: str
    pages: int
    size: int
    sha256: str
    uploaded_at: datetime
    late_reason: str | None
    last_pages: Mapping[str, int]  # by member id


@dataclass(frozen=True, slots=True)
class DeliveryFacts:
    attempts: int = 0
    next_try_at: datetime | None = None
    error: str = ""
    documents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Gathered about once a second for each session that somebody watches."""

    people: Mapping[str, PersonLive] = field(default_factory=dict)
    recorder: RecorderFacts | None = None
    documents: tuple[DocumentShown, ...] = ()
    delivery: DeliveryFacts = field(default_factory=DeliveryFacts)
    upper_connected: bool = False
    room_code: str | None = None
    certified: frozenset[tuple[str, str]] = frozenset()  # sign-ins and their device keys
    switched_on: frozenset[tuple[str, str]] = frozenset()  # (person, camera|microphone)
    media_down: bool = False
    trouble: str = ""  # why nothing can be written now: a code of `Database.trouble`

    def facts(self, factor_at: datetime | None = None) -> Facts:
        return Facts(factor_at, False, self.recorder, self.switched_on)


@dataclass(frozen=True, slots=True)
class Viewer:
    """Whose screen it is. `person` is None for an officer."""

    person: str | None
    sign_in_id: str | None = None
    factor_at: datetime | None = None

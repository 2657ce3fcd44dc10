"""Events: who is here: connections, device keys, check-ins, absences, removal."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

CheckInHow = Literal["device", "code", "secretary", "vouch"]


@dataclass(frozen=True, slots=True)
class Connected:
    TYPE: ClassVar[str] = "connected"
    person: str


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The lease of the person's last device ran out."""

    TYPE: ClassVar[str] = "disconnected"
    person: str


@dataclass(frozen=True, slots=True)
class DeviceCertified:
    """`by`: the second factor, or chair and secretary who vouched."""

    TYPE: ClassVar[str] = "device-certified"
    person: str
    key_id: str
    spki: str
    label: str
    by: Literal["factor", "vouch"]
    factor_at: str | None


@dataclass(frozen=True, slots=True)
class DeviceKeyRevoked:
    """Nothing signed by that key after this line counts; what stands before it stays valid.

    `by`: the member on a device of theirs, or the two people who reset the member's factors.
    """

    TYPE: ClassVar[str] = "device-key-revoked"
    person: str
    key_id: str
    by: Literal["member", "reset"]


@dataclass(frozen=True, slots=True)
class CheckedIn:
    """`statement` and `signature` only when the device signed; the actor is who did it."""

    TYPE: ClassVar[str] = "checked-in"
    person: str
    place: Literal["remote", "in_room"]
    how: CheckInHow
    statement: dict[str, Any] | None = None
    signature: str | None = None


@dataclass(frozen=True, slots=True)
class Vouched:
    """The actor has seen and heard the person. Two such, chair and secretary, make a check-in."""

    TYPE: ClassVar[str] = "vouched"
    person: str
    office: Literal["chair", "secretary"]


@dataclass(frozen=True, slots=True)
class MarkedAbsent:
    TYPE: ClassVar[str] = "marked-absent"
    person: str
    with_reason: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Left:
    """Went before the end, of one's own will or as the secretary noted."""

    TYPE: ClassVar[str] = "left"
    person: str
    reason: str


@dataclass(frozen=True, slots=True)
class Removed:
    TYPE: ClassVar[str] = "removed"
    person: str
    reason: str

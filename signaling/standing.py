"""What RoomService decided about people and must hold when they come back: pure, bounded."""

from __future__ import annotations

from collections.abc import Iterator

from livekit.protocol.models import ParticipantPermission

from signaling.tokens import Grants

MAX_KEPT = 10_000  # decisions of each kind; the oldest goes


class Revocations:
    """Tokens of removed participants that are no good any more."""

    def __init__(self) -> None:
        self._until: dict[tuple[str, str], float] = {}

    def add(self, room: str, identity: str, until: float) -> None:
        """Refuses tokens of that participant issued up to `until` (Unix seconds)."""
        if len(self._until) >= MAX_KEPT:
            del self._until[next(iter(self._until))]
        self._until[room, identity] = until

    def cover(self, grants: Grants) -> bool:
        return grants.issued <= self._until.get((grants.room, grants.identity), -1.0)


class Permissions:
    """Rights changed by UpdateParticipant, for the case that its worker is lost.

    They bind tokens issued before the change: whoever issues one later knows of it.
    """

    def __init__(self) -> None:
        self._rooms: dict[str, dict[str, tuple[float, ParticipantPermission]]] = {}
        self._count = 0

    def set(
        self, room: str, identity: str, changed: float, permission: ParticipantPermission
    ) -> None:
        """`changed` is in Unix seconds."""
        people = self._rooms.setdefault(room, {})
        if identity not in people:
            if self._count >= MAX_KEPT:
                self.forget(next(iter(self._rooms)))
                people = self._rooms.setdefault(room, {})
            self._count += 1
        people[identity] = changed, permission

    def of(self, grants: Grants) -> ParticipantPermission:
        """The rights of somebody who joins with that token."""
        own = grants.permission
        changed, permission = self._rooms.get(grants.room, {}).get(grants.identity, (-1.0, own))
        if grants.issued > changed:
            return own
        bound = ParticipantPermission()
        bound.CopyFrom(permission)
        bound.hidden, bound.recorder = own.hidden, own.recorder  # fixed at joining
        return bound

    def of_room(self, room: str) -> Iterator[tuple[str, float, ParticipantPermission]]:
        """Identity, time of the change, rights."""
        for identity, (changed, permission) in self._rooms.get(room, {}).items():
            yield identity, changed, permission

    def forget(self, room: str) -> None:
        self._count -= len(self._rooms.pop(room, {}))

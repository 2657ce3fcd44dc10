"""What the control process keeps of rooms, so that a lost worker's are as they were. Pure."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from livekit.protocol.models import ParticipantPermission
from livekit.protocol.models import Room as RoomInfo
from livekit.protocol.room import CreateRoomRequest

from signaling.standing import Permissions, Revocations

PEOPLE_A_MESSAGE = 200  # so that one stays far below what a channel takes


@dataclass(frozen=True, slots=True)
class Restored:
    """A part of a lost room: how it was created, if RoomService did that, and changed rights."""

    room: str
    created: CreateRoomRequest | None
    permissions: tuple[tuple[str, float, ParticipantPermission], ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "room": self.room,
            "created": _text(self.created.SerializeToString()) if self.created else None,
            "permissions": [
                [identity, changed, _text(permission.SerializeToString())]
                for identity, changed, permission in self.permissions
            ],
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Restored:
        created = value["created"]
        return cls(
            value["room"],
            CreateRoomRequest.FromString(_bytes(created)) if created is not None else None,
            tuple(
                (identity, changed, ParticipantPermission.FromString(_bytes(permission)))
                for identity, changed, permission in value["permissions"]
            ),
        )


class Memory:
    """Rooms made or changed by RoomService, rights changed by it, tokens revoked by it."""

    def __init__(self) -> None:
        self.revocations = Revocations()
        self.permissions = Permissions()
        self._created: dict[str, CreateRoomRequest] = {}

    def created(self, info: RoomInfo) -> None:
        """RoomService has made this room, or changed its metadata."""
        self._created[info.name] = CreateRoomRequest(
            name=info.name,
            metadata=info.metadata,
            empty_timeout=info.empty_timeout,
            departure_timeout=info.departure_timeout,
            max_participants=info.max_participants,
        )

    def was_created(self, room: str) -> bool:
        return room in self._created

    def forget(self, room: str) -> None:
        """The room has ended. Revoked tokens stay revoked."""
        self._created.pop(room, None)
        self.permissions.forget(room)

    def restored(self, room: str) -> Iterator[Restored]:
        """What a worker must know before people come to a room that another has lost."""
        people = list(self.permissions.of_room(room))
        created = self._created.get(room)
        if created is not None:
            yield Restored(room, created, ())
        for start in range(0, len(people), PEOPLE_A_MESSAGE):
            yield Restored(room, None, tuple(people[start : start + PEOPLE_A_MESSAGE]))


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text)

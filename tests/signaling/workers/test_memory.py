"""What control keeps of rooms, its way to a worker, and what it means there."""

import json

from livekit.protocol.models import ParticipantPermission
from livekit.protocol.models import Room as RoomInfo

from signaling.config import MediaConfig
from signaling.engine import Engine
from signaling.standing import MAX_KEPT, Permissions, Revocations
from signaling.tokens import Grants
from signaling.workers import channel
from signaling.workers.memory import Memory, Restored

MUZZLED = ParticipantPermission(can_subscribe=True, can_publish=False)


def grants(issued: float, identity: str = "an", **video: object) -> Grants:
    return Grants(identity, identity, "", {}, issued, {"room": "r", "roomJoin": True, **video})


def through_the_channel(memory: Memory, room: str) -> list[Restored]:
    """As they arrive at a worker."""
    near, far = channel.pair()
    with near, far:
        sent = list(memory.restored(room))
        for part in sent:
            channel.send(near, channel.RESTORE, json.dumps(part.to_json()).encode())
        received = [channel.receive(far) for _ in sent]
    assert {kind for kind, _, _ in received} <= {channel.RESTORE}
    return [Restored.from_json(json.loads(body)) for _, body, _ in received]


def test_a_created_room_and_changed_rights_are_the_same_at_another_worker() -> None:
    memory = Memory()
    memory.created(RoomInfo(name="r", metadata="m" * 60_000, empty_timeout=7, max_participants=9))
    for number in range(450):
        memory.permissions.set("r", f"member {number}", 100.0, MUZZLED)
    engine = Engine(MediaConfig("key", "s" * 32))
    for part in through_the_channel(memory, "r"):
        engine.restore(part)
    info = engine.rooms["r"].state.info
    assert (len(info.metadata), info.empty_timeout, info.max_participants) == (60_000, 7, 9)
    kept = engine._permissions
    assert not kept.of(grants(99, "member 449")).can_publish
    assert kept.of(grants(99, "member 450")).can_publish


def test_a_room_of_which_nothing_was_decided_needs_no_restoring() -> None:
    memory = Memory()
    memory.created(RoomInfo(name="r"))
    memory.permissions.set("r", "an", 1, MUZZLED)
    memory.forget("r")
    assert list(memory.restored("r")) == []
    assert not memory.was_created("r")


def test_changed_rights_bind_tokens_issued_before_and_not_after() -> None:
    kept = Permissions()
    kept.set("r", "an", 100.0, MUZZLED)
    assert not kept.of(grants(100)).can_publish
    assert kept.of(grants(101)).can_publish
    assert kept.of(grants(99, "binh")).can_publish


def test_nobody_becomes_a_recorder_or_hidden_by_changed_rights() -> None:
    kept = Permissions()
    kept.set("r", "an", 100.0, ParticipantPermission(hidden=True, recorder=True))
    assert not kept.of(grants(99)).hidden
    kept.set("r", "an", 100.0, ParticipantPermission())
    bound = kept.of(grants(99, hidden=True, recorder=True))
    assert bound.hidden
    assert bound.recorder


def test_revoked_tokens_are_known_by_their_time_and_the_number_kept_is_bounded() -> None:
    revoked = Revocations()
    revoked.add("r", "an", 100.0)
    assert revoked.cover(grants(100))
    assert not revoked.cover(grants(101))
    assert not revoked.cover(grants(99, "binh"))
    for number in range(MAX_KEPT):
        revoked.add("r", f"member {number}", 100.0)
    assert not revoked.cover(grants(100)), "the oldest goes"
    kept = Permissions()
    for number in range(MAX_KEPT + 5):
        kept.set(f"room {number % 100}", f"member {number}", 100.0, MUZZLED)
    assert sum(len(list(kept.of_room(f"room {n}"))) for n in range(100)) <= MAX_KEPT

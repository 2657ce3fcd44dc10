"""RoomService through the `livekit-api` package, observed by participants on the Python SDK."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator

import aiohttp
import pytest
from engine_rig import KEY, SECRET, EngineProcess, running_engine, token
from livekit import api, rtc


@pytest.fixture(scope="module")
def engine() -> Iterator[EngineProcess]:
    with running_engine() as process:
        yield process


@pytest.fixture
async def service(engine: EngineProcess) -> AsyncIterator[api.LiveKitAPI]:
    client = api.LiveKitAPI(engine.http, KEY, SECRET)
    yield client
    await client.aclose()


async def until(condition: Callable[[], object], seconds: float = 5) -> None:
    deadline = asyncio.get_running_loop().time() + seconds
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, "never happened"
        await asyncio.sleep(0.02)


async def join(
    engine: EngineProcess, room: str, identity: str, **grants: object
) -> tuple[rtc.Room, list[tuple[str, object]]]:
    """A participant and the events it saw."""
    client = rtc.Room()
    seen: list[tuple[str, object]] = []
    for name in (
        "participant_connected",
        "participant_disconnected",
        "track_published",
        "track_unpublished",
        "track_subscribed",
        "track_unsubscribed",
        "track_muted",
        "local_track_unpublished",
        "disconnected",
        "data_received",
        "room_metadata_changed",
        "participant_metadata_changed",
    ):
        client.on(name, lambda *args, name=name: seen.append((name, args[0] if args else None)))
    await client.connect(engine.url, token(identity, room, **grants))
    return client, seen


async def microphone(client: rtc.Room) -> rtc.LocalTrackPublication:
    source = rtc.AudioSource(48000, 1)
    track = rtc.LocalAudioTrack.create_audio_track("mic", source)
    options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
    return await client.local_participant.publish_track(track, options)


async def is_refused(
    service: api.LiveKitAPI, room: str, publishing: Coroutine[object, object, object]
) -> None:
    """The Python SDK waits in vain for an answer; what counts is that nobody sees a track."""
    with pytest.raises((TimeoutError, rtc.participant.PublishTrackError)):
        await asyncio.wait_for(publishing, 0.7)
    listed = await service.room.list_participants(api.ListParticipantsRequest(room=room))
    assert not any(participant.tracks for participant in listed.participants)


def names(seen: list[tuple[str, object]]) -> list[str]:
    return [name for name, _ in seen]


async def test_rooms_are_created_listed_and_deleted(service: api.LiveKitAPI) -> None:
    made = await service.room.create_room(
        api.CreateRoomRequest(name="alpha", metadata="one", max_participants=7)
    )
    assert made.sid.startswith("RM_")
    assert made.metadata == "one"
    known = ["audio/opus", "audio/red", "video/VP8"]
    assert [codec.mime for codec in made.enabled_codecs] == known
    again = await service.room.create_room(api.CreateRoomRequest(name="alpha"))
    assert again.sid == made.sid
    listed = await service.room.list_rooms(api.ListRoomsRequest(names=["alpha"]))
    assert [room.sid for room in listed.rooms] == [made.sid]
    await service.room.delete_room(api.DeleteRoomRequest(room="alpha"))
    listed = await service.room.list_rooms(api.ListRoomsRequest(names=["alpha"]))
    assert not listed.rooms


async def test_participants_are_listed_and_a_hidden_one_only_here(
    engine: EngineProcess, service: api.LiveKitAPI
) -> None:
    lan, seen = await join(engine, "people", "lan")
    recorder, _ = await join(
        engine, "people", "recorder", hidden=True, recorder=True, can_publish=False
    )
    listed = await service.room.list_participants(api.ListParticipantsRequest(room="people"))
    assert sorted(p.identity for p in listed.participants) == ["lan", "recorder"]
    rooms = await service.room.list_rooms(api.ListRoomsRequest(names=["people"]))
    assert rooms.rooms[0].num_participants == 1
    assert rooms.rooms[0].active_recording
    assert not lan.remote_participants
    assert "participant_connected" not in names(seen)
    one = await service.room.get_participant(
        api.RoomParticipantIdentity(room="people", identity="lan")
    )
    assert one.identity == "lan"
    with pytest.raises(api.TwirpError) as caught:
        await service.room.get_participant(
            api.RoomParticipantIdentity(room="people", identity="nobody")
        )
    assert caught.value.code == "not_found"
    await lan.disconnect()
    await recorder.disconnect()


async def test_a_removed_participant_is_told_so_and_a_revoked_token_is_no_use(
    engine: EngineProcess, service: api.LiveKitAPI
) -> None:
    lan, seen = await join(engine, "expulsion", "lan")
    minh, others = await join(engine, "expulsion", "minh")
    old = token("lan", "expulsion")
    await service.room.remove_participant(
        api.RoomParticipantIdentity(room="expulsion", identity="lan", revoke_token_ts=2_000_000_000)
    )
    await until(lambda: "disconnected" in names(seen))
    assert dict(seen)["disconnected"] == rtc.DisconnectReason.PARTICIPANT_REMOVED
    await until(lambda: "participant_disconnected" in names(others))
    async with aiohttp.ClientSession() as session:
        answer = await session.get(engine.http + "/rtc/v1/validate", params={"access_token": old})
        assert answer.status == 401
    await minh.disconnect()
    await lan.disconnect()


async def test_a_mute_by_the_server_reaches_publisher_and_subscribers_but_no_unmute(
    engine: EngineProcess, service: api.LiveKitAPI
) -> None:
    lan, _ = await join(engine, "muting", "lan")
    minh, seen = await join(engine, "muting", "minh")
    publication = await microphone(lan)
    await until(lambda: "track_subscribed" in names(seen))
    answer = await service.room.mute_published_track(
        api.MuteRoomTrackRequest(
            room="muting", identity="lan", track_sid=publication.sid, muted=True
        )
    )
    assert answer.track.muted
    await until(lambda: "track_muted" in names(seen))
    await until(lambda: publication.muted)
    with pytest.raises(api.TwirpError) as caught:
        await service.room.mute_published_track(
            api.MuteRoomTrackRequest(
                room="muting", identity="lan", track_sid=publication.sid, muted=False
            )
        )
    assert caught.value.code == "failed_precondition"
    await lan.disconnect()
    await minh.disconnect()


async def test_revoked_publishing_rights_stop_the_track_at_once(
    engine: EngineProcess, service: api.LiveKitAPI
) -> None:
    lan, _mine = await join(engine, "rights", "lan")
    minh, seen = await join(engine, "rights", "minh")
    await microphone(lan)
    await until(lambda: "track_subscribed" in names(seen))
    await service.room.update_participant(
        api.UpdateParticipantRequest(
            room="rights",
            identity="lan",
            permission=api.ParticipantPermission(can_subscribe=True, can_publish=False),
        )
    )
    await until(lambda: "track_unsubscribed" in names(seen))
    await is_refused(service, "rights", microphone(lan))
    await lan.disconnect()
    await minh.disconnect()


async def test_only_granted_sources_may_be_published(
    engine: EngineProcess, service: api.LiveKitAPI
) -> None:
    lan, _ = await join(engine, "sources", "lan", can_publish_sources=["camera"])
    await is_refused(service, "sources", microphone(lan))
    await lan.disconnect()


async def test_data_goes_to_those_named_and_from_nobody_without_the_right(
    engine: EngineProcess, service: api.LiveKitAPI
) -> None:
    lan, from_lan = await join(engine, "data", "lan")
    minh, from_minh = await join(engine, "data", "minh", can_publish_data=False)
    # A data channel opens a moment after the connection; the first to arrive proves it is there.
    for _ in range(50):
        await service.room.send_data(
            api.SendDataRequest(room="data", data=b"for all", kind=api.DataPacket.Kind.RELIABLE)
        )
        await asyncio.sleep(0.05)
        if "data_received" in names(from_lan) and "data_received" in names(from_minh):
            break
    await service.room.send_data(
        api.SendDataRequest(
            room="data",
            data=b"for lan",
            kind=api.DataPacket.Kind.RELIABLE,
            destination_identities=["lan"],
            topic="t",
        )
    )
    await lan.local_participant.publish_data(b"from lan")
    await minh.local_participant.publish_data(b"from minh")

    def texts(seen: list[tuple[str, object]]) -> list[bytes]:
        return [packet.data for name, packet in seen if name == "data_received"]

    await until(lambda: b"for lan" in texts(from_lan) and b"from lan" in texts(from_minh))
    assert b"for lan" not in texts(from_minh)
    assert b"from minh" not in texts(from_lan)
    await lan.disconnect()
    await minh.disconnect()


async def test_metadata_of_room_and_participant_reach_everybody(
    engine: EngineProcess, service: api.LiveKitAPI
) -> None:
    lan, seen = await join(engine, "metadata", "lan")
    minh, _ = await join(engine, "metadata", "minh")
    await service.room.update_room_metadata(
        api.UpdateRoomMetadataRequest(room="metadata", metadata="agenda 2")
    )
    await service.room.update_participant(
        api.UpdateParticipantRequest(room="metadata", identity="minh", metadata="floor")
    )
    await until(lambda: lan.metadata == "agenda 2")
    await until(lambda: lan.remote_participants["minh"].metadata == "floor")
    assert "room_metadata_changed" in names(seen)
    await lan.disconnect()
    await minh.disconnect()


async def test_a_second_join_of_the_same_identity_replaces_the_first(
    engine: EngineProcess,
) -> None:
    first, seen = await join(engine, "twice", "lan")
    second, _ = await join(engine, "twice", "lan")
    await until(lambda: "disconnected" in names(seen))
    assert dict(seen)["disconnected"] == rtc.DisconnectReason.DUPLICATE_IDENTITY
    assert second.isconnected()
    await second.disconnect()
    await first.disconnect()


@pytest.mark.parametrize(
    ("headers", "method", "body", "status", "code"),
    [
        ({}, "ListRooms", b"{}", 401, "unauthenticated"),
        ({"Authorization": "Bearer x"}, "ListRooms", b"{}", 401, "unauthenticated"),
        ({"Authorization": "join"}, "ListRooms", b"{}", 403, "permission_denied"),
        ({"Authorization": "admin"}, "ListRooms", b"{", 400, "malformed"),
        ({"Authorization": "admin"}, "Nothing", b"{}", 404, "bad_route"),
        ({"Authorization": "admin"}, "CreateRoom", b"{}", 400, "invalid_argument"),
        ({"Authorization": "admin"}, "DeleteRoom", b'{"room": "none"}', 404, "not_found"),
        (
            {"Authorization": "admin"},
            "UpdateRoomMetadata",
            b'{"room": "other"}',
            403,
            "permission_denied",
        ),
    ],
)
async def test_wrong_calls_get_the_right_twirp_error(
    engine: EngineProcess,
    headers: dict[str, str],
    method: str,
    body: bytes,
    status: int,
    code: str,
) -> None:
    tokens = {
        "join": token("lan", "r"),
        "admin": api.AccessToken(KEY, SECRET)
        .with_grants(
            api.VideoGrants(room_list=True, room_create=True, room_admin=True, room="mine")
        )
        .to_jwt(),
    }
    sent = {"Content-Type": "application/json"}
    for key, value in headers.items():
        sent[key] = f"Bearer {tokens[value]}" if value in tokens else value
    async with (
        aiohttp.ClientSession() as session,
        session.post(
            f"{engine.http}/twirp/livekit.RoomService/{method}", data=body, headers=sent
        ) as answer,
    ):
        assert answer.status == status
        assert (await answer.json())["code"] == code


async def test_json_answers_use_the_proto_names(engine: EngineProcess) -> None:
    grants = api.VideoGrants(room_create=True)
    bearer = api.AccessToken(KEY, SECRET).with_grants(grants).to_jwt()
    async with (
        aiohttp.ClientSession() as session,
        session.post(
            f"{engine.http}/twirp/livekit.RoomService/CreateRoom",
            json={"name": "json", "emptyTimeout": 5},
            headers={"Authorization": f"Bearer {bearer}"},
        ) as answer,
    ):
        room = await answer.json()
    assert room["name"] == "json"
    assert room["empty_timeout"] == 5

"""The room as a state machine: what each participant hears, without a socket or a clock."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from livekit.protocol.models import (
    DataPacket,
    DisconnectReason,
    Encryption,
    ParticipantInfo,
    ParticipantPermission,
    TrackSource,
    TrackType,
    UserPacket,
)
from livekit.protocol.models import Room as RoomInfo
from livekit.protocol.rtc import (
    AddTrackRequest,
    RequestResponse,
    SignalResponse,
    SimulcastCodec,
    SubscriptionPermission,
    TrackPermission,
    UpdateParticipantMetadata,
)

from signaling.effects import (
    Deliver,
    Effect,
    Expel,
    Send,
    SetMuted,
    StopTrack,
    Subscribe,
    Unsubscribe,
)
from signaling.member import MOVES, Member, State
from signaling.room import Room
from signaling.tokens import Grants


@pytest.fixture
def room() -> Room:
    numbers = itertools.count(1)
    return Room(RoomInfo(name="r"), lambda prefix: f"{prefix}_{next(numbers)}", ("vp8",))


def enter(room: Room, identity: str, **grants: Any) -> Member:
    given = Grants(identity, identity, "", {}, 0, {"roomJoin": True, "room": "r"} | grants)
    info = ParticipantInfo(sid=f"PA_{identity}", identity=identity, permission=given.permission)
    member = Member(info, given)
    room.join(member)
    room.enter(member.sid)
    room.activate(member.sid)
    return member


def publish(room: Room, member: Member, **fields: Any) -> tuple[str, list[Effect]]:
    request = AddTrackRequest(
        **({"cid": "c", "type": TrackType.VIDEO, "source": TrackSource.CAMERA} | fields)
    )
    (answer,) = room.add_track(member.sid, request)
    assert isinstance(answer, Send)
    sid = answer.message.track_published.track.sid
    return sid, room.track_live(member.sid, sid, "7")


def messages(effects: list[Effect], sid: str, kind: str) -> list[SignalResponse]:
    return [
        e.message
        for e in effects
        if isinstance(e, Send) and e.sid == sid and e.message.WhichOneof("message") == kind
    ]


def test_a_track_is_announced_before_it_is_subscribed(room: Room) -> None:
    lan, minh = enter(room, "lan"), enter(room, "minh")
    sid, effects = publish(room, lan)
    kinds = [type(e).__name__ for e in effects if e.sid == minh.sid]
    assert kinds == ["Send", "Subscribe"]
    (update,) = messages(effects, minh.sid, "update")
    assert [t.sid for t in update.update.participants[0].tracks] == [sid]


def test_a_late_joiner_is_told_of_tracks_and_takes_them(room: Room) -> None:
    lan = enter(room, "lan")
    sid, _ = publish(room, lan)
    given = Grants("minh", "", "", {}, 0, {"roomJoin": True, "room": "r"})
    minh = Member(ParticipantInfo(sid="PA_m", identity="minh", permission=given.permission), given)
    room.join(minh)
    assert [t.sid for p in room.described_to(minh) for t in p.tracks] == [sid]
    assert room.enter(minh.sid) == [Subscribe("PA_m", lan.sid, sid)]


def test_a_second_join_expels_the_first(room: Room) -> None:
    lan = enter(room, "lan")
    given = lan.grants
    again = Member(ParticipantInfo(sid="PA_2", identity="lan", permission=given.permission), given)
    effects = room.join(again)
    assert Expel(lan.sid, DisconnectReason.DUPLICATE_IDENTITY) in effects
    assert list(room.members) == ["PA_2"]


def test_nobody_hears_of_a_hidden_participant_but_of_recording_they_do(room: Room) -> None:
    lan = enter(room, "lan")
    given = Grants("rec", "", "", {}, 0, {"hidden": True, "recorder": True, "room": "r"})
    recorder = Member(
        ParticipantInfo(sid="PA_r", identity="rec", permission=given.permission), given
    )
    effects = room.join(recorder) + room.activate("PA_r")
    assert not messages(effects, lan.sid, "update")
    assert messages(effects, lan.sid, "room_update")[0].room_update.room.active_recording
    assert room.described_to(lan) == []
    gone = room.leave("PA_r")
    assert not messages(gone, lan.sid, "update")
    assert not room.info.active_recording


def test_a_hidden_participant_cannot_publish(room: Room) -> None:
    ghost = enter(room, "ghost", hidden=True)
    (answer,) = room.add_track(ghost.sid, AddTrackRequest(cid="c", type=TrackType.VIDEO))
    assert isinstance(answer, Send)
    assert answer.message.request_response.reason == RequestResponse.NOT_ALLOWED


@pytest.mark.parametrize(
    "fields",
    [
        {"encryption": Encryption.GCM},
        {"source": TrackSource.SCREEN_SHARE},
        {"type": TrackType.DATA},
        {"cid": ""},
    ],
)
def test_a_track_that_is_not_allowed_is_refused_with_a_reason(
    room: Room, fields: dict[str, Any]
) -> None:
    lan = enter(room, "lan", canPublishSources=["camera"])
    request = AddTrackRequest(
        **({"cid": "c", "type": TrackType.VIDEO, "source": TrackSource.CAMERA} | fields)
    )
    (answer,) = room.add_track(lan.sid, request)
    assert isinstance(answer, Send)
    response = answer.message.request_response
    assert response.reason == RequestResponse.NOT_ALLOWED
    assert response.message
    assert not lan.publications


def test_the_room_chooses_the_codec(room: Room) -> None:
    lan = enter(room, "lan")
    sid, _ = publish(room, lan, simulcast_codecs=[SimulcastCodec(codec="h264", cid="c")])
    assert lan.publications[sid].info.mime_type == "video/VP8"


def test_revoked_rights_end_the_track_for_everybody_at_once(room: Room) -> None:
    lan, minh = enter(room, "lan"), enter(room, "minh")
    sid, _ = publish(room, lan)
    effects = room.update_member(lan.sid, permission=ParticipantPermission(can_subscribe=True))
    assert Unsubscribe(minh.sid, sid) in effects
    assert StopTrack(lan.sid, sid) in effects
    assert messages(effects, lan.sid, "track_unpublished")
    assert not messages(effects, minh.sid, "update")[0].update.participants[0].tracks


def test_nobody_becomes_hidden_or_a_recorder_by_an_update(room: Room) -> None:
    lan = enter(room, "lan")
    room.update_member(lan.sid, permission=ParticipantPermission(hidden=True, recorder=True))
    assert not lan.permission.hidden
    assert not lan.permission.recorder


def test_track_permissions_bind_members_but_not_the_recorder(room: Room) -> None:
    lan, minh = enter(room, "lan"), enter(room, "minh")
    recorder = enter(room, "rec", hidden=True, recorder=True)
    sid, _ = publish(room, lan)
    effects = room.restrict(lan.sid, SubscriptionPermission())
    assert Unsubscribe(minh.sid, sid) in effects
    assert Unsubscribe(recorder.sid, sid) not in effects
    (told,) = messages(effects, minh.sid, "subscription_permission_update")
    assert not told.subscription_permission_update.allowed
    allowing = TrackPermission(participant_identity="minh", track_sids=[sid])
    effects = room.restrict(lan.sid, SubscriptionPermission(track_permissions=[allowing]))
    assert Subscribe(minh.sid, lan.sid, sid) in effects


def test_a_choice_holds_and_repeating_it_changes_nothing(room: Room) -> None:
    lan, minh = enter(room, "lan"), enter(room, "minh")
    sid, _ = publish(room, lan)
    assert room.choose(minh.sid, True, [sid]) == []
    assert room.choose(minh.sid, False, [sid]) == [Unsubscribe(minh.sid, sid)]
    assert room.choose(minh.sid, False, [sid]) == []


def test_the_publisher_is_not_told_of_its_own_unpublishing(room: Room) -> None:
    lan = enter(room, "lan")
    sid, _ = publish(room, lan)
    effects = room.unpublish(lan.sid, sid)
    assert not messages(effects, lan.sid, "track_unpublished")
    assert room.unpublish(lan.sid, sid) == []


def test_a_mute_stops_media_and_is_announced(room: Room) -> None:
    lan, minh = enter(room, "lan"), enter(room, "minh")
    sid, _ = publish(room, lan)
    effects = room.mute(lan.sid, sid, True, by_server=True)
    assert SetMuted(lan.sid, sid, True) in effects
    assert messages(effects, lan.sid, "mute")
    assert messages(effects, minh.sid, "update")[0].update.participants[0].tracks[0].muted


def test_own_metadata_needs_the_right(room: Room) -> None:
    lan = enter(room, "lan")
    request = UpdateParticipantMetadata(metadata="m", name="N", request_id=4)
    (answer,) = room.own_metadata(lan.sid, request)
    assert isinstance(answer, Send)
    assert answer.message.request_response.reason == RequestResponse.NOT_ALLOWED
    assert answer.message.request_response.request_id == 4
    minh = enter(room, "minh", canUpdateOwnMetadata=True)
    effects = room.own_metadata(minh.sid, request)
    assert minh.info.metadata == "m"
    assert messages(effects, lan.sid, "update")


def test_data_carries_its_true_sender_and_reaches_those_named(room: Room) -> None:
    lan, minh = enter(room, "lan"), enter(room, "minh")
    hoa = enter(room, "hoa", canPublishData=False)
    packet = DataPacket(user=UserPacket(payload=b"x"), participant_identity="minh")
    effects = room.data(lan.sid, "_reliable", packet)
    assert {e.sid for e in effects} == {minh.sid, hoa.sid}
    assert isinstance(effects[0], Deliver)
    assert DataPacket.FromString(effects[0].data).participant_identity == "lan"
    named = DataPacket(user=UserPacket(payload=b"x"), destination_identities=["hoa"])
    assert {e.sid for e in room.data(lan.sid, "_reliable", named)} == {hoa.sid}
    assert room.data(hoa.sid, "_reliable", packet) == []


def test_only_moves_of_the_table_happen(room: Room) -> None:
    lan = enter(room, "lan")
    assert lan.info.state == State.ACTIVE
    assert room.activate(lan.sid) == []
    room.leave(lan.sid)
    for state in MOVES:
        assert not lan.move(state)


def test_requests_of_somebody_who_has_left_do_nothing(room: Room) -> None:
    assert room.leave("PA_none") == []
    assert room.activate("PA_none") == []
    assert room.track_live("PA_none", "TR_x", "0") == []
    assert room.unpublish("PA_none", "TR_x") == []
    assert room.mute("PA_none", "TR_x", True) == []
    assert room.data("PA_none", "_lossy", DataPacket()) == []

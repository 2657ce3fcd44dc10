"""LiveKit's RoomService over Twirp: protobuf or JSON to `/twirp/livekit.RoomService/<Method>`."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from google.protobuf import json_format
from google.protobuf.message import DecodeError, Message
from livekit.protocol import room as pb
from livekit.protocol.models import DataPacket, DisconnectReason, ParticipantInfo, UserPacket
from livekit.protocol.models import Room as RoomInfo
from livekit.protocol.rtc import LeaveRequest
from starlette.requests import Request
from starlette.responses import Response

from signaling import tokens
from signaling.errors import Denied, Refused
from signaling.room import LOSSY, MAX_METADATA, RELIABLE
from signaling.tokens import Grants

if TYPE_CHECKING:  # the control process needs the calls, not the engine
    from signaling.engine import Engine

log = logging.getLogger(__name__)

MAX_BODY = 1 << 20  # bytes
JSON, PROTOBUF = "application/json", "application/protobuf"
MAX_NAME = 256  # characters of a room name
STATUS = {
    "malformed": 400,
    "invalid_argument": 400,
    "unauthenticated": 401,
    "permission_denied": 403,
    "not_found": 404,
    "bad_route": 404,
    "already_exists": 409,
    "failed_precondition": 412,
    "resource_exhausted": 429,
    "internal": 500,
    "unimplemented": 501,
    "unavailable": 503,
}


@dataclass(frozen=True, slots=True)
class Method:
    """One RPC: its types, the grant it needs (for the request's room), its handler."""

    request: type[Message]
    answer: type[Message]
    grant: str
    handler: Callable[[Engine, Any], Message]


def asks_json(content_type: str) -> bool:
    return content_type.partition(";")[0].strip() == JSON


async def endpoint(request: Request) -> Response:
    """Answers one call; every error becomes a Twirp error here and nowhere else."""
    is_json = asks_json(request.headers.get("content-type", ""))
    try:
        engine = cast("Engine", request.app.state.engine)
        name = request.path_params["method"]
        method = METHODS.get(name)
        if method is None:
            raise Refused("bad_route", f"no method {name}")
        grants = authenticated(engine.keys, request.headers.get("authorization", ""))
        body = await _body(request)
        message = parse(method.request, body, is_json)
        authorise(method, grants, message)
        answer = method.handler(engine, message)
    except Refused as error:
        return _error(error.code, str(error))
    except Exception:
        log.exception("a RoomService call failed")
        return _error("internal", "internal error")
    body, kind = serialised(answer, is_json)
    return Response(body, media_type=kind)


def serialised(answer: Message, is_json: bool) -> tuple[bytes, str]:
    """An answer's body and its content type."""
    if is_json:
        text = json_format.MessageToJson(
            answer, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
        )
        return text.encode(), JSON
    return answer.SerializeToString(), PROTOBUF


def _error(code: str, text: str) -> Response:
    return Response(error_body(code, text), status_code=STATUS[code], media_type=JSON)


def error_body(code: str, text: str) -> bytes:
    return json.dumps({"code": code, "msg": text}).encode()


def authenticated(keys: Mapping[str, str], header: str) -> Grants:
    """The grants of a caller's Authorization header. Raises Refused (unauthenticated)."""
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer":
        raise Refused("unauthenticated", "permissions denied")
    try:
        return tokens.verify(token.strip(), keys, time.time())
    except Denied as error:
        raise Refused("unauthenticated", str(error)) from None


def authorise(method: Method, grants: Grants, message: Message) -> None:
    """Raises Refused (permission_denied) unless the token grants this call for this room."""
    room = str(getattr(message, "room", ""))
    if not grants.allows(method.grant, room if method.grant == "roomAdmin" else None):
        raise Refused("permission_denied", "permissions denied")


async def _body(request: Request) -> bytes:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise Refused("resource_exhausted", "request is too large")
    return body


def parse(kind: type[Message], body: bytes, is_json: bool) -> Message:
    """Raises Refused (malformed)."""
    message = kind()
    try:
        if is_json:
            json_format.Parse(body.decode() or "{}", message, ignore_unknown_fields=True)
        else:
            message.ParseFromString(body)
    except (json_format.ParseError, DecodeError, UnicodeDecodeError, RecursionError):
        raise Refused("malformed", "the body does not parse") from None
    return message


def _check_metadata(text: str) -> None:
    if len(text.encode()) > MAX_METADATA:
        raise Refused("invalid_argument", "metadata is too long")


def create_room(engine: Engine, request: pb.CreateRoomRequest) -> RoomInfo:
    if not request.name or len(request.name) > MAX_NAME:
        raise Refused("invalid_argument", "room name is empty or too long")
    _check_metadata(request.metadata)
    runtime = engine.create_room(
        request.name,
        request.metadata,
        request.empty_timeout,
        request.departure_timeout,
        request.max_participants,
    )
    return runtime.state.info


def list_rooms(engine: Engine, request: pb.ListRoomsRequest) -> pb.ListRoomsResponse:
    names = set(request.names)
    rooms = [
        runtime.state.info
        for runtime in engine.rooms.values()
        if not names or runtime.name in names
    ]
    return pb.ListRoomsResponse(rooms=rooms)


def delete_room(engine: Engine, request: pb.DeleteRoomRequest) -> pb.DeleteRoomResponse:
    if request.room not in engine.rooms:
        raise Refused("not_found", "requested room does not exist")
    engine.delete_room(request.room)
    return pb.DeleteRoomResponse()


def list_participants(
    engine: Engine, request: pb.ListParticipantsRequest
) -> pb.ListParticipantsResponse:
    runtime = engine.rooms.get(request.room)
    if runtime is None:
        return pb.ListParticipantsResponse()
    infos = [member.info for member in runtime.state.members.values()]
    return pb.ListParticipantsResponse(participants=infos)


def get_participant(engine: Engine, request: pb.RoomParticipantIdentity) -> ParticipantInfo:
    return engine.find(request.room, request.identity)[1].info


def remove_participant(
    engine: Engine, request: pb.RoomParticipantIdentity
) -> pb.RemoveParticipantResponse:
    if request.revoke_token_ts:
        engine.revocations.add(request.room, request.identity, float(request.revoke_token_ts))
    runtime, member = engine.find(request.room, request.identity)
    runtime.remove(
        runtime.sessions[member.sid],
        DisconnectReason.PARTICIPANT_REMOVED,
        LeaveRequest.DISCONNECT,
    )
    return pb.RemoveParticipantResponse()


def mute_published_track(
    engine: Engine, request: pb.MuteRoomTrackRequest
) -> pb.MuteRoomTrackResponse:
    runtime, member = engine.find(request.room, request.identity)
    publication = member.publications.get(request.track_sid)
    if publication is None:
        raise Refused("not_found", "track not found")
    if not request.muted and publication.info.muted:
        raise Refused("failed_precondition", "remote unmute not enabled")
    runtime.execute(
        runtime.state.mute(member.sid, request.track_sid, request.muted, by_server=True)
    )
    return pb.MuteRoomTrackResponse(track=publication.info)


def update_participant(engine: Engine, request: pb.UpdateParticipantRequest) -> ParticipantInfo:
    _check_metadata(request.metadata + "".join(f"{k}{v}" for k, v in request.attributes.items()))
    runtime, member = engine.find(request.room, request.identity)
    runtime.execute(
        runtime.state.update_member(
            member.sid,
            name=request.name,
            metadata=request.metadata,
            attributes=dict(request.attributes),
            permission=request.permission if request.HasField("permission") else None,
        )
    )
    return member.info


def update_subscriptions(
    engine: Engine, request: pb.UpdateSubscriptionsRequest
) -> pb.UpdateSubscriptionsResponse:
    runtime, member = engine.find(request.room, request.identity)
    runtime.execute(
        runtime.state.choose(
            member.sid, request.subscribe, request.track_sids, request.participant_tracks
        )
    )
    return pb.UpdateSubscriptionsResponse()


def send_data(engine: Engine, request: pb.SendDataRequest) -> pb.SendDataResponse:
    runtime = engine.rooms.get(request.room)
    if runtime is None:
        raise Refused("not_found", "requested room does not exist")
    packet = DataPacket(
        kind=request.kind,
        destination_identities=request.destination_identities,
        user=UserPacket(
            payload=request.data,
            destination_sids=request.destination_sids,
            destination_identities=request.destination_identities,
            nonce=request.nonce,
        ),
    )
    if request.HasField("topic"):
        packet.user.topic = request.topic
    channel = RELIABLE if request.kind == DataPacket.RELIABLE else LOSSY
    runtime.execute(runtime.state.deliver(channel, packet))
    return pb.SendDataResponse()


def update_room_metadata(engine: Engine, request: pb.UpdateRoomMetadataRequest) -> RoomInfo:
    runtime = engine.rooms.get(request.room)
    if runtime is None:
        raise Refused("not_found", "requested room does not exist")
    _check_metadata(request.metadata)
    runtime.execute(runtime.state.set_room_metadata(request.metadata))
    return runtime.state.info


METHODS = {
    "CreateRoom": Method(pb.CreateRoomRequest, RoomInfo, "roomCreate", create_room),
    "ListRooms": Method(pb.ListRoomsRequest, pb.ListRoomsResponse, "roomList", list_rooms),
    "DeleteRoom": Method(pb.DeleteRoomRequest, pb.DeleteRoomResponse, "roomCreate", delete_room),
    "ListParticipants": Method(
        pb.ListParticipantsRequest, pb.ListParticipantsResponse, "roomAdmin", list_participants
    ),
    "GetParticipant": Method(
        pb.RoomParticipantIdentity, ParticipantInfo, "roomAdmin", get_participant
    ),
    "RemoveParticipant": Method(
        pb.RoomParticipantIdentity, pb.RemoveParticipantResponse, "roomAdmin", remove_participant
    ),
    "MutePublishedTrack": Method(
        pb.MuteRoomTrackRequest, pb.MuteRoomTrackResponse, "roomAdmin", mute_published_track
    ),
    "UpdateParticipant": Method(
        pb.UpdateParticipantRequest, ParticipantInfo, "roomAdmin", update_participant
    ),
    "UpdateSubscriptions": Method(
        pb.UpdateSubscriptionsRequest,
        pb.UpdateSubscriptionsResponse,
        "roomAdmin",
        update_subscriptions,
    ),
    "SendData": Method(pb.SendDataRequest, pb.SendDataResponse, "roomAdmin", send_data),
    "UpdateRoomMetadata": Method(
        pb.UpdateRoomMetadataRequest, RoomInfo, "roomAdmin", update_room_metadata
    ),
}

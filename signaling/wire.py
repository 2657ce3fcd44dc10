"""LiveKit's signalling messages on the wire: protobuf frames, the join request, ids."""

from __future__ import annotations

import base64
import binascii
import secrets
import string
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from google.protobuf.message import DecodeError
from livekit.protocol.models import DisconnectReason
from livekit.protocol.rtc import (
    JoinRequest,
    LeaveRequest,
    SessionDescription,
    SignalRequest,
    SignalResponse,
    WrappedJoinRequest,
)

from signaling.errors import MalformedMessage

MAX_JOIN_PARAMETER = 65_536  # characters in the URL
MAX_JOIN_REQUEST = 512_000  # bytes once inflated
ALPHABET = string.ascii_letters + string.digits


@dataclass(frozen=True, slots=True)
class JoinParameters:
    """How a client wants to join, the same for both modes."""

    single: bool
    auto_subscribe: bool = True
    reconnect: bool = False
    participant_sid: str = ""
    offer: SessionDescription | None = None
    request: JoinRequest | None = None


def new_id(prefix: str) -> str:
    """A LiveKit id such as `PA_xxxxxxxxxxxx`."""
    return prefix + "_" + "".join(secrets.choice(ALPHABET) for _ in range(12))


def join_parameters(query: Mapping[str, str], single: bool) -> JoinParameters:
    """Reads the query of `/rtc/v1` (a wrapped protobuf) or `/rtc` (plain fields)."""
    if single:
        return _wrapped(query.get("join_request", ""))
    return JoinParameters(
        single=False,
        auto_subscribe=query.get("auto_subscribe", "1") not in ("0", "false"),
        reconnect=query.get("reconnect", "0") in ("1", "true"),
        participant_sid=query.get("sid", ""),
    )


def _wrapped(text: str) -> JoinParameters:
    if not text:
        return JoinParameters(single=True)
    if len(text) > MAX_JOIN_PARAMETER:
        raise MalformedMessage("join request is too long")
    try:
        raw = base64.urlsafe_b64decode(
            text.replace("+", "-").replace("/", "_").rstrip("=")
            + "=" * (-len(text.rstrip("=")) % 4)
        )
        wrapped = WrappedJoinRequest.FromString(raw)
        body = wrapped.join_request
        if wrapped.compression == WrappedJoinRequest.GZIP:
            body = _inflate(body)
        request = JoinRequest.FromString(body)
    except (ValueError, binascii.Error, zlib.error, DecodeError) as error:
        raise MalformedMessage(f"bad join request: {error}") from None
    settings = request.connection_settings
    return JoinParameters(
        single=True,
        auto_subscribe=settings.auto_subscribe,
        reconnect=request.reconnect,
        participant_sid=request.participant_sid,
        offer=request.publisher_offer if request.HasField("publisher_offer") else None,
        request=request,
    )


def _inflate(data: bytes) -> bytes:
    inflater = zlib.decompressobj(wbits=31)
    body = inflater.decompress(data, MAX_JOIN_REQUEST)
    if inflater.unconsumed_tail:
        raise MalformedMessage("join request is too long")
    return body


def decode(data: bytes) -> SignalRequest:
    try:
        return SignalRequest.FromString(data)
    except DecodeError as error:
        raise MalformedMessage(f"bad signal request: {error}") from None


def leave(
    reason: DisconnectReason,
    action: LeaveRequest.Action = LeaveRequest.DISCONNECT,
) -> SignalResponse:
    return SignalResponse(
        leave=LeaveRequest(
            reason=reason, action=action, can_reconnect=action != LeaveRequest.DISCONNECT
        )
    )

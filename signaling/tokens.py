"""LiveKit access tokens: HS256 JWTs that say who may join which room and do what there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

import jwt
from livekit.protocol.models import ParticipantPermission, TrackSource

from signaling.errors import Denied

LEEWAY = 10.0  # seconds of clock difference forgiven for `nbf` and `exp`
REFRESH_TTL = 600  # seconds a refreshed token lives: LiveKit's default
MAX_TOKEN = 16_384  # bytes


@dataclass(frozen=True, slots=True)
class Grants:
    """The claims of one token that the engine acts on."""

    identity: str
    name: str
    metadata: str
    attributes: Mapping[str, str]
    issued: float
    video: Mapping[str, Any] = field(default_factory=dict)

    @property
    def room(self) -> str:
        return str(self.video.get("room", ""))

    def allows(self, grant: str, room: str | None = None) -> bool:
        """Whether a yes/no grant (`roomJoin`, `roomAdmin`, …) is given, for `room` if named."""
        return self.video.get(grant) is True and room in (None, self.room)

    @property
    def permission(self) -> ParticipantPermission:
        """What the participant may do; absent grants mean yes, as in LiveKit."""
        video = self.video
        can_publish = video.get("canPublish") is not False
        names = video.get("canPublishSources") or ()
        sources = [_source(name) for name in names] if isinstance(names, list | tuple) else []
        return ParticipantPermission(
            can_subscribe=video.get("canSubscribe") is not False,
            can_publish=can_publish,
            can_publish_data=bool(video.get("canPublishData", can_publish)),
            can_publish_sources=sources,
            hidden=video.get("hidden") is True,
            recorder=video.get("recorder") is True,
            can_update_metadata=video.get("canUpdateOwnMetadata") is True,
            agent=video.get("agent") is True,
        )

    def with_permission(self, permission: ParticipantPermission) -> Grants:
        """The same person with changed rights, for the token sent at the next refresh."""
        video = dict(self.video)
        video["canSubscribe"] = permission.can_subscribe
        video["canPublish"] = permission.can_publish
        video["canPublishData"] = permission.can_publish_data
        video["canUpdateOwnMetadata"] = permission.can_update_metadata
        video["canPublishSources"] = [
            TrackSource.Name(source).lower() for source in permission.can_publish_sources
        ]
        return replace(self, video=video)


def _source(name: object) -> TrackSource:
    try:
        return cast(TrackSource, TrackSource.Value(str(name).upper()))
    except ValueError:
        raise Denied(f"unknown track source {name!r}", 403) from None


def verify(token: str, keys: Mapping[str, str], now: float) -> Grants:
    """Checks signature, issuer and times (`now`: Unix seconds). Raises Denied (401)."""
    if not token or len(token) > MAX_TOKEN:
        raise Denied("no token")
    try:
        issuer = str(jwt.decode(token, options={"verify_signature": False}).get("iss", ""))
        claims = jwt.decode(
            token,
            keys.get(issuer, ""),
            algorithms=["HS256"],
            options={
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
                "verify_aud": False,
                "verify_sub": False,
                "require": ["exp", "iss"],
            },
        )
    except (jwt.PyJWTError, ValueError, TypeError):
        raise Denied("invalid token") from None
    if issuer not in keys:
        raise Denied("invalid API key")
    expires, begins = _number(claims, "exp"), _number(claims, "nbf")
    if now > expires + LEEWAY:
        raise Denied("token has expired")
    if now < begins - LEEWAY:
        raise Denied("token is not valid yet")
    video, attributes = claims.get("video", {}), claims.get("attributes", {})
    if not isinstance(video, dict) or not isinstance(attributes, dict):
        raise Denied("invalid token")
    return Grants(
        identity=str(claims.get("sub", "")),
        name=str(claims.get("name", "")),
        metadata=str(claims.get("metadata", "")),
        attributes={str(key): str(value) for key, value in attributes.items()},
        issued=_number(claims, "iat") or begins,
        video=video,
    )


def join_grants(token: str, keys: Mapping[str, str], now: float) -> Grants:
    """The grants of a token that may join the room it names. Raises Denied."""
    grants = verify(token, keys, now)
    if not grants.allows("roomJoin"):
        raise Denied("token does not grant roomJoin")
    if not grants.room or not grants.identity:
        raise Denied("token names no room or no identity", 403)
    return grants


def _number(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name, 0)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Denied("invalid token")
    return float(value)


def refresh(grants: Grants, api_key: str, api_secret: str, now: float) -> str:
    """A fresh token with the same grants, so that a resume works after the first has expired."""
    claims = {
        "iss": api_key,
        "sub": grants.identity,
        "name": grants.name,
        "metadata": grants.metadata,
        "attributes": dict(grants.attributes),
        "iat": int(now),
        "nbf": int(now),
        "exp": int(now) + REFRESH_TTL,
        "video": dict(grants.video),
    }
    return jwt.encode(claims, api_secret, algorithm="HS256")

from typing import Any

import jwt
import pytest
from livekit.protocol.models import ParticipantPermission, TrackSource

from signaling import tokens
from signaling.errors import Denied

KEY, SECRET = "key", "a-secret-for-tests-of-32-bytes-or-more"
KEYS = {KEY: SECRET}
NOW = 1_000_000.0


def make(secret: str = SECRET, algorithm: str = "HS256", **changes: Any) -> str:
    claims: dict[str, Any] = {
        "iss": KEY,
        "sub": "lan",
        "nbf": int(NOW) - 5,
        "exp": int(NOW) + 60,
        "video": {"roomJoin": True, "room": "r"},
    }
    claims |= changes
    return jwt.encode(claims, secret if algorithm != "none" else None, algorithm=algorithm)


def test_a_good_token_gives_identity_room_and_permissions() -> None:
    grants = tokens.verify(make(), KEYS, NOW)
    assert (grants.identity, grants.room) == ("lan", "r")
    assert grants.allows("roomJoin", "r")
    assert not grants.allows("roomJoin", "other")
    permission = grants.permission
    assert permission.can_publish
    assert permission.can_subscribe
    assert permission.can_publish_data
    assert not permission.hidden
    assert not permission.can_update_metadata


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        "a.b.c",
        "x" * 20_000,
        make("another-secret-of-at-least-32-bytes!"),
        make(algorithm="none"),
        make("x" * 64, algorithm="HS512"),
        make(iss="somebody"),
        make(exp=int(NOW) - 60),
        make(nbf=int(NOW) + 60),
        make(exp="soon"),
        make(exp=True),
        make(video="all"),
        make(attributes=[1]),
    ],
)
def test_anything_wrong_with_a_token_gets_nothing(token: str) -> None:
    with pytest.raises(Denied) as caught:
        tokens.verify(token, KEYS, NOW)
    assert caught.value.status == 401


def test_limited_grants_become_limited_permissions() -> None:
    video = {
        "roomJoin": True,
        "room": "r",
        "canPublish": True,
        "canPublishData": False,
        "canPublishSources": ["camera", "microphone"],
        "hidden": True,
        "recorder": True,
    }
    permission = tokens.verify(make(video=video), KEYS, NOW).permission
    assert list(permission.can_publish_sources) == [TrackSource.CAMERA, TrackSource.MICROPHONE]
    assert permission.hidden
    assert permission.recorder
    assert not permission.can_publish_data


def test_without_the_right_to_publish_there_is_none_to_send_data() -> None:
    video = {"roomJoin": True, "room": "r", "canPublish": False}
    assert not tokens.verify(make(video=video), KEYS, NOW).permission.can_publish_data


def test_a_refreshed_token_carries_the_changed_rights() -> None:
    grants = tokens.verify(make(), KEYS, NOW)
    less = grants.with_permission(ParticipantPermission(can_subscribe=True))
    later = NOW + 300
    again = tokens.verify(tokens.refresh(less, KEY, SECRET, later), KEYS, later + 500)
    assert again.identity == "lan"
    assert not again.permission.can_publish
    with pytest.raises(Denied):
        tokens.verify(tokens.refresh(less, KEY, SECRET, later), KEYS, later + 700)

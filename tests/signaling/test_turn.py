import base64
import hashlib
import hmac

import pytest

from signaling import turn
from signaling.config import MediaConfig
from signaling.errors import LocalError

SECRET = "a-secret-for-tests-of-32-bytes-or-more"
URLS = ("turn:relay.example:3478?transport=udp", "turns:relay.example:443?transport=tcp")


def test_the_name_says_until_when_and_for_whom_and_the_password_proves_it() -> None:
    (server,) = turn.servers(URLS, "shared", "lan", 1000.7)
    assert list(server.urls) == list(URLS)
    assert server.username == f"{1000 + turn.LIFETIME}:lan"
    digest = hmac.new(b"shared", server.username.encode(), hashlib.sha1).digest()
    assert base64.b64decode(server.credential) == digest


def test_without_turn_servers_clients_are_told_of_none() -> None:
    assert turn.servers((), "", "lan", 0) == []


def test_urls_and_secret_go_together_and_urls_are_turn_urls() -> None:
    env = {"LIVEKIT_API_KEY": "k", "LIVEKIT_API_SECRET": SECRET}
    config = MediaConfig.from_env(
        env | {"CHIBO_MEDIA_TURN_URLS": ", ".join(URLS), "CHIBO_MEDIA_TURN_SECRET": "shared-secret"}
    )
    assert config.turn_urls == URLS
    assert "shared-secret" not in repr(config)
    with pytest.raises(LocalError, match="TURN_SECRET"):
        MediaConfig.from_env(env | {"CHIBO_MEDIA_TURN_URLS": URLS[0]})
    with pytest.raises(LocalError, match="http://relay"):
        MediaConfig.from_env(
            env
            | {
                "CHIBO_MEDIA_TURN_URLS": "http://relay.example",
                "CHIBO_MEDIA_TURN_SECRET": "shared-secret",
            }
        )

"""Time-limited credentials for TURN servers that share a secret with us, such as coturn.

The scheme is draft-uberti-behave-turn-rest-00: the name says until when it is good and for whom,
the password is its HMAC-SHA1 under the secret. The servers need not know our participants.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Iterable

from livekit.protocol.rtc import ICEServer

LIFETIME = 12 * 3600  # seconds: a long session with its rehearsal, and no more


def servers(urls: Iterable[str], secret: str, identity: str, now: float) -> list[ICEServer]:
    """What a client needs to be relayed; `now` in Unix seconds. Empty without TURN servers."""
    listed = list(urls)
    if not listed:
        return []
    name = f"{int(now) + LIFETIME}:{identity}"
    password = base64.b64encode(hmac.digest(secret.encode(), name.encode(), "sha1")).decode()
    return [ICEServer(urls=listed, username=name, credential=password)]

"""Requests between installations: signed for one receiver, fresh, and good only once."""

import hashlib
import secrets
from datetime import datetime, timedelta

from starlette.requests import HTTPConnection

from server.http.call import Principal
from server.http.errors import NotSignedIn
from server.keys import Keyring
from server.services import Services
from server.store import access, peers
from voting.errors import VotingError
from voting.signing import PublicKey, from_base64url

SKEW = timedelta(minutes=5)


def signed_headers(
    keys: Keyring, receiver: str, method: str, path: str, body: bytes, now: datetime
) -> dict[str, str]:
    """The headers of a request to the installation `receiver`; `path` with its query."""
    time, nonce = now.isoformat(), secrets.token_hex(16)
    return {
        "X-Peer": keys.installation_id,
        "X-Receiver": receiver,
        "X-Key-Id": keys.seal.key_id,
        "X-Time": time,
        "X-Nonce": nonce,
        "X-Signature": keys.seal.sign(_statement(receiver, method, path, time, nonce, body)),
    }


async def peer_of(
    services: Services, request: HTTPConnection, method: str, body: bytes, now: datetime
) -> Principal:
    """The confirmed peer that signed this request. Raises NotSignedIn."""
    headers = request.headers
    row = await services.database.read(access.peer_by_id, headers.get("x-peer", ""))
    if row is None or row["confirmed_at"] is None or row["key_id"] != headers.get("x-key-id"):
        raise NotSignedIn("peer_unknown")
    # One installation may hold keys of many; what was signed for another must not count here.
    receiver = services.keys.installation_id
    if headers.get("x-receiver") != receiver:
        raise NotSignedIn("peer_receiver")
    time, nonce = headers.get("x-time", ""), headers.get("x-nonce", "")
    try:
        key = PublicKey.from_spki(from_base64url(row["spki"]))
        sent_at = datetime.fromisoformat(time)
    except (ValueError, VotingError):
        raise NotSignedIn("peer_signature") from None
    # Not request.url, which would cut a path at an escaped "#" or "?".
    query = request.scope["query_string"].decode("latin-1")
    path = request.scope["path"] + (f"?{query}" if query else "")
    statement = _statement(receiver, method, path, time, nonce, body)
    if not 16 <= len(nonce) <= 64 or not key.verify(statement, headers.get("x-signature", "")):
        raise NotSignedIn("peer_signature")
    if sent_at.tzinfo is None or abs(now - sent_at) > SKEW:
        raise NotSignedIn("peer_time")
    first = await services.database.write(
        peers.remember_nonce, row["id"], nonce, now, now - 3 * SKEW
    )
    if not first:
        raise NotSignedIn("peer_replayed")
    return Principal("peer", peer_id=row["id"])


def _statement(
    receiver: str, method: str, path: str, time: str, nonce: str, body: bytes
) -> dict[str, str]:
    return {
        "purpose": "peer-request",
        "receiver": receiver,
        "method": method,
        "path": path,
        "time": time,
        "nonce": nonce,
        "body": hashlib.sha256(body).hexdigest(),
    }

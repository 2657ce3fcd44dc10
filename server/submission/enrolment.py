"""How two installations come to trust each other's keys.

One administrator makes a one-time code and reads it to the other, who types it with the address.
Each side then holds the other's key, not trusted yet; both read their fingerprints aloud and
confirm. Until an administrator here has confirmed, the other side can neither send nor be sent to.
"""

import base64
import hashlib
import ssl
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import httpx

from server.http.errors import BadInput, Conflict, Forbidden, Unavailable
from server.keys import Keyring
from server.services import Services
from server.store import submission as store
from server.submission import statements
from server.submission.client import TIMEOUT, PeerAway, PeerRefused, checked
from server.submission.models import PeerCard, PeerHello
from voting.errors import VotingError
from voting.signing import PublicKey, from_base64url, to_base64url

CODE_LIFE = timedelta(minutes=10)
CODE_BYTES = 10  # 80 bits: 16 letters and digits, in groups of four


def fingerprint(spki: bytes) -> str:
    """A key to be read aloud: 32 hex digits of its SHA-256, in groups of four."""
    digits = hashlib.sha256(spki).hexdigest()[:32].upper()
    return " ".join(digits[i : i + 4] for i in range(0, len(digits), 4))


def new_code(random: bytes) -> str:
    letters = base64.b32encode(random).decode("ascii")
    return "-".join(letters[i : i + 4] for i in range(0, len(letters), 4))


def code_hash(code: str) -> str:
    """Of the code as people may type it: spaces, hyphens and capitals make no difference."""
    plain = "".join(c for c in code.upper() if c.isalnum())
    return hashlib.sha256(f"enrolment/{plain}".encode()).hexdigest()


def our_hello(services: Services, code: str) -> PeerHello:
    """Who we are, signed with our key over the code."""
    config, keys = services.config, services.keys
    spki = to_base64url(keys.seal.public.spki)
    said = statements.hello(
        code_hash(code),
        keys.installation_id,
        config.name,
        config.installation_kind,
        config.public_url,
        spki,
    )
    return PeerHello(
        code=code,
        id=keys.installation_id,
        name=config.name,
        kind="committee" if config.installation_kind == "committee" else "cell",
        url=config.public_url,
        spki=spki,
        signature=keys.seal.sign(said),
    )


def our_card(services: Services, code: str) -> PeerCard:
    """The answer to a hello: the same without the code, which is used up."""
    hello = our_hello(services, code)
    return PeerCard(**hello.model_dump(exclude={"code"}))


def key_of(card: PeerHello | PeerCard, code: str, keys: Keyring, our_kind: str) -> PublicKey:
    """The key that signed this card, over this code. Raises BadInput for anything odd."""
    try:
        key = PublicKey.from_spki(from_base64url(card.spki))
    except VotingError:
        raise BadInput("peer_key") from None
    said = statements.hello(code_hash(code), card.id, card.name, card.kind, card.url, card.spki)
    if not key.verify(said, card.signature):
        raise BadInput("peer_key")
    if card.id == keys.installation_id or card.kind == our_kind:
        raise BadInput("peer_kind")
    if len(card.id) > 40 or not card.id.isalnum() or len(card.name) > 200:
        raise BadInput("peer_card")
    checked_url(card.url)
    return key


def checked_url(url: str) -> str:
    """An address without path, query or user. Raises BadInput."""
    url = url.strip().rstrip("/")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise BadInput("peer_url") from None
    plain = f"{parts.scheme}://{parts.hostname}" + (f":{port}" if port else "")
    if parts.scheme not in ("http", "https") or not parts.hostname or plain != url.lower():
        raise BadInput("peer_url")
    return url


async def introduce(services: Services, url: str, code: str, now: datetime) -> str:
    """Shows us to the installation at `url` and keeps what it answers, not confirmed yet.

    Returns its id. Raises BadInput or Unavailable with what to do.
    """
    address = checked_url(url) + "/api/peer/enrol"
    hello = our_hello(services, code)
    trusted = ssl.create_default_context()
    try:
        async with httpx.AsyncClient(timeout=TIMEOUT, trust_env=False, verify=trusted) as http:
            answer = await http.post(
                address,
                content=hello.model_dump_json(),
                headers={"content-type": "application/json"},
            )
        card = checked(answer, PeerCard)
    except (httpx.HTTPError, PeerAway):
        raise Unavailable("peer_away") from None
    except PeerRefused as refusal:
        raise BadInput("peer_code" if refusal.code == "peer_code" else "peer_refused") from None
    key = key_of(card, code, services.keys, services.config.installation_kind)
    await keep(services, card, key, now)
    return card.id


async def keep(
    services: Services, card: PeerHello | PeerCard, key: PublicKey, now: datetime
) -> None:
    """Raises Conflict when a confirmed peer of that id has another key or address."""
    values = {
        "id": card.id,
        "name": card.name,
        "kind": card.kind,
        "url": card.url.rstrip("/"),
        "spki": card.spki,
        "key_id": key.key_id,
        "enrolled_at": now,
    }
    if not await services.database.write(store.put_peer, values):
        raise Conflict("peer_known_otherwise")


async def welcome(services: Services, hello: PeerHello, now: datetime) -> PeerCard:
    """The other side comes with our code, which this uses up whatever else it brings."""
    if not await services.database.write(store.use_code, code_hash(hello.code), now):
        raise Forbidden("peer_code")
    key = key_of(hello, hello.code, services.keys, services.config.installation_kind)
    await keep(services, hello, key, now)
    return our_card(services, hello.code)

"""The hash chain: salted payload hashes under linked headers (see docs/evidence.md)."""

import hashlib
import json
from dataclasses import dataclass, replace
from typing import Any

from server.session.events import Event, Logged, from_data, to_data
from server.session.times import from_text
from voting.signing import canonical_bytes, statement_hash

GENESIS = "0" * 64  # `prev` of the first event


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the log: header, salt, and the payload's canonical JSON exactly as hashed."""

    session: str
    seq: int
    prev: str
    type: str
    time: str
    actor: str
    payload_hash: str
    hash: str
    salt: str  # hex
    body: str

    def header(self) -> dict[str, Any]:
        """What `hash` covers."""
        return {
            "session": self.session,
            "seq": self.seq,
            "prev": self.prev,
            "type": self.type,
            "time": self.time,
            "actor": self.actor,
            "payload_hash": self.payload_hash,
        }

    def logged(self) -> Logged:
        payload = json.loads(self.body)
        return Logged(
            self.seq,
            from_text(self.time),
            self.actor,
            from_data(self.type, payload["data"]),
            payload["command"],
            self.hash,
        )


def entry(
    session: str,
    seq: int,
    prev: str,
    time: str,
    actor: str,
    event: Event,
    command: str | None,
    salt: bytes,
) -> Entry:
    """The log line of an event. `salt` is 32 random bytes, so that a hash tells no short text."""
    body = canonical_bytes({"command": command, "data": to_data(event)})
    payload_hash = hashlib.sha256(salt + body).hexdigest()
    line = Entry(
        session, seq, prev, event.TYPE, time, actor, payload_hash, "", salt.hex(), body.decode()
    )
    return replace(line, hash=statement_hash(line.header()))

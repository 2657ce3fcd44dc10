"""The recorder's signed statements: is it the enrolled recorder's key, over exactly these bytes."""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from server.http.errors import Conflict, Forbidden
from voting.errors import VotingError
from voting.signing import PublicKey, from_base64url

MOST_DRIFT = 60.0  # seconds between the recorder's clock and ours, transport included


def enrolled_key(spki_file: Path) -> PublicKey | None:
    """The key that the recorder wrote beside its private one; None before its first start.

    Read at each use: a new recorder is enrolled by replacing the file.
    """
    try:
        return PublicKey.from_spki(from_base64url(spki_file.read_text("ascii").strip()))
    except (OSError, UnicodeError, VotingError):
        return None


@dataclass(frozen=True, slots=True)
class Posted:
    """A body exactly as the recorder signed it."""

    body: bytes
    key_id: str
    signature: str  # r||s, base64url


def require_signature(key: PublicKey | None, posted: Posted) -> None:
    """Raises Forbidden unless the enrolled key signed these bytes."""
    if key is None or key.key_id != posted.key_id:
        raise Forbidden("recorder_key_unknown")
    if not key.verify_bytes(posted.body, posted.signature):
        raise Forbidden("recorder_signature")


def require_news(time_ms: int, last: str | None, now: datetime) -> None:
    """Raises Conflict for a statement not later than the `last` one, or made by a wrong clock."""
    if last is not None and time_ms <= json.loads(last)["time_ms"]:
        raise Conflict("statement_old")
    drift = abs(now.timestamp() - time_ms / 1000)
    if drift > MOST_DRIFT:
        raise Conflict("recorder_clock", seconds=round(drift))

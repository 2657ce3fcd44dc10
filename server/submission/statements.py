"""What installations sign for each other, each as the JSON value whose RFC 8785 bytes are signed.

Every value can be rebuilt from the log's events alone, so that a verifier needs only the keys.
"""

from datetime import datetime
from typing import Any

from server.session.times import to_text


def countersignature(session: str, seq: int, head: str, received_at: datetime) -> dict[str, Any]:
    """The upper committee has this head, and it extends every earlier one."""
    return {
        "purpose": "countersignature",
        "session": session,
        "seq": seq,
        "head": head,
        "received_at": to_text(received_at),
    }


def receipt(
    session: str, sha256: str, number: str, committee: str, received_at: datetime
) -> dict[str, Any]:
    """The upper committee has the report with this SHA-256, under this running number."""
    return {
        "purpose": "report-receipt",
        "session": session,
        "sha256": sha256,
        "number": number,
        "committee": committee,
        "received_at": to_text(received_at),
    }


def review(
    session: str, sha256: str, state: str, note: str, reviewed_at: datetime
) -> dict[str, Any]:
    """What the upper committee's officer decided about that report: accepted, or returned."""
    return {
        "purpose": "report-review",
        "session": session,
        "sha256": sha256,
        "state": state,
        "note": note,
        "reviewed_at": to_text(reviewed_at),
    }


def hello(
    code: str, installation: str, name: str, kind: str, url: str, spki: str
) -> dict[str, str]:
    """An installation shows itself to another that has given it a one-time code."""
    return {
        "purpose": "enrolment",
        "code": code,
        "installation": installation,
        "name": name,
        "kind": kind,
        "url": url,
        "spki": spki,
    }

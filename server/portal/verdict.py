"""Is a received report what was sealed, and does it agree with what we witnessed ourselves?"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from server.blobs import BlobMissing
from server.recordings.models import Verdict
from server.reports.bundle import LOG, Package, PackageUnusable, check, unpacked
from server.services import Services
from server.store import submission as store
from server.store.database import RowMapping
from server.submission.enrolment import fingerprint
from server.submission.links import GENESIS
from server.texts import say
from voting.errors import VotingError
from voting.signing import from_base64url, statement_hash

Level = Literal["ok", "note", "broken"]
HEADER = ("session", "seq", "prev", "type", "time", "actor", "payload_hash")


@dataclass(frozen=True, slots=True)
class Check:
    level: Level
    sentence: str


async def package_verdict(services: Services, row: RowMapping, now: datetime) -> Verdict:
    """Every check as one sentence; computed anew from the file as it lies in our store."""
    try:
        data = await services.blobs.get(row["blob"])
    except BlobMissing:
        return verdict([broken("package_missing")], now)
    witnessed = await services.database.read(
        store.hashes, row["peer_id"], row["session_id"], 1, 2**31 - 1
    )
    return verdict(package_checks(data, dict(row), witnessed), now)


def verdict(checks: list[Check], now: datetime) -> Verdict:
    return Verdict(
        intact=all(check.level != "broken" for check in checks),
        notes=sum(check.level == "note" for check in checks),
        checks=[
            {"ok": one.level == "ok", "level": one.level, "sentence": one.sentence}
            for one in checks
        ],
        checked_at=now,
    )


def broken(key: str, /, **params: Any) -> Check:
    return Check("broken", say(f"portal.verdict.{key}", **params))


def good(key: str, /, **params: Any) -> Check:
    return Check("ok", say(f"portal.verdict.{key}", **params))


def package_checks(
    data: bytes, row: Mapping[str, Any], witnessed: Mapping[int, str]
) -> list[Check]:
    """`row` is the inbox row with the sender's key; `witnessed` our own hashes of its lines."""
    spki = from_base64url(row["spki"])
    try:
        package = unpacked(data)
        check(package, spki)
    except PackageUnusable as error:
        return [_unusable(error.reason)]
    found = [
        good("sealed", files=len(package.files), name=row["peer_name"], key=fingerprint(spki)[:14])
    ]
    if package.sha256 != row["sha256"]:
        found.append(broken("other_report"))
    lines, bad = read_log(package)
    if bad is not None:
        return [*found, broken("log_broken", line=bad)]
    head = package.manifest["head"]
    if not lines or (head["seq"], head["hash"]) != (lines[-1]["seq"], lines[-1]["hash"]):
        return [*found, broken("head_differs")]
    found.append(good("log_whole", lines=len(lines)))
    found.append(_against_witnessed(lines, witnessed))
    return found


def _unusable(reason: str) -> Check:
    if reason.startswith("file:"):
        return broken("file_altered", name=reason.removeprefix("file:"))
    return broken("seal_broken" if reason == "seal" else "package_unreadable")


def read_log(package: Package) -> tuple[list[dict[str, Any]], int | None]:
    """The log's lines, and the number of the first that does not hold, if any."""
    lines: list[dict[str, Any]] = []
    prev = GENESIS
    for number, text in enumerate(package.files.get(LOG, b"").splitlines(), 1):
        line = _line(text, number, prev, package.manifest.get("session"))
        if line is None:
            return lines, number
        lines.append(line)
        prev = line["hash"]
    return lines, None


def _line(text: bytes, number: int, prev: str, session: object) -> dict[str, Any] | None:
    """One line whose hashes hold and which follows; None otherwise."""
    try:
        line: dict[str, Any] = json.loads(text)
        header = {name: line[name] for name in HEADER}
        salted = bytes.fromhex(line["salt"]) + line["body"].encode()
        place = (line["seq"], line["prev"], line["session"]) == (number, prev, session)
        body = not line["body"] or hashlib.sha256(salted).hexdigest() == line["payload_hash"]
        return line if place and body and statement_hash(header) == line["hash"] else None
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError, VotingError):
        return None


def _against_witnessed(lines: list[dict[str, Any]], witnessed: Mapping[int, str]) -> Check:
    compared = list(_differences(lines, witnessed))
    if compared:
        return broken("history_differs", line=compared[0])
    known = sum(1 for line in lines if line["seq"] in witnessed)
    if not known:
        return Check("note", say("portal.verdict.not_witnessed"))
    if known < len(lines):
        return Check("note", say("portal.verdict.partly_witnessed", known=known, lines=len(lines)))
    return good("witnessed", lines=known)


def _differences(lines: list[dict[str, Any]], witnessed: Mapping[int, str]) -> Iterator[int]:
    for line in lines:
        if witnessed.get(line["seq"], line["hash"]) != line["hash"]:
            yield line["seq"]

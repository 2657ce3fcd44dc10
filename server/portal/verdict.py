"""Is a received report what was sealed, and does it agree with what we witnessed ourselves?"""

import asyncio
import io
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from server.blobs import BlobMissing
from server.recordings.models import Verdict
from server.reports.bundle import LOG, PackageUnusable, check, unpacked
from server.services import Services
from server.store import key_directory as directory
from server.store import submission as store
from server.store.database import RowMapping
from server.submission.directory import Told
from server.submission.directory import findings as findings_of_keys
from server.submission.enrolment import fingerprint
from server.texts import say
from server.verify.chain import Line, read_log
from server.verify.findings import Findings, Level
from server.verify.reports import check_report
from server.verify.session import check_witness, read_session
from server.verify.source import Source, Zip
from voting.errors import VotingError
from voting.signing import PublicKey, from_base64url


@dataclass(frozen=True, slots=True)
class Check:
    level: Level
    sentence: str


@dataclass(frozen=True, slots=True)
class Known:
    """What this committee kept of the session while it ran."""

    hashes: Mapping[int, str]  # of its lines
    keys: Sequence[Told] = ()  # its device keys
    keys_elsewhere: frozenset[str] = frozenset()  # those of them that another session told too


def _told(row: RowMapping) -> Told:
    return Told(row["seq"], row["type"], row["person"], row["key_id"], row["spki"])


async def package_verdict(services: Services, row: RowMapping, now: datetime) -> Verdict:
    """Every check as one sentence; computed anew from the file as it lies in our store."""
    try:
        data = await services.blobs.get(row["blob"])
    except BlobMissing:
        return verdict([broken("package_missing")], now)
    witnessed = await services.database.read(
        store.hashes, row["peer_id"], row["session_id"], 1, 2**31 - 1
    )
    session = (row["peer_id"], row["session_id"])
    known = Known(
        witnessed,
        [_told(key) for key in await services.database.read(directory.keys_of, *session)],
        await services.database.read(directory.elsewhere, *session),
    )
    ours = services.keys.seal.public
    checks = await asyncio.to_thread(package_checks, data, dict(row), known, ours)
    return verdict(checks, now)


def _erased(levels: set[Level]) -> bool:
    return "erased" in levels and "broken" not in levels


def verdict(checks: list[Check], now: datetime) -> Verdict:
    return Verdict(
        intact=all(check.level in ("ok", "note") for check in checks),
        erased=_erased({check.level for check in checks}),
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
    data: bytes, row: Mapping[str, Any], known: Known, ours: PublicKey
) -> list[Check]:
    """`row` is the inbox row with the sender's key.

    `ours` is the key with which we countersigned the session while it ran.
    """
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
    findings = Findings()
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        log = verify_source(Zip(file), findings, ours)
    found += [Check(one.level, one.sentence) for one in findings.found]
    if log:
        found.append(_against_witnessed(log, known.hashes))
        keys = findings_of_keys(log, known.keys, known.keys_elsewhere)
        found += [Check(one.level, one.sentence) for one in keys]
    return found


def verify_source(source: Source, findings: Findings, ours: PublicKey) -> list[Line]:
    """The independent verifier's checks; the log's lines as far as they hold."""
    lines = source.read(LOG).split(b"\n")
    try:
        log = read_log(lines[:-1] if not lines[-1] else lines, findings)
        if not log:
            return []
        account = read_session(log, findings)
        check_report(source, log, account, findings)
        check_witness(log, [ours], findings)
    except (ValueError, KeyError, TypeError, VotingError) as error:
        # It was signed by the sender; what it says is still only what the sender says.
        findings.broken(say("portal.verdict.odd", error=type(error).__name__))
        return []
    return log


def _unusable(reason: str) -> Check:
    if reason.startswith("file:"):
        return broken("file_altered", name=reason.removeprefix("file:"))
    return broken("seal_broken" if reason == "seal" else "package_unreadable")


def _against_witnessed(lines: Sequence[Line], witnessed: Mapping[int, str]) -> Check:
    compared = list(_differences(lines, witnessed))
    if compared:
        return broken("history_differs", line=compared[0])
    known = sum(1 for line in lines if line.seq in witnessed)
    if not known:
        return Check("note", say("portal.verdict.not_witnessed"))
    if known < len(lines):
        return Check("note", say("portal.verdict.partly_witnessed", known=known, lines=len(lines)))
    return good("witnessed", lines=known)


def _differences(lines: Sequence[Line], witnessed: Mapping[int, str]) -> Iterator[int]:
    for line in lines:
        if witnessed.get(line.seq, line.hash) != line.hash:
            yield line.seq

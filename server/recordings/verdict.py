"""Is what this installation keeps of a session still what it was? Each check is one sentence."""

import asyncio
import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from recording import playback
from recording.manifest import NAME as MANIFEST
from recording.verify import verify
from server.http.errors import NotFound
from server.recordings.files import directory_of
from server.recordings.models import Verdict
from server.recordings.statements import enrolled_key
from server.services import Services
from server.session.chain import GENESIS, Entry
from server.store import events, sessions
from server.store.people import Line
from server.texts import say
from voting.signing import PublicKey, statement_hash

Level = Literal["ok", "note", "broken"]


@dataclass(frozen=True, slots=True)
class Check:
    level: Level
    sentence: str


async def session_verdict(services: Services, session_id: str, now: datetime) -> Verdict:
    """Recomputes the log's chain, the recorder's signatures and every file of the recording.

    Raises NotFound for a session without a log.
    """
    database = services.database
    entries = await database.read(events.entries_after, session_id, 0)
    if not entries:
        raise NotFound()
    head = await database.read(events.head, session_id)
    statements = await database.read(sessions.checkpoints, session_id)
    key = await asyncio.to_thread(enrolled_key, services.config.recorder_spki_file)
    checks = [*log_checks(entries, head), *statement_checks(statements, key)]
    if not any(check.level == "broken" for check in checks):
        checks += witness_checks(entries)
    directory, ends = directory_of(services, session_id), manifest_heads(entries)
    checks += await asyncio.to_thread(recording_checks, directory, ends)
    return Verdict(
        intact=all(check.level != "broken" for check in checks),
        notes=sum(check.level == "note" for check in checks),
        checks=[
            {"ok": check.level == "ok", "level": check.level, "sentence": check.sentence}
            for check in checks
        ],
        checked_at=now,
    )


def log_checks(entries: Sequence[Entry], head: tuple[int, str] | None) -> list[Check]:
    """The chain from the first event to the head that is kept beside it."""
    prev = GENESIS
    for seq, entry in enumerate(entries, 1):
        if (entry.seq, entry.prev) != (seq, prev) or not _holds(entry):
            return [Check("broken", say("verdict.log_broken", seq=seq))]
        prev = entry.hash
    found = [Check("ok", say("verdict.log_intact", events=len(entries)))]
    if destroyed := sum(not entry.body for entry in entries):
        found.append(Check("note", say("verdict.log_destroyed", count=destroyed)))
    if head != (len(entries), prev):
        found.append(Check("broken", say("verdict.head_differs")))
    return found


def _holds(entry: Entry) -> bool:
    if statement_hash(entry.header()) != entry.hash:
        return False
    payload = bytes.fromhex(entry.salt) + entry.body.encode()
    return not entry.body or hashlib.sha256(payload).hexdigest() == entry.payload_hash


def witness_checks(entries: Sequence[Entry]) -> list[Check]:
    """How far the upper committee has countersigned this very history."""
    last = next(_payloads(reversed(entries), "head-witnessed"), None)
    if last is None:
        return [Check("note", say("verdict.not_witnessed"))]
    seq = int(last["seq"])
    if not 1 <= seq <= len(entries) or entries[seq - 1].hash != last["head"]:
        return [Check("broken", say("verdict.head_differs"))]
    return [Check("ok", say("verdict.witnessed", seq=seq))]


def statement_checks(rows: Sequence[Line], key: PublicKey | None) -> list[Check]:
    """The signatures of the recorder's statements, as far as the key enrolled now made them."""
    foreign = 0
    for n, row in enumerate(rows, 1):
        if key is None or row["key_id"] != key.key_id:
            foreign += 1
        elif not key.verify_bytes(row["body"].encode(), row["signature"]):
            return [Check("broken", say("verdict.statements_broken", n=n))]
    found = []
    if count := len(rows) - foreign:
        found.append(Check("ok", say("verdict.statements_intact", count=count)))
    if foreign:
        found.append(Check("note", say("verdict.statements_other_key", count=foreign)))
    return found


def manifest_heads(entries: Sequence[Entry]) -> tuple[str, bool] | None:
    """The last head of the recording's manifest that the log holds, and whether it is the end."""
    end = next(_payloads(reversed(entries), "recording-finished"), None)
    if end is not None:
        return str(end["head"]), True
    seen = next(_payloads(reversed(entries), "checkpointed"), None)
    return None if seen is None else (str(seen["manifest_head"]), False)


def recording_checks(directory: Path, ends: tuple[str, bool] | None) -> list[Check]:
    """Every file against the manifest, and the manifest against the head in the log. Blocks."""
    if not (directory / MANIFEST).is_file():
        return [Check("note" if ends is None else "broken", say("verdict.recording_missing"))]
    head, finished = ends or ("", False)
    if fault := verify(directory, head):
        return [Check("broken", say("verdict.recording_broken", fault=fault))]
    segments = sum(1 for path in (directory / "segments").iterdir() if path.suffix != ".partial")
    found = [Check("ok", say("verdict.recording_intact", segments=segments))]
    if not finished:
        found.append(Check("note", say("verdict.recording_running")))
    gaps = [gap for gap in playback.timeline(directory).gaps if not gap.track]
    seconds = round(sum(gap.to_ms - gap.from_ms for gap in gaps) / 1000)
    if gaps:
        found.append(Check("note", say("verdict.gaps", count=len(gaps), seconds=seconds)))
    else:
        found.append(Check("ok", say("verdict.no_gaps")))
    return found


def _payloads(entries: Iterable[Entry], kind: str) -> Iterator[dict[str, Any]]:
    return (json.loads(e.body)["data"] for e in entries if e.type == kind and e.body)

"""Is what this installation keeps of a session still what it was? Each check is one sentence."""

import asyncio
import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from recording import playback
from recording.errors import RecordingError
from server.http.errors import NotFound
from server.recordings.files import directory_of
from server.recordings.models import Verdict
from server.recordings.statements import enrolled_key
from server.services import Services
from server.session.chain import Entry
from server.store import events, sessions
from server.store import submission as peers
from server.store.people import Line as Row
from server.texts import say
from server.verify.chain import Line, read_log
from server.verify.findings import Findings
from server.verify.recordings import FOLDER, MANIFEST, STATEMENTS, check_recording
from server.verify.session import check_witness, read_session
from server.verify.source import LOG, Folder
from voting.signing import PublicKey, canonical_bytes, from_base64url


async def session_verdict(services: Services, session_id: str, now: datetime) -> Verdict:
    """The independent verifier over the log, statements and files where they lie.

    Raises NotFound for a session without a log.
    """
    database = services.database
    entries = await database.read(events.entries_after, session_id, 0)
    if not entries:
        raise NotFound()
    head = await database.read(events.head, session_id)
    statements = await database.read(sessions.checkpoints, session_id)
    committees = await database.read(peers.peers)
    key = await asyncio.to_thread(enrolled_key, services.config.recorder_spki_file)
    kept = Kept(entries, statements, directory_of(services, session_id))
    witnesses = [_public(row["spki"]) for row in committees if row["kind"] == "committee"]
    findings = await asyncio.to_thread(judge, kept, head, key, witnesses)
    return Verdict(
        intact=findings.intact,
        erased=any(finding.level == "erased" for finding in findings.found)
        and findings.first_break is None,
        notes=sum(finding.level == "note" for finding in findings.found),
        checks=[
            {"ok": f.level == "ok", "level": f.level, "sentence": f.sentence}
            for f in findings.found
        ],
        checked_at=now,
    )


class Kept:
    """The evidence in database and recording folder, under the names of an export."""

    def __init__(self, entries: Iterable[Entry], statements: Iterable[Row], folder: Path) -> None:
        self._folder = Folder(folder)
        self._lines = {
            LOG: _lines(
                {**e.header(), "hash": e.hash, "salt": e.salt, "body": e.body} for e in entries
            ),
            STATEMENTS: _lines(
                {name: row[name] for name in ("key_id", "signature", "body")} for row in statements
            ),
        }

    def names(self) -> list[str]:
        return [*self._lines, *(FOLDER + name for name in self._folder.names())]

    def read(self, name: str) -> bytes:
        if name in self._lines:
            return self._lines[name]
        return self._folder.read(name.removeprefix(FOLDER))

    def sha256(self, name: str) -> str:
        if name in self._lines:
            return hashlib.sha256(self._lines[name]).hexdigest()
        return self._folder.sha256(name.removeprefix(FOLDER))

    @property
    def recording(self) -> Path:
        return self._folder.path


def judge(
    kept: Kept,
    head: tuple[int, str] | None,
    recorder: PublicKey | None,
    witnesses: list[PublicKey],
) -> Findings:
    """Recomputes everything; `head` is the one kept beside the log. Blocks: it reads all files."""
    findings = Findings()
    log = read_log(kept.read(LOG).split(b"\n")[:-1], findings)
    if log:
        if head != (log[-1].seq, log[-1].hash):
            findings.broken(say("verdict.head_differs"))
        read_session(log, findings)
        check_witness(log, witnesses, findings)
    if any(line.type in ("checkpointed", "recording-finished") for line in log):
        if MANIFEST not in kept.names():
            findings.broken(say("verdict.recording_missing"))
            return findings
        _judge_recording(kept, log, recorder, findings)
    return findings


def _judge_recording(
    kept: Kept, log: list[Line], recorder: PublicKey | None, findings: Findings
) -> None:
    check_recording(kept, log, recorder, findings)
    if all(line.type != "recording-finished" for line in log):
        findings.note(say("verdict.recording_running"))
    try:
        found = playback.timeline(kept.recording).gaps
    except RecordingError:
        return  # the manifest's fault has been named
    gaps = [gap for gap in found if not gap.track]
    seconds = round(sum(gap.to_ms - gap.from_ms for gap in gaps) / 1000)
    if gaps:
        findings.note(say("verdict.gaps", count=len(gaps), seconds=seconds))
    else:
        findings.ok(say("verdict.no_gaps"))


def _public(spki: str) -> PublicKey:
    return PublicKey.from_spki(from_base64url(spki))


def _lines(rows: Iterable[Mapping[str, Any]]) -> bytes:
    return b"".join(canonical_bytes(dict(row)) + b"\n" for row in rows)

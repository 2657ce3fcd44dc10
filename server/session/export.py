"""The export of a session: all that `chibo verify` needs, in one ZIP file (docs/evidence.md)."""

import asyncio
import json
import tempfile
import zipfile
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from server.blobs import BlobMissing
from server.recordings.files import directory_of
from server.recordings.statements import enrolled_key
from server.services import Services
from server.session.chain import Entry
from server.session.signed import head_of
from server.session.times import to_text
from server.store import events as event_store
from server.store import sessions as store
from server.store.database import Connection, RowMapping
from voting.signing import canonical_bytes, to_base64url

FORMAT = "chibo-export/1"
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time a ZIP can hold, so that files have none
MANIFEST = "manifest.jsonl"


async def export(services: Services, session_id: str, now: datetime, with_recording: bool) -> Path:
    """Writes the export to a temporary file, which the caller removes.

    Raises NotFound for a session without a log. The recording's manifest is always included, its
    segments only when asked for: they may be gigabytes.
    """
    state = await services.session.state(session_id)
    entries = await services.database.read(event_store.entries_after, session_id, 0)
    entries = entries[: state.seq]
    head = head_of(services.keys, state)
    about = {
        "format": FORMAT,
        "session": session_id,
        "made_at": to_text(now),
        "head": {
            "seq": head.seq,
            "hash": head.hash,
            "time": to_text(head.time),
            "key_id": head.key_id,
            "signature": head.signature,
        },
    }
    statements = await services.database.read(store.checkpoints, session_id)
    keys = await services.database.read(_keys, services)
    report = await _report(services, session_id)
    recording = directory_of(services, session_id)
    return await asyncio.to_thread(
        _write,
        {
            "export.json": canonical_bytes(about),
            "keys.json": canonical_bytes(keys),
            "log.jsonl": _lines(_log_line(entry) for entry in entries),
            "statements.jsonl": _lines(_statement(row) for row in statements),
            **({"report.zip": report} if report else {}),
        },
        recording,
        with_recording,
    )


def _keys(conn: Connection, services: Services) -> dict[str, Any]:
    """Public keys, for checking only; trust in them comes from fingerprints read out elsewhere."""
    recorder = enrolled_key(services.config.recorder_spki_file)
    seal = services.keys.seal
    return {
        "installation": {
            "id": services.keys.installation_id,
            "key_id": seal.key_id,
            "spki": to_base64url(seal.public.spki),
        },
        "recorder": recorder and {"key_id": recorder.key_id, "spki": to_base64url(recorder.spki)},
        "committees": [
            {"name": row["name"], "key_id": row["key_id"], "spki": row["spki"]}
            for row in store.committees(conn)
        ],
    }


async def _report(services: Services, session_id: str) -> bytes | None:
    blob = await services.database.read(store.report_blob, session_id)
    if blob is None:
        return None
    try:
        return await services.blobs.get(blob)
    except BlobMissing:
        return None


def _log_line(entry: Entry) -> dict[str, Any]:
    return {**entry.header(), "hash": entry.hash, "salt": entry.salt, "body": entry.body}


def _statement(row: RowMapping) -> dict[str, Any]:
    return {
        "received_at": to_text(row["received_at"]),
        "key_id": row["key_id"],
        "signature": row["signature"],
        "body": row["body"],
    }


def _lines(rows: Iterable[Mapping[str, Any]]) -> bytes:
    return b"".join(canonical_bytes(dict(row)) + b"\n" for row in rows)


def _write(files: Mapping[str, bytes], recording: Path, with_recording: bool) -> Path:
    with (
        tempfile.NamedTemporaryFile(suffix=".zip", delete=False) as target,
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive,
    ):
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name, EPOCH), data, zipfile.ZIP_DEFLATED)
        for path in _recording_files(recording, with_recording):
            # Media does not compress; it is copied from disk block by block.
            name = f"recording/{path.relative_to(recording).as_posix()}"
            archive.write(path, name, zipfile.ZIP_STORED)
    return Path(target.name)


def _recording_files(recording: Path, with_segments: bool) -> list[Path]:
    """The manifest, and the files that it names: nothing else lying in that folder."""
    manifest = recording / MANIFEST
    if not manifest.is_file():
        return []
    if not with_segments:
        return [manifest]
    records = (json.loads(line) for line in manifest.read_bytes().split(b"\n")[:-1])
    named = (recording / r["file"] for r in records if r.get("type") == "segment")
    inside = (p for p in named if p.resolve().is_relative_to(recording.resolve()))
    return [manifest, *(p for p in inside if p.is_file())]

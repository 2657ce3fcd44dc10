"""One recording's directory: open journals, finished segments, the manifest.

    manifest.jsonl   segments/<track>-<n>.webm   open/<track>-<n>.journal

All methods block; one thread at a time calls them. A segment counts once its file and its
manifest line are synced; until then its journal stays, and `open` finishes what was cut off."""

import contextlib
import hashlib
import logging
import os
import re
import shutil
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from recording import journal, manifest
from recording.errors import BadSegment, RecordingError
from recording.journal import Journal, SegmentHead
from recording.manifest import Chain, Record
from recording.sealing import sealer
from recording.track import Append, Begin, Close, Effect, Gap
from recording.webm import RATES, decodes, last_unit_ticks, mux

log = logging.getLogger(__name__)

_SAFE = re.compile(r"[A-Za-z0-9_-]{1,80}")


@dataclass(frozen=True, slots=True)
class Resumed:
    """What an earlier run left: nothing (`last_ms` 0), or media until then.

    `next_index` tells each track's next segment number, `gaps` how many gaps are on record."""

    last_ms: int
    started_ms: int
    next_index: Mapping[str, int]
    gaps: int


@dataclass(slots=True)
class _Totals:
    segments: int = 0
    size: int = 0
    first_ms: int = 0
    last_ms: int = 0
    indexes: dict[str, int] = field(default_factory=dict)
    written: set[tuple[str, int]] = field(default_factory=set)
    gaps: int = 0

    def add(self, record: Record) -> None:
        if record["type"] == "gap":
            self.gaps += 1
        if record["type"] != "segment":
            return
        start, track, index = record["start_utc_ms"], record["track"], record["index"]
        self.segments += 1
        self.size += record["bytes"]
        self.first_ms = min(self.first_ms or start, start)
        self.last_ms = max(self.last_ms, start + record["duration_ms"])
        self.indexes[track] = max(self.indexes.get(track, 0), index + 1)
        self.written.add((track, index))


class SessionDisk:
    """`recipient` is the age public key to which segments are sealed; empty for none. Raises
    RecordingError if it or the session's id makes no sense."""

    def __init__(self, root: Path, session_id: str, room: str, recipient: str = "") -> None:
        if not _SAFE.fullmatch(session_id):
            raise RecordingError(f"{session_id!r} cannot name a directory")
        self.directory = root / session_id
        self._session_id, self._room, self._recipient = session_id, room, recipient
        self._seal = sealer(recipient) if recipient else None
        self._chain = Chain()
        self._totals = _Totals()
        self._journals: dict[tuple[str, int], BinaryIO] = {}
        self._undecodable: set[str] = set()

    @property
    def head(self) -> str:
        return self._chain.head

    @property
    def seq(self) -> int:
        return self._chain.seq

    @property
    def segments(self) -> int:
        return self._totals.segments

    @property
    def size(self) -> int:
        return self._totals.size

    def free(self) -> int:
        return shutil.disk_usage(self.directory).free

    def open(self) -> Resumed:
        """Creates the directory, or takes it up again and finishes what a crash left open."""
        for journal_file in self._journals.values():
            journal_file.close()
        self._journals.clear()
        for name in ("segments", "open"):
            (self.directory / name).mkdir(parents=True, exist_ok=True)
        path = self.directory / manifest.NAME
        if not path.exists() or b"\n" not in path.read_bytes():
            path.write_bytes(b"")
            self._chain, self._totals = Chain(), _Totals()
            self.record(
                "begin",
                session_id=self._session_id,
                room=self._room,
                recipient=self._recipient,
                format=1,
            )
            return Resumed(0, 0, {}, 0)
        records, self._chain = manifest.read(self.directory)
        with path.open("r+b") as file:
            file.truncate(file.read().rfind(b"\n") + 1)
        self._totals = _Totals()
        for record in records:
            self._totals.add(record)
        for partial in (self.directory / "segments").glob("*.partial"):
            partial.unlink()
        for left in sorted((self.directory / "open").glob("*.journal")):
            self._repair(left)
        last = self._totals.last_ms or records[-1]["time_ms"]
        self.record("resume")
        totals = self._totals
        return Resumed(last, records[0]["time_ms"], dict(totals.indexes), totals.gaps)

    def apply(self, effects: Iterable[Effect]) -> dict[str, int]:
        """Carries out effects in order; returns until when (ns) each track is safe on disk,
        leaving out pictures that do not decode.
        Raises OSError if the disk refuses, after which `open` must be called again."""
        until: dict[str, int] = {}
        touched: set[tuple[str, int]] = set()
        for effect in effects:
            match effect:
                case Begin(head, first):
                    self._begin(head, first)
                case Append(head, data, until_ns):
                    self._journals[_key(head)].write(data)
                    touched.add(_key(head))
                    if head.track not in self._undecodable:
                        until[head.track] = until_ns
                case Close(head):
                    touched.discard(_key(head))
                    self._journals.pop(_key(head)).close()
                    self._close(effect)
                case _:
                    raise AssertionError(f"{effect} is not for the disk")
        for key in touched:
            self._journals[key].flush()
            os.fdatasync(self._journals[key].fileno())
        return until

    def gap(self, gap: Gap, track: str = "", participant: str = "") -> int:
        """Puts a gap on record; returns its number in this recording, from 1."""
        self.record(
            "gap",
            track=track,
            participant=participant,
            from_ms=gap.from_ms,
            to_ms=gap.to_ms,
            reason=gap.reason,
        )
        return self._totals.gaps

    def end(self, final: bool) -> dict[str, Any]:
        """Records the end, or that it is to be continued; returns what the application is told."""
        totals = self._totals
        facts = {
            "segments": totals.segments,
            "duration_ms": totals.last_ms - totals.first_ms,
            "bytes": totals.size,
        }
        self.record("end" if final else "pause", **facts)
        return {"session_id": self._session_id, "head": self.head, **facts}

    def record(self, type: str, **facts: Any) -> None:
        """Appends one synced line to the manifest."""
        record = {"type": type, "time_ms": time.time_ns() // 1_000_000, **facts}
        line, chain = self._chain.line(record)
        with (self.directory / manifest.NAME).open("ab") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
        self._chain = chain
        self._totals.add(record)

    def _journal(self, head: SegmentHead) -> Path:
        if not _SAFE.fullmatch(head.track):
            raise RecordingError(f"{head.track!r} cannot name a file")
        return self.directory / "open" / f"{head.track}-{head.index:05}.journal"

    def _begin(self, head: SegmentHead, first: bytes) -> None:
        path = self._journal(head)
        self._journals[_key(head)] = path.open("xb")
        self._journals[_key(head)].write(journal.head_bytes(head))
        _sync_directory(path.parent)
        if head.kind == "video" and not decodes(head, first):
            log.warning("the picture of %s does not decode", head.track)
            self._undecodable.add(head.track)
        else:
            self._undecodable.discard(head.track)

    def _close(self, closing: Close) -> None:
        path = self._journal(closing.head)
        entry = journal.read(path)
        if entry is None or not entry.units:
            path.unlink()
            return
        self._finish(
            path,
            entry,
            start_ms=closing.start_ns // 1_000_000,
            last_ticks=closing.last_ticks,
            packets=closing.packets,
            lost=closing.lost,
            gaps=[[g.from_ms, g.to_ms, g.reason] for g in closing.gaps],
            why=closing.why,
        )

    def _repair(self, path: Path) -> None:
        entry = journal.read(path)
        if entry is None or not entry.units or _key(entry.head) in self._totals.written:
            path.unlink()
            return
        log.warning("finishing %s, which was left open", path.name)
        self._finish(
            path,
            entry,
            start_ms=_start_ns(entry) // 1_000_000,
            last_ticks=last_unit_ticks(entry.head, entry.units),
            packets=len(entry.units),
            lost=0,
            gaps=[],
            why="crash",
        )

    def _finish(
        self,
        path: Path,
        entry: Journal,
        *,
        start_ms: int,
        last_ticks: int,
        packets: int,
        lost: int,
        gaps: list[list[Any]],
        why: str,
    ) -> None:
        head, units = entry.head, entry.units
        try:
            data = mux(head, units, last_ticks)
        except BadSegment:
            # The frames stay for whoever can make something of them; the record says so.
            log.exception("%s cannot be made into a file", path.name)
            path.rename(path.with_suffix(".bad"))
            ticks = units[-1].ticks - units[0].ticks
            hole = Gap(start_ms, start_ms + ticks * 1000 // RATES[head.kind], "unplayable")
            self.gap(hole, head.track, head.participant)
            return
        name = f"{head.track}-{head.index:05}.webm"
        if self._seal is not None:
            data, name = self._seal(data), name + ".age"
        _write_synced(self.directory / "segments" / name, data)
        ticks = units[-1].ticks + last_ticks - units[0].ticks
        self.record(
            "segment",
            file=f"segments/{name}",
            track=head.track,
            index=head.index,
            kind=head.kind,
            participant=head.participant,
            source=head.source,
            width=head.width,
            height=head.height,
            start_utc_ms=start_ms,
            duration_ms=ticks * 1000 // RATES[head.kind],
            sha256=hashlib.sha256(data).hexdigest(),
            bytes=len(data),
            packets=packets,
            lost=lost,
            gaps=gaps,
            closed=why,
        )
        path.unlink()


def _key(head: SegmentHead) -> tuple[str, int]:
    return head.track, head.index


def _start_ns(entry: Journal) -> int:
    rate, first = RATES[entry.head.kind], entry.units[0].ticks
    if entry.clock is not None:
        ticks, utc_ns = entry.clock
        return utc_ns + (first - ticks) * 1_000_000_000 // rate
    return min(u.arrival_ns - (u.ticks - first) * 1_000_000_000 // rate for u in entry.units)


def _write_synced(path: Path, data: bytes) -> None:
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    partial.rename(path)
    _sync_directory(path.parent)


def _sync_directory(path: Path) -> None:
    with contextlib.suppress(OSError):  # some file systems cannot sync a directory
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

"""The open segment on disk: an append-only file of frames that survives a kill at any byte.

Layout: the line `chibo-journal 1`, one line of JSON (the segment's head), then records
`!IIB` (bytes of body, CRC-32 of body, kind) and body. Kind 1 is a unit of media
(`!qqB` widened RTP time, arrival in ns, 1 for a keyframe, then the data); kind 2 is a clock
(`!qq` widened RTP time, Unix ns), the newest of which dates the segment."""

import json
import struct
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path

from signaling.client.interface import Kind

MAGIC = b"chibo-journal 1\n"
_RECORD = struct.Struct("!IIB")
_UNIT = struct.Struct("!qqB")
_CLOCK = struct.Struct("!qq")
UNIT, CLOCK = 1, 2


@dataclass(frozen=True, slots=True)
class SegmentHead:
    """What is known when a segment begins."""

    track: str
    index: int
    kind: Kind
    participant: str
    source: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Unit:
    """One VP8 frame or one Opus packet."""

    ticks: int
    arrival_ns: int
    key: bool
    data: bytes


@dataclass(frozen=True, slots=True)
class Journal:
    """What could be read: `torn` if the file ends within a record or with a false checksum."""

    head: SegmentHead
    units: tuple[Unit, ...]
    clock: tuple[int, int] | None
    torn: bool


def head_bytes(head: SegmentHead) -> bytes:
    return MAGIC + json.dumps(asdict(head)).encode() + b"\n"


def _record(kind: int, body: bytes) -> bytes:
    return _RECORD.pack(len(body), zlib.crc32(body), kind) + body


def unit_bytes(unit: Unit) -> bytes:
    return _record(UNIT, _UNIT.pack(unit.ticks, unit.arrival_ns, unit.key) + unit.data)


def clock_bytes(ticks: int, utc_ns: int) -> bytes:
    return _record(CLOCK, _CLOCK.pack(ticks, utc_ns))


def read(path: Path) -> Journal | None:
    """None if not even the head is whole."""
    data = path.read_bytes()
    end = data.find(b"\n", len(MAGIC))
    if not data.startswith(MAGIC) or end < 0:
        return None
    head = SegmentHead(**json.loads(data[len(MAGIC) : end]))
    units: list[Unit] = []
    clock: tuple[int, int] | None = None
    at = end + 1
    while at + _RECORD.size <= len(data):
        length, checksum, kind = _RECORD.unpack_from(data, at)
        body = data[at + _RECORD.size : at + _RECORD.size + length]
        if len(body) < length or zlib.crc32(body) != checksum:
            break
        at += _RECORD.size + length
        if kind == UNIT:
            ticks, arrival_ns, key = _UNIT.unpack_from(body)
            units.append(Unit(ticks, arrival_ns, bool(key), body[_UNIT.size :]))
        elif kind == CLOCK:
            clock = _CLOCK.unpack(body)
    return Journal(head, tuple(units), clock, at != len(data))

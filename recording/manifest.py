"""The append-only account of a recording: one JSON object a line, each holding the hash of the
line before it. The head is the SHA-256 of the last line, without its newline.

Every record has `seq`, `prev`, `time_ms` (when written) and `type`:
begin (session, room), segment (a file), gap (missing media), speech (who was heard), resume
(the recorder came back), pause (it was stopped), end (the session is over)."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recording.errors import BadManifest

NAME = "manifest.jsonl"
FIRST_PREV = "0" * 64
Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Chain:
    """Where a manifest stands: the next sequence number and the hash of the last line."""

    seq: int = 0
    head: str = FIRST_PREV

    def line(self, record: Mapping[str, Any]) -> tuple[bytes, "Chain"]:
        """The record as the chain's next line, newline included, and the chain after it."""
        whole = {**record, "seq": self.seq, "prev": self.head}
        line = encode(whole)
        return line + b"\n", Chain(self.seq + 1, digest(line))


def encode(record: Mapping[str, Any]) -> bytes:
    return json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def digest(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()


def parse(lines: Iterable[bytes]) -> tuple[list[Record], Chain]:
    """All records of an intact chain. Raises BadManifest naming the first broken line."""
    chain = Chain()
    records: list[Record] = []
    for number, line in enumerate(lines, 1):
        try:
            record = json.loads(line)
        except ValueError:
            raise BadManifest(f"{NAME} line {number} is not JSON") from None
        if not isinstance(record, dict) or record.get("seq") != chain.seq:
            raise BadManifest(f"{NAME} line {number} is out of sequence")
        if record.get("prev") != chain.head:
            raise BadManifest(f"{NAME} line {number} does not follow line {number - 1}")
        records.append(record)
        chain = Chain(chain.seq + 1, digest(line))
    return records, chain


def read(directory: Path) -> tuple[list[Record], Chain]:
    """A last line without newline was never confirmed to anybody and is left out.
    Raises BadManifest if the file is missing or the chain is broken."""
    try:
        data = (directory / NAME).read_bytes()
    except FileNotFoundError:
        raise BadManifest(f"{directory.name} has no {NAME}") from None
    return parse(data.split(b"\n")[:-1])

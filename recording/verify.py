"""Is a recording what it was when it was recorded? The chain of its manifest and the hash of
every segment are recomputed; the first thing that does not hold is named."""

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path

from recording import manifest
from recording.errors import BadManifest


def first_fault(
    lines: Iterable[bytes], hash_of: Callable[[str], str | None], head: str = ""
) -> str | None:
    """None if all is as recorded, else what is broken: a line of the manifest or a file.

    `hash_of` gives a segment's SHA-256 by its name in the manifest, None if it is missing.
    `head`, if given, is a chain head that somebody else kept: it must occur in this chain."""
    lines = list(lines)
    try:
        records, _ = manifest.parse(lines)
    except BadManifest as error:
        return str(error)
    if not records or records[0].get("type") != "begin":
        return f"{manifest.NAME} line 1 does not begin a recording"
    if head and head not in map(manifest.digest, lines):
        return f"{manifest.NAME} does not contain the head {head}: records are missing"
    for number, record in enumerate(records, 1):
        if record.get("type") != "segment":
            continue
        found = hash_of(record["file"])
        if found is None:
            return f"{record['file']} is missing ({manifest.NAME} line {number})"
        if found != record["sha256"]:
            return f"{record['file']} was altered ({manifest.NAME} line {number})"
    return None


def verify(directory: Path, head: str = "") -> str | None:
    """`first_fault` of a recording's directory."""
    path = directory / manifest.NAME
    if not path.exists():
        return f"{manifest.NAME} is missing"
    data = path.read_bytes()
    if not data.endswith(b"\n"):
        complete = data.count(b"\n")
        return f"{manifest.NAME} line {complete + 1} is incomplete"

    def hash_of(name: str) -> str | None:
        file = (directory / name).resolve()
        if not file.is_relative_to(directory.resolve()) or not file.is_file():
            return None
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()

    return first_fault(data.split(b"\n")[:-1], hash_of, head)

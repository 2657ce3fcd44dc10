"""The sealed report: what is in it, what is signed, and the one ZIP file that is sent.

The package holds `manifest.json`, `signature.json` and the files the manifest names: `minutes` and
`report` as .json, .html and .pdf, `minutes-read.txt` when minutes were read out, and `log.jsonl`,
the session's log up to the event that ended it. A report that was returned and corrected also
holds `addendum`, and its log goes on to the correction. The report's SHA-256 is that of the
manifest's RFC 8785 bytes, and the seal is the installation's ECDSA signature over those bytes.
Rendering the same log again gives the same manifest.
"""

import hashlib
import io
import json
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from server.reports.addendum import CorrectionFacts, addendum, corrections
from server.reports.facts import Facts, facts
from server.reports.html import html
from server.reports.minutes import minutes
from server.reports.numbers import shown
from server.reports.pdf import page_count, pdf
from server.reports.report import report
from server.session.chain import Entry
from server.session.fold import fold
from server.session.times import to_text
from voting.errors import VotingError
from voting.signing import PrivateKey, PublicKey, canonical_bytes, statement_hash, to_base64url

PURPOSE = "session-report"
MANIFEST, SIGNATURE, LOG, READ = (
    "manifest.json",
    "signature.json",
    "log.jsonl",
    "minutes-read.txt",
)
KINDS, FORMS = ("minutes", "report", "addendum"), ("json", "html", "pdf")
NAMES = frozenset({LOG, READ, *(f"{kind}.{form}" for kind in KINDS for form in FORMS)})
MOST_BYTES = 256 * 1024 * 1024  # unpacked; a log of a long session has about 10 MB
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time a ZIP can hold, so that files have none

_facts = TypeAdapter(Facts)
_made = TypeAdapter(tuple[CorrectionFacts, ...])
_ZIP_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    NotImplementedError,
    RuntimeError,
    EOFError,
    ValueError,
)


class PackageUnusable(Exception):
    """`reason` is a stable word: not_zip, names, too_large, manifest, seal, or file:<name>."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Package:
    """A sealed report. `files` are those the manifest names, by name."""

    manifest: dict[str, Any]
    files: dict[str, bytes]
    key_id: str
    signature: str

    @property
    def sha256(self) -> str:
        return statement_hash(self.manifest)


def seal(session: str, entries: Sequence[Entry], key: PrivateKey) -> Package:
    """Renders and signs the report of an ended session. Raises NotEnded."""
    logged = [entry.logged() for entry in entries]
    told, made = facts(session, logged), corrections(session, logged)
    state = fold(session, logged)
    head = (state and state.numbered) or (told.head_seq, told.head)
    if made:
        head = (made[-1].seq, made[-1].head)
    log = log_lines(entry for entry in entries if entry.seq <= head[0])
    files = {LOG: log} | rendered(told, made)
    manifest = _manifest(told, entries, files)
    manifest["numbers"] = {kind: shown(kind, told.numbers) for kind, _ in told.numbers}
    manifest["head"] = {"seq": head[0], "hash": head[1]}
    if made:
        manifest |= {"version": made[-1].version, "corrects": made[-1].corrects}
    return Package(manifest, files, key.key_id, key.sign(manifest))


def rendered(told: Facts, made: Sequence[CorrectionFacts] = ()) -> dict[str, bytes]:
    """Each document in each form, by file name; minutes and report know of no correction."""
    data = canonical_bytes(_facts.dump_python(told, mode="json"))
    files = {}
    if made:
        added, at = addendum(told, made), made[-1].at
        files["addendum.json"] = canonical_bytes(_made.dump_python(tuple(made), mode="json"))
        files["addendum.html"], files["addendum.pdf"] = html(added), pdf(added, at)
    for document in (minutes(told), report(told)):
        files[f"{document.kind}.json"] = data
        files[f"{document.kind}.html"] = html(document)
        files[f"{document.kind}.pdf"] = pdf(document, told.ended_at)
    if told.minutes_read:
        files[READ] = told.minutes_read.encode()
    return files


def log_lines(entries: Iterable[Entry]) -> bytes:
    """The log as JSON lines: each header with its hash, and the salt and payload beside it."""
    lines = (
        {**entry.header(), "hash": entry.hash, "salt": entry.salt, "body": entry.body}
        for entry in entries
    )
    return b"".join(canonical_bytes(line) + b"\n" for line in lines)


def _manifest(told: Facts, entries: Sequence[Entry], files: dict[str, bytes]) -> dict[str, Any]:
    first = json.loads(entries[0].body)["data"]
    return {
        "purpose": PURPOSE,
        "installation": first["installation"],
        "session": told.session,
        "cell_id": first["cell_id"],
        "cell_name": told.cell_name,
        "committee": told.committee,
        "title": told.title,
        "starts_at": to_text(told.starts_at),
        "opened_at": to_text(told.opened_at),
        "ended_at": to_text(told.ended_at),
        "stage": told.stage,
        "head": {"seq": told.head_seq, "hash": told.head},
        "counts": {
            "members": told.members,
            "official": told.official,
            "attended": told.attended,
            "absent_with_reason": len(told.absent_with_reason),
            "absent": len(told.absent_without),
        },
        "votes": [
            {"motion": vote.motion, "text": vote.text, "sentence": vote.sentence}
            for vote in told.votes
        ],
        "minutes_read": told.minutes_hash,
        "files": [
            {
                "name": name,
                "sha256": hashlib.sha256(data).hexdigest(),
                "size": len(data),
                "pages": page_count(data) if name.endswith(".pdf") else 0,
            }
            for name, data in sorted(files.items())
        ],
    }


def packed(package: Package, spki: bytes) -> bytes:
    """The ZIP to send; nothing in it but the signature differs between two sealings."""
    signature = {
        "key_id": package.key_id,
        "spki": to_base64url(spki),
        "signature": package.signature,
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as file:
        for name, data in (
            (MANIFEST, canonical_bytes(package.manifest)),
            (SIGNATURE, canonical_bytes(signature)),
            *sorted(package.files.items()),
        ):
            file.writestr(zipfile.ZipInfo(name, EPOCH), data, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def unpacked(data: bytes) -> Package:
    """Reads a package, believing nothing in it. Raises PackageUnusable; check the seal next."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as file:
            infos = file.infolist()
            names = [info.filename for info in infos]
            if len(set(names)) != len(names) or not set(names) <= NAMES | {MANIFEST, SIGNATURE}:
                raise PackageUnusable("names")
            if sum(info.file_size for info in infos) > MOST_BYTES:
                raise PackageUnusable("too_large")
            # zipfile stops at the declared size, so that sum bounds what is unpacked.
            files = {info.filename: file.read(info) for info in infos}
    except _ZIP_ERRORS:
        raise PackageUnusable("not_zip") from None
    try:
        manifest, signature = json.loads(files.pop(MANIFEST)), json.loads(files.pop(SIGNATURE))
        key_id, signed = str(signature["key_id"]), str(signature["signature"])
    except (KeyError, TypeError, ValueError, RecursionError):
        raise PackageUnusable("manifest") from None
    if not isinstance(manifest, dict):
        raise PackageUnusable("manifest")
    return Package(manifest, files, key_id, signed)


def check(package: Package, spki: bytes) -> None:
    """The seal is that key's, and each file is the one named. Raises PackageUnusable."""
    try:
        key = PublicKey.from_spki(spki)
    except VotingError:
        raise PackageUnusable("seal") from None
    if package.key_id != key.key_id or not key.verify(package.manifest, package.signature):
        raise PackageUnusable("seal")
    try:
        listed = {file["name"]: file["sha256"] for file in package.manifest["files"]}
        purpose = package.manifest["purpose"]
    except (KeyError, TypeError):
        raise PackageUnusable("manifest") from None
    if purpose != PURPOSE or set(listed) != set(package.files):
        raise PackageUnusable("manifest")
    for name, data in sorted(package.files.items()):
        if hashlib.sha256(data).hexdigest() != listed[name]:
            raise PackageUnusable(f"file:{name}")

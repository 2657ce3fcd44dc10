"""Events: what recorder, upper committee and report say of the session."""

from dataclasses import dataclass
from typing import ClassVar, Literal


@dataclass(frozen=True, slots=True)
class RecorderChanged:
    """`since`: when it was last heard, if that is earlier than this was noticed; else empty."""

    TYPE: ClassVar[str] = "recorder-changed"
    state: Literal["recording", "stopped"]
    reason: str
    since: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingGap:
    """A gap that the recorder reports, counted from 1. Times are its clock's, in ms since 1970."""

    TYPE: ClassVar[str] = "recording-gap"
    number: int
    track: str  # empty: everything was missing
    participant: str
    from_ms: int
    to_ms: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpointed:
    """One of the recorder's signed statements; `hash` is the SHA-256 of its body as posted.

    `manifest_seq` and `manifest_head` name the last record of the recording's own chain, which
    so cannot be rewritten later without contradicting this log.
    """

    TYPE: ClassVar[str] = "checkpointed"
    hash: str
    key_id: str
    manifest_seq: int
    manifest_head: str
    nonce: str
    tracks: int
    segments: int
    bytes: int


@dataclass(frozen=True, slots=True)
class HeadWitnessed:
    """The upper committee's countersignature of a head."""

    TYPE: ClassVar[str] = "head-witnessed"
    seq: int
    head: str
    received_at: str
    key_id: str
    signature: str


@dataclass(frozen=True, slots=True)
class RecordingFinished:
    """The recorder has closed its files; `head` is the last hash of its manifest."""

    TYPE: ClassVar[str] = "recording-finished"
    head: str
    segments: int
    duration_ms: int
    bytes: int


@dataclass(frozen=True, slots=True)
class ReportSealed:
    """Each file of the report by name, and the installation's signature over the report's hash."""

    TYPE: ClassVar[str] = "report-sealed"
    sha256: str
    files: tuple[tuple[str, str], ...]  # name, SHA-256
    key_id: str
    signature: str


@dataclass(frozen=True, slots=True)
class ReportReceived:
    TYPE: ClassVar[str] = "report-received"
    committee: str
    number: str
    received_at: str
    sha256: str
    key_id: str
    signature: str


@dataclass(frozen=True, slots=True)
class DocumentsNumbered:
    """Numbers from the cell's register of that year, before the documents are written."""

    TYPE: ClassVar[str] = "documents-numbered"
    year: int
    numbers: tuple[tuple[str, int], ...]  # kind (minutes, resolution, report), running number


@dataclass(frozen=True, slots=True)
class ReportReviewed:
    """What an officer of the upper committee decided about the report with this SHA-256."""

    TYPE: ClassVar[str] = "report-reviewed"
    sha256: str
    state: Literal["accepted", "returned"]
    note: str
    reviewed_at: str
    key_id: str
    signature: str


@dataclass(frozen=True, slots=True)
class ReportCorrected:
    """An addendum to a returned report; what was sealed stays as it is. The actor wrote it."""

    TYPE: ClassVar[str] = "report-corrected"
    version: int  # of the report that this makes, from 2
    corrects: str  # SHA-256 of the one that was returned
    text: str

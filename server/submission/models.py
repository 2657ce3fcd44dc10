"""What installations say to each other, and the officer's page."""

from datetime import datetime
from typing import Any, Literal

from server.convening.models import Stage
from server.http.model import Model


class EnrolmentCode(Model):
    code: str
    fingerprint: str  # ours, groups of four, to be read out
    expires_at: datetime


class EnrolBody(Model):
    """Our administrator types the other side's address and one-time code."""

    url: str
    code: str


class PeerHello(Model):
    """Sent to the other installation with its one-time code."""

    code: str
    id: str
    name: str
    kind: Literal["cell", "committee"]
    url: str
    spki: str
    signature: str


class PeerCard(Model):
    """The answer to a hello: who took the code, signed over it."""

    id: str
    name: str
    kind: Literal["cell", "committee"]
    url: str
    spki: str
    signature: str


class Peer(Model):
    id: str
    name: str
    kind: Literal["cell", "committee"]
    url: str
    key_id: str
    fingerprint: str
    confirmed: bool
    enrolled_at: datetime


class Peers(Model):
    ours: str  # our fingerprint
    peers: list[Peer]


class KeyPayload(Model):
    """What stands beside the header of a device key's event; pseudonyms only."""

    seq: int
    salt: str
    body: str


class RunningBody(Model):
    """Every 10 s while a session runs: head and counts, no names."""

    session_id: str
    cell_id: str
    cell_name: str
    title: str
    starts_at: datetime
    opened_at: datetime | None
    stage: Stage
    item: str
    present: int
    base: int
    needed: int
    results: list[dict[str, Any]]  # {title, arithmetic, passed}
    recorder: str
    seq: int
    head: str
    prev_seq: int
    headers: list[dict[str, Any]]  # headers after prev_seq, so that the receiver checks the links
    keys: list[KeyPayload]  # of each header told that certifies or revokes a device key


class Countersignature(Model):
    session_id: str
    seq: int
    head: str
    received_at: datetime
    key_id: str
    signature: str


class ScheduleBody(Model):
    """A session due, sent when convened, rescheduled or cancelled."""

    session_id: str
    cell_id: str
    cell_name: str
    title: str
    starts_at: datetime
    stage: Stage
    seq: int = 1  # line of the log that says so: a later one wins


class ReportStatus(Model):
    """What became of a report, as its sender may ask."""

    session_id: str
    sha256: str
    state: Literal["received", "accepted", "returned"]
    note: str
    reviewed_at: datetime | None
    key_id: str = ""  # of the signature over `report-review`; empty until it is reviewed
    signature: str = ""


class WorkerNote(Model):
    """An event that the worker asks the application to append."""

    session_id: str
    type: str
    data: dict[str, Any]


class ReportReceipt(Model):
    number: str
    session_id: str
    sha256: str
    received_at: datetime
    committee: str
    key_id: str
    signature: str


class CellTile(Model):
    cell_id: str
    peer_id: str
    name: str
    state: Literal["late", "returned", "in_session", "due", "reported", "idle"]
    session_id: str | None
    title: str
    starts_at: datetime | None
    present: int | None
    base: int | None
    needed: int | None
    item: str
    stage: Stage | None
    recorder: str
    arithmetic: str
    hours_late: int
    received_at: datetime | None
    to_review: bool = False  # a dossier is here that no officer has accepted or returned


class CellBoard(Model):
    committee: str
    month: str
    tiles: list[CellTile]
    updated_at: datetime


class DossierDocument(Model):
    kind: str
    name: str
    url: str
    pages: int
    sha256: str
    signed_by: list[str]
    number: str  # as the document bears it: Số 05-BB/CB; empty if it bears none


class Correction(Model):
    """An addendum of the cell to a report that was returned."""

    version: int
    reason: str
    text: str
    by: str
    at: datetime


class FormerReport(Model):
    """A report that was returned, as it was received; the next version differs by `differences`."""

    version: int
    sha256: str
    receipt_number: str
    received_at: datetime
    returned_at: datetime | None
    review_note: str
    documents: list[DossierDocument]
    differences: list[str]


class Dossier(Model):
    session_id: str
    peer_id: str
    cell_name: str
    title: str
    started_at: datetime | None
    closed_at: datetime | None
    received_at: datetime
    receipt_number: str
    sha256: str
    documents: list[DossierDocument]
    report: dict[str, Any]
    recording_url: str | None  # proxied from the cell's installation
    state: Literal["received", "accepted", "returned"]
    review_note: str
    version: int
    corrections: list[Correction]
    former: list[FormerReport]  # the oldest first


class ReviewBody(Model):
    accept: bool
    note: str = ""

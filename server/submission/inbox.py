"""The upper committee's side: what other installations send is checked, kept and signed for."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from server.blobs import BlobMissing
from server.http.errors import BadInput, Conflict, NotFound, Unavailable
from server.reports.bundle import Package, PackageUnusable, check, unpacked
from server.services import Services
from server.session.times import from_text, to_millisecond
from server.store import key_directory as directory
from server.store import submission as store
from server.store.database import Connection
from server.submission import statements
from server.submission.corrections import require_correction
from server.submission.directory import BadKeys, Told, keys_told, row_of
from server.submission.links import BadHeaders, check_links
from server.submission.models import (
    Countersignature,
    ReportReceipt,
    ReportStatus,
    RunningBody,
    ScheduleBody,
)
from voting.signing import from_base64url

ENDED = ("closed", "adjourned", "abandoned")
AHEAD = timedelta(days=400)  # a session further away than this is a mistake of the sender


async def take_schedule(
    services: Services, peer_id: str, body: ScheduleBody, now: datetime
) -> None:
    """A session to come, or its new time, or that it is not held.

    What is already known from the running session, or from a later line of its log, stays.
    """
    if body.starts_at > now + AHEAD:
        raise BadInput("peer_schedule")

    def write(conn: Connection) -> None:
        old = store.followed_row(conn, peer_id, body.session_id)
        status = old["status"] if old else {}
        known = max(old["seq"], status.get("scheduled_at_seq", 0)) if old else 0
        if not status.get("opened") and body.seq >= known:
            status = {**status, "scheduled_at_seq": body.seq}
            store.put_followed(conn, _followed(peer_id, body, status, now))

    await services.database.write(write)


def _followed(
    peer_id: str, body: ScheduleBody | RunningBody, status: dict[str, Any], now: datetime
) -> dict[str, Any]:
    return {
        "peer_id": peer_id,
        "session_id": body.session_id,
        "cell_id": body.cell_id,
        "cell_name": body.cell_name,
        "title": body.title,
        "starts_at": body.starts_at,
        "stage": body.stage,
        "status": status,
        "heard_at": now,
    }


async def take_running(
    services: Services, peer_id: str, body: RunningBody, now: datetime
) -> Countersignature:
    """Countersigns a head that extends what we have witnessed.

    Raises Conflict `history_differs` when it contradicts a line we know, and `headers_missing`
    with the seq to continue from when there is a hole; BadInput for headers that are none.
    """
    try:
        check_links(body.session_id, body.headers)
    except BadHeaders as error:
        raise BadInput("peer_headers", seq=error.seq) from None
    if not body.headers and body.seq == 0:
        raise BadInput("peer_headers", seq=0)
    now = to_millisecond(now)
    try:
        keys = keys_told(body)
    except BadKeys as error:
        raise BadInput("peer_keys", seq=error.seq) from None
    try:
        await services.database.write(_extend, peer_id, body, keys, now)
    except store.Taken:
        raise Unavailable("peer_busy") from None  # the same message is being taken twice at once
    seal = services.keys.seal
    said = statements.countersignature(body.session_id, body.seq, body.head, now)
    return Countersignature(
        session_id=body.session_id,
        seq=body.seq,
        head=body.head,
        received_at=now,
        key_id=seal.key_id,
        signature=seal.sign(said),
    )


def _extend(
    conn: Connection, peer_id: str, body: RunningBody, keys: Sequence[Told], now: datetime
) -> None:
    """Compares with the lines that we have, and keeps the new ones. Raises Conflict."""
    old = store.followed_row(conn, peer_id, body.session_id)
    seq = old["seq"] if old else 0
    first = body.headers[0]["seq"] if body.headers else body.seq + 1
    if first > seq + 1:
        raise Conflict("headers_missing", seq=seq)
    known = store.hashes(conn, peer_id, body.session_id, first - 1, body.seq)
    told = {header["seq"]: header["hash"] for header in body.headers}
    if body.headers and first > 1:
        told[first - 1] = body.headers[0]["prev"]
    for line, digest in sorted(told.items()):
        if known.get(line, digest) != digest:
            raise Conflict("history_differs", seq=line)
    last = body.headers[-1] if body.headers else None
    head = last["hash"] if last else known.get(body.seq)
    if (last and last["seq"] != body.seq) or head != body.head:
        raise Conflict("history_differs", seq=body.seq)
    new = [header for header in body.headers if header["seq"] > seq]
    store.put_headers(conn, [_header_row(peer_id, body.session_id, header) for header in new])
    rows = [row_of(peer_id, body.session_id, key, now) for key in keys if key.seq > seq]
    if differs := directory.put_keys(conn, rows):
        raise Conflict("history_differs", seq=differs)
    if body.seq < seq:
        return  # an old message, or one sent again: true, but it must not take the board back
    fields = ("item", "present", "base", "needed", "results", "recorder")
    status = {name: getattr(body, name) for name in fields}
    status["opened"] = body.opened_at is not None
    values = _followed(peer_id, body, status, now)
    store.put_followed(conn, {**values, "seq": body.seq, "head": body.head})


def _header_row(peer_id: str, session_id: str, header: dict[str, Any]) -> dict[str, Any]:
    return {
        "peer_id": peer_id,
        "session_id": session_id,
        "seq": header["seq"],
        "hash": header["hash"],
        "header": json.dumps(header, sort_keys=True),
    }


async def take_report(
    services: Services, peer_id: str, data: bytes, now: datetime
) -> ReportReceipt:
    """Keeps a sealed report and signs for it; the same report again gets the same receipt.

    Another report for a session already reported is taken only after we returned the first one.
    Raises BadInput for what is not sealed by that peer, Conflict `report_differs`.
    """
    peer = await services.database.read(store.peer_by_id, peer_id)
    if peer is None:
        raise NotFound
    package = _opened(data, peer_id, from_base64url(peer["spki"]))
    session_id, digest = package.manifest["session"], package.sha256
    old = await services.database.read(store.inbox_row, peer_id, session_id)
    if old is not None and old["sha256"] == digest:
        return ReportReceipt.model_validate_json(old["receipt"])
    if old is not None:
        if old["state"] != "returned":
            raise Conflict("report_differs")
        require_correction(await received_package(services, old["blob"]), package)
    blob = f"inbox/{peer_id}-{digest}"
    await services.blobs.put(blob, data)
    try:
        return await services.database.write(
            _receive, services, peer_id, package, blob, to_millisecond(now)
        )
    except store.Taken:
        raise Unavailable("peer_busy") from None  # the same number at once: the sender comes again


def _opened(data: bytes, peer_id: str, spki: bytes) -> Package:
    try:
        package = unpacked(data)
        check(package, spki)
        manifest = package.manifest
        shaped = manifest["installation"] == peer_id and _plain_id(manifest["session"])
        times = [from_text(manifest[key]) for key in ("starts_at", "opened_at", "ended_at")]
        names = [manifest[key] for key in ("cell_id", "cell_name", "title", "stage")]
        whole = all(isinstance(name, str) and len(name) <= 500 for name in names) and times
        if not shaped or not whole or manifest["stage"] not in ENDED:
            raise PackageUnusable("manifest")
    except (KeyError, TypeError, ValueError):
        raise BadInput("report_unusable", reason="manifest") from None
    except PackageUnusable as error:
        raise BadInput("report_unusable", reason=error.reason) from None
    return package


def _plain_id(value: object) -> bool:
    return isinstance(value, str) and value.isascii() and value.isalnum() and len(value) <= 40


def _receive(
    conn: Connection, services: Services, peer_id: str, package: Package, blob: str, now: datetime
) -> ReportReceipt:
    manifest, keys = package.manifest, services.keys
    number = store.next_number(conn)
    named, committee = f"BN {number:04d}", services.config.name
    said = statements.receipt(manifest["session"], package.sha256, named, committee, now)
    receipt = ReportReceipt(
        number=named,
        session_id=manifest["session"],
        sha256=package.sha256,
        received_at=now,
        committee=committee,
        key_id=keys.seal.key_id,
        signature=keys.seal.sign(said),
    )
    values = {
        "peer_id": peer_id,
        "session_id": manifest["session"],
        "number": number,
        "sha256": package.sha256,
        "blob": blob,
        "received_at": now,
        "receipt": receipt.model_dump_json(),
        "state": "received",
        "review_note": "",
        "reviewed_by": None,
        "reviewed_at": None,
    }
    old = store.inbox_row(conn, peer_id, manifest["session"])
    if old is None:
        store.put_received(conn, values)
    else:
        store.keep_former(conn, old)
        store.correct_received(conn, values)
    _end_following(conn, peer_id, manifest, now)
    return receipt


def _end_following(conn: Connection, peer_id: str, manifest: dict[str, Any], now: datetime) -> None:
    """The report says how the session ended, even when its last running message was lost."""
    old = store.followed_row(conn, peer_id, manifest["session"])
    values = {
        "peer_id": peer_id,
        "session_id": manifest["session"],
        "cell_id": manifest["cell_id"],
        "cell_name": manifest["cell_name"],
        "title": manifest["title"],
        "starts_at": from_text(manifest["starts_at"]),
        "stage": manifest["stage"],
        "status": {**(old["status"] if old else {}), "opened": True},
        "heard_at": now,
    }
    store.put_followed(conn, values)


async def report_status(services: Services, peer_id: str, session_id: str) -> ReportStatus:
    """What became of the report of that session. Raises NotFound."""
    row = await services.database.read(store.inbox_row, peer_id, session_id)
    if row is None:
        raise NotFound
    status = ReportStatus(
        session_id=session_id,
        sha256=row["sha256"],
        state=row["state"],
        note=row["review_note"],
        reviewed_at=row["reviewed_at"],
    )
    if status.state == "received" or status.reviewed_at is None:
        return status
    seal, at = services.keys.seal, to_millisecond(status.reviewed_at)
    said = statements.review(session_id, status.sha256, status.state, status.note, at)
    signed = {"reviewed_at": at, "key_id": seal.key_id, "signature": seal.sign(said)}
    return status.model_copy(update=signed)


async def received_package(services: Services, blob: str) -> Package:
    """A report from the store as it was received. Raises Unavailable when the file is gone."""
    try:
        return unpacked(await services.blobs.get(blob))
    except (BlobMissing, PackageUnusable):
        raise Unavailable("report_damaged") from None

"""From a session's end to the upper committee's receipt, in steps that may each be repeated.

Whatever a crash interrupts is found again in the database: files without an outbox message, a
message without a receipt, a receipt that the log does not tell yet.
"""

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import structlog

from server.http.model import Done
from server.reports.bundle import FORMS, KINDS, Package, packed, seal, unpacked
from server.reports.numbers import kinds_of, year_of
from server.services import Services
from server.session.events import DocumentsNumbered, ReportReceived, ReportSealed
from server.session.fold import fold
from server.session.times import to_text
from server.store import events as event_store
from server.store import register
from server.store import reports as report_store
from server.store import submission as store
from server.store.database import Connection, RowMapping
from server.submission import statements
from server.submission.app_client import AppClient
from server.submission.client import PeerAway, PeerClient, PeerRefused, To
from server.submission.models import ReportReceipt
from server.texts import say
from voting.signing import PublicKey, from_base64url

FIRST_DELAY, LONGEST_DELAY = 1.0, 300.0  # seconds
log = structlog.get_logger()


class BadReceipt(Exception):
    """The answer is not that peer's signed receipt for what we sent."""


def delay(attempts: int, random: float) -> float:
    """Seconds until the next try after `attempts` failed ones; `random` is from 0 to 1.

    Doubles from one second to five minutes, give or take a quarter, so that many cells whose
    committee comes back do not all come at once.
    """
    steady = min(LONGEST_DELAY, FIRST_DELAY * 2.0 ** min(attempts, 20))
    return steady * (0.75 + 0.5 * random)


def package_blob(session_id: str, version: int = 1) -> str:
    return f"report/{_named(session_id, version)}.zip"


def _named(session_id: str, version: int) -> str:
    """Every version keeps files of its own: what was sealed is never written over."""
    return session_id if version == 1 else f"{session_id}-v{version}"


def _file_blob(session_id: str, version: int, name: str) -> str:
    return f"report/{_named(session_id, version)}-{name}"


class Deliverer:
    """`random` gives numbers from 0 to 1. One per worker; only the leading worker uses it."""

    def __init__(
        self,
        services: Services,
        app: AppClient,
        client: PeerClient,
        random: Callable[[], float],
    ) -> None:
        self.services, self.app, self.client, self.random = services, app, client, random
        self._sealed: set[tuple[str, int]] = set()  # told by the log; spares reading it again

    async def advance(self, session_id: str) -> bool:
        """Brings an ended session's report as far as it can go without the committee.

        True when a message was put into the outbox.
        """
        database = self.services.database
        version = await database.read(report_store.version, session_id)
        blob = package_blob(session_id, version)
        if (session_id, version) not in self._sealed:
            files = await database.read(report_store.file_row, session_id, "minutes", "json")
            if files is None or files["blob"] != _file_blob(session_id, version, "minutes.json"):
                await self._number(session_id)
                await self._render(session_id, version)
            await self._tell_sealed(session_id, blob)
            self._sealed.add((session_id, version))
        message = await database.read(store.report_message, session_id)
        if message is None or message["blob"] != blob:
            if await database.read(store.committee) is not None:
                await self._queue(session_id, blob)
                return True
        elif message["state"] == "received":
            await self._tell_received(message)
        return False

    async def send_due(self) -> int:
        """Sends what is due; how many messages were taken by the other side."""
        rows = await self.services.database.read(store.due, self.services.clock())
        return sum([await self._send(row) for row in rows])

    async def _number(self, session_id: str) -> None:
        """Numbers from the register, told to the log before anything is written with them."""
        entries = await self.services.database.read(event_store.entries_after, session_id, 0)
        state = fold(session_id, [entry.logged() for entry in entries])
        if state is None or state.numbers or state.report_sealed or state.ended_at is None:
            return
        year, cell_id = year_of(state.ended_at), state.convened.cell_id
        numbers = await self.services.database.write(
            register.assign, session_id, cell_id, year, kinds_of(state)
        )
        await self.app.note(session_id, DocumentsNumbered(year, numbers))

    async def _render(self, session_id: str, version: int) -> None:
        """Files first, then their rows: rows without files never exist."""
        services = self.services
        entries = await services.database.read(event_store.entries_after, session_id, 0)
        key = services.keys.seal
        package = await asyncio.to_thread(seal, session_id, entries, key)
        rows = []
        for name, data in package.files.items():
            kind, _, form = name.partition(".")
            if kind not in KINDS or form not in FORMS:
                continue
            blob = _file_blob(session_id, version, name)
            await services.blobs.put(blob, data)
            rows.append(
                {
                    "kind": kind,
                    "form": form,
                    "sha256": hashlib.sha256(data).hexdigest(),
                    "size": len(data),
                    "blob": blob,
                    "created_at": services.clock(),
                }
            )
        whole = packed(package, key.public.spki)
        await services.blobs.put(package_blob(session_id, version), whole)
        await services.database.write(report_store.put_files, session_id, rows)
        log.info("report_rendered", session=session_id)

    async def _package(self, blob: str) -> Package:
        return unpacked(await self.services.blobs.get(blob))

    async def _has(
        self, session_id: str, kind: type[ReportSealed | ReportReceived], sha256: str
    ) -> bool:
        """Whether the log tells this of the report with that SHA-256."""
        entries = await self.services.database.read(event_store.entries_after, session_id, 0)
        told = (entry.logged().event for entry in entries if entry.type == kind.TYPE)
        return any(isinstance(event, kind) and event.sha256 == sha256 for event in told)

    async def _tell_sealed(self, session_id: str, blob: str) -> None:
        package = await self._package(blob)
        if await self._has(session_id, ReportSealed, package.sha256):
            return
        files = tuple((file["name"], file["sha256"]) for file in package.manifest["files"])
        sealed = ReportSealed(package.sha256, files, package.key_id, package.signature)
        await self.app.note(session_id, sealed)

    async def _queue(self, session_id: str, blob: str) -> None:
        """Puts the report into the outbox, once there is somebody to send it to."""
        services, now = self.services, self.services.clock()
        digest = (await self._package(blob)).sha256

        def write(conn: Connection) -> None:
            to, last = store.committee(conn), store.report_message(conn, session_id)
            if to is None or (last is not None and last["blob"] == blob):
                return
            message = {
                "id": services.new_id(),
                "peer_id": to["id"],
                "kind": "report",
                "session_id": session_id,
                "blob": blob,
                "sha256": digest,
                "state": "waiting",
                "created_at": now,
                "next_try_at": now,
            }
            store.put_message(conn, message)

        await services.database.write(write)

    async def _send(self, row: RowMapping) -> bool:
        services = self.services
        try:
            receipt = await self._exchange(row)
        except (PeerAway, PeerRefused, BadReceipt) as error:
            seconds = delay(row["attempts"], self.random())
            again = services.clock() + timedelta(seconds=seconds)
            await services.database.write(store.put_off, row["id"], again, reason_vi(error))
            log.warning(
                "delivery_failed", kind=row["kind"], reason=str(error), again_in=round(seconds, 1)
            )
            return False
        if receipt is None:
            await services.database.write(store.acknowledge, row["id"], "acknowledged", None)
            return True
        kept = receipt.model_dump_json()
        await services.database.write(store.acknowledge, row["id"], "received", kept)
        return True

    async def _exchange(self, row: RowMapping) -> ReportReceipt | None:
        """Sends one message. Raises PeerAway, PeerRefused or BadReceipt."""
        to = To(row["peer_id"], row["url"])
        if row["kind"] == "report":
            data = await self.services.blobs.get(row["blob"])
            receipt = await self.client.post(
                to, "/api/peer/reports", data, "application/zip", ReportReceipt
            )
            check_receipt(receipt, dict(row))
            return receipt
        path = f"/api/peer/{row['kind']}"
        await self.client.post(to, path, row["body"].encode(), "application/json", Done)
        return None

    async def _tell_received(self, message: RowMapping) -> None:
        receipt = ReportReceipt.model_validate_json(message["receipt"])
        session_id = message["session_id"]
        if not await self._has(session_id, ReportReceived, receipt.sha256):
            await self.app.note(
                session_id,
                ReportReceived(
                    receipt.committee,
                    receipt.number,
                    to_text(receipt.received_at),
                    receipt.sha256,
                    receipt.key_id,
                    receipt.signature,
                ),
            )
        await self.services.database.write(store.finish_message, message["id"])


def check_receipt(receipt: ReportReceipt, row: Mapping[str, Any]) -> None:
    """That peer's signature over our report and no other. Raises BadReceipt."""
    key = PublicKey.from_spki(from_base64url(row["spki"]))
    said = statements.receipt(
        row["session_id"], row["sha256"], receipt.number, receipt.committee, receipt.received_at
    )
    ours = receipt.session_id == row["session_id"] and receipt.sha256 == row["sha256"]
    if not ours or receipt.key_id != key.key_id or not key.verify(said, receipt.signature):
        raise BadReceipt("signature")


def reason_vi(error: Exception) -> str:
    """Why a delivery waits, as the chair reads it."""
    match error:
        case PeerAway():
            return say("submission.error.away")
        case PeerRefused(code="report_differs"):
            return say("submission.error.differs")
        case PeerRefused(status=401):
            return say("submission.error.not_confirmed")
        case BadReceipt():
            return say("submission.error.receipt")
        case _:
            return say("submission.error.refused")

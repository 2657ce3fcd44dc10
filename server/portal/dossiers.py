"""One session's dossier at the upper committee: what was received, and how it stands."""

import json
from typing import Any

from server.http.call import Call
from server.http.errors import NotFound
from server.reports.bundle import Package
from server.session.times import from_text
from server.store import submission as store
from server.store.database import RowMapping
from server.submission.models import Dossier, DossierDocument, ReportReceipt
from server.texts import say


async def received(call: Call) -> RowMapping:
    """The inbox row of the session in the path. Raises NotFound."""
    row = await call.services.database.read(store.received, call.path["session_id"])
    if row is None:
        raise NotFound
    return row


def dossier(row: RowMapping, package: Package) -> Dossier:
    manifest = package.manifest
    receipt = ReportReceipt.model_validate_json(row["receipt"])
    return Dossier(
        session_id=row["session_id"],
        peer_id=row["peer_id"],
        cell_name=manifest["cell_name"],
        title=manifest["title"],
        started_at=from_text(manifest["opened_at"]),
        closed_at=from_text(manifest["ended_at"]),
        received_at=row["received_at"],
        receipt_number=receipt.number,
        sha256=row["sha256"],
        documents=[_document(row, package, file) for file in manifest["files"]],
        report=json.loads(package.files["report.json"]) if "report.json" in package.files else {},
        recording_url=f"/api/officer/sessions/{row['session_id']}/recording",
        state=row["state"],
        review_note=row["review_note"],
    )


def _document(row: RowMapping, package: Package, file: dict[str, Any]) -> DossierDocument:
    kind = file["name"].partition(".")[0]
    return DossierDocument(
        kind=kind,
        name=file["name"],
        url=f"/api/officer/sessions/{row['session_id']}/documents/{file['name']}",
        pages=int(file.get("pages", 0)),
        sha256=file["sha256"],
        signed_by=[say("portal.sealed_by", name=row["peer_name"], key=package.key_id)],
    )

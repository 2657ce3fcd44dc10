"""One session's dossier at the upper committee: what was received, and how it stands."""

import json
from typing import Any

from server.http.call import Call
from server.http.errors import NotFound
from server.reports.bundle import Package
from server.services import Services
from server.session.times import from_text
from server.store import submission as store
from server.store.database import RowMapping
from server.submission.corrections import differences, version_of
from server.submission.inbox import received_package
from server.submission.models import (
    Correction,
    Dossier,
    DossierDocument,
    FormerReport,
    ReportReceipt,
)
from server.texts import say


async def received(call: Call) -> RowMapping:
    """The inbox row of the session in the path. Raises NotFound."""
    row = await call.services.database.read(store.received, call.path["session_id"])
    if row is None:
        raise NotFound
    return row


async def show(services: Services, row: RowMapping) -> Dossier:
    """The dossier with every version of its report. Raises Unavailable when a file is gone."""
    package = await received_package(services, row["blob"])
    rows = await services.database.read(store.former, row["peer_id"], row["session_id"])
    former = [(one, await received_package(services, one["blob"])) for one in rows]
    after = [*(old for _, old in former[1:]), package]
    shown = (
        [_former(row, one, old, new) for (one, old), new in zip(former, after, strict=True)]
        if former
        else []
    )
    return dossier(row, package).model_copy(update={"former": shown})


def _former(row: RowMapping, one: RowMapping, old: Package, new: Package) -> FormerReport:
    version = version_of(old.manifest)
    base = f"/api/officer/sessions/{one['session_id']}/versions/{version}"
    return FormerReport(
        version=version,
        sha256=one["sha256"],
        receipt_number=ReportReceipt.model_validate_json(one["receipt"]).number,
        received_at=one["received_at"],
        returned_at=one["reviewed_at"],
        review_note=one["review_note"],
        documents=[_document(row, old, file, base) for file in old.manifest["files"]],
        differences=differences(old, new),
    )


async def version(call: Call) -> Package:
    """The package of the version in the path. Raises NotFound."""
    row, services = await received(call), call.services
    rows = await services.database.read(store.former, row["peer_id"], row["session_id"])
    for one in (row, *rows):
        package = await received_package(services, one["blob"])
        if str(version_of(package.manifest)) == call.path["version"]:
            return package
    raise NotFound


def dossier(row: RowMapping, package: Package) -> Dossier:
    manifest = package.manifest
    receipt = ReportReceipt.model_validate_json(row["receipt"])
    base = f"/api/officer/sessions/{row['session_id']}/documents"
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
        documents=[_document(row, package, file, base) for file in manifest["files"]],
        report=json.loads(package.files["report.json"]) if "report.json" in package.files else {},
        recording_url=f"/api/officer/sessions/{row['session_id']}/recording",
        state=row["state"],
        review_note=row["review_note"],
        version=version_of(manifest),
        corrections=_corrections(package),
        former=[],
    )


def _corrections(package: Package) -> list[Correction]:
    names = Correction.model_fields
    made = json.loads(package.files.get("addendum.json", b"[]"))
    return [Correction.model_validate({name: one[name] for name in names}) for one in made]


def _document(
    row: RowMapping, package: Package, file: dict[str, Any], base: str
) -> DossierDocument:
    kind = file["name"].partition(".")[0]
    return DossierDocument(
        kind=kind,
        name=file["name"],
        url=f"{base}/{file['name']}",
        pages=int(file.get("pages", 0)),
        sha256=file["sha256"],
        number=str(package.manifest.get("numbers", {}).get(kind, "")),
        signed_by=[say("portal.sealed_by", name=row["peer_name"], key=package.key_id)],
    )

"""Handlers of the reports routes."""

from starlette.responses import Response

from server.blobs import BlobMissing
from server.http.call import Call
from server.http.errors import NotFound
from server.reports.bundle import FORMS, KINDS, log_lines
from server.store import events as event_store
from server.store import reports as store

TYPES = {
    "json": "application/json",
    "html": "text/html; charset=utf-8",
    "pdf": "application/pdf",
    "jsonl": "application/x-ndjson",
    "txt": "text/plain; charset=utf-8",
}


async def read_report(call: Call) -> Response:
    """Minutes or report in one form, as they were sealed."""
    kind, form = call.path["kind"], call.path["form"]
    if kind not in KINDS or form not in FORMS:
        raise NotFound
    services, session_id = call.services, call.path["session_id"]
    row = await services.database.read(store.file_row, session_id, kind, form)
    if row is None:
        raise NotFound("report_not_ready")
    try:
        data = await services.blobs.get(row["blob"])
    except BlobMissing:
        raise NotFound("report_not_ready") from None
    return file_response(f"{kind}.{form}", data)


async def export_session(call: Call) -> Response:
    """The whole log as it stands, for `chibo verify` and for keeping."""
    session_id = call.path["session_id"]
    entries = await call.services.database.read(event_store.entries_after, session_id, 0)
    if not entries:
        raise NotFound("report_not_ready")
    response = file_response("log.jsonl", log_lines(entries))
    response.headers["Content-Disposition"] = f'attachment; filename="{session_id}.jsonl"'
    return response


def file_response(name: str, data: bytes) -> Response:
    """One of our documents, shown in the browser; nothing in it may run or load anything."""
    form = name.rpartition(".")[2]
    headers = {"Content-Disposition": f'inline; filename="{name}"', "Cache-Control": "no-store"}
    return Response(data, headers=headers, media_type=TYPES[form])

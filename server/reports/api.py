"""Handlers of the reports routes."""

from starlette.background import BackgroundTask
from starlette.responses import FileResponse, Response

from server.blobs import BlobMissing
from server.http.call import Call
from server.http.errors import NotFound
from server.reports.bundle import FORMS, KINDS
from server.session.export import export
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
    """The session as it stands, for `chibo verify` and for keeping; `?recording=1` with media."""
    session_id = call.path["session_id"]
    with_recording = call.request.query_params.get("recording") == "1"
    path = await export(call.services, session_id, call.now, with_recording)
    return FileResponse(
        path,
        media_type="application/zip",
        filename=f"{session_id}.zip",
        headers={"Cache-Control": "no-store"},
        background=BackgroundTask(path.unlink, missing_ok=True),
    )


def file_response(name: str, data: bytes) -> Response:
    """One of our documents, shown in the browser; nothing in it may run or load anything."""
    form = name.rpartition(".")[2]
    headers = {"Content-Disposition": f'inline; filename="{name}"', "Cache-Control": "no-store"}
    return Response(data, headers=headers, media_type=TYPES[form])

"""Handlers of the officer's pages."""

from starlette.responses import Response
from starlette.websockets import WebSocket

from server.http.call import Call
from server.http.errors import BadInput, Conflict, NotFound
from server.portal import dossiers, live_board, playback
from server.portal.boards import current_board
from server.portal.verdict import package_verdict
from server.recordings.models import Recording, Verdict
from server.reports.api import file_response
from server.store import submission as store
from server.submission.inbox import received_package
from server.submission.models import CellBoard, Dossier

NOTE_MIN = 5  # characters; a return without a reason helps nobody


async def show_board(call: Call) -> CellBoard:
    return await current_board(call.services)


async def live(call: Call, socket: WebSocket) -> None:
    await live_board.serve(call, socket)


async def show_dossier(call: Call) -> Dossier:
    return await dossiers.show(call.services, await dossiers.received(call))


async def read_document(call: Call) -> Response:
    """One file of the package, as it was received."""
    row = await dossiers.received(call)
    package = await received_package(call.services, row["blob"])
    data = package.files.get(call.path["name"])
    if data is None:
        raise NotFound
    return file_response(call.path["name"], data)


async def read_version(call: Call) -> Response:
    """One file of a version of the report: a returned one is kept as it was received."""
    package = await dossiers.version(call)
    data = package.files.get(call.path["name"])
    if data is None:
        raise NotFound
    return file_response(call.path["name"], data)


async def review(call: Call) -> Dossier:
    """Accepts the dossier, or returns it with a note that the cell's leaders will read."""
    row, note = await dossiers.received(call), call.body.note.strip()
    if row["state"] == "accepted":
        raise Conflict("already_accepted")
    if not call.body.accept and len(note) < NOTE_MIN:
        raise BadInput("return_without_note")
    await call.services.database.write(
        store.review,
        row["peer_id"],
        row["session_id"],
        "accepted" if call.body.accept else "returned",
        note,
        call.principal.account_id or "",
        call.now,
    )
    return await show_dossier(call)


async def show_verdict(call: Call) -> Verdict:
    return await package_verdict(call.services, await dossiers.received(call), call.now)


async def show_recording(call: Call) -> Recording:
    return await playback.recording(call, await dossiers.received(call))


async def read_recording_file(call: Call) -> Response:
    return await playback.recording_file(call, await dossiers.received(call))

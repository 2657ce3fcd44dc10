"""Documents of a session: taken in, drawn, kept outside the web root, given out again."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

from pydantic import ValidationError
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.responses import Response

from server.blobs import BlobMissing
from server.convening.agenda import tidy
from server.convening.models import DocumentOptions
from server.convening.pdf import page_pictures
from server.convening.preparation import document_line, needs_late_reason, vietnamese_day
from server.convening.telling import Told, tell_summoned
from server.http.call import Call
from server.http.errors import BadInput, Conflict, NotFound
from server.http.ranges import file_answer
from server.people.members import Actor
from server.services import Services
from server.session.decide_convened import add_document
from server.session.events import DocumentLine
from server.session.law import Events
from server.session.state import State
from server.store import convening as store
from server.store.database import Connection
from server.store.people import Line
from voting.rules import rules_at

MAX_DOCUMENTS = 60  # of one session
WEBP = "image/webp"


@dataclass(frozen=True, slots=True)
class Upload:
    """What the form held, checked."""

    name: str
    data: bytes
    item_id: str | None
    late_reason: str | None
    replaces: str | None  # a paper of the convened session
    reason: str  # why it is replaced


async def read_upload(request: Request) -> Upload:
    """The one file of a multipart form and the fields beside it. Raises BadInput."""
    try:
        async with request.form(max_files=1, max_fields=4) as form:
            file = form.get("file")
            fields = {name: value for name, value in form.items() if name != "file" and value}
            if not isinstance(file, UploadFile):
                raise BadInput("file_missing")
            data = await file.read()
            options = DocumentOptions.model_validate(fields)
    except (MultiPartException, HTTPException, ValidationError):
        raise BadInput("bad_upload") from None
    late = tidy(options.late_reason or "")
    if late and not 3 <= len(late) <= 500:
        raise BadInput("bad_late_reason")
    reason = tidy(options.reason or "")
    if options.replaces and not 3 <= len(reason) <= 500:
        raise BadInput("bad_reason")
    name = tidy((file.filename or "").replace("\\", "/").rpartition("/")[2])
    stem = name[:-4] if name.lower().endswith(".pdf") else name
    return Upload(
        name=stem.strip(" .")[:120] or "Tài liệu",
        data=data,
        item_id=options.item_id,
        late_reason=late or None,
        replaces=options.replaces,
        reason=reason,
    )


async def take_document(call: Call, upload: Upload) -> str:
    """Checks, draws and stores; the new document's id. Nothing is listed unless all went well."""
    services, session_id = call.services, call.path["session_id"]
    database = services.database
    await database.read(_require_place, session_id, upload, call)
    pictures = await page_pictures(upload.data)
    document_id = services.new_id()
    for number, picture in enumerate(pictures, 1):
        await services.blobs.put(page_blob(document_id, number), picture)
    await services.blobs.put(file_blob(document_id), upload.data)
    values = {
        "id": document_id,
        "session_id": session_id,
        "item_id": upload.item_id,
        "name": upload.name,
        "pages": len(pictures),
        "size": len(upload.data),
        "sha256": hashlib.sha256(upload.data).hexdigest(),
        "uploaded_at": call.now,
        "uploaded_by": call.principal.account_id,
        "late_reason": upload.late_reason,
    }

    def add(conn: Connection) -> None:
        session = _require_place(conn, session_id, upload, call)
        store.create_document(conn, values)
        Actor.of(call).audit(conn, "document.create", f"{upload.name} ({session['title']})")

    def add_to_draft(conn: Connection) -> bool:
        """False when the session has been convened: then it enters the log as well."""
        if store.lock_session(conn, session_id) != "draft":
            return False
        if upload.replaces:
            raise Conflict("not_convened")
        add(conn)
        return True

    try:
        if not await database.write(add_to_draft):
            await _add_to_convened(call, upload, document_line(values), add)
    except Exception:
        await delete_blobs(services, document_id, len(pictures))
        raise
    return document_id


async def _add_to_convened(
    call: Call, upload: Upload, line: DocumentLine, add: Callable[[Connection], None]
) -> None:
    """No paper is shown whose hash does not stand in the log."""
    session_id, old = call.path["session_id"], None
    if upload.replaces:
        old = await call.services.database.read(store.document_by_id, session_id, upload.replaces)
        if old is None:
            raise NotFound()

    def decided(state: State, actor: str) -> Events:
        return add_document(state, actor, line, upload.replaces, upload.reason)

    def beside(conn: Connection, state: State) -> None:
        if old is not None:
            store.delete_document(conn, old["id"])
            words = {"title": state.convened.title, "name": old["name"], "reason": upload.reason}
            told = Told("document_replaced", words)
            tell_summoned(conn, Actor.of(call), session_id, told)
        add(conn)

    member_id = call.principal.member_id
    await call.services.session.change_convened(session_id, member_id, call.now, decided, beside)
    if old is not None:
        await delete_blobs(call.services, old["id"], old["pages"])


async def drop_document(call: Call) -> None:
    session_id, document_id = call.path["session_id"], call.path["document_id"]

    def drop(conn: Connection) -> int:
        require_draft(store.lock_session(conn, session_id))
        found = store.document_by_id(conn, session_id, document_id)
        if found is None:
            raise NotFound()
        store.delete_document(conn, document_id)
        Actor.of(call).audit(conn, "document.delete", found["name"])
        return int(found["pages"])

    pages = await call.services.database.write(drop)
    await delete_blobs(call.services, document_id, pages)


async def page_response(call: Call) -> Response:
    document, page = await find_document(call), call.path["page"]
    if not page.isdecimal() or not 1 <= int(page) <= document["pages"]:
        raise NotFound()
    data = await _blob(call.services, page_blob(document["id"], int(page)))
    headers = {"Cache-Control": "private, max-age=3600, immutable"}
    return Response(data, headers=headers | _INERT, media_type=WEBP)


async def file_response(call: Call) -> Response:
    """The PDF as it came, always to be saved, never opened inside our own origin."""
    assert isinstance(call.request, Request)
    document = await find_document(call)
    name = quote(f"{document['name']}.pdf", safe="")
    headers = {
        "Content-Disposition": f"attachment; filename=\"tai-lieu.pdf\"; filename*=UTF-8''{name}",
        "Cache-Control": "private, no-store",
    }
    blob = file_blob(document["id"])
    try:
        return await file_answer(
            call.request, call.services.blobs, blob, "application/pdf", headers | _INERT
        )
    except BlobMissing:
        raise NotFound() from None


_INERT = {"X-Content-Type-Options": "nosniff"}


async def find_document(call: Call) -> Line:
    session_id, document_id = call.path["session_id"], call.path["document_id"]
    found = await call.services.database.read(store.document_by_id, session_id, document_id)
    if found is None:
        raise NotFound()
    return found


def require_draft(stage: str | None) -> None:
    """After convening the log holds agenda and papers, which are then withdrawn with a trace."""
    if stage is None:
        raise NotFound()
    if stage != "draft":
        raise Conflict("already_convened")


def file_blob(document_id: str) -> str:
    return f"document/{document_id}/file.pdf"


def page_blob(document_id: str, page: int) -> str:
    return f"document/{document_id}/{page}.webp"


def _require_gathering(conn: Connection, session_id: str) -> None:
    session = store.session_by_id(conn, session_id)
    if session is None:
        raise NotFound()
    if session["stage"] not in ("draft", "convened", "waiting"):
        raise Conflict("too_late_to_upload")


def _require_place(conn: Connection, session_id: str, upload: Upload, call: Call) -> Line:
    """The session, if it can take this document now."""
    _require_gathering(conn, session_id)
    session = store.session_by_id(conn, session_id)
    assert session is not None
    if len(store.documents(conn, session_id, None)) >= MAX_DOCUMENTS + bool(upload.replaces):
        raise Conflict("too_many_documents", most=MAX_DOCUMENTS)
    if upload.item_id and all(i["id"] != upload.item_id for i in store.agenda(conn, session_id)):
        raise BadInput("item_unknown", number=0)
    if needs_late_reason(session["starts_at"], call.now) and not upload.late_reason:
        rules = rules_at(vietnamese_day(session["starts_at"]))
        raise Conflict("late_reason_needed", days=rules.number("materials.lead_days"))
    return session


async def _blob(services: Services, name: str) -> bytes:
    try:
        return await services.blobs.get(name)
    except BlobMissing:
        raise NotFound() from None


async def delete_blobs(services: Services, document_id: str, pages: int) -> None:
    for number in range(1, pages + 1):
        await services.blobs.delete(page_blob(document_id, number))
    await services.blobs.delete(file_blob(document_id))

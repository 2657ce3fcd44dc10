"""Handlers of the convening routes."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from server.convening import documents as papers
from server.convening import models as m
from server.convening.agenda import checked_items, checked_session, tidy
from server.convening.preparation import (
    Preparation,
    convened,
    obstacles,
    prepare,
    vietnamese_day,
)
from server.convening.telling import queue_schedule
from server.convening.views import documents, listed, session_detail
from server.http.authorise import leads
from server.http.call import Call
from server.http.errors import BadInput, Conflict, NotFound
from server.http.model import Done
from server.people.members import Actor
from server.store import convening as store
from server.store.database import Connection
from server.submission.models import ScheduleBody
from voting.signing import to_base64url


async def list_sessions(call: Call) -> m.Sessions:
    """What comes first stands first; what is over follows, newest first."""
    viewer, database = call.principal, call.services.database
    assert viewer.account_id is not None
    led = [cell for _, cell in viewer.roles if cell is not None and leads(viewer, cell)]
    rows = await database.read(store.sessions_for, viewer.account_id, led)
    receipts = await database.read(store.receipts, [row["id"] for row in rows])
    shown = [listed(row, receipts.get(row["id"]), viewer) for row in rows]
    over = [s for s in shown if s.stage in ("closed", "adjourned", "abandoned")]
    coming = [s for s in reversed(shown) if s not in over]
    return m.Sessions(sessions=[*coming, *over])


async def create_session(call: Call) -> m.SessionDetail:
    body, session_id = call.body, call.services.new_id()
    values = checked_session(body)
    items = checked_items(body.items, (), vietnamese_day(body.starts_at), call.services.new_id)
    values |= {"id": session_id, "cell_id": call.path["cell_id"], "stage": "draft"}

    def create(conn: Connection) -> None:
        store.create_session(conn, {**values, "created_at": call.now})
        store.put_agenda(conn, session_id, items)
        Actor.of(call).audit(conn, "session.create", values["title"])

    await call.services.database.write(create)
    return await _detail(call, session_id)


async def change_session(call: Call) -> m.SessionDetail:
    body, session_id = call.body, call.path["session_id"]
    values, day = checked_session(body), vietnamese_day(body.starts_at)

    def change(conn: Connection) -> None:
        papers.require_draft(store.lock_session(conn, session_id))
        known = [row["id"] for row in store.agenda(conn, session_id)]
        items = checked_items(body.items, known, day, call.services.new_id)
        store.change_session(conn, session_id, values)
        store.put_agenda(conn, session_id, items)
        Actor.of(call).audit(conn, "session.change", values["title"])

    await call.services.database.write(change)
    return await _detail(call, session_id)


async def show_session(call: Call) -> m.SessionDetail:
    """Opening it marks the caller's summons as seen."""
    session_id, member_id = call.path["session_id"], call.principal.member_id
    if member_id is not None:
        await call.services.database.write(store.see_summons, session_id, member_id, call.now)
    return await _detail(call, session_id)


async def upload_document(call: Call) -> m.Document:
    assert isinstance(call.request, Request)
    upload = await papers.read_upload(call.request)
    document_id = await papers.take_document(call, upload)
    session_id, member_id = call.path["session_id"], call.principal.member_id
    rows = await call.services.database.read(store.documents, session_id, member_id)
    return next(shown for shown in documents(rows) if shown.id == document_id)


async def delete_document(call: Call) -> Done:
    await papers.drop_document(call)
    return Done()


async def show_page(call: Call) -> Response:
    return await papers.page_response(call)


async def download_document(call: Call) -> Response:
    return await papers.file_response(call)


async def mark_read(call: Call) -> Done:
    document, member_id = await papers.find_document(call), call.principal.member_id
    if not 1 <= call.body.page <= document["pages"]:
        raise BadInput("page_unknown", pages=document["pages"])
    if member_id is None:
        raise NotFound()
    await call.services.database.write(
        store.mark_read, document["id"], member_id, call.body.page, call.now
    )
    return Done()


async def convene(call: Call) -> m.SessionDetail:
    """Summons the members, begins the log, and tells the upper committee.

    An interrupted convening is finished by asking again.
    """
    services, session_id = call.services, call.path["session_id"]
    prepared = await services.database.write(_begin_convening, call)
    if prepared is not None:
        first = convened(
            prepared,
            installation=services.keys.installation_id,
            seal_key=services.keys.seal.key_id,
            seal_spki=to_base64url(services.keys.seal.public.spki),
            web_bundle=services.web_bundle,
        )
        actor = prepared.pseudonyms[call.principal.member_id or ""]
        await services.session.convene(session_id, first, actor, call.now)
    await services.database.write(_finish_convening, call)
    return await _detail(call, session_id)


async def reply(call: Call) -> Done:
    """Whether the member comes; staying away takes a reason."""
    reason = tidy(call.body.reason)
    if len(reason) > 500 or (not call.body.coming and len(reason) < 3):
        raise BadInput("absence_reason")
    session_id, member_id = call.path["session_id"], call.principal.member_id
    answer = "coming" if call.body.coming else "absent"

    def answer_summons(conn: Connection) -> None:
        if store.lock_session(conn, session_id) not in ("convened", "waiting"):
            raise Conflict("too_late_to_reply")
        if not store.reply(conn, session_id, member_id or "", answer, reason):
            raise NotFound()

    await call.services.database.write(answer_summons)
    return Done()


async def _detail(call: Call, session_id: str) -> m.SessionDetail:
    services = call.services
    stage = await services.database.read(store.stage_of, session_id)
    begun = stage is not None and stage != "draft"
    state = await services.session.state(session_id) if begun else None
    return await services.database.read(session_detail, session_id, call.principal, call.now, state)


def _begin_convening(conn: Connection, call: Call) -> Preparation | None:
    """Writes the summonses; None when the log already begins and only the rest is to do."""
    session_id = call.path["session_id"]
    store.lock_session(conn, session_id)
    session = store.session_by_id(conn, session_id)
    if session is None:
        raise NotFound()
    if session["convened_at"] is not None:
        raise Conflict("already_convened")
    if session["head_seq"] > 0:
        return None
    prepared = prepare(conn, session)
    if found := obstacles(prepared, call.now):
        raise Conflict("cannot_convene", why=" ".join(found))
    names = prepared.pseudonyms
    rows = [
        {"member_id": row["id"], "person": names[row["id"]], "sent_at": call.now}
        for row in prepared.summoned
    ]
    store.put_summonses(conn, session_id, rows)
    return prepared


def _finish_convening(conn: Connection, call: Call) -> None:
    """Dates the convening and queues the schedule message to each upper committee."""
    session_id = call.path["session_id"]
    store.lock_session(conn, session_id)
    session = store.session_by_id(conn, session_id)
    if session is None or session["convened_at"] is not None:
        return
    values: dict[str, Any] = {"convened_at": call.now}
    if session["stage"] == "draft":
        values["stage"] = "convened"
    store.change_session(conn, session_id, values)
    message = ScheduleBody(
        session_id=session_id,
        cell_id=session["cell_id"],
        cell_name=session["cell_name"],
        title=session["title"],
        starts_at=session["starts_at"],
        stage="convened",
    )
    queue_schedule(conn, Actor.of(call), message)
    Actor.of(call).audit(conn, "session.convene", session["title"])

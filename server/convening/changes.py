"""Handlers of what leaders change after the convening: the hour, the session itself, papers."""

from collections.abc import Callable
from datetime import datetime

from server.convening import documents as papers
from server.convening.agenda import YEARS, tidy
from server.convening.models import SessionDetail
from server.convening.preparation import (
    Preparation,
    authorisation_line,
    changed_since,
    needs_late_reason,
    prepare,
)
from server.convening.telling import Told, tell_committees, tell_ending, tell_summoned
from server.convening.views import session_detail
from server.http.call import Call
from server.http.errors import BadInput, Conflict, NotFound
from server.people.members import Actor
from server.people.roster import eligibility_sentence
from server.session import decide_convened as law
from server.session import events as e
from server.session.law import Events
from server.session.stages import Stage
from server.session.state import State
from server.session.times import clock_vi, date_vi, to_text
from server.store import convening as store
from server.store.database import Connection
from server.texts import say


async def reschedule(call: Call) -> SessionDetail:
    """Another time or place, with a reason: everybody is summoned anew and told."""
    body, place, reason = call.body, tidy(call.body.place), checked_reason(call.body.reason)
    if not 2 <= len(place) <= 200:
        raise BadInput("bad_place")
    if body.starts_at.tzinfo is None or body.starts_at.year not in YEARS:
        raise BadInput("bad_start")
    session_id = call.path["session_id"]
    before = await _state(call)
    prepared = await call.services.database.read(_prepared, session_id, body.starts_at)
    ahead = before.stage is Stage.CONVENED  # otherwise the law says what is wrong
    if ahead and (found := obstacles_to_move(prepared, before)):
        raise Conflict("cannot_reschedule", why=" ".join(found))
    permit = authorisation_line(prepared.authorisation)
    to = e.Rescheduled(to_text(body.starts_at), place, reason, permit)

    def told(state: State) -> Told:
        return Told(
            "session_moved",
            {
                "title": state.convened.title,
                "from_time": clock_vi(before.starts_at),
                "from_day": date_vi(before.starts_at),
                "time": clock_vi(state.starts_at),
                "day": date_vi(state.starts_at),
                "place": state.place,
                "reason": reason,
            },
        )

    def beside(conn: Connection, state: State) -> None:
        store.renew_summonses(conn, session_id, call.now)
        tell_summoned(conn, Actor.of(call), session_id, told(state))
        tell_committees(conn, Actor.of(call), state)
        Actor.of(call).audit(conn, "session.reschedule", state.convened.title)

    return await _change(
        call, lambda state, actor: law.reschedule(state, actor, to, call.now), beside
    )


def obstacles_to_move(prepared: Preparation, state: State) -> list[str]:
    """What on the new day, or in the cell since the convening, asks for a new convening."""
    found: list[str] = []
    if prepared.rules.version != state.rules.version:
        found.append(say("convening.rules_changed", day=f"{prepared.day:%d/%m/%Y}"))
    if not prepared.eligibility.eligible:
        found.append(eligibility_sentence(prepared.eligibility))
    if not prepared.authorised:
        found.append(say("convening.not_authorised", day=f"{prepared.day:%d/%m/%Y}"))
    if names := changed_since(prepared, state):
        found.append(say("convening.roster_changed", names=", ".join(names)))
    for document in prepared.documents:
        late = needs_late_reason(prepared.session["starts_at"], document["uploaded_at"])
        if late and not document["late_reason"]:
            found.append(say("convening.document_would_be_late", name=document["name"]))
    return found


async def cancel(call: Call) -> SessionDetail:
    """The session is not held. Everybody summoned is told why."""
    reason = checked_reason(call.body.reason)

    def beside(conn: Connection, state: State) -> None:
        tell_ending(conn, Actor.of(call), state)
        Actor.of(call).audit(conn, "session.cancel", state.convened.title)

    return await _change(call, lambda state, actor: law.cancel(state, actor, reason), beside)


async def withdraw_document(call: Call) -> SessionDetail:
    """Destroys a paper that was a mistake; its name, hash and the reason stay in the log."""
    session_id, document_id = call.path["session_id"], call.path["document_id"]
    reason = checked_reason(call.body.reason)
    document = await papers.find_document(call)

    def beside(conn: Connection, state: State) -> None:
        store.delete_document(conn, document_id)
        words = {"title": state.convened.title, "name": document["name"], "reason": reason}
        told = Told("document_withdrawn", words)
        tell_summoned(conn, Actor.of(call), session_id, told)
        Actor.of(call).audit(conn, "document.withdraw", document["name"])

    detail = await _change(
        call, lambda state, actor: law.withdraw_document(state, actor, document_id, reason), beside
    )
    await papers.delete_blobs(call.services, document_id, document["pages"])
    return detail


def checked_reason(text: str) -> str:
    reason = tidy(text)
    if not 3 <= len(reason) <= 500:
        raise BadInput("bad_reason")
    return reason


async def _state(call: Call) -> State:
    """The fold. Raises Conflict for a draft, which is simply edited."""
    session_id = call.path["session_id"]
    stage = await call.services.database.read(store.stage_of, session_id)
    if stage is None:
        raise NotFound()
    if stage == "draft":
        raise Conflict("not_convened")
    return await call.services.session.state(session_id)


def _prepared(conn: Connection, session_id: str, starts_at: datetime) -> Preparation:
    session = store.session_by_id(conn, session_id)
    if session is None:
        raise NotFound()
    return prepare(conn, {**session, "starts_at": starts_at})


async def _change(
    call: Call,
    decided: Callable[[State, str], Events],
    beside: Callable[[Connection, State], None],
) -> SessionDetail:
    await _state(call)
    services, session_id = call.services, call.path["session_id"]
    member_id = call.principal.member_id
    state = await services.session.change_convened(session_id, member_id, call.now, decided, beside)
    return await services.database.read(session_detail, session_id, call.principal, call.now, state)

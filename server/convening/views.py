"""Drafts and sessions as lists and preparation screens show them."""

import json
from collections.abc import Sequence
from datetime import datetime

from server.convening import models as m
from server.convening.preparation import Preparation, changed_since, obstacles, prepare
from server.http.authorise import leads
from server.http.call import Principal
from server.http.errors import NotFound
from server.session.stages import GATHERING, Stage
from server.session.state import Move, State, Withdrawal
from server.store import convening as store
from server.store.database import Connection
from server.store.people import Line
from server.texts import say
from voting.electorate import Exclusion, barred_from_attending


def session_detail(
    conn: Connection, session_id: str, viewer: Principal, now: datetime, state: State | None
) -> m.SessionDetail:
    """Leaders see every summons and what stands in the way; a member sees their own summons.

    `state` is the fold of a convened session, None of a draft.
    """
    session = store.session_by_id(conn, session_id)
    if session is None:
        raise NotFound()
    i_lead = leads(viewer, session["cell_id"])
    prepared = prepare(conn, session) if session["stage"] == "draft" else None
    summonses = [
        row
        for row in store.summonses(conn, session_id)
        if prepared is None and (i_lead or row["member_id"] == viewer.member_id)
    ]
    own = ("id", "cell_id", "cell_name", "committee", "title", "starts_at", "place", "mode")
    return m.SessionDetail.model_validate(
        {
            **{name: session[name] for name in (*own, "stage")},
            "items": agenda_items(store.agenda(conn, session_id)),
            "documents": documents(store.documents(conn, session_id, viewer.member_id)),
            "summons": [_summons(row) for row in summonses],
            **_readiness(prepared, now),
            **_since_convening(conn, session, state, i_lead),
            "not_summoned": _not_summoned(prepared, state) if i_lead else [],
            "i_lead": i_lead,
            "cancelled": _cancelled(session),
        }
    )


def _since_convening(
    conn: Connection, session: Line, state: State | None, i_lead: bool
) -> dict[str, object]:
    if state is None:
        return {"end_reason": "", "rescheduled": [], "withdrawn": [], "roster_changed": []}
    ahead = i_lead and state.stage in GATHERING
    return {
        "end_reason": state.end_reason,
        "rescheduled": [_move(state, move) for move in state.moves],
        "withdrawn": [_withdrawal(state, gone) for gone in state.withdrawn],
        "roster_changed": changed_since(prepare(conn, session), state) if ahead else [],
    }


def _not_summoned(prepared: Preparation | None, state: State | None) -> list[str]:
    barred: list[tuple[str, Exclusion | None]] = []
    if prepared is not None:
        barred = [(row["name"], prepared.barred(row)) for row in prepared.members]
    elif state is not None:
        people = state.members.values()
        barred = [(m.line.name, barred_from_attending(m.standing, state.rules)) for m in people]
    return [say("convening.not_summoned", name=n, why=why.text_vi) for n, why in barred if why]


def _move(state: State, move: Move) -> m.Rescheduling:
    return m.Rescheduling(
        starts_at=move.starts_at,
        place=move.place,
        by=state.name(move.by),
        reason=move.reason,
        at=move.at,
    )


def _withdrawal(state: State, gone: Withdrawal) -> m.WithdrawnDocument:
    return m.WithdrawnDocument(
        id=gone.document.id,
        name=gone.document.name,
        sha256=gone.document.sha256,
        by=state.name(gone.by),
        reason=gone.reason,
        replaced_by=gone.replaced_by,
        at=gone.at,
    )


def _cancelled(session: Line) -> bool:
    return session["stage"] == Stage.ABANDONED and session["opened_at"] is None


def _readiness(prepared: Preparation | None, now: datetime) -> dict[str, object]:
    if prepared is None:  # it was convened, so all this held
        return {"eligible": True, "authorised": True, "obstacles": []}
    return {
        "eligible": prepared.eligibility.eligible,
        "authorised": prepared.authorised,
        "obstacles": obstacles(prepared, now),
    }


def agenda_items(rows: Sequence[Line]) -> list[m.AgendaItem]:
    names = m.AgendaItem.model_fields
    return [m.AgendaItem.model_validate({name: row[name] for name in names}) for row in rows]


def documents(rows: Sequence[Line]) -> list[m.Document]:
    names = m.Document.model_fields
    return [m.Document.model_validate({name: row[name] for name in names}) for row in rows]


def listed(row: Line, receipt: str | None, viewer: Principal) -> m.SessionListed:
    names = set(m.SessionListed.model_fields) - {"i_chair", "report_received_at", "cancelled"}
    return m.SessionListed.model_validate(
        {
            **{name: row[name] for name in names},
            "cancelled": _cancelled(row),
            "i_chair": ("secretary", row["cell_id"]) in viewer.roles,
            "report_received_at": json.loads(receipt)["received_at"] if receipt else None,
        }
    )


def _summons(row: Line) -> m.Summons:
    names = m.Summons.model_fields
    return m.Summons.model_validate({name: row[name] for name in names})

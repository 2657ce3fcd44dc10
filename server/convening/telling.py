"""Who is told when something about a convened session changes: those summoned, and those above."""

import hashlib
from dataclasses import dataclass
from typing import Any

from server.people.members import Actor
from server.session.stages import ENDED, Stage
from server.session.state import State
from server.session.times import clock_vi, date_vi, from_text
from server.store import accounts
from server.store import convening as store
from server.store.database import Connection
from server.submission.models import ScheduleBody


@dataclass(frozen=True, slots=True)
class Told:
    """A notice: `[notice] <code>` of the texts, with its words."""

    code: str
    words: dict[str, Any]


def tell_summoned(conn: Connection, actor: Actor, session_id: str, told: Told) -> None:
    """A notice on the next screen of everybody summoned, except who made the change."""
    accounts.notify(
        conn,
        [
            {
                "id": actor.new_id(),
                "account_id": account_id,
                "code": told.code,
                "params": told.words,
                "created_at": actor.now,
            }
            for account_id in store.summoned_accounts(conn, session_id)
            if account_id != actor.account_id
        ],
    )


def tell_ending(conn: Connection, actor: Actor, state: State) -> None:
    """That the session is not held, or is held another day."""
    words = {"title": state.convened.title, "reason": state.end_reason}
    if state.stage is Stage.ADJOURNED:
        until = from_text(state.adjourned_until)
        words |= {"time": clock_vi(until), "day": date_vi(until)}
        tell_summoned(conn, actor, state.session, Told("session_adjourned", words))
    elif state.stage is Stage.ABANDONED and state.opened_at is None:
        words |= {"time": clock_vi(state.starts_at), "day": date_vi(state.starts_at)}
        tell_summoned(conn, actor, state.session, Told("session_cancelled", words))
    if state.opened_at is None:
        tell_committees(conn, actor, state)


def tell_committees(conn: Connection, actor: Actor, state: State) -> None:
    """Queues the session's appointed time, or that it is not held, for each upper committee."""
    convened = state.convened
    message = ScheduleBody(
        session_id=state.session,
        cell_id=convened.cell_id,
        cell_name=convened.cell_name,
        title=convened.title,
        starts_at=state.starts_at,
        stage=state.stage.value if state.stage in ENDED else "convened",
        seq=state.seq,
    )
    queue_schedule(conn, actor, message)


def queue_schedule(conn: Connection, actor: Actor, message: ScheduleBody) -> None:
    body = message.model_dump_json()
    for peer_id in store.committee_peers(conn):
        store.put_in_outbox(
            conn,
            {
                "id": actor.new_id(),
                "peer_id": peer_id,
                "kind": "schedule",
                "session_id": message.session_id,
                "body": body,
                "sha256": hashlib.sha256(body.encode()).hexdigest(),
                "state": "waiting",
                "created_at": actor.now,
                "next_try_at": actor.now,
            },
        )

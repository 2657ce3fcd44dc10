"""Sessions that the worker looks after, and the files rendered of each."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, func, insert, select, update

from server.session.stages import ENDED, RUNNING
from server.store.tables import outbox, peer, report, session

_RUNNING = [stage.value for stage in RUNNING]
_ENDED = [stage.value for stage in ENDED]


def running(conn: Connection) -> Sequence[str]:
    """Sessions that are open now."""
    query = select(session.c.id).where(session.c.stage.in_(_RUNNING))
    return conn.execute(query).scalars().all()


def unreported(conn: Connection) -> Sequence[str]:
    """Sessions that were opened and have ended, and whose newest report is not acknowledged."""
    done = (
        select(func.count())
        .where(
            outbox.c.session_id == session.c.id,
            outbox.c.kind == "report",
            outbox.c.state == "acknowledged",
        )
        .scalar_subquery()
    )
    query = select(session.c.id).where(
        session.c.stage.in_(_ENDED),
        session.c.opened_at.is_not(None),
        done < session.c.corrections + 1,
    )
    return conn.execute(query.order_by(session.c.closed_at)).scalars().all()


def unwitnessed(conn: Connection, since: datetime) -> Sequence[str]:
    """Sessions that ended lately and whose end the upper committee may not have countersigned.

    Also those called off before they were opened, so that nobody waits for them.
    """
    query = select(session.c.id).where(session.c.stage.in_(_ENDED), session.c.closed_at >= since)
    return conn.execute(query).scalars().all()


def under_review(conn: Connection, since: datetime) -> Sequence[RowMapping]:
    """Acknowledged reports, the newest of each session first: with cell_id, title, url, spki."""
    query = (
        select(
            outbox.c.id,
            outbox.c.session_id,
            outbox.c.peer_id,
            outbox.c.body,
            session.c.cell_id,
            session.c.title,
            outbox.c.sha256,
            peer.c.url,
            peer.c.spki,
        )
        .join(session, session.c.id == outbox.c.session_id)
        .join(peer, peer.c.id == outbox.c.peer_id)
        .where(
            outbox.c.kind == "report",
            outbox.c.state == "acknowledged",
            outbox.c.created_at >= since,
            peer.c.confirmed_at.is_not(None),
        )
        .order_by(outbox.c.created_at.desc())
    )
    return conn.execute(query).mappings().all()


def put_review(conn: Connection, message_id: str, body: str) -> None:
    """What the committee answered about a report: a ReportStatus as JSON."""
    conn.execute(update(outbox).where(outbox.c.id == message_id).values(body=body))


def version(conn: Connection, session_id: str) -> int:
    """The number of the newest report: one, and one more for each correction."""
    query = select(session.c.corrections).where(session.c.id == session_id)
    return int(conn.execute(query).scalar_one()) + 1


def file_row(conn: Connection, session_id: str, kind: str, form: str) -> RowMapping | None:
    query = select(report).where(
        report.c.session_id == session_id, report.c.kind == kind, report.c.form == form
    )
    return conn.execute(query).mappings().first()


def put_files(conn: Connection, session_id: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """The rendered files, in place of earlier ones: kind, form, sha256, size, blob, created_at."""
    conn.execute(delete(report).where(report.c.session_id == session_id))
    conn.execute(insert(report), [{"session_id": session_id, **row} for row in rows])

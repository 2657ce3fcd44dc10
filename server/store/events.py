"""The append-only log of each session, and the head kept beside it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update
from sqlalchemy.exc import IntegrityError, OperationalError

from server.session.chain import GENESIS, Entry
from server.store import notices
from server.store.tables import event, event_payload, session


class HeadMoved(Exception):
    """Somebody appended first: read on, decide again."""


def head(conn: Connection, session_id: str) -> tuple[int, str] | None:
    """The last seq and hash; None when there is no such session."""
    row = conn.execute(
        select(session.c.head_seq, session.c.head_hash).where(session.c.id == session_id)
    ).first()
    return None if row is None else (row.head_seq, row.head_hash)


def heads(conn: Connection, session_ids: Iterable[str]) -> dict[str, int]:
    rows = conn.execute(
        select(session.c.id, session.c.head_seq).where(session.c.id.in_(list(session_ids)))
    )
    return {row.id: row.head_seq for row in rows}


def entries_after(conn: Connection, session_id: str, seq: int) -> list[Entry]:
    """The log lines after `seq`, in order. A destroyed payload comes with an empty body."""
    return [_entry(row) for row in conn.execute(_lines(session_id, seq))]


def _lines(session_id: str, seq: int) -> Any:
    joined = event.outerjoin(
        event_payload,
        (event.c.session_id == event_payload.c.session_id) & (event.c.seq == event_payload.c.seq),
    )
    return (
        select(event, event_payload.c.salt, event_payload.c.body)
        .select_from(joined)
        .where(event.c.session_id == session_id, event.c.seq > seq)
        .order_by(event.c.seq)
    )


def _entry(row: Row[Any]) -> Entry:
    return Entry(
        row.session_id,
        row.seq,
        row.prev,
        row.type,
        row.time,
        row.actor,
        row.payload_hash,
        row.hash,
        row.salt or "",
        row.body or "",
    )


def append(
    conn: Connection,
    session_id: str,
    lines: Sequence[Entry],
    stage: str,
    opened_at: datetime | None,
    closed_at: datetime | None,
    appointed: Mapping[str, Any] | None = None,
) -> None:
    """Adds the lines to the head they were decided on. Raises HeadMoved if it is another now.

    `appointed` are further columns of the session's row that repeat the fold: time and place.

    Two writers who read the same head both reach the insert; the unique (session, seq) lets one
    through and the other starts over.
    """
    before = (lines[0].seq - 1, "" if lines[0].prev == GENESIS else lines[0].prev)
    if head(conn, session_id) != before:
        raise HeadMoved
    try:
        conn.execute(insert(event), [_header_row(line) for line in lines])
        conn.execute(insert(event_payload), [_payload_row(line) for line in lines])
        conn.execute(
            update(session)
            .where(session.c.id == session_id)
            .values(
                head_seq=lines[-1].seq,
                head_hash=lines[-1].hash,
                stage=stage,
                opened_at=opened_at,
                closed_at=closed_at,
                **(appointed or {}),
            )
        )
        notices.tell(conn, session_id, lines[-1].seq)
    except IntegrityError:
        raise HeadMoved from None
    except OperationalError as error:
        if "deadlock" in str(error.orig):
            raise HeadMoved from None
        raise


def _header_row(line: Entry) -> dict[str, Any]:
    return {**_named(line), "session_id": line.session, "hash": line.hash}


def _named(line: Entry) -> dict[str, Any]:
    return {name: value for name, value in line.header().items() if name != "session"}


def _payload_row(line: Entry) -> dict[str, Any]:
    return {"session_id": line.session, "seq": line.seq, "salt": line.salt, "body": line.body}


def set_witnessed(conn: Connection, session_id: str, seq: int) -> None:
    """The last head that the upper committee countersigned, for lists."""
    conn.execute(update(session).where(session.c.id == session_id).values(witnessed_seq=seq))

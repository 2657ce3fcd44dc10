"""Where each recording stands: begun with the first checkpoint, finished once."""

from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from server.store.people import Line
from server.store.tables import recording


def begin(conn: Connection, session_id: str, now: datetime) -> None:
    """The first time counts."""
    known = select(recording.c.session_id).where(recording.c.session_id == session_id)
    if conn.execute(known.with_for_update()).first() is None:
        conn.execute(insert(recording).values(session_id=session_id, started_at=now))


def finish(conn: Connection, session_id: str, values: Line, now: datetime) -> bool:
    """Keeps `head`, `segments`, `duration_ms`, `bytes`; False when it had been told so before."""
    begin(conn, session_id, now)
    before = by_session(conn, session_id)
    assert before is not None
    if before["finished_at"] is not None and all(before[n] == v for n, v in values.items()):
        return False
    conn.execute(
        update(recording)
        .where(recording.c.session_id == session_id)
        .values(**values, finished_at=now)
    )
    return True


def by_session(conn: Connection, session_id: str) -> Line | None:
    query = select(recording).where(recording.c.session_id == session_id)
    return conn.execute(query).mappings().first()

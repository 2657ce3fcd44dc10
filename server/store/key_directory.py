"""Device keys as the cells told them: added to, never changed."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, or_, select

from server.store.tables import key_directory


def put_keys(conn: Connection, rows: Sequence[Mapping[str, Any]]) -> int | None:
    """Adds what is new; the line of the first key that stands here otherwise, and then nothing."""
    if not rows:
        return None
    known = {k["seq"]: k for k in keys_of(conn, rows[0]["peer_id"], rows[0]["session_id"])}
    for row in rows:
        old = known.get(row["seq"])
        if old and any(old[name] != row[name] for name in ("type", "person", "key_id", "spki")):
            return int(row["seq"])
    new = [dict(row) for row in rows if row["seq"] not in known]
    if new:
        conn.execute(insert(key_directory), new)
    return None


def keys_of(conn: Connection, peer_id: str, session_id: str) -> Sequence[RowMapping]:
    query = select(key_directory).where(
        key_directory.c.peer_id == peer_id, key_directory.c.session_id == session_id
    )
    return conn.execute(query.order_by(key_directory.c.seq)).mappings().all()


def elsewhere(conn: Connection, peer_id: str, session_id: str) -> frozenset[str]:
    """Those of this session's key ids that some other session has told too."""
    here = select(key_directory.c.key_id).where(
        key_directory.c.peer_id == peer_id, key_directory.c.session_id == session_id
    )
    query = select(key_directory.c.key_id).where(
        key_directory.c.key_id.in_(here),
        or_(key_directory.c.peer_id != peer_id, key_directory.c.session_id != session_id),
    )
    return frozenset(conn.execute(query).scalars())

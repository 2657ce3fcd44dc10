"""Failed guesses per key, where a key is the hash of a source, or of a source and an account."""

from datetime import datetime

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from server.store.tables import throttle


def blocked_until(conn: Connection, keys: list[str], now: datetime) -> datetime | None:
    query = select(throttle.c.blocked_until).where(
        throttle.c.key.in_(keys), throttle.c.blocked_until > now
    )
    return max(conn.execute(query).scalars(), default=None)


def failures(conn: Connection, key: str) -> tuple[int, datetime] | None:
    """How many since the last success or pause, and when the last was."""
    query = select(throttle.c.failures, throttle.c.last_at).where(throttle.c.key == key)
    row = conn.execute(query).first()
    return (row.failures, row.last_at) if row else None


def record(
    conn: Connection, key: str, count: int, now: datetime, blocked_until: datetime | None
) -> None:
    values = {"failures": count, "last_at": now, "blocked_until": blocked_until}
    done = conn.execute(update(throttle).where(throttle.c.key == key).values(**values))
    if done.rowcount == 0:
        try:
            with conn.begin_nested():
                conn.execute(insert(throttle).values(key=key, **values))
        except IntegrityError:  # another instance was first
            conn.execute(update(throttle).where(throttle.c.key == key).values(**values))


def forget(conn: Connection, keys: list[str]) -> None:
    conn.execute(delete(throttle).where(throttle.c.key.in_(keys)))


def forget_older(conn: Connection, before: datetime) -> None:
    conn.execute(delete(throttle).where(throttle.c.last_at < before))

"""Failed guesses per key, where a key is the hash of a source, or of a source and an account."""

from datetime import datetime

from sqlalchemy import Connection, RowMapping, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from server.store.tables import throttle


def locked(conn: Connection, key: str, now: datetime) -> RowMapping:
    """The key's row, made if there is none; parallel attempts wait for each other here."""
    query = select(throttle).where(throttle.c.key == key).with_for_update()
    while (row := conn.execute(query).mappings().first()) is None:
        try:
            with conn.begin_nested():
                conn.execute(insert(throttle).values(key=key, failures=0, last_at=now))
        except IntegrityError:
            pass  # another attempt was first; it is waited for, and may forget the row again
    return row


def record(
    conn: Connection, key: str, count: int, now: datetime, blocked_until: datetime | None
) -> None:
    values = {"failures": count, "last_at": now, "blocked_until": blocked_until}
    conn.execute(update(throttle).where(throttle.c.key == key).values(**values))


def forget(conn: Connection, keys: list[str]) -> None:
    conn.execute(delete(throttle).where(throttle.c.key.in_(keys)))


def take_back(conn: Connection, keys: list[str]) -> None:
    """One attempt fewer against each key."""
    counted = throttle.c.key.in_(keys) & (throttle.c.failures > 0)
    conn.execute(update(throttle).where(counted).values(failures=throttle.c.failures - 1))


def forget_older(conn: Connection, before: datetime) -> None:
    conn.execute(delete(throttle).where(throttle.c.last_at < before))

"""Which process does a thing: leases that run out by the database's clock, not by ours."""

from datetime import timedelta

from sqlalchemy import ColumnElement, Connection, delete, false, insert, update
from sqlalchemy.exc import IntegrityError

from server.store.presence import database_now
from server.store.tables import job_lease


def take(conn: Connection, name: str, holder: str, seconds: int, seat: str = "") -> bool:
    """Takes or renews a lease; False while another process holds it.

    `seat` is a word that at most one living process has, since a supervisor starts its successor
    there only when it is dead. A holder `<seat>/…` is therefore oneself or gone.
    """
    now = database_now(conn)
    expires_at = now + timedelta(seconds=seconds)
    renewed = conn.execute(
        update(job_lease)
        .where(
            job_lease.c.name == name,
            (job_lease.c.holder == holder) | (job_lease.c.expires_at < now) | _gone(seat),
        )
        .values(holder=holder, expires_at=expires_at)
    )
    if renewed.rowcount == 1:
        return True
    try:
        with conn.begin_nested():
            conn.execute(insert(job_lease).values(name=name, holder=holder, expires_at=expires_at))
    except IntegrityError:
        return False
    return True


def _gone(seat: str) -> ColumnElement[bool]:
    return job_lease.c.holder.startswith(f"{seat}/", autoescape=True) if seat else false()


def give_up(conn: Connection, name: str, holder: str) -> None:
    conn.execute(delete(job_lease).where(job_lease.c.name == name, job_lease.c.holder == holder))

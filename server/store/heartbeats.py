"""That processes without a port are alive: leases that they renew while they run."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, select, update

from server.store.tables import job_lease

LASTS = timedelta(seconds=9)


def beat(conn: Connection, role: str, instance: str, now: datetime) -> None:
    """This instance lives, and can write."""
    name = f"{role}/{instance}"
    conn.execute(delete(job_lease).where(job_lease.c.expires_at < now - 100 * LASTS))
    renewed = conn.execute(
        update(job_lease).where(job_lease.c.name == name).values(expires_at=now + LASTS)
    )
    if renewed.rowcount == 0:
        conn.execute(insert(job_lease).values(name=name, holder=instance, expires_at=now + LASTS))


def end(conn: Connection, role: str, instance: str) -> None:
    conn.execute(delete(job_lease).where(job_lease.c.name == f"{role}/{instance}"))


def any_alive(conn: Connection, role: str, now: datetime) -> bool:
    query = select(job_lease.c.name).where(
        job_lease.c.name.startswith(f"{role}/", autoescape=True), job_lease.c.expires_at > now
    )
    return conn.execute(query).first() is not None

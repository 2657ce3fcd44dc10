"""Which processes are alive: each renews a lease of its own."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, select, update

from server.store.tables import job_lease

LASTS = timedelta(seconds=10)


def beat(conn: Connection, role: str, instance: str, now: datetime) -> None:
    """Says that this instance of `role` lives; forgets those that have long been silent."""
    name, until = f"alive/{role}/{instance}", now + LASTS
    done = conn.execute(update(job_lease).where(job_lease.c.name == name).values(expires_at=until))
    if done.rowcount == 0:
        conn.execute(insert(job_lease).values(name=name, holder=instance, expires_at=until))
        silent = now - LASTS
        conn.execute(
            delete(job_lease).where(
                job_lease.c.name.like(f"alive/{role}/%"), job_lease.c.expires_at < silent
            )
        )


def any_alive(conn: Connection, role: str, now: datetime) -> bool:
    query = select(job_lease.c.name).where(
        job_lease.c.name.like(f"alive/{role}/%"), job_lease.c.expires_at > now
    )
    return conn.execute(query).first() is not None


def end(conn: Connection, role: str, instance: str) -> None:
    conn.execute(delete(job_lease).where(job_lease.c.name == f"alive/{role}/{instance}"))

"""Leases of members' devices: renewed by the live socket, run out in the database's own time."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, delete, select, text

from server.store.tables import presence

LEASE = timedelta(seconds=15)


@dataclass(frozen=True, slots=True)
class Lease:
    """A device heard `age` ago. Line good, fair, poor or none; switches as the device tells."""

    session: str
    person: str
    device: str
    line: str
    microphone: bool
    camera: bool
    age: timedelta


@dataclass(frozen=True, slots=True)
class Device:
    session: str
    person: str
    device: str
    line: str
    microphone: bool
    camera: bool


def database_now(conn: Connection) -> datetime:
    """The one clock that all instances share."""
    if conn.dialect.name == "sqlite":
        told = conn.execute(text("SELECT strftime('%Y-%m-%dT%H:%M:%f', 'now')")).scalar_one()
        return datetime.fromisoformat(told).replace(tzinfo=UTC)
    told = conn.execute(text("SELECT clock_timestamp()")).scalar_one()
    assert isinstance(told, datetime)
    return told.astimezone(UTC)


def renew(conn: Connection, instance: str, leases: Iterable[Lease]) -> None:
    """Writes these devices as heard; whichever instance holds a device's socket owns its lease."""
    now = database_now(conn)
    for lease in leases:
        conn.execute(
            delete(presence).where(
                presence.c.session_id == lease.session,
                presence.c.person == lease.person,
                presence.c.device == lease.device,
            )
        )
        conn.execute(
            presence.insert().values(
                session_id=lease.session,
                person=lease.person,
                device=lease.device,
                instance=instance,
                line=lease.line,
                microphone=lease.microphone,
                camera=lease.camera,
                expires_at=now - lease.age + LEASE,
            )
        )


def drop_person(conn: Connection, session_id: str, person: str) -> None:
    conn.execute(
        delete(presence).where(presence.c.session_id == session_id, presence.c.person == person)
    )


def reap(conn: Connection) -> None:
    """Forgets leases that ran out, whoever's they were."""
    conn.execute(delete(presence).where(presence.c.expires_at <= database_now(conn)))


def devices(conn: Connection, session_ids: Iterable[str]) -> list[Device]:
    """The devices with a running lease in these sessions."""
    rows = conn.execute(
        select(presence).where(
            presence.c.session_id.in_(list(session_ids)),
            presence.c.expires_at > database_now(conn),
        )
    )
    return [Device(r.session_id, r.person, r.device, r.line, r.microphone, r.camera) for r in rows]


def sessions_with_leases(conn: Connection) -> set[str]:
    return set(conn.execute(select(presence.c.session_id).distinct()).scalars())

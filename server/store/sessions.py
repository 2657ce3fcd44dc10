"""What the running session reads and keeps beside its log: device keys, pairing, checkpoints."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, and_, insert, select, update

from server.session.stages import ENDED, RUNNING, Stage
from server.store.tables import (
    checkpoint,
    device_key,
    document,
    outbox,
    peer,
    read_mark,
    report,
    room_device,
    session,
    sign_in,
    summons,
)

GOING_ON = tuple(str(stage) for stage in (*RUNNING, Stage.WAITING))


def running(conn: Connection) -> list[str]:
    """Sessions between the first arrival and the end."""
    return list(conn.execute(select(session.c.id).where(session.c.stage.in_(GOING_ON))).scalars())


def documents(conn: Connection, session_id: str) -> list[RowMapping]:
    query = select(document).where(document.c.session_id == session_id)
    return list(conn.execute(query.order_by(document.c.uploaded_at, document.c.id)).mappings())


def read_marks(conn: Connection, session_id: str) -> list[RowMapping]:
    """document_id, member_id, last_page of every member who opened a document."""
    query = (
        select(read_mark.c.document_id, read_mark.c.member_id, read_mark.c.last_page)
        .join(document, document.c.id == read_mark.c.document_id)
        .where(document.c.session_id == session_id)
    )
    return list(conn.execute(query).mappings())


def report_delivery(conn: Connection, session_id: str) -> RowMapping | None:
    """The outbox line of the session's report, or None before it is sealed."""
    query = (
        select(outbox.c.state, outbox.c.attempts, outbox.c.next_try_at, outbox.c.error)
        .where(outbox.c.session_id == session_id, outbox.c.kind == "report")
        .order_by(outbox.c.created_at.desc())
    )
    return conn.execute(query).mappings().first()


def report_blob(conn: Connection, session_id: str) -> str | None:
    """The name of the sealed report as it was sent, or None before it is sealed."""
    query = (
        select(outbox.c.blob)
        .where(outbox.c.session_id == session_id, outbox.c.kind == "report")
        .order_by(outbox.c.created_at)
    )
    return conn.execute(query).scalars().first()


def report_kinds(conn: Connection, session_id: str) -> list[str]:
    """Kinds of which at least one form is ready, e.g. minutes, report."""
    query = select(report.c.kind).where(report.c.session_id == session_id).distinct()
    return sorted(conn.execute(query).scalars())


def committees(conn: Connection) -> list[RowMapping]:
    """The upper committees that this installation is enrolled with: name, key_id, spki."""
    query = select(peer.c.name, peer.c.key_id, peer.c.spki).where(
        peer.c.kind == "committee", peer.c.confirmed_at.is_not(None)
    )
    return list(conn.execute(query.order_by(peer.c.key_id)).mappings())


def add_device_key(conn: Connection, values: dict[str, Any]) -> None:
    """Keeps whose sign-in holds a certified key. The same key certified again changes nothing."""
    known = conn.execute(
        select(device_key.c.key_id).where(
            device_key.c.key_id == values["key_id"],
            device_key.c.session_id == values["session_id"],
        )
    ).first()
    if known is None:
        conn.execute(insert(device_key).values(**values))


def certified_sign_ins(conn: Connection, session_id: str) -> frozenset[tuple[str, str]]:
    """Sign-ins and the keys certified by them; whether a key still counts is for the log to say."""
    query = select(device_key.c.sign_in_id, device_key.c.key_id).where(
        device_key.c.session_id == session_id
    )
    return frozenset((sign_in, key_id) for sign_in, key_id in conn.execute(query))


def device_keys_of(
    conn: Connection, account_id: str, sign_in_id: str | None
) -> Sequence[RowMapping]:
    """Keys of an account, or of one sign-in of it, in sessions not ended: session_id,
    sign_in_id, person, key_id."""
    query = (
        select(
            device_key.c.session_id,
            device_key.c.key_id,
            device_key.c.sign_in_id,
            summons.c.person,
        )
        .join(session, session.c.id == device_key.c.session_id)
        .join(sign_in, sign_in.c.id == device_key.c.sign_in_id)
        .join(
            summons,
            and_(
                summons.c.session_id == device_key.c.session_id,
                summons.c.member_id == device_key.c.member_id,
            ),
        )
        .where(
            sign_in.c.account_id == account_id,
            session.c.stage.not_in([stage.value for stage in ENDED]),
        )
    )
    if sign_in_id is not None:
        query = query.where(device_key.c.sign_in_id == sign_in_id)
    return conn.execute(query).mappings().all()


def add_checkpoint(conn: Connection, values: dict[str, Any]) -> None:
    conn.execute(insert(checkpoint).values(**values))


def last_checkpoint(conn: Connection, session_id: str) -> RowMapping | None:
    query = select(checkpoint).where(checkpoint.c.session_id == session_id)
    return conn.execute(query.order_by(checkpoint.c.n.desc()).limit(1)).mappings().first()


def checkpoints(conn: Connection, session_id: str) -> list[RowMapping]:
    query = select(checkpoint).where(checkpoint.c.session_id == session_id)
    return list(conn.execute(query.order_by(checkpoint.c.n)).mappings())


def add_pairing(conn: Connection, values: dict[str, Any]) -> None:
    conn.execute(insert(room_device).values(**values))


def use_pairing(conn: Connection, code_hash: str, now: datetime) -> RowMapping | None:
    """The pairing of an unused code that still holds, which this uses up; else None."""
    row = (
        conn.execute(
            select(room_device).where(
                room_device.c.code_hash == code_hash,
                room_device.c.expires_at > now,
                room_device.c.paired_at.is_(None),
            )
        )
        .mappings()
        .first()
    )
    if row is None:
        return None
    used = conn.execute(
        update(room_device)
        .where(room_device.c.id == row["id"], room_device.c.paired_at.is_(None))
        .values(paired_at=now)
    )
    return row if used.rowcount == 1 else None


def paired_rooms(conn: Connection, session_id: str) -> set[str]:
    """Ids of the meeting room's devices that are paired to this session."""
    query = select(room_device.c.id).where(
        room_device.c.session_id == session_id, room_device.c.paired_at.is_not(None)
    )
    return set(conn.execute(query).scalars())


def paired_session(conn: Connection, device: str) -> str | None:
    """The session that a meeting room's device is paired to; None if it is not."""
    query = select(room_device.c.session_id).where(
        room_device.c.id == device, room_device.c.paired_at.is_not(None)
    )
    return conn.execute(query).scalar()


def stage(conn: Connection, session_id: str) -> str | None:
    return conn.execute(select(session.c.stage).where(session.c.id == session_id)).scalar()

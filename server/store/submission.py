"""Other installations: who they are, what is to be sent to them, what was heard from them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    RowMapping,
    Table,
    and_,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from server.store.tables import (
    enrolment_code,
    followed,
    followed_header,
    inbox,
    inbox_former,
    outbox,
    peer,
)

Values = Mapping[str, Any]


class Taken(Exception):
    """Another process wrote the same at the same time."""


# Each other installation, and the codes by which they come.


def peers(conn: Connection) -> Sequence[RowMapping]:
    return conn.execute(select(peer).order_by(peer.c.enrolled_at, peer.c.id)).mappings().all()


def peer_by_id(conn: Connection, peer_id: str) -> RowMapping | None:
    return conn.execute(select(peer).where(peer.c.id == peer_id)).mappings().first()


def committee(conn: Connection) -> RowMapping | None:
    """The upper committee's installation: the first that both sides have confirmed."""
    query = select(peer).where(peer.c.kind == "committee", peer.c.confirmed_at.is_not(None))
    return conn.execute(query.order_by(peer.c.enrolled_at).limit(1)).mappings().first()


def put_peer(conn: Connection, values: Values) -> bool:
    """Adds a peer, or replaces one that is not confirmed; False when a confirmed one is there."""
    old = peer_by_id(conn, values["id"])
    if old is None:
        conn.execute(insert(peer).values(**values))
        return True
    if old["confirmed_at"] is not None:
        return bool(old["key_id"] == values["key_id"] and old["url"] == values["url"])
    conn.execute(update(peer).where(peer.c.id == values["id"]).values(**values))
    return True


def confirm_peer(conn: Connection, peer_id: str, now: datetime) -> RowMapping | None:
    conn.execute(
        update(peer)
        .where(peer.c.id == peer_id, peer.c.confirmed_at.is_(None))
        .values(confirmed_at=now)
    )
    return peer_by_id(conn, peer_id)


def put_code(conn: Connection, code_hash: str, expires_at: datetime) -> None:
    """The one code that is good now; earlier ones end."""
    conn.execute(delete(enrolment_code).where(enrolment_code.c.used_at.is_(None)))
    conn.execute(insert(enrolment_code).values(code_hash=code_hash, expires_at=expires_at))


def use_code(conn: Connection, code_hash: str, now: datetime) -> bool:
    """Uses a code up; False when it is unknown, expired or used."""
    done = conn.execute(
        update(enrolment_code)
        .where(
            enrolment_code.c.code_hash == code_hash,
            enrolment_code.c.used_at.is_(None),
            enrolment_code.c.expires_at > now,
        )
        .values(used_at=now)
    )
    return done.rowcount == 1


# What we send.


def due(conn: Connection, now: datetime) -> Sequence[RowMapping]:
    """Messages to send now, with the address and key of the receiver; oldest first."""
    query = (
        select(outbox, peer.c.url, peer.c.spki)
        .join(peer, peer.c.id == outbox.c.peer_id)
        .where(
            outbox.c.state == "waiting",
            outbox.c.next_try_at <= now,
            peer.c.confirmed_at.is_not(None),
        )
        .order_by(outbox.c.created_at)
        .limit(50)
    )
    return conn.execute(query).mappings().all()


def report_message(conn: Connection, session_id: str) -> RowMapping | None:
    query = (
        select(outbox, peer.c.url, peer.c.spki)
        .join(peer, peer.c.id == outbox.c.peer_id)
        .where(outbox.c.session_id == session_id, outbox.c.kind == "report")
        .order_by(outbox.c.created_at.desc())
    )
    return conn.execute(query.limit(1)).mappings().first()


def put_message(conn: Connection, values: Values) -> None:
    conn.execute(insert(outbox).values(**values))


def put_off(conn: Connection, message_id: str, next_try_at: datetime, error: str) -> None:
    conn.execute(
        update(outbox)
        .where(outbox.c.id == message_id)
        .values(attempts=outbox.c.attempts + 1, next_try_at=next_try_at, error=error)
    )


def acknowledge(conn: Connection, message_id: str, state: str, receipt: str | None) -> None:
    """The other side has it. A report is `received` until the log tells it, then `acknowledged`."""
    attempts = outbox.c.attempts + 1
    conn.execute(
        update(outbox)
        .where(outbox.c.id == message_id)
        .values(state=state, attempts=attempts, error="", receipt=receipt)
    )


def finish_message(conn: Connection, message_id: str) -> None:
    conn.execute(update(outbox).where(outbox.c.id == message_id).values(state="acknowledged"))


# What we heard, as the upper committee's installation.


def followed_row(conn: Connection, peer_id: str, session_id: str) -> RowMapping | None:
    query = select(followed).where(
        followed.c.peer_id == peer_id, followed.c.session_id == session_id
    )
    return conn.execute(query.with_for_update()).mappings().first()


def put_followed(conn: Connection, values: Values) -> None:
    """Adds or replaces what was last heard of a session."""
    key = and_(
        followed.c.peer_id == values["peer_id"], followed.c.session_id == values["session_id"]
    )
    if conn.execute(update(followed).where(key).values(**values)).rowcount == 0:
        _insert(conn, followed, [values])


def all_followed(conn: Connection, since: datetime) -> Sequence[RowMapping]:
    """Sessions of every cell that begin since then, or still want something; with their reports."""
    query = (
        select(
            followed,
            peer.c.name.label("peer_name"),
            inbox.c.received_at,
            inbox.c.state.label("review"),
        )
        .join(peer, peer.c.id == followed.c.peer_id)
        .outerjoin(
            inbox,
            and_(
                inbox.c.peer_id == followed.c.peer_id, inbox.c.session_id == followed.c.session_id
            ),
        )
        .where(
            or_(followed.c.starts_at >= since, inbox.c.state.is_(None), inbox.c.state == "returned")
        )
        .order_by(followed.c.starts_at, followed.c.session_id)
    )
    return conn.execute(query).mappings().all()


def hashes(
    conn: Connection, peer_id: str, session_id: str, first: int, last: int
) -> dict[int, str]:
    """The hashes of the lines we have witnessed, by seq."""
    query = select(followed_header.c.seq, followed_header.c.hash).where(
        followed_header.c.peer_id == peer_id,
        followed_header.c.session_id == session_id,
        followed_header.c.seq.between(first, last),
    )
    return {row.seq: row.hash for row in conn.execute(query)}


def put_headers(conn: Connection, rows: Sequence[Values]) -> None:
    """Raises Taken."""
    if rows:
        _insert(conn, followed_header, list(rows))


def inbox_row(conn: Connection, peer_id: str, session_id: str) -> RowMapping | None:
    query = select(inbox).where(inbox.c.peer_id == peer_id, inbox.c.session_id == session_id)
    return conn.execute(query).mappings().first()


def received(conn: Connection, session_id: str) -> RowMapping | None:
    """A report by its session alone, with its sender; ids of sessions are random and long."""
    query = (
        select(
            inbox,
            peer.c.name.label("peer_name"),
            peer.c.url,
            peer.c.spki,
            peer.c.key_id.label("peer_key_id"),
        )
        .join(peer, peer.c.id == inbox.c.peer_id)
        .where(inbox.c.session_id == session_id)
        .order_by(inbox.c.received_at)
    )
    return conn.execute(query.limit(1)).mappings().first()


def next_number(conn: Connection) -> int:
    """The next running number of receipts; the unique column decides between two at once."""
    last = conn.execute(select(func.max(inbox.c.number))).scalar()
    return int(last or 0) + 1


def put_received(conn: Connection, values: Values) -> None:
    """Raises Taken when the number is, or the report."""
    _insert(conn, inbox, [values])


def _insert(conn: Connection, table: Table, rows: Sequence[Values]) -> None:
    try:
        conn.execute(insert(table), [dict(row) for row in rows])
    except IntegrityError:
        raise Taken from None


def keep_former(conn: Connection, row: RowMapping) -> None:
    """The returned report as it was, before a corrected one takes its place in the inbox."""
    names = inbox_former.c.keys()
    conn.execute(insert(inbox_former).values(**{name: row[name] for name in names}))


def former(conn: Connection, peer_id: str, session_id: str) -> Sequence[RowMapping]:
    """Returned reports of that session, the oldest first."""
    query = select(inbox_former).where(
        inbox_former.c.peer_id == peer_id, inbox_former.c.session_id == session_id
    )
    return conn.execute(query.order_by(inbox_former.c.received_at)).mappings().all()


def correct_received(conn: Connection, values: Values) -> None:
    """A corrected report takes the place of one that was returned."""
    conn.execute(
        update(inbox)
        .where(inbox.c.peer_id == values["peer_id"], inbox.c.session_id == values["session_id"])
        .values(**values)
    )


def review(
    conn: Connection,
    peer_id: str,
    session_id: str,
    state: str,
    note: str,
    account_id: str,
    now: datetime,
) -> None:
    conn.execute(
        update(inbox)
        .where(inbox.c.peer_id == peer_id, inbox.c.session_id == session_id)
        .values(state=state, review_note=note, reviewed_by=account_id, reviewed_at=now)
    )

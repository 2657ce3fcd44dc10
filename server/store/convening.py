"""Drafts, agenda, documents, read marks and summons."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, delete, func, insert, or_, select, update

from server.store.people import Line
from server.store.tables import (
    agenda_item,
    cell,
    document,
    member,
    outbox,
    peer,
    read_mark,
    session,
    summons,
)


def create_session(conn: Connection, values: Line) -> None:
    conn.execute(insert(session).values(**values))


def session_by_id(conn: Connection, session_id: str) -> Line | None:
    """With `cell_name` and `committee`."""
    return conn.execute(_sessions().where(session.c.id == session_id)).mappings().first()


def stage_of(conn: Connection, session_id: str) -> str | None:
    return conn.execute(select(session.c.stage).where(session.c.id == session_id)).scalar()


def lock_session(conn: Connection, session_id: str) -> str | None:
    """Its stage; other changes of the draft wait for this transaction."""
    query = select(session.c.stage).where(session.c.id == session_id).with_for_update()
    return conn.execute(query).scalar()


def change_session(conn: Connection, session_id: str, values: Line) -> None:
    conn.execute(update(session).where(session.c.id == session_id).values(**values))


def sessions_for(conn: Connection, account_id: str, led_cells: Iterable[str]) -> Sequence[Line]:
    """Those the account was summoned to as a member who has not left, and drafts of led cells.

    With `documents` and `documents_read` (to the last page, by this account), newest first.
    """
    mine = (
        select(summons.c.session_id)
        .join(member, member.c.id == summons.c.member_id)
        .where(member.c.account_id == account_id, member.c.left_at.is_(None))
    )
    read = (
        select(func.count())
        .select_from(read_mark.join(member, member.c.id == read_mark.c.member_id))
        .where(
            read_mark.c.document_id == document.c.id,
            read_mark.c.last_page >= document.c.pages,
            member.c.account_id == account_id,
        )
        .correlate(document)
        .scalar_subquery()
    )
    counts = (
        select(
            document.c.session_id,
            func.count().label("documents"),
            func.sum(read).label("documents_read"),
        )
        .group_by(document.c.session_id)
        .subquery()
    )
    query = (
        _sessions()
        .add_columns(
            func.coalesce(counts.c.documents, 0).label("documents"),
            func.coalesce(counts.c.documents_read, 0).label("documents_read"),
        )
        .outerjoin(counts, counts.c.session_id == session.c.id)
        .where(
            or_(
                and_(session.c.id.in_(mine), session.c.stage != "draft"),
                session.c.cell_id.in_(list(led_cells)),
            )
        )
        .order_by(session.c.starts_at.desc(), session.c.id)
    )
    return conn.execute(query).mappings().all()


def _sessions() -> Any:
    return select(session, cell.c.name.label("cell_name"), cell.c.committee).join(
        cell, cell.c.id == session.c.cell_id
    )


def receipts(conn: Connection, session_ids: Iterable[str]) -> dict[str, str]:
    """The upper committee's receipt of each session's report, as it came."""
    query = select(outbox.c.session_id, outbox.c.receipt).where(
        outbox.c.session_id.in_(list(session_ids)),
        outbox.c.kind == "report",
        outbox.c.state == "acknowledged",
        outbox.c.receipt.is_not(None),
    )
    rows = conn.execute(query.order_by(outbox.c.created_at.desc()))
    return {session_id: receipt or "" for session_id, receipt in rows}


def agenda(conn: Connection, session_id: str) -> Sequence[Line]:
    query = select(agenda_item).where(agenda_item.c.session_id == session_id)
    return conn.execute(query.order_by(agenda_item.c.number)).mappings().all()


def put_agenda(conn: Connection, session_id: str, items: Sequence[Mapping[str, Any]]) -> None:
    """Makes the agenda exactly these; documents of a dropped item stay with the session."""
    conn.execute(delete(agenda_item).where(agenda_item.c.session_id == session_id))
    if items:
        conn.execute(insert(agenda_item), [{**item, "session_id": session_id} for item in items])
    kept = [item["id"] for item in items]
    conn.execute(
        update(document)
        .where(document.c.session_id == session_id, document.c.item_id.not_in(kept))
        .values(item_id=None)
    )


def documents(conn: Connection, session_id: str, member_id: str | None) -> Sequence[Line]:
    """With `my_last_page` of that member (0: not opened) and how many members opened each."""
    readers = (
        select(read_mark.c.document_id, func.count().label("readers"))
        .group_by(read_mark.c.document_id)
        .subquery()
    )
    mine = read_mark.alias()
    query = (
        select(
            document,
            func.coalesce(mine.c.last_page, 0).label("my_last_page"),
            func.coalesce(readers.c.readers, 0).label("readers"),
        )
        .outerjoin(readers, readers.c.document_id == document.c.id)
        .outerjoin(mine, and_(mine.c.document_id == document.c.id, mine.c.member_id == member_id))
        .where(document.c.session_id == session_id)
        .order_by(document.c.uploaded_at, document.c.id)
    )
    return conn.execute(query).mappings().all()


def document_by_id(conn: Connection, session_id: str, document_id: str) -> Line | None:
    query = select(document).where(
        document.c.session_id == session_id, document.c.id == document_id
    )
    return conn.execute(query).mappings().first()


def create_document(conn: Connection, values: Line) -> None:
    conn.execute(insert(document).values(**values))


def delete_document(conn: Connection, document_id: str) -> None:
    conn.execute(delete(read_mark).where(read_mark.c.document_id == document_id))
    conn.execute(delete(document).where(document.c.id == document_id))


def mark_read(conn: Connection, document_id: str, member_id: str, page: int, now: datetime) -> None:
    """Keeps the furthest page; reading back does not take the mark back."""
    mine = and_(read_mark.c.document_id == document_id, read_mark.c.member_id == member_id)
    last = conn.execute(select(read_mark.c.last_page).where(mine).with_for_update()).scalar()
    if last is None:
        values = {"document_id": document_id, "member_id": member_id}
        conn.execute(insert(read_mark).values(**values, last_page=page, at=now))
    elif page > last:
        conn.execute(update(read_mark).where(mine).values(last_page=page, at=now))


def summonses(conn: Connection, session_id: str) -> Sequence[Line]:
    """With the members' names, in roster order."""
    query = (
        select(summons, member.c.name)
        .join(member, member.c.id == summons.c.member_id)
        .where(summons.c.session_id == session_id)
        .order_by(summons.c.person)
    )
    return conn.execute(query).mappings().all()


def put_summonses(conn: Connection, session_id: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Replaces what an interrupted convening may have left."""
    conn.execute(delete(summons).where(summons.c.session_id == session_id))
    conn.execute(insert(summons), [{**row, "session_id": session_id} for row in rows])


def renew_summonses(conn: Connection, session_id: str, now: datetime) -> None:
    """Sends them once more: what was seen and answered was about another hour."""
    conn.execute(
        update(summons)
        .where(summons.c.session_id == session_id)
        .values(sent_at=now, seen_at=None, reply="none", reason="")
    )


def summoned_accounts(conn: Connection, session_id: str) -> Sequence[str]:
    """Accounts of those summoned who have not left the cell."""
    query = (
        select(member.c.account_id)
        .join(summons, summons.c.member_id == member.c.id)
        .where(
            summons.c.session_id == session_id,
            member.c.account_id.is_not(None),
            member.c.left_at.is_(None),
        )
        .order_by(summons.c.person)
    )
    return [str(account_id) for account_id in conn.execute(query).scalars()]


def see_summons(conn: Connection, session_id: str, member_id: str, now: datetime) -> None:
    """The first time counts."""
    conn.execute(
        update(summons)
        .where(
            summons.c.session_id == session_id,
            summons.c.member_id == member_id,
            summons.c.seen_at.is_(None),
        )
        .values(seen_at=now)
    )


def reply(conn: Connection, session_id: str, member_id: str, answer: str, reason: str) -> bool:
    """False when that member was not summoned."""
    done = conn.execute(
        update(summons)
        .where(summons.c.session_id == session_id, summons.c.member_id == member_id)
        .values(reply=answer, reason=reason)
    )
    return done.rowcount == 1


def committee_peers(conn: Connection) -> Sequence[str]:
    """Upper committees' installations that both sides have confirmed."""
    query = select(peer.c.id).where(peer.c.kind == "committee", peer.c.confirmed_at.is_not(None))
    return conn.execute(query.order_by(peer.c.enrolled_at)).scalars().all()


def put_in_outbox(conn: Connection, values: Line) -> None:
    conn.execute(insert(outbox).values(**values))

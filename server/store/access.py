"""Who a caller is, and how they stand to a cell, a session, a member."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, and_, select

from server.store.tables import account, cell, event, event_payload, member, peer, role, summons
from server.store.tables import session as session_table
from server.store.tables import sign_in as sign_in_table

LEADERS = ("secretary", "deputy")
REMOVED = "removed"  # the event that shuts a person out of a session


@dataclass(frozen=True, slots=True)
class Standing:
    """How an account stands to one session."""

    cell_id: str
    stage: str
    member_id: str | None  # on its roster
    leads: bool
    removed: bool


def sign_in_by_token(conn: Connection, token_hash: str, now: datetime) -> RowMapping | None:
    """The living sign-in and its account, or None: unknown, expired, revoked or disabled."""
    query = (
        select(sign_in_table, account.c.name, account.c.phone)
        .join(account, account.c.id == sign_in_table.c.account_id)
        .where(
            sign_in_table.c.token_hash == token_hash,
            sign_in_table.c.revoked_at.is_(None),
            sign_in_table.c.expires_at > now,
            account.c.disabled.is_(False),
        )
    )
    return conn.execute(query).mappings().first()


def roles_held(conn: Connection, account_id: str) -> frozenset[tuple[str, str | None]]:
    """(role, cell or None) pairs. A leader who left the cell leads it no more."""
    query = select(role.c.role, role.c.cell_id).where(
        role.c.account_id == account_id, role.c.ended_at.is_(None)
    )
    held = conn.execute(query).all()
    if not held:  # as with most members
        return frozenset()
    here = {cell_id for _, cell_id in memberships(conn, account_id)}
    return frozenset(
        (r.role, r.cell_id) for r in held if r.role not in LEADERS or r.cell_id in here
    )


def memberships(conn: Connection, account_id: str) -> list[tuple[str, str]]:
    """(member, cell) pairs the account has today, the home cell first."""
    query = (
        select(member.c.id, member.c.cell_id, member.c.temporary)
        .where(member.c.account_id == account_id, _stays())
        .order_by(member.c.created_at, member.c.id)
    )
    rows = conn.execute(query).all()
    return [(m, c) for m, c, _ in sorted(rows, key=lambda row: row[2] == "here")]


def member_in(conn: Connection, account_id: str, cell_id: str) -> str | None:
    """The account's member in this cell, unless they have left it."""
    query = select(member.c.id).where(
        member.c.account_id == account_id, member.c.cell_id == cell_id, _stays()
    )
    return conn.execute(query).scalar()


def cell_exists(conn: Connection, cell_id: str) -> bool:
    return conn.execute(select(cell.c.id).where(cell.c.id == cell_id)).first() is not None


def cell_of_member(conn: Connection, member_id: str) -> str | None:
    return conn.execute(select(member.c.cell_id).where(member.c.id == member_id)).scalar()


def cell_of_session(conn: Connection, session_id: str) -> str | None:
    query = select(session_table.c.cell_id).where(session_table.c.id == session_id)
    return conn.execute(query).scalar()


def standing(conn: Connection, session_id: str, account_id: str) -> Standing | None:
    """None when there is no such session."""
    found = conn.execute(
        select(session_table.c.cell_id, session_table.c.stage).where(
            session_table.c.id == session_id
        )
    ).first()
    if found is None:
        return None
    cell_id, stage = found
    on_roster = conn.execute(
        select(member.c.id, summons.c.person)
        .join(summons, summons.c.member_id == member.c.id)
        .where(summons.c.session_id == session_id, member.c.account_id == account_id, _stays())
    ).first()
    held = roles_held(conn, account_id)
    leads = any((name, cell_id) in held for name in LEADERS)
    mine = on_roster.id if on_roster else member_in(conn, account_id, cell_id) if leads else None
    removed = on_roster is not None and is_removed(conn, session_id, on_roster.person)
    return Standing(cell_id, stage, mine, leads, removed)


def is_removed(conn: Connection, session_id: str, person: str) -> bool:
    """Whether the chair has removed this person; a removed one stays removed."""
    bodies = conn.execute(
        select(event_payload.c.body)
        .join(
            event,
            and_(
                event.c.session_id == event_payload.c.session_id,
                event.c.seq == event_payload.c.seq,
            ),
        )
        .where(event.c.session_id == session_id, event.c.type == REMOVED)
    ).scalars()
    return any(f'"person":"{person}"' in body for body in bodies)


def peer_by_id(conn: Connection, peer_id: str) -> RowMapping | None:
    return conn.execute(select(peer).where(peer.c.id == peer_id)).mappings().first()


def _stays() -> Any:
    return member.c.left_at.is_(None)  # it is never set ahead

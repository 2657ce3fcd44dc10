"""Cells, members, roles, authorisations and the audit trail."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, case, exists, func, insert, select, update

from server.store.tables import account, audit, authorisation, cell, factor, member, role

Line = Mapping[Any, Any]  # a row by column name

_CURRENT = member.c.left_at.is_(None)
_OWN = _CURRENT & (member.c.temporary != "here")


def cells(conn: Connection, only: Iterable[str] | None = None) -> Sequence[Line]:
    """Cells with `official` and `probationary` counts of their own current members."""
    query = (
        select(
            cell,
            func.coalesce(func.sum(case((member.c.kind == "official", 1), else_=0)), 0).label(
                "official"
            ),
            func.coalesce(func.sum(case((member.c.kind == "probationary", 1), else_=0)), 0).label(
                "probationary"
            ),
        )
        .select_from(cell.outerjoin(member, (member.c.cell_id == cell.c.id) & _OWN))
        .group_by(cell.c.id)
        .order_by(cell.c.name)
    )
    if only is not None:
        query = query.where(cell.c.id.in_(list(only)))
    return conn.execute(query).mappings().all()


def cell_by_id(conn: Connection, cell_id: str) -> Line | None:
    found = cells(conn, [cell_id])
    return found[0] if found else None


def lock_cell(conn: Connection, cell_id: str) -> None:
    """Makes other changes of this cell wait for this transaction (SQLite always does)."""
    conn.execute(select(cell.c.id).where(cell.c.id == cell_id).with_for_update())


def cell_named(conn: Connection, name: str) -> str | None:
    return conn.execute(select(cell.c.id).where(cell.c.name == name)).scalar()


def create_cell(conn: Connection, values: Line) -> None:
    conn.execute(insert(cell).values(**values))


def change_cell(conn: Connection, cell_id: str, values: Line) -> bool:
    return conn.execute(update(cell).where(cell.c.id == cell_id).values(**values)).rowcount == 1


def members(conn: Connection, cell_id: str) -> Sequence[Line]:
    """Every member the cell ever had, former ones too, with `has_factor`."""
    return conn.execute(_members().where(member.c.cell_id == cell_id)).mappings().all()


def current_members(conn: Connection, cell_id: str) -> Sequence[Line]:
    query = _members().where(member.c.cell_id == cell_id, _CURRENT)
    return conn.execute(query).mappings().all()


def member_by_id(conn: Connection, member_id: str) -> Line | None:
    return conn.execute(_members().where(member.c.id == member_id)).mappings().first()


def member_by_phone(conn: Connection, cell_id: str, phone: str) -> Line | None:
    query = _members().where(member.c.cell_id == cell_id, member.c.phone == phone)
    return conn.execute(query).mappings().first()


def _members() -> Any:
    confirmed = exists().where(
        factor.c.account_id == member.c.account_id,
        factor.c.confirmed_at.is_not(None),
        factor.c.revoked_at.is_(None),
        factor.c.kind != "recovery",
    )
    return select(member, confirmed.label("has_factor")).order_by(member.c.created_at, member.c.id)


def create_member(conn: Connection, values: Line) -> None:
    conn.execute(insert(member).values(**values))


def change_member(conn: Connection, member_id: str, values: Line) -> None:
    conn.execute(update(member).where(member.c.id == member_id).values(**values))


def members_of_account(conn: Connection, account_id: str) -> Sequence[Line]:
    """Current memberships of one account, in any cell."""
    query = select(member).where(member.c.account_id == account_id, _CURRENT)
    return conn.execute(query).mappings().all()


def account_by_phone(conn: Connection, phone: str) -> Line | None:
    return conn.execute(select(account).where(account.c.phone == phone)).mappings().first()


def create_account(conn: Connection, account_id: str, phone: str, name: str, now: datetime) -> None:
    """An account without a password: it opens only by a one-time link."""
    values = {"id": account_id, "phone": phone, "name": name, "created_at": now}
    conn.execute(insert(account).values(**values))


def change_account(conn: Connection, account_id: str, phone: str, name: str) -> None:
    conn.execute(update(account).where(account.c.id == account_id).values(phone=phone, name=name))


def roles_of(conn: Connection, account_ids: Iterable[str]) -> Sequence[Line]:
    """Roles held now."""
    query = select(role).where(role.c.account_id.in_(list(account_ids)), role.c.ended_at.is_(None))
    return conn.execute(query.order_by(role.c.granted_at)).mappings().all()


def holders(conn: Connection, name: str, cell_id: str | None) -> Sequence[Line]:
    """Who holds a role now, of that cell or of the installation: account id and name."""
    query = (
        select(account.c.id, account.c.name)
        .join(role, role.c.account_id == account.c.id)
        .where(role.c.role == name, role.c.ended_at.is_(None), account.c.disabled.is_(False))
        .where(role.c.cell_id.is_(None) if cell_id is None else role.c.cell_id == cell_id)
        .order_by(role.c.granted_at)
    )
    return conn.execute(query).mappings().all()


def grant_role(conn: Connection, values: Line) -> None:
    conn.execute(insert(role).values(**values))


def end_role(conn: Connection, role_id: str, now: datetime) -> None:
    conn.execute(update(role).where(role.c.id == role_id).values(ended_at=now))


def authorisations(conn: Connection, cell_id: str) -> Sequence[Line]:
    """Newest first."""
    query = select(authorisation).where(authorisation.c.cell_id == cell_id)
    order = (authorisation.c.date.desc(), authorisation.c.created_at.desc())
    return conn.execute(query.order_by(*order)).mappings().all()


def authorisation_on(conn: Connection, cell_id: str, day: date) -> Line | None:
    """The one that permits a session on that day; the newest when several do."""
    fits = (row for row in authorisations(conn, cell_id) if row["date"] <= day)
    return next((row for row in fits if day <= row["valid_until"]), None)


def create_authorisation(conn: Connection, values: Line) -> None:
    conn.execute(insert(authorisation).values(**values))


def write_audit(
    conn: Connection, now: datetime, account_id: str | None, action: str, subject: str
) -> None:
    conn.execute(
        insert(audit).values(at=now, account_id=account_id, action=action, subject=subject)
    )


def audit_lines(conn: Connection, limit: int) -> Sequence[Line]:
    """The newest first, with the name of who acted."""
    query = (
        select(audit, account.c.name)
        .select_from(audit.outerjoin(account, account.c.id == audit.c.account_id))
        .order_by(audit.c.n.desc())
        .limit(limit)
    )
    return conn.execute(query).mappings().all()

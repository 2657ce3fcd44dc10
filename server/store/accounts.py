"""Accounts, one-time links, resets by two people, and notices to a person."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, func, insert, or_, select, update

from server.store.tables import account, installation, member, notice, one_time_link, reset, role
from server.store.tables import cell as cell_table


def by_id(conn: Connection, account_id: str) -> RowMapping | None:
    return conn.execute(select(account).where(account.c.id == account_id)).mappings().first()


def set_password(conn: Connection, account_id: str, password_hash: str) -> None:
    conn.execute(
        update(account).where(account.c.id == account_id).values(password_hash=password_hash)
    )


def of_member(conn: Connection, member_id: str) -> RowMapping | None:
    """The account of a member, if the member has one."""
    query = (
        select(account, member.c.cell_id, member.c.name.label("member_name"))
        .join(member, member.c.account_id == account.c.id)
        .where(member.c.id == member_id)
    )
    return conn.execute(query).mappings().first()


def cell_name(conn: Connection, cell_id: str) -> str | None:
    return conn.execute(select(cell_table.c.name).where(cell_table.c.id == cell_id)).scalar()


def administrators(conn: Connection) -> int:
    """How many administrators can sign in."""
    query = (
        select(func.count())
        .select_from(role.join(account, account.c.id == role.c.account_id))
        .where(
            role.c.role == "administrator",
            role.c.ended_at.is_(None),
            account.c.password_hash.is_not(None),
            account.c.disabled.is_(False),
        )
    )
    return conn.execute(query).scalar_one()


def leaders_of(conn: Connection, cell_id: str) -> Sequence[str]:
    """Accounts of the secretary and deputies."""
    query = select(role.c.account_id).where(
        role.c.cell_id == cell_id,
        role.c.role.in_(("secretary", "deputy")),
        role.c.ended_at.is_(None),
    )
    return conn.execute(query).scalars().all()


def create_link(conn: Connection, values: Mapping[str, Any]) -> None:
    """Replaces the unused links of the same purpose and account."""
    conn.execute(
        update(one_time_link)
        .where(
            one_time_link.c.purpose == values["purpose"],
            or_(
                one_time_link.c.account_id == values["account_id"],
                one_time_link.c.account_id.is_(None),
            ),
            one_time_link.c.used_at.is_(None),
        )
        .values(used_at=values["created_at"])
    )
    conn.execute(insert(one_time_link).values(**values))


def use_link(conn: Connection, token_hash: str, now: datetime) -> RowMapping | None:
    """The link, now used up; None when unknown, expired or used."""
    done = conn.execute(
        update(one_time_link)
        .where(
            one_time_link.c.token_hash == token_hash,
            one_time_link.c.used_at.is_(None),
            one_time_link.c.expires_at > now,
        )
        .values(used_at=now)
    )
    if done.rowcount != 1:
        return None
    query = select(one_time_link).where(one_time_link.c.token_hash == token_hash)
    return conn.execute(query).mappings().one()


def request_reset(conn: Connection, values: Mapping[str, Any]) -> None:
    conn.execute(insert(reset).values(**values))


def resets(conn: Connection, only: str | None = None) -> Sequence[RowMapping]:
    """Open ones first, then the newest."""
    secretary, administrator = account.alias(), account.alias()
    query = (
        select(
            reset,
            account.c.name,
            secretary.c.name.label("secretary_name"),
            administrator.c.name.label("administrator_name"),
        )
        .select_from(
            reset.join(account, account.c.id == reset.c.account_id)
            .outerjoin(secretary, secretary.c.id == reset.c.secretary_id)
            .outerjoin(administrator, administrator.c.id == reset.c.administrator_id)
        )
        .order_by(reset.c.approved_at.is_not(None), reset.c.requested_at.desc())
        .limit(200)
    )
    if only:
        query = query.where(reset.c.id == only)
    return conn.execute(query).mappings().all()


def approve_reset(conn: Connection, reset_id: str, administrator_id: str, now: datetime) -> bool:
    """False when it is not waiting, or the same person asked for it."""
    done = conn.execute(
        update(reset)
        .where(
            reset.c.id == reset_id,
            reset.c.approved_at.is_(None),
            reset.c.secretary_id != administrator_id,
        )
        .values(administrator_id=administrator_id, approved_at=now)
    )
    return done.rowcount == 1


def notify(conn: Connection, notices: list[dict[str, Any]]) -> None:
    """`notices`: id, account_id, code, params, created_at."""
    if notices:
        conn.execute(insert(notice), notices)


def unseen_notices(conn: Connection, account_id: str) -> Sequence[RowMapping]:
    query = (
        select(notice)
        .where(notice.c.account_id == account_id, notice.c.seen_at.is_(None))
        .order_by(notice.c.created_at)
    )
    return conn.execute(query).mappings().all()


def see_notices(conn: Connection, account_id: str, now: datetime) -> None:
    conn.execute(
        update(notice)
        .where(notice.c.account_id == account_id, notice.c.seen_at.is_(None))
        .values(seen_at=now)
    )


def installation_row(conn: Connection) -> RowMapping | None:
    return conn.execute(select(installation)).mappings().first()


def create_installation(conn: Connection, values: Mapping[str, Any]) -> None:
    conn.execute(insert(installation).values(**values))


def clear_password(conn: Connection, account_id: str) -> None:
    conn.execute(update(account).where(account.c.id == account_id).values(password_hash=None))

"""Second factors and their counters; a code is used by moving the counter past it, once."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, func, insert, select, update

from server.store.tables import factor, recovery_code


def confirmed(conn: Connection, account_id: str) -> Sequence[RowMapping]:
    """The factors that can be used now, oldest first."""
    query = (
        select(factor)
        .where(
            factor.c.account_id == account_id,
            factor.c.confirmed_at.is_not(None),
            factor.c.revoked_at.is_(None),
        )
        .order_by(factor.c.created_at, factor.c.id)
    )
    return conn.execute(query).mappings().all()


def pending(conn: Connection, account_id: str, kind: str) -> RowMapping | None:
    """The newest one begun and not confirmed."""
    query = (
        select(factor)
        .where(
            factor.c.account_id == account_id,
            factor.c.kind == kind,
            factor.c.confirmed_at.is_(None),
            factor.c.revoked_at.is_(None),
        )
        .order_by(factor.c.created_at.desc())
        .limit(1)
    )
    return conn.execute(query).mappings().first()


def create(conn: Connection, values: dict[str, Any]) -> None:
    conn.execute(insert(factor).values(**values))


def confirm(conn: Connection, factor_id: str, counter: int, now: datetime) -> bool:
    """Makes a pending factor usable; False when another request did it first."""
    done = conn.execute(
        update(factor)
        .where(factor.c.id == factor_id, factor.c.confirmed_at.is_(None))
        .values(confirmed_at=now, counter=counter)
    )
    return done.rowcount == 1


def use_counter(conn: Connection, factor_id: str, counter: int) -> bool:
    """Marks this and every earlier code used; False when it already was, also in a race."""
    done = conn.execute(
        update(factor)
        .where(factor.c.id == factor_id, factor.c.counter < counter, factor.c.revoked_at.is_(None))
        .values(counter=counter)
    )
    return done.rowcount == 1


def revoke(conn: Connection, account_id: str, now: datetime, kind: str | None = None) -> None:
    """Ends all factors of an account, or all of one kind."""
    query = update(factor).where(factor.c.account_id == account_id, factor.c.revoked_at.is_(None))
    if kind:
        query = query.where(factor.c.kind == kind)
    conn.execute(query.values(revoked_at=now))


def drop_pending(conn: Connection, account_id: str, kind: str, now: datetime) -> None:
    conn.execute(
        update(factor)
        .where(
            factor.c.account_id == account_id,
            factor.c.kind == kind,
            factor.c.confirmed_at.is_(None),
            factor.c.revoked_at.is_(None),
        )
        .values(revoked_at=now)
    )


def add_recovery_codes(conn: Connection, factor_id: str, codes: list[tuple[str, str]]) -> None:
    """`codes`: (id, hash)."""
    rows = [{"id": i, "factor_id": factor_id, "code_hash": h} for i, h in codes]
    conn.execute(insert(recovery_code), rows)


def use_recovery_code(conn: Connection, factor_id: str, code_hash: str, now: datetime) -> bool:
    done = conn.execute(
        update(recovery_code)
        .where(
            recovery_code.c.factor_id == factor_id,
            recovery_code.c.code_hash == code_hash,
            recovery_code.c.used_at.is_(None),
        )
        .values(used_at=now)
    )
    return done.rowcount == 1


def recovery_codes_left(conn: Connection, factor_id: str) -> int:
    query = select(func.count()).where(
        recovery_code.c.factor_id == factor_id, recovery_code.c.used_at.is_(None)
    )
    return conn.execute(query).scalar_one()


def revoke_one(conn: Connection, factor_id: str, now: datetime) -> None:
    conn.execute(update(factor).where(factor.c.id == factor_id).values(revoked_at=now))

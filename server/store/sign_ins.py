"""Sign-ins: one row per browser, its bearer token kept only as a hash."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, select, update

from server.store.tables import sign_in

IDLE = timedelta(hours=12)
LONGEST = timedelta(days=7)


def create(
    conn: Connection, values: dict[str, Any], now: datetime, lasts: timedelta = IDLE
) -> None:
    """`values`: id, token_hash, account_id, device."""
    more = {"created_at": now, "last_seen_at": now, "expires_at": now + lasts}
    conn.execute(insert(sign_in).values(**values, **more))


def complete(conn: Connection, sign_in_id: str, token_hash: str, now: datetime) -> None:
    """The second factor was given: a new token, so that a fixed or stolen older one is void."""
    conn.execute(
        update(sign_in)
        .where(sign_in.c.id == sign_in_id)
        .values(
            token_hash=token_hash,
            factor_at=now,
            stepped_up_at=now,
            last_seen_at=now,
            expires_at=now + IDLE,
        )
    )


def touch(conn: Connection, sign_in_id: str, now: datetime) -> None:
    """Seen again: the idle time begins anew, within the longest time since the beginning."""
    begun = select(sign_in.c.created_at).where(sign_in.c.id == sign_in_id)
    created = conn.execute(begun).scalar()
    if created is not None:
        conn.execute(
            update(sign_in)
            .where(sign_in.c.id == sign_in_id)
            .values(last_seen_at=now, expires_at=min(now + IDLE, created + LONGEST))
        )


def prove(conn: Connection, sign_in_id: str, now: datetime) -> None:
    """The second factor was given again."""
    conn.execute(
        update(sign_in)
        .where(sign_in.c.id == sign_in_id)
        .values(factor_at=now, stepped_up_at=now, last_seen_at=now)
    )


def living(conn: Connection, account_id: str, now: datetime) -> Sequence[RowMapping]:
    query = (
        select(sign_in)
        .where(
            sign_in.c.account_id == account_id,
            sign_in.c.revoked_at.is_(None),
            sign_in.c.expires_at > now,
            sign_in.c.factor_at.is_not(None),
        )
        .order_by(sign_in.c.last_seen_at.desc())
    )
    return conn.execute(query).mappings().all()


def revoke(conn: Connection, account_id: str, sign_in_id: str, now: datetime) -> bool:
    """Ends one sign-in of this account; False when there is none such."""
    done = conn.execute(
        update(sign_in)
        .where(
            sign_in.c.id == sign_in_id,
            sign_in.c.account_id == account_id,
            sign_in.c.revoked_at.is_(None),
        )
        .values(revoked_at=now)
    )
    return done.rowcount == 1


def end(conn: Connection, sign_in_id: str, now: datetime) -> None:
    """Ends one sign-in, whosever it is: its own browser asks for it."""
    conn.execute(
        update(sign_in)
        .where(sign_in.c.id == sign_in_id, sign_in.c.revoked_at.is_(None))
        .values(revoked_at=now)
    )


def revoke_all(conn: Connection, account_id: str, now: datetime, but: str | None = None) -> int:
    """Ends every sign-in of an account except `but`; how many there were."""
    done = conn.execute(
        update(sign_in)
        .where(
            sign_in.c.account_id == account_id,
            sign_in.c.revoked_at.is_(None),
            sign_in.c.id != (but or ""),
        )
        .values(revoked_at=now)
    )
    return done.rowcount

"""What there is how many of, for the metrics page."""

from datetime import datetime

from sqlalchemy import Connection, func, select

from server.store.tables import event, outbox, session, sign_in


def all_counts(conn: Connection, now: datetime) -> dict[str, int]:
    """By the metric's name without prefix."""
    queries = {
        "sign_ins": select(func.count()).where(
            sign_in.c.revoked_at.is_(None),
            sign_in.c.expires_at > now,
            sign_in.c.factor_at.is_not(None),
        ),
        "sessions_running": select(func.count()).where(
            session.c.opened_at.is_not(None), session.c.closed_at.is_(None)
        ),
        "events": select(func.count()).select_from(event),
        "outbox_waiting": select(func.count()).where(outbox.c.state == "waiting"),
    }
    return {name: conn.execute(query).scalar_one() for name, query in queries.items()}

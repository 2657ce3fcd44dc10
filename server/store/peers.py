"""Nonces of signed requests from other installations."""

from datetime import datetime

from sqlalchemy import Connection, delete, insert
from sqlalchemy.exc import IntegrityError

from server.store.tables import peer_nonce


def remember_nonce(
    conn: Connection, peer_id: str, nonce: str, now: datetime, forget_before: datetime
) -> bool:
    """False when this nonce was already used."""
    conn.execute(delete(peer_nonce).where(peer_nonce.c.at < forget_before))
    try:
        with conn.begin_nested():
            conn.execute(insert(peer_nonce).values(peer_id=peer_id, nonce=nonce, at=now))
    except IntegrityError:
        return False
    return True

"""Nonces of signed requests from other installations."""

from datetime import datetime

from sqlalchemy import Connection, delete, insert

from server.store.tables import peer_nonce


def remember_nonce(
    conn: Connection, peer_id: str, nonce: str, now: datetime, forget_before: datetime
) -> None:
    """Raises IntegrityError when this nonce was already used."""
    conn.execute(delete(peer_nonce).where(peer_nonce.c.at < forget_before))
    conn.execute(insert(peer_nonce).values(peer_id=peer_id, nonce=nonce, at=now))

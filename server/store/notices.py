"""Word from other instances, over PostgreSQL, that a session's log has grown."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import psycopg
from sqlalchemy import Connection, func, select

from server.store.database import Database

CHANNEL = "chibo_log"


def tell(conn: Connection, session_id: str, seq: int) -> None:
    """Goes out when the transaction commits. SQLite has one instance and nobody to tell."""
    if conn.dialect.name == "postgresql":
        conn.execute(select(func.pg_notify(CHANNEL, f"{seq} {session_id}")))


async def grown(
    database: Database, listening: Callable[[], Awaitable[None]]
) -> AsyncIterator[tuple[str, int]]:
    """Session and last seq after each growth, by whichever instance; never ends by itself.

    `listening` is awaited once nothing can be missed any more: what grew before is to be read
    then. Raises psycopg.Error when the connection is lost. On SQLite it waits for ever.
    """
    if database.sqlite:
        await asyncio.Event().wait()
    url = database.url.set(drivername="postgresql").render_as_string(hide_password=False)
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as line:
        await line.execute(f"LISTEN {CHANNEL}")
        await listening()
        async for notice in line.notifies():
            seq, _, session_id = notice.payload.partition(" ")
            yield session_id, int(seq)

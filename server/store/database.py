"""One database, SQLite or PostgreSQL: short synchronous transactions run off the event loop."""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection as Connection  # for the signatures of transactions
from sqlalchemy import Engine, create_engine, event
from sqlalchemy import RowMapping as RowMapping
from sqlalchemy.engine import make_url

P = ParamSpec("P")
T = TypeVar("T")


class Database:
    """Runs store functions `f(conn, ...)`, each in a transaction of its own.

    On SQLite all writes go through one thread, so that writers queue here and not on file locks;
    every commit is synced to disk before `write` returns.
    """

    def __init__(self, url: str) -> None:
        self.url = make_url(url)
        self.sqlite = self.url.get_backend_name() == "sqlite"
        self.engine = sqlite_engine(url) if self.sqlite else postgres_engine(url)
        self._writing = self.engine.execution_options(immediate=True)
        self._writers = ThreadPoolExecutor(1 if self.sqlite else 8, "db-write")
        self._readers = ThreadPoolExecutor(4 if self.sqlite else 8, "db-read")

    async def read(
        self, f: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Runs `f` in a transaction that is rolled back."""

        def run() -> T:
            with self.engine.connect() as conn:
                return f(conn, *args, **kwargs)

        return await asyncio.get_running_loop().run_in_executor(self._readers, run)

    async def write(
        self, f: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Runs `f` and commits; when this returns the change is durable."""

        def run() -> T:
            return self.write_now(f, *args, **kwargs)

        return await asyncio.get_running_loop().run_in_executor(self._writers, run)

    def write_now(
        self, f: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """`write` for a thread that may wait."""
        with self._writing.begin() as conn:
            return f(conn, *args, **kwargs)

    def close(self) -> None:
        self._writers.shutdown()
        self._readers.shutdown()
        self.engine.dispose()


CONNECT = {"timeout": 30, "check_same_thread": False}


def postgres_engine(url: str) -> Engine:
    parts = make_url(url).set(drivername="postgresql+psycopg")
    return create_engine(parts, pool_size=16, pool_pre_ping=True, hide_parameters=True)


def sqlite_engine(url: str) -> Engine:
    if file := make_url(url).database:
        Path(file).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    engine = create_engine(url, hide_parameters=True, connect_args=CONNECT)

    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None  # we begin transactions ourselves
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "busy_timeout=30000",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(conn: Connection) -> None:
        conn.exec_driver_sql(
            "BEGIN IMMEDIATE" if conn.get_execution_options().get("immediate") else "BEGIN"
        )

    return engine

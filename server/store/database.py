"""One database, SQLite or PostgreSQL: short synchronous transactions run off the event loop."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import structlog
from sqlalchemy import Connection as Connection  # for the signatures of transactions
from sqlalchemy import Engine, create_engine, event
from sqlalchemy import RowMapping as RowMapping
from sqlalchemy.engine import make_url
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from server.http.errors import Unavailable

AWAY, FULL = "database_away", "disk_full"  # codes of refusals
log = structlog.get_logger()
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
        self.trouble = ""  # "", or why the last attempt failed: database_away, disk_full

    async def read(
        self, f: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Runs `f` in a transaction that is rolled back."""

        def run() -> T:
            with self._telling(writing=False), self.engine.connect() as conn:
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
        with self._telling(writing=True), self._writing.begin() as conn:
            return f(conn, *args, **kwargs)

    @contextmanager
    def _telling(self, writing: bool) -> Iterator[None]:
        """Turns a database that is away, or a full disk, into Unavailable, and keeps `trouble`.

        Reading may go on while nothing can be written, so a reading clears only its own fault.
        """
        try:
            yield
        except (OperationalError, InterfaceError, PoolTimeout) as error:
            if (found := trouble_of(error)) is None:
                raise
            if self.trouble != found:
                log.error("database_trouble", trouble=found)
            self.trouble = found
            raise Unavailable(found) from error
        if self.trouble and (writing or self.trouble == AWAY):
            log.warning("database_back", after=self.trouble)
            self.trouble = ""

    def close(self) -> None:
        self._writers.shutdown()
        self._readers.shutdown()
        self.engine.dispose()


def trouble_of(error: Exception) -> str | None:
    """The refusal's code if the fault is the database's and may pass; None for one of ours."""
    original = getattr(error, "orig", None)
    if isinstance(original, sqlite3.Error):
        name = getattr(original, "sqlite_errorname", "")
        if name == "SQLITE_FULL":
            return FULL
        passing = ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_IOERR", "SQLITE_CANTOPEN")
        return AWAY if name.startswith(passing) else None
    state = getattr(original, "sqlstate", None)
    if state == "53100":  # disk_full
        return FULL
    # No state: it could not be asked. Classes 08, 53, 57: connection, resources, operator.
    return AWAY if state is None or state[:2] in ("08", "53", "57") else None


CONNECT = {"timeout": 30, "check_same_thread": False}
# Seconds until a server that does not answer, and milliseconds until a broken line, is given up.
REMOTE = {"connect_timeout": 5, "tcp_user_timeout": 10_000}


def postgres_engine(url: str) -> Engine:
    parts = make_url(url).set(drivername="postgresql+psycopg")
    return create_engine(
        parts, pool_size=16, pool_pre_ping=True, hide_parameters=True, connect_args=REMOTE
    )


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
        immediate = conn.get_execution_options().get("immediate")
        # Straight to the driver: through SQLAlchemy it would cost as much as a query.
        driver = conn.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        driver.execute("BEGIN IMMEDIATE" if immediate else "BEGIN")

    return engine

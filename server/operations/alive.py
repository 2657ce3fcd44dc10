"""Lets others see that a process without a port lives and reaches the database."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import structlog

from server.config import Config
from server.store import heartbeats
from server.store.database import Database

EVERY = 3.0  # seconds; a third of what a lease lasts

log = structlog.get_logger()


@contextmanager
def shown_alive(config: Config, role: str) -> Iterator[None]:
    """Renews this process's lease from a thread of its own until the block ends."""
    ended = threading.Event()
    thread = threading.Thread(target=_beat, args=(config, role, ended), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(2)


def _beat(config: Config, role: str, ended: threading.Event) -> None:
    database = Database(config.database_url)
    while True:
        try:
            database.write_now(heartbeats.beat, role, config.instance, datetime.now(UTC))
        except Exception as error:
            log.warning("cannot_beat", role=role, error=type(error).__name__)
        if ended.wait(EVERY):
            break
    database.write_now(heartbeats.end, role, config.instance)
    database.close()

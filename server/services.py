"""What the handlers and the worker share; built once in `server.app`."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from server.config import Config
from server.keys import Keyring
from server.operations.measures import Measures
from server.store.database import Database

if TYPE_CHECKING:
    from server.session.service import SessionService


class Blobs(Protocol):
    """Files outside the web root: local disk or S3. Names are `kind/id...`, never user text."""

    async def put(self, name: str, data: bytes) -> None: ...
    async def get(self, name: str) -> bytes: ...
    async def delete(self, name: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Services:
    config: Config
    database: Database
    keys: Keyring
    blobs: Blobs
    clock: Callable[[], datetime]  # aware, UTC
    new_id: Callable[[], str]
    session: "SessionService"
    measures: Measures
    web_bundle: str  # SHA-256 of the web bundle served; empty when none is built

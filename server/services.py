"""What the handlers and the worker share; built once in `server.app`."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from server.config import Config
from server.keys import Keyring
from server.operations.measures import Measures
from server.store.database import Database

if TYPE_CHECKING:
    from server.session.service import SessionService


@dataclass(frozen=True, slots=True)
class Piece:
    """A file's whole size in bytes, and what was asked of it, as it arrives."""

    size: int
    chunks: AsyncIterator[bytes]


class Blobs(Protocol):
    """Files outside the web root: local disk or S3. Names are `kind/id...`, never user text.

    Whatever `put` has returned from is durable. All raise BlobMissing, or Unavailable when the
    store is away, full, or refuses us.
    """

    async def put(self, name: str, data: bytes) -> None: ...
    async def get(self, name: str) -> bytes: ...

    async def read(self, name: str, first: int = 0, last: int | None = None) -> Piece:
        """From `first` to `last`, both included, in chunks that are never the whole file."""
        ...

    async def delete(self, name: str) -> None: ...

    async def check(self) -> None:
        """Raises Unavailable unless something could be stored now."""
        ...


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

"""One ICE-lite agent (RFC 8445 §2.5): credentials, the path in use, consent by its checks."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from typing import Protocol

from signaling.sfu.native import NativeTransport

CONSENT = 30.0  # seconds without an authenticated check after which the path is dead (RFC 7675)
MAX_ADDRESSES = 16  # a client has a handful; more would be somebody filling our tables
MAX_QUEUED = 64  # DTLS records waiting for the handshake or SCTP; a flight is five


class Path(Protocol):
    """A way to one remote address. `send` never blocks; it drops what does not fit."""

    def send(self, data: bytes | memoryview) -> None: ...


class IceLite:
    """Duck-types the part of aiortc's RTCIceTransport that its DTLS transport uses.

    The mux calls `checked` for each authenticated request and `on_datagram` for what follows.
    """

    def __init__(self, forget: Callable[[IceLite], None]) -> None:
        self.credentials: dict[str, str] = {}
        self.ufrag = self.password = ""
        self.path: Path | None = None
        self.addresses: list[object] = []
        self.last_check: float | None = None
        self.on_media: Callable[[bytes, float], None] | None = None
        self.on_path: Callable[[Path], None] = lambda path: None
        self.native: NativeTransport | None = None  # takes media straight from the port
        self.role = "controlled"
        self.reachable = asyncio.Event()
        self._forget = forget
        self._records: asyncio.Queue[bytes] = asyncio.Queue(MAX_QUEUED)
        self._closed = False
        self.restart()

    def restart(self) -> None:
        """New credentials; the old ones stay good until the client has moved over (RFC 8445 §9)."""
        while len(self.credentials) > 1:
            del self.credentials[next(iter(self.credentials))]
        self.ufrag, self.password = secrets.token_hex(6), secrets.token_hex(12)
        self.credentials[self.ufrag] = self.password

    def checked(self, ufrag: str, path: Path, nominated: bool, now: float) -> None:
        """Notes an authenticated check. The newest nominated path carries what we send."""
        self.last_check = now
        if (self.path is None or nominated) and path is not self.path:
            self.path = path
            self.on_path(path)
        self.reachable.set()

    def on_record(self, data: bytes) -> None:
        """Hands a DTLS record to the handshake; a full queue drops it, as a network would."""
        if not self._records.full():
            self._records.put_nowait(data)

    def expired(self, now: float) -> bool:
        return self.last_check is not None and now - self.last_check > CONSENT

    async def _recv(self) -> bytes:
        if self._closed:
            raise ConnectionError("closed")
        data = await self._records.get()
        if not data:
            raise ConnectionError("closed")
        return data

    async def _send(self, data: bytes) -> None:
        if self._closed:
            raise ConnectionError("closed")
        if self.path is not None:
            self.path.send(data)

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._forget(self)
        while not self._records.empty():
            self._records.get_nowait()
        self._records.put_nowait(b"")
        self.reachable.set()

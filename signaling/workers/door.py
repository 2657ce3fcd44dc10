"""The public port: accepts connections, ends TLS, and keeps strangers' costs within bounds.

Until a connection has shown what it wants it waits here. There are only so many places; when all
are taken the one who has waited longest goes, so that who dawdles keeps nobody out.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import Awaitable, Callable

log = logging.getLogger(__name__)

PLACES = 1000
HANDSHAKE_SECONDS = 10.0
LINGER_SECONDS = 1.0
CHUNK = 64 << 10
Serve = Callable[[socket.socket], Awaitable[None]]


class Door:
    """Calls `serve` with each connection as a plain, non-blocking socket, which it then owns."""

    def __init__(self, serve: Serve, tls: ssl.SSLContext | None) -> None:
        self._serve, self._tls = serve, tls
        self._waiting: dict[asyncio.Task[None], None] = {}  # in the order of their coming
        self._pumps: set[asyncio.Task[None]] = set()

    async def accept(self, listening: socket.socket) -> None:
        """Takes connections until it is cancelled."""
        loop = asyncio.get_running_loop()
        listening.setblocking(False)
        while True:
            try:
                connection, _ = await loop.sock_accept(listening)
            except OSError as error:  # of a connection that is gone, or we have too many
                log.warning("a connection could not be accepted: %s", error.strerror)
                await asyncio.sleep(0.1)
                continue
            connection.setblocking(False)
            while len(self._waiting) >= PLACES:
                oldest = next(iter(self._waiting))
                del self._waiting[oldest]
                oldest.cancel()
            task = asyncio.create_task(self._attend(connection))
            self._waiting[task] = None
            task.add_done_callback(lambda done: self._waiting.pop(done, None))

    def close(self) -> None:
        """Sends away who still waits. What is being pumped goes on until a worker ends it."""
        for task in self._waiting:
            task.cancel()

    async def _attend(self, connection: socket.socket) -> None:
        try:
            if self._tls is not None:
                connection = await self._unwrapped(connection, self._tls)
            else:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await self._serve(connection)
        except (OSError, TimeoutError):
            pass  # it is gone; nothing is owed
        except Exception:
            log.exception("a connection could not be served")
        finally:
            connection.close()

    async def _unwrapped(self, connection: socket.socket, tls: ssl.SSLContext) -> socket.socket:
        """One end of a socket pair whose other end is pumped to and from the TLS connection."""
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(CHUNK)
        protocol = asyncio.StreamReaderProtocol(reader)
        transport, _ = await loop.connect_accepted_socket(
            lambda: protocol, connection, ssl=tls, ssl_handshake_timeout=HANDSHAKE_SECONDS
        )
        writer = asyncio.StreamWriter(transport, protocol, reader, loop)
        inside, outside = socket.socketpair()
        inside.setblocking(False)
        inner_reader, inner_writer = await asyncio.open_connection(sock=outside, limit=CHUNK)
        for source, sink in ((reader, inner_writer), (inner_reader, writer)):
            task = asyncio.create_task(_pump(source, sink))
            self._pumps.add(task)
            task.add_done_callback(self._pumps.discard)
        return inside


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    """Passes on what comes, no faster than it is taken; the end of one side ends the other."""
    with contextlib.suppress(OSError):
        while data := await source.read(CHUNK):
            sink.write(data)
            await sink.drain()
    with contextlib.suppress(OSError, RuntimeError):
        sink.close()


async def linger(connection: socket.socket) -> None:
    """Lets a client read a refusal though it was still sending: at once closed, it might not."""
    loop = asyncio.get_running_loop()
    with contextlib.suppress(OSError, TimeoutError):
        connection.shutdown(socket.SHUT_WR)
        async with asyncio.timeout(LINGER_SECONDS):
            while await loop.sock_recv(connection, CHUNK):
                pass

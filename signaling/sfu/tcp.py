"""ICE over TCP, passive side (RFC 6544), with the two-byte framing of RFC 4571."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import cast

from signaling.sfu.ice import IceLite
from signaling.sfu.mux import Mux

FIRST_CHECK = 10.0  # seconds a connection may stay without an authenticated check
MAX_UNKNOWN = 200  # connections waiting for their first check
MAX_BUFFERED = 512 << 10  # bytes queued towards a slow client; media beyond it is dropped


class TcpLink(asyncio.Protocol):
    """One client connection: unframes what comes, frames what goes, drops media when slow."""

    def __init__(self, server: TcpServer) -> None:
        self._server = server
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._agent: IceLite | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        link = cast(asyncio.Transport, transport)  # uvloop's class is not derived from it
        self._transport = link
        link.set_write_buffer_limits(high=MAX_BUFFERED)
        if len(self._server.unknown) >= MAX_UNKNOWN:
            link.abort()
            return
        self._server.links.add(self)
        self._server.unknown.add(self)
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(FIRST_CHECK, self._give_up)

    def _give_up(self) -> None:
        if self._agent is None:
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.links.discard(self)
        self._server.unknown.discard(self)
        self._server.mux.drop(self)
        if self._timer is not None:
            self._timer.cancel()
        self._transport = None

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        buffer, at = self._buffer, 0
        now = self._server.clock()
        while len(buffer) - at >= 2:
            size = buffer[at] << 8 | buffer[at + 1]
            if len(buffer) - at - 2 < size:
                break
            self._frame(bytes(buffer[at + 2 : at + 2 + size]), now)
            at += 2 + size
        del buffer[:at]

    def _frame(self, data: bytes, now: float) -> None:
        if not data or self._transport is None:
            return
        first = data[0]
        if first < 4:
            host, port = self._transport.get_extra_info("peername")[:2]
            agent = self._server.mux.on_check(data, self, now, self, host, port)
            if agent is not None:
                self._agent = agent
                self._server.unknown.discard(self)
        elif self._agent is None:
            self.close()  # nothing but a check may come first
        elif 127 < first < 192:
            if self._agent.on_media is not None:
                self._agent.on_media(data, now)
        elif 19 < first < 64:
            self._agent.on_record(data)

    def send(self, data: bytes | memoryview) -> None:
        transport = self._transport
        if transport is None or transport.get_write_buffer_size() > MAX_BUFFERED:
            return
        transport.write(len(data).to_bytes(2, "big") + bytes(data))

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()


class TcpServer:
    """Listens for ICE-TCP connections and hands their frames to the mux."""

    def __init__(self, mux: Mux, clock: Callable[[], float]) -> None:
        self.mux = mux
        self.clock = clock
        self.links: set[TcpLink] = set()
        self.unknown: set[TcpLink] = set()
        self._server: asyncio.Server | None = None

    async def bind(self, host: str, port: int) -> int:
        """Starts listening; on `::` for IPv4 too. Returns the port. Raises OSError."""
        loop = asyncio.get_running_loop()
        if host == "::":  # asyncio itself would serve IPv6 only
            sock = socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True)
            self._server = await loop.create_server(lambda: TcpLink(self), sock=sock)
        else:
            self._server = await loop.create_server(lambda: TcpLink(self), host, port)
        return int(self._server.sockets[0].getsockname()[1])

    def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for link in list(self.links):
            link.close()

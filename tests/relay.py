"""A bad line for real clients: a seeded UDP relay between a client and an engine's media port."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import cast

from tests.signaling.line_simulator import Line

HEADERS = 28  # bytes of IP and UDP, which a line carries too

Address = tuple[str, int]


class _Clock:
    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()

    @property
    def now(self) -> float:
        return self._loop.time()

    def at(self, when: float, action: Callable[[], None]) -> None:
        if when <= self._loop.time():
            action()
        else:
            self._loop.call_at(when, action)


class _Inside(asyncio.DatagramProtocol):
    """Our socket towards the engine for one client."""

    def __init__(self, receive: Callable[[bytes], None]) -> None:
        self._receive = receive

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self._receive(data)


class Relay(asyncio.DatagramProtocol):
    """Clients send to `port`. Set `down` (to the client) and `up` to what the line is to be."""

    def __init__(self, engine: Address, seed: int = 1) -> None:
        chance = random.Random(seed)
        clock = _Clock()
        self.down = Line(clock, random.Random(chance.random()), delay=0.0)
        self.up = Line(clock, random.Random(chance.random()), delay=0.0)
        self.port = 0
        self._engine = engine
        self._inside: dict[Address, asyncio.Task[asyncio.DatagramTransport]] = {}
        self._outside: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._outside = cast(asyncio.DatagramTransport, transport)
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: Address) -> None:
        if addr not in self._inside:
            self._inside[addr] = asyncio.create_task(self._open(addr))
        task = self._inside[addr]
        self.up.carry(
            len(data) + HEADERS, lambda: task.add_done_callback(lambda t: t.result().sendto(data))
        )

    async def _open(self, client: Address) -> asyncio.DatagramTransport:
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: _Inside(lambda data: self._to_client(data, client)), remote_addr=self._engine
        )
        return transport

    def _to_client(self, data: bytes, client: Address) -> None:
        outside = self._outside
        if outside is not None:
            self.down.carry(len(data) + HEADERS, lambda: self._send(outside, data, client))

    @staticmethod
    def _send(outside: asyncio.DatagramTransport, data: bytes, client: Address) -> None:
        if not outside.is_closing():  # what was on its way when the test ended
            outside.sendto(data, client)

    async def close(self) -> None:
        if self._outside is not None:
            self._outside.close()
        for task in self._inside.values():
            (await task).close()


@asynccontextmanager
async def relay(engine_port: int, seed: int = 1) -> AsyncIterator[Relay]:
    """A relay on loopback in front of an engine's UDP port."""
    made = Relay(("127.0.0.1", engine_port), seed)
    loop = asyncio.get_running_loop()
    await loop.create_datagram_endpoint(lambda: made, local_addr=("127.0.0.1", 0))
    try:
        yield made
    finally:
        await made.close()

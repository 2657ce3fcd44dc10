"""The UDP and TCP ports as a client, or somebody who is none, finds them."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator, Callable

import pytest
from aioice import stun as reference

from signaling.sfu import fanout, stun
from signaling.sfu.ice import CONSENT, MAX_ADDRESSES, IceLite
from signaling.sfu.mux import Mux
from signaling.sfu.native import NativeTransport
from signaling.sfu.tcp import TcpServer

pytestmark = pytest.mark.usefixtures("media_path")

HOST = "127.0.0.1"


@pytest.fixture
async def mux() -> AsyncIterator[tuple[Mux, int]]:
    made = Mux(time.monotonic)
    port = made.bind(HOST, 0)
    yield made, port
    made.close()


class Client:
    """A UDP socket that waits for one datagram."""

    def __init__(self, port: int) -> None:
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.setblocking(False)
        self.sock.bind((HOST, 0))
        self.port = port

    def send(self, data: bytes) -> None:
        self.sock.sendto(data, (HOST, self.port))

    async def receive(self, seconds: float = 2) -> bytes:
        loop = asyncio.get_running_loop()
        return await asyncio.wait_for(loop.sock_recv(self.sock, 2048), seconds)

    async def silence(self) -> None:
        with pytest.raises(TimeoutError):
            await self.receive(0.05)


async def until(condition: Callable[[], object], seconds: float = 5) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "never happened"
        await asyncio.sleep(0.005)


def check(ufrag: str, password: str) -> bytes:
    return stun.request(f"{ufrag}:c", password, os.urandom(12))


def media_of(agent: IceLite) -> list[bytes]:
    """The media that the agent's peer is given from now on, on either path, without encryption."""
    got: list[bytes] = []
    agent.on_media = lambda data, now: got.append(data)
    media = fanout.media()
    if media is not None:
        agent.native = NativeTransport(media, got.append, got.append, plain=True)
        agent.native.on_rtp = agent.on_media
    return got


async def test_ipv6_clients_are_served_on_a_port_open_to_both() -> None:
    made = Mux(time.monotonic)
    port = made.bind("::", 0)
    agent = made.new_agent()
    for family, host in ((socket.AF_INET6, "::1"), (socket.AF_INET, HOST)):
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            sock.bind((host, 0))
            sock.sendto(check(agent.ufrag, agent.password), (host, port))
            loop = asyncio.get_running_loop()
            data = await asyncio.wait_for(loop.sock_recv(sock, 2048), 2)
            seen = reference.parse_message(data).attributes["XOR-MAPPED-ADDRESS"]
            assert seen == sock.getsockname()[:2]
    made.close()


async def test_an_authenticated_check_is_answered_and_names_the_address(
    mux: tuple[Mux, int],
) -> None:
    agent, client = mux[0].new_agent(), Client(mux[1])
    client.send(check(agent.ufrag, agent.password))
    answer = reference.parse_message(await client.receive())
    assert answer.attributes["XOR-MAPPED-ADDRESS"] == client.sock.getsockname()
    assert agent.reachable.is_set()


async def test_only_authenticated_addresses_reach_a_peer(mux: tuple[Mux, int]) -> None:
    agent, client, stranger = mux[0].new_agent(), Client(mux[1]), Client(mux[1])
    got = media_of(agent)
    for data in (
        check(agent.ufrag, "wrong"),
        check("nobody", agent.password),
        b"\x80" * 40,
        b"\x16" * 40,
        b"",
        b"\x00\x01",
    ):
        stranger.send(data)
    await stranger.silence()
    assert not agent.reachable.is_set()
    client.send(check(agent.ufrag, agent.password))
    await client.receive()
    stranger.send(b"\x80" * 40)
    client.send(b"\x81" * 40)
    client.send(check(agent.ufrag, agent.password))
    await client.receive()
    assert got == [b"\x81" * 40]


async def test_a_client_that_moves_is_followed(mux: tuple[Mux, int]) -> None:
    agent, before, after = mux[0].new_agent(), Client(mux[1]), Client(mux[1])
    for client in (before, after):
        client.send(check(agent.ufrag, agent.password))
        await client.receive()
    assert agent.path is not None
    agent.path.send(b"media")
    assert await after.receive() == b"media"


async def test_after_a_restart_old_and_new_credentials_work_until_the_next(
    mux: tuple[Mux, int],
) -> None:
    agent, client = mux[0].new_agent(), Client(mux[1])
    credentials = [(agent.ufrag, agent.password)]
    for _ in range(2):
        agent.restart()
        mux[0].listen(agent)
        credentials.append((agent.ufrag, agent.password))
    client.send(check(*credentials[0]))
    await client.silence()
    for old_and_new in credentials[1:]:
        client.send(check(*old_and_new))
        await client.receive()


async def test_addresses_of_one_client_are_limited(mux: tuple[Mux, int]) -> None:
    agent = mux[0].new_agent()
    for _ in range(MAX_ADDRESSES + 5):
        client = Client(mux[1])
        client.send(check(agent.ufrag, agent.password))
        await client.receive()
        client.sock.close()
    assert len(agent.addresses) <= MAX_ADDRESSES


async def test_consent_ends_when_checks_stop(mux: tuple[Mux, int]) -> None:
    agent = mux[0].new_agent()
    assert not agent.expired(1e9)
    agent.checked(agent.ufrag, Silent(), True, 100.0)
    assert not agent.expired(100.0 + CONSENT)
    assert agent.expired(100.1 + CONSENT)


class Silent:
    def send(self, data: bytes | memoryview) -> None:
        pass


async def test_a_closed_peer_is_forgotten(mux: tuple[Mux, int]) -> None:
    agent, client = mux[0].new_agent(), Client(mux[1])
    client.send(check(agent.ufrag, agent.password))
    await client.receive()
    agent.close()
    client.send(check(agent.ufrag, agent.password))
    await client.silence()
    with pytest.raises(ConnectionError):
        await agent._recv()


async def test_a_flood_of_strangers_leaves_no_trace(mux: tuple[Mux, int]) -> None:
    agent, stranger, client = mux[0].new_agent(), Client(mux[1]), Client(mux[1])
    for n in range(500):
        stranger.send(check(f"u{n}", "x"))
        stranger.send(os.urandom(60))
    client.send(check(agent.ufrag, agent.password))
    await client.receive()
    assert not stranger_addresses(mux[0], agent)


def stranger_addresses(mux: Mux, agent: object) -> list[object]:
    return [address for address, owner in mux._by_address.items() if owner is not agent]


async def test_ice_over_tcp_frames_both_ways(mux: tuple[Mux, int]) -> None:
    server = TcpServer(mux[0], time.monotonic)
    port = await server.bind(HOST, 0)
    agent = mux[0].new_agent()
    got: list[bytes] = []
    agent.on_media = lambda data, now: got.append(data)
    reader, writer = await asyncio.open_connection(HOST, port)
    frames = [check(agent.ufrag, agent.password), b"\x80" * 30, b"\x81" * 700]
    stream = b"".join(len(frame).to_bytes(2, "big") + frame for frame in frames)
    for at in range(0, len(stream), 50):  # frames cut anywhere
        writer.write(stream[at : at + 50])
        await writer.drain()
    size = int.from_bytes(await reader.readexactly(2), "big")
    assert reference.parse_message(await reader.readexactly(size))
    await until(lambda: len(got) == 2)
    assert agent.path is not None
    agent.path.send(b"media")
    assert await reader.readexactly(7) == b"\x00\x05media"
    writer.close()
    await until(lambda: not server.links)
    assert not mux[0]._by_address
    server.close()


async def test_a_tcp_connection_that_does_not_begin_with_a_check_is_closed(
    mux: tuple[Mux, int],
) -> None:
    server = TcpServer(mux[0], time.monotonic)
    port = await server.bind(HOST, 0)
    reader, writer = await asyncio.open_connection(HOST, port)
    writer.write(b"\x00\x0eGET / HTTP/1.1")
    assert await asyncio.wait_for(reader.read(), 2) == b""
    writer.close()
    server.close()

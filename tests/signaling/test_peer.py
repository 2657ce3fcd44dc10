"""DTLS, SRTP and data channels between two of our peers, over a wire inside the test."""

from __future__ import annotations

import asyncio
import importlib
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from signaling.sfu import rtp
from signaling.sfu.mux import Mux
from signaling.sfu.peer import CONTRACT, Peer

pytestmark = pytest.mark.usefixtures("media_path")


class Wire:
    """What one peer sends, delivered to the other; `lose` drops datagrams, `seen` keeps them."""

    def __init__(self, receiver: Peer) -> None:
        self.receiver = receiver
        self.seen: list[bytes] = []
        self.lose: Callable[[bytes], bool] = lambda data: False

    def send(self, data: bytes | memoryview) -> None:
        copy = bytes(data)
        self.seen.append(copy)
        if not self.lose(copy):
            asyncio.get_running_loop().call_soon(self.deliver, copy)

    def deliver(self, data: bytes) -> None:
        if 127 < data[0] < 192:
            if self.receiver.ice.on_media is not None:
                self.receiver.ice.on_media(data, time.monotonic())
        else:
            self.receiver.ice.on_record(data)


async def until(condition: Callable[[], object], seconds: float = 5) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "never happened"
        await asyncio.sleep(0.005)


async def connect(
    lose: Callable[[bytes], bool] = lambda data: False, channels: tuple[str, ...] = ()
) -> tuple[Peer, Peer, Wire, Wire]:
    mux = Mux(time.monotonic)
    server, client = Peer(mux), Peer(mux)
    to_client, to_server = Wire(client), Wire(server)
    to_client.lose = lose
    server.enable_data()
    client.enable_data()
    server.start([client.fingerprint], client=False)
    client.start([server.fingerprint], client=True, channels=channels)
    await asyncio.sleep(0.02)
    assert not to_server.seen  # the client keeps silent until ICE knows an address
    server.ice.checked(server.ice.ufrag, to_client, True, time.monotonic())
    client.ice.checked(client.ice.ufrag, to_server, True, time.monotonic())
    await until(lambda: server.connected and client.connected)
    return server, client, to_client, to_server


@pytest.mark.parametrize("names", CONTRACT.items(), ids=lambda item: item[0])
def test_the_private_names_we_use_are_there(names: tuple[str, tuple[str, ...]]) -> None:
    """If this fails, a new version of the library has changed what peer.py builds on."""
    path, attributes = names
    module, _, last = path.rpartition(".")
    owner = getattr(importlib.import_module(module), last)
    source = importlib.import_module(owner.__module__) if isinstance(owner, type) else None
    text = Path(source.__file__ or "").read_text() if source is not None else ""
    for attribute in attributes:
        assert hasattr(owner, attribute) or f"self.{attribute}" in text, f"{path}.{attribute}"


async def test_media_is_protected_and_replays_are_refused() -> None:
    server, client, to_client, _ = await connect()
    got: list[bytes] = []
    client.on_rtp = lambda data, now: got.append(data)
    packet = rtp.build(rtp.Packet(96, 0, 7, 9, 11, {}, b"picture"))
    server.send_rtp(packet)
    await until(lambda: got == [packet])
    wire = next(data for data in to_client.seen if 127 < data[0] < 192)
    assert b"picture" not in wire
    to_client.deliver(wire)
    to_client.deliver(wire[:-1] + bytes((wire[-1] ^ 1,)))
    assert got == [packet]
    assert client.rejected == 2
    for peer in (server, client):
        await peer.close()


async def test_a_retransmission_is_accepted_by_a_receiver_that_missed_it() -> None:
    server, client, to_client, _ = await connect()
    got: list[bytes] = []
    client.on_rtp = lambda data, now: got.append(data)
    first, second = (rtp.build(rtp.Packet(96, 0, n, 9, 11, {}, b"p")) for n in (1, 2))
    to_client.lose = lambda data: True
    server.send_rtp(first)
    to_client.lose = lambda data: False
    server.send_rtp(second)
    server.send_rtp(first)
    await until(lambda: got == [second, first])
    for peer in (server, client):
        await peer.close()


async def test_the_handshake_survives_loss() -> None:
    lost = 2

    def lose(data: bytes) -> bool:
        nonlocal lost
        lost -= 1
        return lost >= 0

    server, client, _, _ = await connect(lose)
    for peer in (server, client):
        await peer.close()


async def test_data_channels_opened_by_us_carry_messages_both_ways() -> None:
    server, client, _, _ = await connect(channels=("_reliable", "_lossy"))
    got: list[tuple[str, bytes]] = []
    server.on_message = lambda label, data: got.append((label, data))
    client.on_message = lambda label, data: got.append((label, data))
    await until(lambda: client.send_message("_reliable", b"up"))
    await until(lambda: ("_reliable", b"up") in got)
    assert server.send_message("_reliable", b"down")
    await until(lambda: ("_reliable", b"down") in got)
    assert not server.send_message("unknown", b"x")
    for peer in (server, client):
        await peer.close()


async def test_the_wrong_certificate_is_refused() -> None:
    mux = Mux(time.monotonic)
    server, client = Peer(mux), Peer(mux)
    closed: list[Peer] = []
    server.on_closed = lambda: closed.append(server)
    server.start([("sha-256", ":".join(["00"] * 32))], client=False)
    client.start([server.fingerprint], client=True)
    server.ice.checked(server.ice.ufrag, Wire(client), True, 0.0)
    client.ice.checked(client.ice.ufrag, Wire(server), True, 0.0)
    await until(lambda: closed)
    assert not server.connected
    for peer in (server, client):
        await peer.close()


async def test_a_goodbye_is_noticed() -> None:
    server, client, _, _ = await connect()
    gone: list[bool] = []
    server.on_closed = lambda: gone.append(True)
    await client.close()
    await until(lambda: gone)
    await server.close()

"""Media through the real port, encrypted, from a publisher's socket to its subscribers'."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable

import pytest

from signaling.sfu import rtcp, rtp
from signaling.sfu.downlink import Downlink
from signaling.sfu.mux import Mux, UdpPath
from signaling.sfu.tcp import TcpServer
from signaling.sfu.tracks import UpTrack
from signaling.sfu.uplink import Source, Uplink
from tests.signaling.line import Member

pytestmark = pytest.mark.usefixtures("media_path")
PICTURE = b"\x90\x80\x05\x00picture"


async def until(condition: Callable[[], object], seconds: float = 5) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "never happened"
        await asyncio.sleep(0.005)


class Hall:
    """A publisher with one camera, and subscribers."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.mux = Mux(time.monotonic)
        self.port = self.mux.bind(host, 0)
        self.members: list[Member] = []
        self.camera = UpTrack("TR_v", "video", "vp8", "", 90000, [])
        self.publisher = Member(self.mux, host, self.port)
        peer = self.publisher.peer
        self.uplink = Uplink(peer.ssrc, peer.send_rtcp, peer.native)
        self.uplink.configure([Source("0", self.camera, 96, 97, [10], {})], {rtp.TRANSPORT_CC: 3})
        peer.on_rtp = self.uplink.on_rtp
        self.seq = 0

    async def arrive(self, member: Member) -> None:
        self.members.append(member)
        member.check()
        await until(lambda: member.peer.ice.path is not None)
        member.begin()

    async def subscriber(self) -> tuple[Member, Downlink]:
        member = Member(self.mux, self.host, self.port)
        await self.arrive(member)
        return member, self.take(member)

    def take(self, member: Member) -> Downlink:
        downlink = Downlink(member.peer.send_rtp, member.peer.send_rtcp)
        downlink.add(self.camera, ())
        downlink.bind("TR_v", 100, {rtp.TRANSPORT_CC: 5})
        downlink.ready = True
        downlink.choose(time.monotonic())
        return downlink

    def publish(self, count: int, payload: bytes = PICTURE) -> None:
        for _ in range(count):
            self.seq += 1
            extensions = {3: self.seq.to_bytes(2, "big")}
            self.publisher.send(
                rtp.build(rtp.Packet(96, 0x80, self.seq, 7, 10, extensions, payload))
            )


@pytest.fixture(params=["127.0.0.1", "::1"])
async def hall(request: pytest.FixtureRequest) -> AsyncIterator[Hall]:
    made = Hall(request.param)
    await made.arrive(made.publisher)
    yield made
    for member in made.members:
        await member.close()
    made.mux.close()


async def gathered(member: Member, count: int) -> list[rtp.Packet]:
    found: list[bytes] = []

    def enough() -> bool:
        found.extend(member.received())
        return len(found) >= count

    await until(enough)
    packets = [rtp.parse(data) for data in found]
    return [packet for packet in packets if packet is not None]


async def test_every_subscriber_gets_every_packet(hall: Hall) -> None:
    taken = [await hall.subscriber() for _ in range(5)]
    for _ in range(10):
        hall.publish(20)
        await asyncio.sleep(0.01)
    for member, downlink in taken:
        packets = await gathered(member, 200)
        down = downlink.get("TR_v")
        assert down is not None
        assert [packet.seq for packet in packets] == list(range(1, 201))
        assert {packet.ssrc for packet in packets} == {down.ssrc}
        numbers = [int.from_bytes(packet.extensions[5], "big") for packet in packets]
        assert numbers == list(range(200))
        assert member.peer.sent_bytes > 200 * len(PICTURE)
        assert downlink.get("TR_v").packets == 200  # type: ignore[union-attr]
    assert hall.camera.layers[0].last_packet is not None
    assert hall.uplink.tracks == [hall.camera]


async def test_a_lost_packet_is_sent_again_and_a_receiver_that_missed_it_accepts_it(
    hall: Hall,
) -> None:
    member, downlink = await hall.subscriber()
    hall.publish(10)
    kept: list[bytes] = []
    await until(lambda: kept.extend(member.received(lambda data: data)) or len(kept) == 10)
    lost = kept.pop(3)
    for data in kept:
        member.rx.unprotect(data)
    down = downlink.get("TR_v")
    assert down is not None
    downlink.on_rtcp(rtcp.Nack(down.ssrc, (4,)), time.monotonic())
    again: list[bytes] = []
    await until(lambda: again.extend(member.received(lambda data: data)) or again)
    assert again == [lost]
    packet = rtp.parse(member.rx.unprotect(again[0]))
    assert packet is not None
    assert packet.seq == 4


async def test_forged_and_replayed_packets_are_counted_and_go_nowhere(hall: Hall) -> None:
    member, _ = await hall.subscriber()
    hall.publish(1)
    await gathered(member, 1)
    packet = rtp.build(rtp.Packet(96, 0x80, 2, 7, 10, {}, PICTURE))
    protected = hall.publisher.tx.protect(packet)
    hall.publisher.sock.send(protected[:-1] + bytes((protected[-1] ^ 1,)))
    for _ in range(2):
        hall.publisher.sock.send(protected)
    assert [item.seq for item in await gathered(member, 1)] == [2]
    await until(lambda: hall.publisher.peer.rejected == 2)
    await asyncio.sleep(0.05)
    assert not member.received()


async def test_a_subscriber_that_moves_is_followed_and_one_that_left_gets_nothing(
    hall: Hall,
) -> None:
    member, _ = await hall.subscriber()
    hall.publish(1)
    await gathered(member, 1)
    before, path = member.sock, member.peer.ice.path
    member.sock = before.__class__(before.family, before.type)
    member.sock.setblocking(False)
    member.sock.connect((hall.host, hall.port))
    member.check()
    await until(lambda: member.peer.ice.path is not path)
    hall.publish(1)
    assert [packet.seq for packet in await gathered(member, 1)] == [2]
    with pytest.raises(BlockingIOError):
        before.recv(100)
    before.close()
    await member.peer.close()
    hall.publish(2)
    await asyncio.sleep(0.05)
    assert not member.received()


async def test_a_subscriber_on_tcp_gets_the_same(hall: Hall) -> None:
    server = TcpServer(hall.mux, time.monotonic)
    port = await server.bind(hall.host, 0)
    member = Member(hall.mux, hall.host, hall.port)
    reader, writer = await asyncio.open_connection(hall.host, port)

    def framed(data: bytes) -> bytes:
        return len(data).to_bytes(2, "big") + data

    check: list[bytes] = []
    member.sock.close()
    member.sock = type("", (), {"send": check.append, "close": lambda self: None})()
    member.check()
    writer.write(framed(check[0]))
    await until(lambda: member.peer.ice.path is not None)
    assert not isinstance(member.peer.ice.path, UdpPath)
    hall.members.append(member)
    member.begin()
    hall.take(member)
    hall.publish(30)
    seqs = []
    while len(seqs) < 30:
        size = int.from_bytes(await asyncio.wait_for(reader.readexactly(2), 5), "big")
        data = await reader.readexactly(size)
        if data[0] > 127:
            packet = rtp.parse(member.rx.unprotect(data))
            assert packet is not None
            seqs.append(packet.seq)
    assert seqs == list(range(1, 31))
    writer.close()
    server.close()


async def test_a_publisher_that_mutes_is_silent_at_once(hall: Hall) -> None:
    member, _ = await hall.subscriber()
    hall.publish(5)
    await gathered(member, 5)
    hall.camera.set_muted(True, time.monotonic())
    before = hall.camera.layers[0].last_packet
    hall.publish(5)
    await until(lambda: hall.camera.layers[0].last_packet != before)
    await asyncio.sleep(0.05)
    assert not member.received()

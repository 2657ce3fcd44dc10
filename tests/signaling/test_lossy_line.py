"""Publisher, engine and subscriber in virtual time, with seeded loss on both lines."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable

import pytest

from signaling.sfu import rtcp, rtp
from signaling.sfu.downlink import Downlink
from signaling.sfu.nack import Missing
from signaling.sfu.tracks import UpTrack
from signaling.sfu.uplink import Source, Uplink

pytestmark = pytest.mark.usefixtures("media_path")

DELAY = 0.02  # seconds each way
PUBLISHER, MEDIA_PT, RTX_PT = 10, 96, 97


class World:
    """Events in order of their time; nothing here reads a clock."""

    def __init__(self, seed: int, loss: float) -> None:
        self.now = 0.0
        self.chance = random.Random(seed)
        self.loss = loss
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0

    def after(self, delay: float, action: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._events, (self.now + delay, self._count, action))

    def carry(self, action: Callable[[], None]) -> None:
        """One datagram over a lossy line."""
        if self.chance.random() >= self.loss:
            self.after(DELAY, action)

    def run(self, until: float) -> None:
        while self._events and self._events[0][0] <= until:
            self.now, _, action = heapq.heappop(self._events)
            action()
        self.now = until


class Line:
    """A camera of 100 packets a second, our engine, one viewer that repairs as browsers do."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.history: dict[int, rtp.Packet] = {}
        self.seq = 0
        self.keyframe_wanted = True
        self.received: set[int] = set()
        self.missing = Missing()
        self.feedback_bytes = 0
        track = UpTrack("TR_1", "video", "vp8", "", 90000, [])
        self.track = track
        self.uplink = Uplink(1, lambda data: world.carry(lambda: self._to_publisher(data)))
        self.uplink.configure([Source("0", track, MEDIA_PT, RTX_PT, [PUBLISHER], {})], {})
        self.downlink = Downlink(
            lambda data: world.carry(lambda: self._to_viewer(data)), lambda data: None
        )
        self.down = self.downlink.add(track, ())
        self.downlink.bind("TR_1", 100, {})
        self.downlink.ready = True

    def start(self) -> None:
        self._publish()
        self._tick()
        self._view()

    def _publish(self) -> None:
        key, self.keyframe_wanted = self.keyframe_wanted, False
        payload = b"\x10" + (b"\x00" if key else b"\x01") + bytes(100)
        packet = rtp.Packet(
            MEDIA_PT, 0x80, self.seq & 0xFFFF, self.seq * 900, PUBLISHER, {}, payload
        )
        self.history[self.seq & 0xFFFF] = packet
        self.seq += 1
        self._send_up(packet)
        self.world.after(0.01, self._publish)

    def _send_up(self, packet: rtp.Packet) -> None:
        data = rtp.build(packet)
        self.world.carry(lambda: self.uplink.on_rtp(data, self.world.now))

    def _tick(self) -> None:
        self.uplink.tick(self.world.now, 2 * DELAY)
        self.downlink.tick(self.world.now)
        self.world.after(0.05, self._tick)

    def _to_publisher(self, data: bytes) -> None:
        self.feedback_bytes += len(data)
        for item in rtcp.parse(data):
            if isinstance(item, rtcp.KeyframeRequest):
                self.keyframe_wanted = True
            elif isinstance(item, rtcp.Nack):
                for seq in item.seqs:
                    original = self.history[seq]
                    payload = seq.to_bytes(2, "big") + original.payload
                    self._send_up(rtp.Packet(RTX_PT, 0x80, 0, original.timestamp, 20, {}, payload))

    def _to_viewer(self, data: bytes) -> None:
        packet = rtp.parse(data)
        assert packet is not None
        seq = rtp.unwrap(packet.seq, self.missing.highest or packet.seq)
        self.missing.received(seq)
        self.received.add(seq)

    def _view(self) -> None:
        seqs = self.missing.due(self.world.now, 2 * DELAY)
        if seqs:
            wire = tuple(seq & 0xFFFF for seq in seqs)
            nack = rtcp.Nack(self.down.ssrc, wire)
            self.world.carry(lambda: self.downlink.on_rtcp(nack, self.world.now))
        self.world.after(0.02, self._view)


@pytest.mark.parametrize(("loss", "allowed"), [(0.0, 0), (0.03, 0.001), (0.1, 0.005), (0.3, 0.06)])
def test_loss_is_repaired_in_both_directions(loss: float, allowed: float) -> None:
    world = World(seed=5, loss=loss)
    line = Line(world)
    # The repair stream is announced, as browsers do for a camera without layers.
    line.uplink.configure(
        [Source("0", line.track, MEDIA_PT, RTX_PT, [PUBLISHER, 20], {20: PUBLISHER})], {}
    )
    line.start()
    world.run(30)
    span = max(line.received) - min(line.received) + 1
    gone = 1 - len(line.received) / span
    assert span > 2500
    assert gone <= allowed
    assert line.feedback_bytes < 30 * 20_000


def test_an_outage_ends_with_a_picture_within_a_second() -> None:
    world = World(seed=2, loss=0.0)
    line = Line(world)
    line.start()
    world.run(5)
    world.loss = 1.0
    world.run(15)
    before = len(line.received)
    world.loss = 0.0
    line.downlink.on_rtcp(rtcp.KeyframeRequest(line.down.ssrc), world.now)
    world.run(16)
    assert len(line.received) - before > 50
    assert not line.track.layers[0].needs_keyframe

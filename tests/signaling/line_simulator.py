"""Lines with a rate, delay, jitter, loss and outages, and a viewer, in virtual time with seeds.

One camera with three layers of three temporal levels and one microphone come in perfectly; what
is under test is the way from our engine to one viewer and back.
"""

from __future__ import annotations

import heapq
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from signaling.sfu import rtcp, rtp
from signaling.sfu.codecs import parse_vp8
from signaling.sfu.downlink import Downlink, Wish
from signaling.sfu.nack import Missing
from signaling.sfu.tracks import Layer, UpTrack
from signaling.sfu.twcc import Arrivals

SIZES = ((320, 180), (640, 360), (1280, 720))
RATES = (150_000, 450_000, 1_700_000)  # bit/s of payload
FRAMES = 24  # a second; three temporal levels of 6, 6 and 12
PATTERN = (0, 2, 1, 2)
SYNC = (True, True, True, False)
KEYFRAME = 5  # times a usual frame
MTU = 1100
HEADERS = 44  # bytes of UDP, IP and SRTP around each packet
TO_PUBLISHER = 0.06  # seconds from a keyframe request to the keyframe
IDS = {rtp.TRANSPORT_CC: 3, rtp.AUDIO_LEVEL: 1}
PLAYOUT = 0.4  # seconds of jitter buffer that sound waits for a packet
GIVE_UP = 3.0  # seconds without a decodable picture until browsers ask for a keyframe


class World:
    """Events in order of their time; nothing here reads a clock."""

    now: float

    def __init__(self) -> None:
        self.now = 100.0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0

    def at(self, when: float, action: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._events, (max(when, self.now), self._count, action))

    def every(self, interval: float, action: Callable[[], None]) -> None:
        def again() -> None:
            action()
            self.at(self.now + interval, again)

        self.at(self.now + interval, again)

    def run(self, seconds: float) -> None:
        until = self.now + seconds
        while self._events and self._events[0][0] <= until:
            self.now, _, action = heapq.heappop(self._events)
            action()
        self.now = until


class Clock(Protocol):
    """Virtual here, real in the relay."""

    @property
    def now(self) -> float: ...
    def at(self, when: float, action: Callable[[], None]) -> None: ...


@dataclass
class Line:
    """One direction. `rate` in bit/s (None: wide), `depth` seconds of queue before it drops."""

    world: Clock
    chance: random.Random
    delay: float = 0.02
    rate: float | None = None
    depth: float = 0.5
    jitter: float = 0.0
    loss: float = 0.0
    burst: float = 1.0  # mean number of packets lost in a row
    down: bool = False
    longest_queue: float = 0.0
    octets: int = 0
    _busy: float = 0.0
    _last: float = 0.0
    _losing: bool = False

    @property
    def waiting(self) -> float:
        """Seconds that a packet put in now would have to queue."""
        return max(0.0, self._busy - self.world.now)

    def carry(self, size: int, action: Callable[[], None]) -> None:
        now = self.world.now
        if self.down or self._lost():
            return
        leaves = now
        if self.rate is not None:
            waiting = self.waiting
            self.longest_queue = max(self.longest_queue, waiting)
            if waiting > self.depth:
                return
            self._busy = leaves = max(now, self._busy) + size * 8 / self.rate
        self.octets += size
        arrives = leaves + self.delay + self.chance.random() * self.jitter
        self._last = arrives = max(self._last, arrives)  # the usual jitter keeps the order
        self.world.at(arrives, action)

    def _lost(self) -> bool:
        """Gilbert's model: `loss` of all packets, `burst` of them in a row."""
        if self._losing:
            self._losing = self.chance.random() >= 1 / self.burst
        else:
            begin = self.loss / (self.burst * (1 - self.loss)) if self.loss < 1 else 1.0
            self._losing = self.chance.random() < begin
        return self._losing


class Camera:
    """Three simulcast layers, or fewer; `silent` ones send nothing."""

    def __init__(self, world: World, chance: random.Random, sid: str = "TR_v") -> None:
        self.world, self.chance = world, chance
        self.track = UpTrack(sid, "video", "vp8", "", 90000, ["q", "h", "f"])
        self.track.kick = self.kick
        self.silent: set[int] = set()
        self._wanted = [True] * 3
        self._picture = [0] * 3
        self._tl0 = [0] * 3
        self._seq = [0] * 3
        self._place = [0] * 3
        for layer in self.track.layers:
            layer.reset(layer.index + 1)
        world.every(1 / FRAMES, self._frame)

    def kick(self, now: float) -> None:
        for layer in self.track.layers:
            if layer.keyframe_due(now):
                self.world.at(now + TO_PUBLISHER, lambda la=layer: self._want(la))  # type: ignore[misc]

    def _want(self, layer: Layer) -> None:
        self._wanted[layer.index] = True

    def _frame(self) -> None:
        self.kick(self.world.now)
        for layer in self.track.layers:
            if layer.index not in self.silent:
                self._send(layer, layer.index)

    def _send(self, layer: Layer, index: int) -> None:
        key, self._wanted[index] = self._wanted[index], False
        if key:
            self._place[index] = 0
        place = self._place[index] % 4
        level = PATTERN[place]
        self._place[index] += 1
        self._picture[index] += 1
        self._tl0[index] += level == 0
        weight = KEYFRAME if key else (1.6, 0, 0.8)[level] if level != 1 else 0.8
        size = int(RATES[index] / 8 / FRAMES * weight * self.chance.uniform(0.8, 1.2))
        stamp = int(self.world.now * 90000) & 0xFFFFFFFF
        count = max(1, -(-size // MTU))
        for part in range(count):
            descriptor = bytes(
                (
                    0x90 if part == 0 else 0x80,
                    0xE0,
                    0x80 | self._picture[index] >> 8 & 0x7F,
                    self._picture[index] & 0xFF,
                    self._tl0[index] & 0xFF,
                    level << 6 | (0x20 if SYNC[place] else 0),
                )
            )
            payload = descriptor + bytes((0 if key else 1, index)) + bytes(size // count)
            marker = 0x80 if part == count - 1 else 0
            packet = rtp.Packet(
                96, marker, self._seq[index] & 0xFFFF, stamp, index + 1, {}, payload
            )
            self._seq[index] += 1
            layer.receive(packet, self.world.now)


class Microphone:
    def __init__(self, world: World) -> None:
        self.world = world
        self.track = UpTrack("TR_a", "audio", "opus", "", 48000, [])
        self.track.layers[0].reset(9)
        self.sent: dict[int, float] = {}
        self._seq = 0
        world.every(0.02, self._send)

    def _send(self) -> None:
        self._seq += 1
        self.sent[self._seq] = self.world.now
        payload = self._seq.to_bytes(4, "big") + bytes(76)
        packet = rtp.Packet(111, 0, self._seq & 0xFFFF, self._seq * 960, 9, {}, payload)
        self.track.layers[0].receive(packet, self.world.now)


@dataclass
class _Frame:
    """A picture being put together. `parts` are extended sequence numbers."""

    level: int
    tl0: int
    sync: bool
    key: bool = False
    layer: int = -1
    first: int | None = None
    last: int | None = None
    parts: set[int] = field(default_factory=set)

    @property
    def whole(self) -> bool:
        if self.first is None or self.last is None:
            return False
        return len(self.parts) == self.last - self.first + 1


class Picture:
    """Decodes one video track as browsers do: in order of dependency, waiting for repairs."""

    def __init__(self, world: World, start: float) -> None:
        self.world, self.start = world, start
        self.shown: Counter[int] = Counter()  # frames in each second since the start
        self.layers: list[tuple[float, int]] = []  # when which layer began to be seen
        self._frames: dict[int, _Frame] = {}
        self._newest = 0
        self._done: set[int] = set()
        self._tl0: int | None = None
        self._last_shown = start
        self._asked = start

    def add(self, seq: int, packet: rtp.Packet) -> None:
        vp8 = parse_vp8(packet.payload)
        assert vp8 is not None
        assert vp8.picture_id is not None
        assert vp8.tl0 is not None
        assert vp8.tid_byte is not None
        picture = rtp.unwrap(vp8.picture_id, self._newest, 15)
        self._newest = max(self._newest, picture)
        if picture in self._done:
            return
        frame = self._frames.setdefault(
            picture, _Frame(vp8.tid_byte >> 6, vp8.tl0, bool(vp8.tid_byte & 0x20))
        )
        frame.parts.add(seq)
        if vp8.start:
            frame.first = seq
            frame.key = not packet.payload[vp8.size] & 1
            frame.layer = packet.payload[vp8.size + 1]
        if packet.marker:
            frame.last = seq
        if frame.whole:
            self._decode()

    def _decode(self) -> None:
        for picture in sorted(self._frames):
            frame = self._frames[picture]
            if frame.whole and self._decodable(picture, frame):
                del self._frames[picture]
                self._show(picture, frame)
        for picture in [p for p in self._frames if p < self._newest - 200]:
            del self._frames[picture]

    def _decodable(self, picture: int, frame: _Frame) -> bool:
        if frame.key:
            return not self._done or picture > max(self._done)
        if self._tl0 is None or (self._done and picture < max(self._done)):
            return False
        if frame.level == 0:
            return frame.tl0 == self._tl0 + 1 & 0xFF
        return frame.tl0 == self._tl0 and (frame.sync or picture - 1 in self._done)

    def _show(self, picture: int, frame: _Frame) -> None:
        now = self.world.now
        self._done.add(picture)
        if len(self._done) > 500:
            self._done = {p for p in self._done if p > picture - 100}
        if frame.level == 0:
            self._tl0 = frame.tl0
        self.shown[int(now - self.start)] += 1
        self._last_shown = now
        if not self.layers or self.layers[-1][1] != frame.layer:
            self.layers.append((now - self.start, frame.layer))

    def keyframe_needed(self) -> bool:
        now = self.world.now
        needed = bool(self._frames) and now - self._last_shown > GIVE_UP
        if needed and now - self._asked > 1.0:
            self._asked = now
            return True
        return False


class Viewer:
    """A client: feedback every 100 ms, NACK with retries, reports every second."""

    def __init__(self, world: World, answer: Callable[[bytes], None], feedback: bool) -> None:
        self.world = world
        self.start = world.now
        self.pictures: dict[int, Picture] = defaultdict(lambda: Picture(world, world.now))
        self.heard: dict[int, float] = {}
        self.feedback = feedback
        self._answer = answer
        self._arrivals = Arrivals()
        self._missing: dict[int, Missing] = defaultdict(Missing)
        self._counts: Counter[int] = Counter()
        self._first: dict[int, int] = {}
        self._reported: dict[int, tuple[int, int]] = {}
        self.round_trip = lambda: 0.1
        world.every(0.1, self._feed_back)
        world.every(0.02, self._repair)
        world.every(1.0, self._report)

    def on_rtp(self, data: bytes) -> None:
        packet = rtp.parse(data)
        assert packet is not None
        now = self.world.now
        number = packet.extensions.get(IDS[rtp.TRANSPORT_CC])
        if number:
            self._arrivals.add(int.from_bytes(number, "big"), now)
        missing = self._missing[packet.ssrc]
        seq = rtp.unwrap(packet.seq, missing.highest or (1 << 16) + packet.seq)
        if not missing.received(seq):
            return
        self._first.setdefault(packet.ssrc, seq)
        self._counts[packet.ssrc] += 1
        if not packet.payload:
            return
        if packet.payload_type == 111:
            self.heard.setdefault(int.from_bytes(packet.payload[:4], "big"), now)
        else:
            self.pictures[packet.ssrc].add(seq, packet)

    def _feed_back(self) -> None:
        if self.feedback:
            for body in self._arrivals.feedback():
                self._answer(rtcp.transport_feedback(1, 1, body))
        for ssrc, picture in self.pictures.items():
            if picture.keyframe_needed():
                self._answer(rtcp.pli(1, ssrc))

    def _repair(self) -> None:
        for ssrc, missing in self._missing.items():
            seqs = missing.due(self.world.now, self.round_trip())
            if seqs:
                self._answer(rtcp.nack(1, ssrc, [seq & 0xFFFF for seq in seqs]))

    def _report(self) -> None:
        blocks = []
        for ssrc, missing in self._missing.items():
            expected = (missing.highest or 0) - self._first.get(ssrc, 0) + 1
            before = self._reported.get(ssrc, (0, 0))
            fresh, got = expected - before[0], self._counts[ssrc] - before[1]
            self._reported[ssrc] = (expected, self._counts[ssrc])
            lost = max(0.0, 1 - got / fresh) if fresh > 0 else 0.0
            blocks.append(rtcp.report_block(ssrc, lost, 0, 0, 0, 0, 0.0))
        if blocks:
            self._answer(rtcp.receiver_report(1, blocks))


class Call:
    """Cameras and a microphone, our Downlink, two lines and a viewer."""

    def __init__(self, seed: int = 1, cameras: int = 1, feedback: bool = True) -> None:
        self.world = World()
        chance = random.Random(seed)
        self.down = Line(self.world, random.Random(chance.random()))
        self.up = Line(self.world, random.Random(chance.random()))
        self.microphone = Microphone(self.world)
        self.cameras = [Camera(self.world, chance, f"TR_{n}") for n in range(cameras)]
        self.viewer = Viewer(self.world, self._to_engine, feedback)
        self.viewer.round_trip = lambda: self.down.delay + self.down.waiting + self.up.delay
        self.downlink = Downlink(self._to_viewer, lambda data: None)
        self.paused: list[tuple[float, str, bool]] = []
        self.downlink.on_paused = lambda sid, paused: self.paused.append((self.time, sid, paused))
        self.ssrcs = []
        for track in (self.microphone.track, *(camera.track for camera in self.cameras)):
            down = self.downlink.add(track, SIZES if track.kind == "video" else ())
            ids = IDS if feedback else {}
            self.downlink.bind(track.sid, 96 if track.kind == "video" else 111, ids)
            if track.kind == "video":
                self.ssrcs.append(down.ssrc)
        self.downlink.ready = True
        self.start = self.world.now
        self.queues: list[float] = []
        self.world.every(0.05, self._tick)

    @property
    def time(self) -> float:
        return self.world.now - self.start

    def _tick(self) -> None:
        self.downlink.tick(self.world.now)

    def _to_viewer(self, data: bytes) -> None:
        self.down.carry(len(data) + HEADERS, lambda: self.viewer.on_rtp(data))

    def _to_engine(self, data: bytes) -> None:
        self.up.carry(len(data) + HEADERS, lambda: self._receive(data))

    def _receive(self, data: bytes) -> None:
        for item in rtcp.parse(data):
            self.downlink.on_rtcp(item, self.world.now)

    def run(self, seconds: float) -> None:
        self.world.run(seconds)

    def wish(self, wish: Wish, camera: int = 0) -> None:
        self.downlink.wish(f"TR_{camera}", wish)

    # What a user notices

    def picture(self, camera: int = 0) -> Picture:
        return self.viewer.pictures[self.ssrcs[camera]]

    def frames(self, first: float, last: float, camera: int = 0) -> float:
        """Frames a second shown between two whole seconds of the call."""
        shown = self.picture(camera).shown
        return sum(shown[second] for second in range(int(first), int(last))) / (last - first)

    def freeze(self, first: float, last: float, camera: int = 0) -> int:
        """Whole seconds without any frame."""
        shown = self.picture(camera).shown
        return sum(not shown[second] for second in range(int(first), int(last)))

    def layer(self, camera: int = 0) -> int:
        layers = self.picture(camera).layers
        return layers[-1][1] if layers else -1

    def changes(self, first: float, last: float, camera: int = 0) -> int:
        return sum(first <= at < last for at, _ in self.picture(camera).layers)

    def reached(self, layer: int, after: float, camera: int = 0) -> float:
        """Seconds from `after` until the layer was seen; infinity if never."""
        seen = -1
        for at, index in self.picture(camera).layers:
            if at <= after:
                seen = index
            elif index >= layer:
                return at - after
        return 0.0 if seen >= layer else float("inf")

    def sound_lost(self, first: float, last: float) -> float:
        """The part of the sound that never came, or too late for the jitter buffer."""
        begin, end = self.start + first, self.start + last
        sent = {n: at for n, at in self.microphone.sent.items() if begin <= at < end}
        quickest = min(
            (self.viewer.heard[n] - at for n, at in sent.items() if n in self.viewer.heard),
            default=0.0,
        )
        bad = sum(
            n not in self.viewer.heard or self.viewer.heard[n] - at - quickest > PLAYOUT
            for n, at in sent.items()
        )
        return bad / len(sent)


def timeline(call: Call, seconds: Iterable[int]) -> str:
    """Frames in each second, for a person who wants to know what happened."""
    shown = call.picture().shown
    return " ".join(f"{second}:{shown[second]}" for second in seconds)

"""Published tracks: each incoming layer is received once and handed to those who take it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from signaling.sfu import rtcp
from signaling.sfu.codecs import Vp8Descriptor, is_keyframe, parse_vp8
from signaling.sfu.nack import Missing
from signaling.sfu.rtp import Packet, unwrap

SILENT = 0.8  # seconds without a packet after which a layer counts as stopped
KEYFRAME_INTERVAL = 0.5  # seconds between keyframe requests for one layer
RATE_WINDOW = 1.0  # seconds over which a layer's bitrate is measured


class Sink(Protocol):
    """Who takes a layer. `enter` is called once, at a packet where decoding can begin."""

    def enter(
        self, layer: Layer, packet: Packet, seq: int, vp8: Vp8Descriptor | None, now: float
    ) -> None: ...
    def forward(
        self, packet: Packet, seq: int, vp8: Vp8Descriptor | None, rest: bytes, now: float
    ) -> None: ...
    def skip(self, seq: int) -> None: ...
    def report(self, ntp: int, timestamp: int, now: float) -> None: ...
    def leave(self) -> None: ...


@dataclass(frozen=True, slots=True)
class SenderClock:
    """A publisher's sender report: at NTP time `ntp` (64 bit) the media clock showed `rtp`."""

    ntp: int
    rtp: int
    arrival: float


class Layer:
    """One incoming RTP stream: a simulcast layer, or the whole track."""

    def __init__(self, track: UpTrack, rid: str, index: int) -> None:
        self.track = track
        self.rid = rid
        self.index = index
        self.ssrc: int | None = None
        self.clock: SenderClock | None = None
        self.sinks: list[Sink] = []
        self.waiting: list[Sink] = []
        self.last_packet: float | None = None
        self.bitrate = 0.0
        self.needs_keyframe = False
        self.missing = Missing()
        self._highest = 1 << 16
        self._started = False
        self._first = 0
        self._packets = 0
        self._reported = (0, 0)
        self._jitter = 0.0
        self._transit: float | None = None
        self._bytes = 0
        self._window: float | None = None
        self._last_request: float | None = None

    def alive(self, now: float) -> bool:
        return self.last_packet is not None and now - self.last_packet < SILENT

    def reset(self, ssrc: int) -> None:
        """A new SSRC for the layer: the sender began anew with fresh numbers and clock."""
        fresh = self.ssrc is None
        self.ssrc = ssrc
        if fresh:
            return
        self._started = False
        self.clock = None
        self.missing = Missing()
        self._transit = None
        self._reported = (0, 0)
        self._packets = 0
        for sink in self.sinks:
            sink.leave()
            self.waiting.append(sink)
        self.sinks = []

    def receive(self, packet: Packet, now: float) -> None:
        """Takes one packet of this stream, in whatever order the network delivered it."""
        if not self._started:
            self._started = True
            self._highest = (1 << 16) + packet.seq
            self._first = self._highest
        seq = unwrap(packet.seq, self._highest)
        if not self.missing.received(seq):
            return
        self._highest = max(self._highest, seq)
        self.last_packet = now
        self._packets += 1
        self._bytes += len(packet.payload)
        self._measure(packet, now)
        track = self.track
        payload = packet.payload
        if track.muted:
            return
        if not payload:
            for sink in self.sinks:
                sink.skip(seq)
            return
        vp8, rest = None, payload
        if track.codec == "vp8":
            vp8 = parse_vp8(payload)
            if vp8 is None:
                return
            rest = payload[vp8.size :]
        if (self.waiting or self.needs_keyframe) and is_keyframe(track.codec, payload):
            self.needs_keyframe = False
            entering, self.waiting = self.waiting, []
            for sink in entering:
                self.sinks.append(sink)
                sink.enter(self, packet, seq, vp8, now)
        for sink in self.sinks:
            sink.forward(packet, seq, vp8, rest, now)

    def _measure(self, packet: Packet, now: float) -> None:
        transit = now * self.track.clock_rate - packet.timestamp
        if self._transit is not None:
            difference = abs(transit - self._transit)
            if difference < self.track.clock_rate:  # else the timestamp wrapped
                self._jitter += (difference - self._jitter) / 16
        self._transit = transit
        if self._window is None:
            self._window = now
        elif now - self._window >= RATE_WINDOW:
            self.bitrate = self._bytes * 8 / (now - self._window)
            self._bytes, self._window = 0, now

    def on_sender_report(self, report: rtcp.SenderReport, now: float) -> None:
        self.clock = SenderClock(report.ntp, report.rtp, now)
        for sink in self.sinks:
            sink.report(report.ntp, report.rtp, now)

    def report_block(self, now: float) -> bytes | None:
        """The reception report about this stream, None if it has not begun."""
        if self.ssrc is None or not self._started:
            return None
        expected = self._highest - self._first + 1
        before_expected, before_packets = self._reported
        fresh = expected - before_expected
        lost = max(0, fresh - (self._packets - before_packets))
        self._reported = (expected, self._packets)
        self.track.loss = lost / fresh if fresh > 0 else 0.0
        last, delay = 0, 0.0
        if self.clock is not None:
            last = self.clock.ntp >> 16 & 0xFFFFFFFF
            delay = now - self.clock.arrival
        return rtcp.report_block(
            self.ssrc,
            self.track.loss,
            expected - self._packets,
            self._highest - (1 << 16),
            int(self._jitter),
            last,
            delay,
        )

    def keyframe_due(self, now: float) -> bool:
        """Whether to send a keyframe request now: somebody waits and the last one is old enough.

        Asked again until a keyframe has come, so that a lost request costs half a second at most.
        """
        if self.track.kind != "video" or self.track.muted:
            return False
        if not self.waiting and not self.needs_keyframe:
            return False
        if self._last_request is not None and now - self._last_request < KEYFRAME_INTERVAL:
            return False
        self._last_request = now
        return True

    def attach(self, sink: Sink) -> None:
        self.waiting.append(sink)

    def detach(self, sink: Sink) -> None:
        if sink in self.waiting:
            self.waiting.remove(sink)
        if sink in self.sinks:
            self.sinks = [other for other in self.sinks if other is not sink]


class UpTrack:
    """One published track. `layers` run from the smallest picture to the largest."""

    def __init__(
        self, sid: str, kind: str, codec: str, fmtp: str, clock_rate: int, rids: list[str]
    ) -> None:
        self.sid = sid
        self.kind = kind
        self.codec = codec
        self.fmtp = fmtp
        self.clock_rate = clock_rate
        self.muted = False
        self.closed = False
        self.loss = 0.0
        self.extension_ids: dict[str, int] = {}
        self.layers = [Layer(self, rid, index) for index, rid in enumerate(rids or [""])]
        self.on_level: Callable[[int, float], None] | None = None
        self.cname = ""
        self.kick: Callable[[float], None] = lambda now: None

    def layer(self, rid: str) -> Layer | None:
        for layer in self.layers:
            if layer.rid == rid:
                return layer
        return None

    def set_muted(self, muted: bool, now: float) -> None:
        """While muted nothing is forwarded; afterwards pictures resume at a keyframe."""
        if muted == self.muted:
            return
        self.muted = muted
        if not muted:
            for layer in self.layers:
                for sink in layer.sinks:
                    sink.leave()
                layer.waiting.extend(layer.sinks)
                layer.sinks = []
            self.kick(now)

    def close(self) -> None:
        self.closed = True
        for layer in self.layers:
            layer.sinks = []
            layer.waiting = []

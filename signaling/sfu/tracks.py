"""Published tracks: each incoming layer is received once and handed to those who take it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from signaling.sfu import fanout, rtcp
from signaling.sfu.codecs import Vp8Descriptor, is_keyframe, parse_vp8
from signaling.sfu.fanout import Outlet
from signaling.sfu.nack import Missing
from signaling.sfu.pacing import Pacer
from signaling.sfu.red import Redundant
from signaling.sfu.relay import RATE_WINDOW
from signaling.sfu.rtp import Packet, unwrap

SILENT = 0.8  # seconds without a packet after which a layer counts as stopped
KEYFRAME_INTERVAL = 0.5  # seconds between keyframe requests for one layer
RING = {"video": 512, "audio": 128}  # packets kept for retransmission: over a second of each


class Sink(Protocol):
    """Who takes a layer. `enter` is called once, at a packet where decoding can begin.

    From then on its `outlet` gets every packet; those with a `pacer` get it by `forward`.
    """

    @property
    def outlet(self) -> Outlet: ...
    @property
    def pacer(self) -> Pacer | None: ...
    def forward(self, packet: Packet, seq: int, vp8: Vp8Descriptor | None, now: float) -> None: ...
    def skip(self, seq: int) -> None: ...
    def enter(
        self, layer: Layer, packet: Packet, seq: int, vp8: Vp8Descriptor | None, now: float
    ) -> None: ...
    def report(self, ntp: int, timestamp: int, now: float) -> None: ...
    def leave(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class SenderClock:
    """A publisher's sender report: at NTP time `ntp` (64 bit) the media clock showed `rtp`."""

    ntp: int
    rtp: int
    arrival: float


class Layer:
    """One incoming RTP stream: a simulcast layer, or the whole track.

    Its figures are in `relay.state`, because native code updates them too.
    """

    def __init__(self, track: UpTrack, rid: str, index: int) -> None:
        self.track = track
        self.rid = rid
        self.index = index
        self.ssrc: int | None = None
        self.clock: SenderClock | None = None
        self.relay = fanout.relay(track.codec, track.clock_rate, RING[track.kind])
        self.missing = Missing()
        self._state = self.relay.state
        self._sinks: list[Sink] = []
        self._paced: list[Sink] = []
        self._waiting: list[Sink] = []
        self._needs_keyframe = False
        self._reported = (0, 0)
        self._last_request: float | None = None

    @property
    def last_packet(self) -> float | None:
        at: float = self._state.last_packet
        return at if at >= 0 else None

    @property
    def bitrate(self) -> float:
        rate: float = self._state.bitrate
        return rate

    @property
    def needs_keyframe(self) -> bool:
        """Whether the next keyframe is awaited though everybody has entered."""
        return self._needs_keyframe

    @needs_keyframe.setter
    def needs_keyframe(self, needed: bool) -> None:
        self._needs_keyframe = needed
        self._attend()

    def _attend(self) -> None:
        """Native code leaves the packets to us while one of them may change something."""
        needed = bool(self._waiting or self._paced) or self._needs_keyframe
        self._state.attention = int(needed)

    def sort(self, sink: Sink) -> None:
        """Puts a taker where it belongs: with the relay, or with those whose pictures wait."""
        if sink in self._sinks:
            self.relay.remove(sink.outlet)
            if sink.pacer is None:
                self.relay.add(sink.outlet)
            self._count_paced()

    def _count_paced(self) -> None:
        self._paced = [sink for sink in self._sinks if sink.pacer is not None]
        self._state.paced = len(self._paced)
        self._attend()

    def alive(self, now: float) -> bool:
        at: float = self._state.last_packet
        return at >= 0 and now - at < SILENT

    def reset(self, ssrc: int) -> None:
        """A new SSRC for the layer: the sender began anew with fresh numbers and clock."""
        fresh = self.ssrc is None
        self.ssrc = self._state.ssrc = ssrc
        if fresh:
            return
        self._state.started = 0
        self._state.packets = 0
        self.relay.restart()
        self.clock = None
        self.missing = Missing()
        self._reported = (0, 0)
        self.interrupt()

    def interrupt(self) -> None:
        """Everybody who does not wait for another layer already waits for the next keyframe."""
        for sink in self._sinks:
            self.relay.remove(sink.outlet)
        self._waiting += [sink for sink in self._sinks if sink.leave()]
        self._sinks = []
        self._count_paced()

    def mute(self, muted: bool) -> None:
        self._state.muted = int(muted)

    def receive(self, packet: Packet, now: float) -> None:
        """Takes one packet of this stream, in whatever order the network delivered it."""
        state = self._state
        if not state.started:
            state.started = 1
            state.highest = state.first = (1 << 16) + packet.seq
            seq = state.first
        else:
            seq = unwrap(packet.seq, state.highest)
            self.missing.highest = state.highest
        if not self.missing.received(seq):
            return
        if seq > state.highest:
            state.highest = seq
        self._measure(packet, now)
        track = self.track
        payload = packet.payload
        if track.muted:
            return
        if not payload:
            self.relay.skip(seq)
            for sink in self._paced:
                sink.skip(seq)
            return
        vp8 = None
        if track.codec == "vp8":
            vp8 = parse_vp8(payload)
            if vp8 is None:
                return
        if (self._waiting or self._needs_keyframe) and is_keyframe(track.codec, payload):
            self._needs_keyframe = False
            entering, self._waiting = self._waiting, []
            for sink in entering:
                self._sinks.append(sink)
                sink.enter(self, packet, seq, vp8, now)
                self.sort(sink)
            self._attend()
        self.relay.forward(packet, seq, vp8, now)
        for sink in self._paced:
            sink.forward(packet, seq, vp8, now)

    def recover(self, packet: Packet, now: float) -> None:
        """Takes a lost packet that another one repeated. For the sender's reports it stays lost."""
        before = self._state.packets
        self.receive(packet, now)
        self._state.packets = before

    def _measure(self, packet: Packet, now: float) -> None:
        state = self._state
        state.last_packet = now
        state.packets += 1
        state.octets += len(packet.payload)
        transit = now * state.clock_rate - packet.timestamp
        if state.packets > 1:
            difference = abs(transit - state.transit)
            if difference < state.clock_rate:  # else the timestamp wrapped
                state.jitter += (difference - state.jitter) / 16
        state.transit = transit
        if state.window < 0:
            state.window = now
        elif now - state.window >= RATE_WINDOW:
            state.bitrate = state.octets * 8 / (now - state.window)
            state.octets, state.window = 0, now

    def on_sender_report(self, report: rtcp.SenderReport, now: float) -> None:
        self.clock = SenderClock(report.ntp, report.rtp, now)
        for sink in self._sinks:
            sink.report(report.ntp, report.rtp, now)

    def report_block(self, now: float) -> bytes | None:
        """The reception report about this stream, None if it has not begun."""
        state = self._state
        if self.ssrc is None or not state.started:
            return None
        expected = state.highest - state.first + 1
        before_expected, before_packets = self._reported
        fresh = expected - before_expected
        lost = max(0, fresh - (state.packets - before_packets))
        self._reported = (expected, state.packets)
        self.track.loss = lost / fresh if fresh > 0 else 0.0
        last, delay = 0, 0.0
        if self.clock is not None:
            last = self.clock.ntp >> 16 & 0xFFFFFFFF
            delay = now - self.clock.arrival
        return rtcp.report_block(
            self.ssrc,
            self.track.loss,
            expected - state.packets,
            state.highest - (1 << 16),
            int(state.jitter),
            last,
            delay,
        )

    def keyframe_due(self, now: float) -> bool:
        """Whether to send a keyframe request now: somebody waits and the last one is old enough.

        Asked again until a keyframe has come, so that a lost request costs half a second at most.
        """
        if self.track.kind != "video" or self.track.muted:
            return False
        if not self._waiting and not self._needs_keyframe:
            return False
        if self._last_request is not None and now - self._last_request < KEYFRAME_INTERVAL:
            return False
        self._last_request = now
        return True

    def attach(self, sink: Sink) -> None:
        self._waiting.append(sink)
        self._attend()

    def detach(self, sink: Sink) -> None:
        if sink in self._waiting:
            self._waiting.remove(sink)
            self._attend()
        if sink in self._sinks:
            self.relay.remove(sink.outlet)
            self._sinks = [other for other in self._sinks if other is not sink]
            self._count_paced()

    def close(self) -> None:
        """Nobody takes it any more, and native code leaves what still comes to us."""
        for sink in self._sinks:
            self.relay.remove(sink.outlet)
        self._sinks, self._waiting = [], []
        self._count_paced()
        self._state.started = 0
        self.relay.restart()


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
        self.closed = False
        self.loss = 0.0
        self._muted = False
        self.extension_ids: dict[str, int] = {}
        self.layers = [Layer(self, rid, index) for index, rid in enumerate(rids or [""])]
        self.red: Redundant | None = None
        self.on_level: Callable[[int, float], None] | None = None
        self.cname = ""
        self.kick: Callable[[float], None] = lambda now: None

    def take_red(self, payload_type: int, inner: int) -> None:
        """The sender may repeat packets: see `Redundant`."""
        if self.red is None:
            whole = Layer(self, "", 0)
            whole.mute(self._muted)
            self.red = Redundant(payload_type, inner, self.layers[0], whole)

    @property
    def _streams(self) -> list[Layer]:
        return [*self.layers, self.red.whole] if self.red is not None else self.layers

    @property
    def muted(self) -> bool:
        return self._muted

    @muted.setter
    def muted(self, muted: bool) -> None:
        self._muted = muted
        for layer in self._streams:
            layer.mute(muted)

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
            for layer in self._streams:
                layer.interrupt()
            self.kick(now)

    def close(self) -> None:
        self.closed = True
        for layer in self._streams:
            layer.close()

"""One track as one subscriber gets it: renumbered so that layer changes look like one stream."""

from __future__ import annotations

from collections.abc import Callable

from signaling.sfu import fanout, rtcp, rtp
from signaling.sfu.codecs import Vp8Descriptor
from signaling.sfu.pacing import Pacer
from signaling.sfu.relay import HEAD, PADDING
from signaling.sfu.rtp import Packet
from signaling.sfu.sent import OVERHEAD, SentLog
from signaling.sfu.tracks import RING, Layer, SenderClock, UpTrack

RESEND_INTERVAL = 0.02  # seconds, or half the round trip, between two copies of one packet
MAX_RESENDS = 200  # retransmissions per tick, so that a broken client cannot amplify
PASSED_ON = (
    rtp.AUDIO_LEVEL,
    rtp.ORIENTATION,
    rtp.ABS_CAPTURE_TIME,
    rtp.DEPENDENCY,
)


class DownTrack:
    """Forwards one UpTrack to one subscriber.

    `aim` chooses the layer; the change happens at its next keyframe. The packets then pass through
    `outlet`, which may be native code; its `temporal` leaves frames out. While the line is narrow
    there is a `pacer`, and pictures wait their turn here.
    """

    def __init__(
        self,
        source: UpTrack,
        ssrc: int,
        send: Callable[[bytes], None],
        send_rtcp: Callable[[bytes], None],
        log: SentLog,
        rtx_ssrc: int = 0,
    ) -> None:
        self.source = source
        self.ssrc = ssrc
        self.rtx_ssrc = rtx_ssrc
        self.payload_type = 0
        self.current: Layer | None = None
        self.target: Layer | None = None
        self.loss = 0.0
        self.round_trip = 0.0
        self.resent = 0
        self.bound = False
        self.outlet = fanout.outlet(ssrc, RING[source.kind], send, log)
        self.temporal = self.outlet.temporal
        self._state = self.outlet.state
        self._pacer: Pacer | None = None
        self._resent_at: dict[int, float] = {}
        self._waiting: set[int] = set()  # numbers whose retransmission waits for the pacer
        self._send_rtcp = send_rtcp
        self._log = log
        self._transport_cc = 0
        self._redundant = False
        self._clock: SenderClock | None = None
        self._source_ssrc: int | None = None
        self._resends = 0
        self._reports: dict[int, float] = {}

    @property
    def packets(self) -> int:
        """Packets of media sent, without retransmissions."""
        return int(self._state.packets)

    @property
    def octets(self) -> int:
        return int(self._state.octets)

    @property
    def pacer(self) -> Pacer | None:
        return self._pacer

    @pacer.setter
    def pacer(self, pacer: Pacer | None) -> None:
        if pacer is not self._pacer:
            self._pacer = pacer
            if self.current is not None:
                self.current.sort(self)

    def bind(
        self,
        payload_type: int,
        extensions: dict[str, int],
        redundant: bool = False,
        rtx: int | None = None,
    ) -> None:
        """Applies what the subscriber negotiated: payload types and header extension numbers.

        `redundant`: it takes the sender's repetitions (`sfu.red`) rather than plain audio. With an
        `rtx` payload type retransmissions go out under `rtx_ssrc`. Numbers that RTP has no room
        for leave the track unbound.
        """
        if not 0 <= payload_type < 128:
            return
        self.payload_type = payload_type
        theirs = self.source.extension_ids
        ours = {uri: number for uri, number in extensions.items() if 0 < number < 256}
        passed = [
            (ours[uri], theirs[uri])
            for uri in PASSED_ON
            if uri in ours and 0 < theirs.get(uri, 0) < 256
        ]
        # With transport-cc receivers make no use of the send time.
        self._transport_cc = ours.get(rtp.TRANSPORT_CC, 0)
        send_time = 0 if self._transport_cc else ours.get(rtp.ABS_SEND_TIME, 0)
        self.outlet.configure(payload_type, passed, send_time, self._transport_cc)
        self._redundant = redundant
        if rtx is not None and 0 <= rtx < 128 and self.rtx_ssrc:
            self.outlet.repeat_by(self.rtx_ssrc, rtx, self.rtx_ssrc & 0xFFFF)
        self.bound = True

    @property
    def sound(self) -> Layer:
        """Of an audio track: the form of its stream that this subscriber takes."""
        red = self.source.red
        return red.whole if self._redundant and red is not None else self.source.layers[0]

    def aim(self, layer: Layer | None, at_once: bool = False) -> None:
        """Takes `layer` from its next keyframe on; None stops at once.

        `at_once` stops the present layer too: it is more than the line can take.
        """
        if at_once and layer is not self.current:
            self._stop()
        if layer is self.target:
            return
        if self.target is not None and self.target is not self.current:
            self.target.detach(self)
        self.target = layer
        if layer is None:
            self._stop()
        elif layer is not self.current:
            layer.attach(self)

    def _stop(self) -> None:
        self._forget_waiting()
        self.outlet.forget()  # nobody can make use of what was lost of it any more
        if self.current is not None:
            self.current.detach(self)
            self._clock = self.current.clock
            self.current = None

    def _forget_waiting(self) -> None:
        self._waiting.clear()
        if self.pacer is not None:
            self.pacer.forget(self)

    def leave(self) -> bool:
        """The layer's stream was interrupted. Returns whether we still want it."""
        layer = self.current
        if layer is not None:
            self._clock = layer.clock
            self.current = None
        return layer is self.target

    def enter(
        self, layer: Layer, packet: Packet, seq: int, vp8: Vp8Descriptor | None, now: float
    ) -> None:
        self._forget_waiting()
        clock = self.current.clock if self.current is not None else self._clock
        if self.current is not None and self.current is not layer:
            self.current.detach(self)
        state = self._state
        offset = state.time_offset
        if state.last_seq < 0:
            state.last_seq = packet.seq - 1 & 0xFFFF
        elif layer.ssrc != self._source_ssrc:
            offset = self._map_time(layer, clock, packet.timestamp, now)
        self.current = layer
        self._source_ssrc = layer.ssrc
        self.outlet.enter(layer.relay, packet, seq, offset, vp8)

    def _map_time(self, layer: Layer, clock: SenderClock | None, timestamp: int, now: float) -> int:
        """The timestamp offset (modulo 2^32) that continues our clock on another layer.

        Sender reports of both layers give it exactly; without them, elapsed time does.
        """
        rate, state = self.source.clock_rate, self._state
        elapsed = max(1, int((now - state.last_sent) * rate))
        guess: int = state.last_time + elapsed
        if clock is not None and layer.clock is not None:
            since = rtp.unwrap(timestamp, layer.clock.rtp, 32) - layer.clock.rtp
            ntp = layer.clock.ntp + (since << 32) // rate
            exact = clock.rtp + ((ntp - clock.ntp) * rate >> 32) + state.time_offset
            ahead = rtp.unwrap(exact & 0xFFFFFFFF, state.last_time, 32) - state.last_time
            if 0 < ahead < elapsed + rate:
                guess = state.last_time + ahead
        return guess - timestamp & 0xFFFFFFFF

    def forward(self, packet: Packet, seq: int, vp8: Vp8Descriptor | None, now: float) -> None:
        """One packet of the layer, while there is a pacer; else the relay does it alone."""
        size = len(packet.payload) - (vp8.size if vp8 is not None else 0)
        self._pace(size, lambda at: self.outlet.forward(packet, seq, vp8, at), now)

    def skip(self, seq: int) -> None:
        self._pace(0, lambda at: self.outlet.skip(seq), self._state.last_sent)

    def _pace(self, size: int, send: Callable[[float], None], now: float) -> None:
        if self._pacer is None:
            send(now)
        else:
            self._pacer.push(self, size, send, now)

    def pad(self, octets: int, now: float) -> int:
        """Sends up to `octets` bytes of padding between two pictures, to try the line.

        Returns what was sent with all headers, zero in the middle of a picture or before any.
        """
        sent = 0
        while self._transport_cc and sent < octets and self.outlet.pad(now):
            sent += PADDING + HEAD + OVERHEAD
        return sent

    def report(self, ntp: int, timestamp: int, now: float) -> None:
        """Passes the publisher's clock on, in this stream's timestamps."""
        if not self.packets:
            return
        self._reports[ntp >> 16 & 0xFFFFFFFF] = now
        while len(self._reports) > 4:
            del self._reports[next(iter(self._reports))]
        stamp = timestamp + self._state.time_offset & 0xFFFFFFFF
        self._send_rtcp(rtcp.sender_report(self.ssrc, ntp, stamp, self.packets, self.octets))

    def on_report(self, report: rtcp.Report, now: float) -> None:
        self.loss = report.lost
        sent = self._reports.get(report.last_report)
        if sent is not None:
            self.round_trip = max(0.0, now - sent - report.delay)

    def on_nack(self, seqs: tuple[int, ...], now: float) -> None:
        for seq in seqs:
            size = self.outlet.kept(seq)
            if size < 0 or self._resends >= MAX_RESENDS:
                continue
            # The last copy may still be on its way: more of them would only fill the line.
            if now - self._resent_at.get(seq, 0.0) < max(RESEND_INTERVAL, 0.5 * self.round_trip):
                continue
            self._resent_at.pop(seq, None)
            self._resent_at[seq] = now
            while len(self._resent_at) > RING[self.source.kind]:
                del self._resent_at[next(iter(self._resent_at))]
            self._resends += 1
            if seq not in self._waiting:
                self._waiting.add(seq)
                self._pace(size, lambda at, seq=seq: self._resend(seq, at), now)  # type: ignore[misc]

    def _resend(self, seq: int, now: float) -> None:
        self._waiting.discard(seq)
        number = self.outlet.resend(seq, now)
        if number is not None:
            self.resent += 1
            if self._transport_cc and number >= 0:
                self._log.repeated(number)

    def on_keyframe_request(self) -> None:
        """The subscriber lost the picture: it waits for a keyframe and others are not disturbed."""
        layer = self.current
        if layer is not None:
            layer.needs_keyframe = True

    def tick(self) -> None:
        self._resends = 0

    def close(self) -> None:
        if self.target is not None:
            self.target.detach(self)
        if self.current is not None:
            self.current.detach(self)
        self.current = self.target = None

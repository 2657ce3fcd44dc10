"""One track as one subscriber gets it: renumbered so that layer changes look like one stream."""

from __future__ import annotations

from collections.abc import Callable

from signaling.sfu import rtcp, rtp
from signaling.sfu.codecs import Vp8Descriptor, Vp8Numbers
from signaling.sfu.pacing import Pacer
from signaling.sfu.rtp import HEADER, Packet
from signaling.sfu.sent import OVERHEAD, SentLog
from signaling.sfu.temporal import Temporal
from signaling.sfu.tracks import Layer, SenderClock, UpTrack

RING = 512  # packets kept for retransmission: over a second of a large layer
KEPT_OFFSETS = 64  # left out packets whose place is remembered for others that come late
PADDING = 224  # bytes of padding in one packet, a multiple of four below 256
RESEND_INTERVAL = 0.04  # seconds, or the round trip, between two copies of one packet
MAX_RESENDS = 200  # retransmissions per tick, so that a broken client cannot amplify
PASSED_ON = (
    rtp.AUDIO_LEVEL,
    rtp.ORIENTATION,
    rtp.ABS_CAPTURE_TIME,
    rtp.DEPENDENCY,
)


class DownTrack:
    """Forwards one UpTrack to one subscriber.

    `aim` chooses the layer; the change happens at its next keyframe. `temporal` leaves frames out.
    While the line is narrow there is a `pacer`, and pictures wait their turn. Retransmissions
    repeat the plaintext byte for byte, because SRTP's AEAD ciphers must never see one number with
    two texts.
    """

    def __init__(
        self,
        source: UpTrack,
        ssrc: int,
        send: Callable[[bytes], None],
        send_rtcp: Callable[[bytes], None],
        log: SentLog,
    ) -> None:
        self.source = source
        self.ssrc = ssrc
        self.payload_type = 0
        self.current: Layer | None = None
        self.target: Layer | None = None
        self.packets = self.octets = 0
        self.loss = 0.0
        self.round_trip = 0.0
        self.resent = 0
        self.bound = False
        self.temporal = Temporal()
        self.pacer: Pacer | None = None
        self._mid_frame = False
        self._resent_at: dict[int, float] = {}
        self._waiting: set[int] = set()  # numbers whose retransmission waits for the pacer
        self._send = send
        self._send_rtcp = send_rtcp
        self._passed: list[tuple[int, int]] = []
        self._log = log
        self._abs_send_time = self._transport_cc = 0
        self._offsets: list[tuple[int, int]] = []
        self._last_seq = -1
        self._highest = -1
        self._time_offset = 0
        self._last_time = 0
        self._last_sent = 0.0
        self._clock: SenderClock | None = None
        self._source_ssrc: int | None = None
        self._vp8 = Vp8Numbers()
        self._ring: list[tuple[int, bytes, bytes] | None] = [None] * RING
        self._resends = 0
        self._reports: dict[int, float] = {}

    def bind(self, payload_type: int, extensions: dict[str, int]) -> None:
        """Applies what the subscriber negotiated: payload type and header extension numbers."""
        self.payload_type = payload_type
        own = self.source.extension_ids
        self._passed = [
            (extensions[uri], own[uri]) for uri in PASSED_ON if uri in extensions and uri in own
        ]
        # With transport-cc receivers make no use of the send time.
        self._transport_cc = extensions.get(rtp.TRANSPORT_CC, 0)
        self._abs_send_time = 0 if self._transport_cc else extensions.get(rtp.ABS_SEND_TIME, 0)
        self.bound = True

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
        self._mid_frame = False
        self._ring = [None] * RING  # nobody can make use of what was lost of it any more
        if self.current is not None:
            self.current.detach(self)
            self._clock = self.current.clock
            self.current = None

    def _forget_waiting(self) -> None:
        self._waiting.clear()
        if self.pacer is not None:
            self.pacer.forget(self)

    def leave(self) -> None:
        """The layer's stream was interrupted; it will `enter` again at its next keyframe."""
        if self.current is not None:
            self._clock = self.current.clock
            self.current = None

    def enter(
        self, layer: Layer, packet: Packet, seq: int, vp8: Vp8Descriptor | None, now: float
    ) -> None:
        self._forget_waiting()
        clock = self.current.clock if self.current is not None else self._clock
        if self.current is not None and self.current is not layer:
            self.current.detach(self)
        if self._last_seq < 0:
            self._last_seq = packet.seq - 1 & 0xFFFF
        elif layer.ssrc != self._source_ssrc:
            self._time_offset = self._map_time(layer, clock, packet.timestamp, now)
        self.current = layer
        self._source_ssrc = layer.ssrc
        self._offsets = [(seq, self._last_seq + 1 - seq)]
        self._highest = seq - 1
        if vp8 is not None:
            self._vp8.enter(vp8)
            self.temporal.enter()

    def _map_time(self, layer: Layer, clock: SenderClock | None, timestamp: int, now: float) -> int:
        """The timestamp offset that continues our clock on another layer.

        Sender reports of both layers give it exactly; without them, elapsed time does.
        """
        rate = self.source.clock_rate
        elapsed = max(1, int((now - self._last_sent) * rate))
        guess = self._last_time + elapsed
        if clock is not None and layer.clock is not None:
            since = rtp.unwrap(timestamp, layer.clock.rtp, 32) - layer.clock.rtp
            ntp = layer.clock.ntp + (since << 32) // rate
            exact = clock.rtp + ((ntp - clock.ntp) * rate >> 32) + self._time_offset
            ahead = rtp.unwrap(exact & 0xFFFFFFFF, self._last_time, 32) - self._last_time
            if 0 < ahead < elapsed + rate:
                guess = self._last_time + ahead
        return guess - timestamp

    def forward(
        self, packet: Packet, seq: int, vp8: Vp8Descriptor | None, rest: bytes, now: float
    ) -> None:
        if self.pacer is None:
            self._emit(packet, seq, vp8, rest, now)
        else:
            self.pacer.push(self, len(rest), lambda at: self._emit(packet, seq, vp8, rest, at), now)

    def _emit(
        self, packet: Packet, seq: int, vp8: Vp8Descriptor | None, rest: bytes, now: float
    ) -> None:
        if (
            vp8 is not None
            and vp8.tid_byte is not None
            and not self.temporal.passes(vp8, len(rest), now)
        ):
            self._vp8.drop(vp8)
            self._omit(seq)
            return
        start, offset = self._offsets[-1]
        if seq < start:
            found = self._offset_before(seq)
            if found is None:
                return
            offset = found
        number = seq + offset
        wire_seq = number & 0xFFFF
        if seq > self._highest:
            self._highest = seq
            self._last_seq = number
            self._last_time = packet.timestamp + self._time_offset & 0xFFFFFFFF
            self._last_sent = now
            self._mid_frame = not packet.marker
        first, block = 0x80, b""
        if self._transport_cc or self._abs_send_time or self._passed:
            block = self._extensions(packet, now)
            if block:
                first = 0x90
        head = HEADER.pack(
            first,
            packet.marker | self.payload_type,
            wire_seq,
            packet.timestamp + self._time_offset & 0xFFFFFFFF,
            self.ssrc,
        )
        if vp8 is not None:
            head += block + self._vp8.rewrite(packet.payload, vp8)
        elif block:
            head += block
        self._ring[wire_seq & RING - 1] = (wire_seq, head, rest)
        self.packets += 1
        self.octets += len(rest)
        self._send(head + rest)

    def _offset_before(self, seq: int) -> int | None:
        for start, offset in reversed(self._offsets):
            if seq >= start:
                return offset
        return None

    def _extensions(self, packet: Packet, now: float) -> bytes:
        items = []
        if self._transport_cc:  # stands first, where `_number` finds it
            number = self._log.add(len(packet.payload) + 20, now)
            items.append((self._transport_cc, number.to_bytes(2, "big")))
        if packet.extensions:
            for number, own in self._passed:
                value = packet.extensions.get(own)
                if value:
                    items.append((number, value))
        if self._abs_send_time:
            stamp = int(now * 262144) & 0xFFFFFF
            if not items and self._abs_send_time < 15:
                word = self._abs_send_time << 28 | 2 << 24 | stamp
                return b"\xbe\xde\x00\x01" + word.to_bytes(4, "big")
            items.append((self._abs_send_time, stamp.to_bytes(3, "big")))
        return rtp.extension_block(items)

    def skip(self, seq: int) -> None:
        """A packet without content used a number; the newest one closes the gap it leaves."""
        if self.pacer is None:
            self._omit(seq)
        else:
            self.pacer.push(self, 0, lambda at: self._omit(seq), self._last_sent)

    def _omit(self, seq: int) -> None:
        """Leaves no gap for a packet that is not sent; those missing before it keep theirs."""
        if seq > self._highest and self._offsets:
            self._highest = seq
            self._shift(-1)

    def _shift(self, by: int) -> None:
        """Moves all numbers after the newest packet."""
        start, offset = self._offsets[-1]
        if start > self._highest:
            self._offsets[-1] = (start, offset + by)
        else:
            self._offsets.append((self._highest + 1, offset + by))
            del self._offsets[:-KEPT_OFFSETS]

    def pad(self, octets: int, now: float) -> int:
        """Sends up to `octets` bytes of padding between two pictures, to try the line.

        Returns what was sent with all headers, zero in the middle of a picture or before any.
        """
        if not self._transport_cc or not self._offsets or self._mid_frame:
            return 0
        sent = 0
        while sent < octets:
            self._last_seq += 1
            self._shift(1)
            number = self._log.add(PADDING + 20, now)
            block = rtp.extension_block([(self._transport_cc, number.to_bytes(2, "big"))])
            wire_seq = self._last_seq & 0xFFFF
            stamp = self._last_time & 0xFFFFFFFF
            head = HEADER.pack(0xB0, self.payload_type, wire_seq, stamp, self.ssrc) + block
            rest = bytes(PADDING - 1) + bytes((PADDING,))
            self._ring[wire_seq & RING - 1] = (wire_seq, head, rest)
            self._send(head + rest)
            sent += PADDING + 20 + OVERHEAD
        return sent

    def report(self, ntp: int, timestamp: int, now: float) -> None:
        """Passes the publisher's clock on, in this stream's timestamps."""
        if not self.packets:
            return
        self._reports[ntp >> 16 & 0xFFFFFFFF] = now
        while len(self._reports) > 4:
            del self._reports[next(iter(self._reports))]
        stamp = timestamp + self._time_offset & 0xFFFFFFFF
        self._send_rtcp(rtcp.sender_report(self.ssrc, ntp, stamp, self.packets, self.octets))

    def on_report(self, report: rtcp.Report, now: float) -> None:
        self.loss = report.lost
        sent = self._reports.get(report.last_report)
        if sent is not None:
            self.round_trip = max(0.0, now - sent - report.delay)

    def on_nack(self, seqs: tuple[int, ...], now: float) -> None:
        for seq in seqs:
            kept = self._ring[seq & RING - 1] if self._ring else None
            if kept is None or kept[0] != seq or self._resends >= MAX_RESENDS:
                continue
            # The last copy may still be on its way: more of them would only fill the line.
            if now - self._resent_at.get(seq, 0.0) < max(RESEND_INTERVAL, self.round_trip):
                continue
            self._resent_at.pop(seq, None)
            self._resent_at[seq] = now
            while len(self._resent_at) > RING:
                del self._resent_at[next(iter(self._resent_at))]
            self._resends += 1
            if self.pacer is None:
                self._resend(kept)
            elif seq not in self._waiting:
                self._waiting.add(seq)
                size = len(kept[1]) + len(kept[2])
                self.pacer.push(self, size, lambda at, kept=kept: self._resend(kept), now)  # type: ignore[misc]

    def _resend(self, kept: tuple[int, bytes, bytes]) -> None:
        self._waiting.discard(kept[0])
        self.resent += 1
        if self._transport_cc:
            self._log.repeated(_transport_number(kept[1]))
        self._send(kept[1] + kept[2])

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
        self._ring = []


def _transport_number(head: bytes) -> int:
    """The transport-wide number in a packet's first header extension, of one or two bytes' form."""
    at = 17 if head[12] == 0xBE else 18
    return head[at] << 8 | head[at + 1]

"""One incoming stream to all who take it: renumbering, header extensions, retransmission.

signaling/native/fanout.c does the same in C; the two must agree to the byte. Each packet is kept
once, however many take it; per subscriber only its numbers are remembered.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from signaling.sfu import rtp
from signaling.sfu.codecs import Vp8Descriptor, Vp8Numbers
from signaling.sfu.rtp import HEADER, Packet
from signaling.sfu.sent import SentLog
from signaling.sfu.temporal import Temporal

KEEP = 4.0  # seconds a packet can be asked for again: a few round trips of the slowest lines
MAX_PACKET = 1500  # bytes of an RTP packet; what is larger cannot leave
SEGMENTS = 8  # changes of layer across which retransmission works
RATE_WINDOW = 1.0  # seconds over which a stream's bitrate is measured
OFFSETS = 64  # left out packets whose place is remembered for others that come late
HEAD = 20  # bytes counted for the RTP header and its extensions in congestion control
MAX_PASSED = 8  # header extensions copied per packet
PADDING = 224  # bytes of padding in one packet, a multiple of four below 256


class Kept(NamedTuple):
    seq: int
    at: float
    packet: Packet
    vp8: Vp8Descriptor | None


class Sent(NamedTuple):
    """A packet as one subscriber got it: what its header said that cannot be derived.

    For padding `segment` is -1 and `seq` holds the timestamp.
    """

    wire: int
    seq: int
    segment: int
    send_time: int
    number: int
    descriptor: bytes


class Label(NamedTuple):
    """What the header of an outgoing packet says beyond the incoming one."""

    payload_type: int
    wire: int
    timestamp: int
    ssrc: int
    send_time: int
    number: int


class Segment(NamedTuple):
    """How numbers are mapped between two changes of layer."""

    id: int
    relay: PythonRelay
    generation: int
    time_offset: int

    def find(self, sent: Sent) -> Kept | None:
        """The packet behind an outgoing one, if it is still kept."""
        if self.id != sent.segment or self.generation != self.relay.generation:
            return None
        return self.relay.kept(sent.seq)


class PythonRelay:
    """The outgoing side of one incoming stream, and its figures.

    `attention` says that packets have to be looked at: somebody waits for a keyframe. `paced` is
    the number of takers that `forward` does not serve. `size` packets are kept, a power of two.
    """

    __slots__ = (
        "_mask",
        "_oldest",
        "_outlets",
        "_ring",
        "attention",
        "bitrate",
        "clock_rate",
        "first",
        "generation",
        "highest",
        "jitter",
        "last_packet",
        "muted",
        "octets",
        "paced",
        "packets",
        "ssrc",
        "started",
        "transit",
        "window",
    )

    def __init__(self, codec: str, clock_rate: int, size: int) -> None:
        self.clock_rate = float(clock_rate)
        self.started = self.muted = self.attention = self.paced = 0
        self.ssrc = 0
        self.highest = self.first = 1 << 16
        self.packets = self.octets = 0
        self.last_packet = self.window = -1.0
        self.bitrate = self.jitter = self.transit = 0.0
        self.generation = self._oldest = 0
        self._mask = size - 1
        self._ring: list[Kept | None] = [None] * size
        self._outlets: list[PythonOutlet] = []

    @property
    def state(self) -> PythonRelay:
        return self

    def add(self, outlet: PythonOutlet) -> None:
        self._outlets = [*self._outlets, outlet]

    def remove(self, outlet: PythonOutlet) -> None:
        self._outlets = [other for other in self._outlets if other is not outlet]

    def restart(self) -> None:
        """The stream begins anew under fresh numbers: nothing kept can be asked for."""
        self._ring = [None] * len(self._ring)
        self.generation += 1
        self._oldest = 0

    def forward(self, packet: Packet, seq: int, vp8: Vp8Descriptor | None, now: float) -> None:
        if self._outlets or self.paced:
            self._keep(Kept(seq, now, packet, vp8))
        for outlet in self._outlets:
            outlet.forward(packet, seq, vp8, now)

    def _keep(self, kept: Kept) -> None:
        seq, mask = kept.seq, self._mask
        before = self._ring[seq & mask]
        if before is not None and before.seq > seq:
            return  # arrived too late to be asked for
        self._ring[seq & mask] = kept
        self._oldest = max(self._oldest, seq - mask)
        while self._oldest < seq:
            old = self._ring[self._oldest & mask]
            if old is not None and old.seq == self._oldest:
                if kept.at - old.at <= KEEP:
                    return
                self._ring[self._oldest & mask] = None
            self._oldest += 1

    def kept(self, seq: int) -> Kept | None:
        found = self._ring[seq & self._mask]
        return found if found is not None and found.seq == seq else None

    def skip(self, seq: int) -> None:
        for outlet in self._outlets:
            outlet.skip(seq)

    def take_levels(self) -> list[int]:
        return []  # they are reported packet by packet


class PythonOutlet:
    """One stream as one subscriber gets it; `temporal` leaves frames out."""

    __slots__ = (
        "_abs_send_time",
        "_highest",
        "_log",
        "_offsets",
        "_passed",
        "_payload_type",
        "_ring",
        "_rtx_payload_type",
        "_rtx_seq",
        "_rtx_ssrc",
        "_segment",
        "_segments",
        "_send",
        "_ssrc",
        "_transport_cc",
        "_vp8",
        "last_sent",
        "last_seq",
        "last_time",
        "mid_frame",
        "octets",
        "packets",
        "temporal",
        "time_offset",
    )

    def __init__(self, ssrc: int, size: int, send: Callable[[bytes], None], log: SentLog) -> None:
        self._ssrc = ssrc
        self._send = send
        self._log = log
        self._payload_type = self._rtx_payload_type = self._rtx_ssrc = self._rtx_seq = 0
        self._abs_send_time = self._transport_cc = 0
        self._passed: list[tuple[int, int]] = []
        self.last_seq = self._highest = -1
        self._offsets: list[tuple[int, int]] = []
        self.time_offset = self.last_time = self.mid_frame = 0
        self.last_sent = 0.0
        self.packets = self.octets = 0
        self.temporal = Temporal()
        self._vp8 = Vp8Numbers()
        self._segment = 0
        self._segments: list[Segment | None] = [None] * SEGMENTS
        self._ring: list[Sent | None] = [None] * size

    @property
    def state(self) -> PythonOutlet:
        return self

    def configure(
        self,
        payload_type: int,
        passed: list[tuple[int, int]],
        abs_send_time: int,
        transport_cc: int,
    ) -> None:
        """Payload type and header extension numbers; `passed` has (ours, the publisher's)."""
        self._payload_type = payload_type
        self._passed = passed[:MAX_PASSED]
        self._abs_send_time = abs_send_time
        self._transport_cc = transport_cc

    def repeat_by(self, ssrc: int, payload_type: int, first: int) -> None:
        """Sends retransmissions as RTX (RFC 4588), numbered from `first` on."""
        self._rtx_ssrc, self._rtx_payload_type, self._rtx_seq = ssrc, payload_type, first

    def enter(
        self,
        relay: PythonRelay,
        packet: Packet,
        seq: int,
        time_offset: int,
        vp8: Vp8Descriptor | None,
    ) -> None:
        """Takes `relay` from `packet`, whose extended number is `seq`, continuing our numbers."""
        self._offsets = [(seq, self.last_seq + 1 - seq)]
        self._highest = seq - 1
        self.time_offset = time_offset
        if vp8 is not None:
            self._vp8.enter(vp8)
            self.temporal.enter()
        self._segment = self._segment + 1 & 0xFFFF
        segment = Segment(self._segment, relay, relay.generation, time_offset)
        self._segments[self._segment % SEGMENTS] = segment

    def forget(self) -> None:
        """Nothing sent so far is to be repeated."""
        self._ring = [None] * len(self._ring)
        self.mid_frame = 0

    def forward(self, packet: Packet, seq: int, vp8: Vp8Descriptor | None, now: float) -> None:
        size = len(packet.payload) - (vp8.size if vp8 is not None else 0)
        if vp8 is not None and not self.temporal.passes(vp8, size, now):
            self._vp8.drop(vp8)
            self.skip(seq)
            return
        offset = self._offset(seq)
        if offset is None:
            return
        wire = seq + offset & 0xFFFF
        timestamp = packet.timestamp + self.time_offset & 0xFFFFFFFF
        if seq > self._highest:
            self._highest = seq
            self.last_seq = seq + offset
            self.last_time = timestamp
            self.last_sent = now
            self.mid_frame = int(not packet.marker)
        send_time, number = self._stamp(len(packet.payload), now)
        descriptor = self._vp8.rewrite(packet.payload, vp8) if vp8 is not None else b""
        sent = Sent(wire, seq, self._segment, send_time, number, descriptor)
        self._ring[wire & len(self._ring) - 1] = sent
        self.packets += 1
        self.octets += size
        label = Label(self._payload_type, wire, timestamp, self._ssrc, send_time, number)
        self._emit(self._head(packet, label) + descriptor + packet.payload[len(descriptor) :])

    def _emit(self, data: bytes) -> None:
        if len(data) <= MAX_PACKET:
            self._send(data)

    def _offset(self, seq: int) -> int | None:
        for start, offset in reversed(self._offsets):
            if seq >= start:
                return offset
        return None

    def _stamp(self, size: int, now: float) -> tuple[int, int]:
        """The time of sending in 6.18 fixed point, and the transport-wide number, if agreed."""
        number = self._log.add(size + HEAD, now) if self._transport_cc else 0
        return int(now * 262144) & 0xFFFFFF, number

    def _head(self, packet: Packet, label: Label) -> bytes:
        items = []
        if self._transport_cc:
            items.append((self._transport_cc, label.number.to_bytes(2, "big")))
        if packet.extensions:
            for ours, own in self._passed:
                value = packet.extensions.get(own)
                if value:
                    items.append((ours, value))
        if self._abs_send_time:
            items.append((self._abs_send_time, label.send_time.to_bytes(3, "big")))
        return self._written(0x80, packet.marker, label, items)

    def _written(
        self, first: int, marker: int, label: Label, items: list[tuple[int, bytes]]
    ) -> bytes:
        block = rtp.extension_block(items) if items else b""
        first |= 0x10 if block else 0
        second = marker | label.payload_type
        return HEADER.pack(first, second, label.wire, label.timestamp, label.ssrc) + block

    def skip(self, seq: int) -> None:
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
            del self._offsets[:-OFFSETS]

    def pad(self, now: float) -> bool:
        """Sends one packet of padding. False in the middle of a picture or before any.

        Where RTX is agreed it goes there and uses up none of the picture's numbers.
        """
        if not self._offsets or (self.mid_frame and not self._rtx_payload_type):
            return False
        send_time, number = self._stamp(PADDING, now)
        if self._rtx_payload_type:
            label = self._rtx_label(self.last_time, send_time, number)
        else:
            self.last_seq += 1
            self._shift(1)
            wire = self.last_seq & 0xFFFF
            sent = Sent(wire, self.last_time, -1, send_time, number, b"")
            self._ring[wire & len(self._ring) - 1] = sent
            label = Label(self._payload_type, wire, self.last_time, self._ssrc, send_time, number)
        self._emit(self._padding(label))
        return True

    def _padding(self, label: Label) -> bytes:
        items = []
        if self._transport_cc:
            items.append((self._transport_cc, label.number.to_bytes(2, "big")))
        return self._written(0xA0, 0, label, items) + bytes(PADDING - 1) + bytes((PADDING,))

    def _rtx_label(self, timestamp: int, send_time: int, number: int) -> Label:
        seq, self._rtx_seq = self._rtx_seq, self._rtx_seq + 1 & 0xFFFF
        return Label(self._rtx_payload_type, seq, timestamp, self._rtx_ssrc, send_time, number)

    def _find(self, wire: int) -> tuple[Sent, Segment | None, Kept | None] | None:
        """What was sent under that number, if it can be repeated; padding has no packet."""
        sent = self._ring[wire & len(self._ring) - 1]
        if sent is None or sent.wire != wire:
            return None
        if sent.segment < 0:
            return sent, None, None
        segment = self._segments[sent.segment % SEGMENTS]
        kept = segment.find(sent) if segment is not None else None
        return (sent, segment, kept) if kept is not None else None

    def kept(self, wire: int) -> int:
        """The bytes that repeating `wire` would send, about; -1 if it cannot be repeated."""
        found = self._find(wire)
        if found is None:
            return -1
        kept = found[2]
        return HEAD + (len(kept.packet.payload) if kept is not None else PADDING)

    def resend(self, wire: int, now: float) -> int | None:
        """Sends a packet once more: by RTX where agreed, else exactly as before.

        SRTP's AEAD ciphers must never see one number with two texts. Returns the transport-wide
        number if it went out under it again, -1 if by RTX, None if the packet is no longer kept.
        """
        found = self._find(wire)
        if found is None:
            return None
        sent, segment, kept = found
        if segment is None or kept is None:
            label = Label(
                self._payload_type, wire, sent.seq, self._ssrc, sent.send_time, sent.number
            )
            self._emit(self._padding(label))
            return sent.number
        packet, descriptor = kept.packet, sent.descriptor
        payload = descriptor + packet.payload[len(descriptor) :]
        timestamp = packet.timestamp + segment.time_offset & 0xFFFFFFFF
        if self._rtx_payload_type:
            label = self._rtx_label(timestamp, *self._stamp(len(payload) + 2, now))
            self._emit(self._head(packet, label) + wire.to_bytes(2, "big") + payload)
            return -1
        label = Label(self._payload_type, wire, timestamp, self._ssrc, sent.send_time, sent.number)
        self._emit(self._head(packet, label) + payload)
        return sent.number

"""RTP packets (RFC 3550 §5.1) and header extensions (RFC 8285), without objects we do not need."""

from __future__ import annotations

import struct
from collections.abc import Iterable

HEADER = struct.Struct("!BBHII")

MID = "urn:ietf:params:rtp-hdrext:sdes:mid"
RID = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
REPAIRED_RID = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
AUDIO_LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
ORIENTATION = "urn:3gpp:video-orientation"
ABS_SEND_TIME = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
ABS_CAPTURE_TIME = "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time"
DEPENDENCY = (
    "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension"
)
TRANSPORT_CC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"

NO_EXTENSIONS: dict[int, bytes] = {}


class Packet:
    """One received RTP packet; `seq` and `timestamp` are as on the wire, `padding` is stripped."""

    __slots__ = ("extensions", "marker", "payload", "payload_type", "seq", "ssrc", "timestamp")

    def __init__(
        self,
        payload_type: int,
        marker: int,
        seq: int,
        timestamp: int,
        ssrc: int,
        extensions: dict[int, bytes],
        payload: bytes,
    ) -> None:
        self.payload_type = payload_type
        self.marker = marker
        self.seq = seq
        self.timestamp = timestamp
        self.ssrc = ssrc
        self.extensions = extensions
        self.payload = payload


def parse(data: bytes) -> Packet | None:
    """The packet in `data`, or None if it is malformed."""
    size = len(data)
    if size < 12:
        return None
    first, second, seq, timestamp, ssrc = HEADER.unpack_from(data)
    if first >> 6 != 2:
        return None
    at = 12 + 4 * (first & 15)
    extensions = NO_EXTENSIONS
    if first & 0x10:
        if at + 4 > size:
            return None
        profile, words = struct.unpack_from("!HH", data, at)
        at += 4
        end = at + 4 * words
        if end > size:
            return None
        if profile == 0xBEDE:
            extensions = _one_byte(data, at, end)
        elif profile & 0xFFF0 == 0x1000:
            extensions = _two_byte(data, at, end)
        at = end
    if at > size:
        return None
    if first & 0x20:
        if at >= size or data[-1] == 0 or data[-1] > size - at:
            return None
        size -= data[-1]
    return Packet(second & 0x7F, second & 0x80, seq, timestamp, ssrc, extensions, data[at:size])


def _one_byte(data: bytes, at: int, end: int) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    while at < end:
        head = data[at]
        if head == 0:
            at += 1
            continue
        number = head >> 4
        if number == 15:  # RFC 8285 §4.2: stop parsing
            break
        size = (head & 15) + 1
        if at + 1 + size > end:
            break
        found[number] = data[at + 1 : at + 1 + size]
        at += 1 + size
    return found


def _two_byte(data: bytes, at: int, end: int) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    while at < end:
        number = data[at]
        if number == 0:
            at += 1
            continue
        if at + 2 > end:
            break
        size = data[at + 1]
        if at + 2 + size > end:
            break
        found[number] = data[at + 2 : at + 2 + size]
        at += 2 + size
    return found


def extension_block(items: Iterable[tuple[int, bytes]]) -> bytes:
    """Header extensions as they stand on the wire; two-byte form only when one needs it."""
    items = list(items)
    if not items:
        return b""
    if all(number < 15 and 1 <= len(value) <= 16 for number, value in items):
        profile = 0xBEDE
        body = b"".join(bytes((number << 4 | len(value) - 1,)) + value for number, value in items)
    else:
        profile = 0x1000
        body = b"".join(bytes((number, len(value))) + value for number, value in items)
    body += b"\0" * (-len(body) % 4)
    return struct.pack("!HH", profile, len(body) // 4) + body


def build(packet: Packet) -> bytes:
    """The wire form of a packet."""
    block = extension_block(packet.extensions.items())
    first = 0x90 if block else 0x80
    head = HEADER.pack(
        first, packet.marker | packet.payload_type, packet.seq, packet.timestamp, packet.ssrc
    )
    return head + block + packet.payload


def unwrap_rtx(packet: Packet, ssrc: int, payload_type: int) -> Packet | None:
    """The original packet inside a retransmission (RFC 4588 §4); None for probing padding."""
    if len(packet.payload) <= 2:
        return None
    seq = int.from_bytes(packet.payload[:2], "big")
    return Packet(
        payload_type,
        packet.marker,
        seq,
        packet.timestamp,
        ssrc,
        packet.extensions,
        packet.payload[2:],
    )


def unwrap(value: int, reference: int, bits: int = 16) -> int:
    """The extended number closest to `reference` whose low bits are `value`."""
    span = 1 << bits
    delta = (value - reference) & (span - 1)
    return reference + (delta - span if delta >= span >> 1 else delta)

"""RTP headers, and the packetisation of VP8 and Opus (RFC 3550, 7741, 7587)."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

MAX_PAYLOAD = 1100  # leaves room for SRTP, TURN and a tunnel within 1,280 bytes
SILENT = 127  # RFC 6464: -127 dBov


@dataclass(slots=True)
class RtpPacket:
    """A parsed header with its payload, padding removed. `level` is the RFC 6464 level in
    -dBov, or None when the packet has none."""

    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    marker: bool
    payload: bytes
    level: int | None = None


def parse(data: bytes, level_id: int = 0) -> RtpPacket | None:
    """The packet, or None if it is not RTP version 2 or lies about its own lengths."""
    if len(data) < 12 or data[0] >> 6 != 2:
        return None
    first, second, sequence, timestamp, ssrc = struct.unpack_from("!BBHII", data)
    at = 12 + 4 * (first & 0x0F)
    level = None
    if first & 0x10:
        if at + 4 > len(data):
            return None
        profile, words = struct.unpack_from("!HH", data, at)
        end = at + 4 + 4 * words
        if end > len(data):
            return None
        if level_id and profile == 0xBEDE:
            level = _audio_level(data[at + 4 : end], level_id)
        at = end
    stop = len(data)
    if first & 0x20:
        stop -= data[-1]
        if data[-1] == 0:
            return None
    if stop < at:
        return None
    return RtpPacket(
        second & 0x7F, sequence, timestamp, ssrc, second >> 7 == 1, data[at:stop], level
    )


def _audio_level(block: bytes, wanted: int) -> int | None:
    at = 0
    while at < len(block):
        head = block[at]
        if head == 0:
            at += 1
            continue
        identifier, length = head >> 4, (head & 0x0F) + 1
        if identifier == wanted and at + 1 < len(block):
            return block[at + 1] & 0x7F
        if identifier == 15:
            return None
        at += 1 + length
    return None


def build(
    payload_type: int,
    sequence: int,
    timestamp: int,
    ssrc: int,
    marker: bool,
    payload: bytes,
    level: tuple[int, int] | None = None,
) -> bytes:
    """A packet's bytes; `level` is (extension id, -dBov) of RFC 6464."""
    header = struct.pack(
        "!BBHII",
        0x80 | (0x10 if level else 0),
        payload_type | (0x80 if marker else 0),
        sequence & 0xFFFF,
        timestamp & 0xFFFFFFFF,
        ssrc,
    )
    if level:
        voiced = 0x80 if level[1] < SILENT else 0
        header += struct.pack("!HHBBH", 0xBEDE, 1, level[0] << 4, voiced | level[1], 0)
    return header + payload


def split_vp8(frame: bytes, picture_id: int) -> Iterator[tuple[bytes, bool]]:
    """Payloads of one frame with their descriptors (RFC 7741 §4.2), and which is the last."""
    pieces = -(-len(frame) // MAX_PAYLOAD)
    size = -(-len(frame) // pieces)
    for at in range(0, len(frame), size):
        start = 0x10 if at == 0 else 0
        descriptor = struct.pack("!BBH", 0x80 | start, 0x80, 0x8000 | picture_id & 0x7FFF)
        yield descriptor + frame[at : at + size], at + size >= len(frame)


class Unwrapper:
    """Widens a wrapping counter: values within half the range of the last one keep order."""

    __slots__ = ("_half", "_last", "_size")

    def __init__(self, bits: int) -> None:
        self._size = 1 << bits
        self._half = self._size >> 1
        self._last: int | None = None

    def widen(self, value: int) -> int:
        if self._last is None:
            self._last = value + self._size  # so that an earlier straggler stays positive
            return self._last
        ahead = (value - self._last) % self._size
        if ahead >= self._half:
            return self._last + ahead - self._size
        self._last += ahead
        return self._last

"""What forwarding must know of each codec: where a picture begins anew, and what to renumber."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from signaling.sfu.rtp import unwrap

KEPT = 64  # pictures left out whose place is remembered for packets that come late


@dataclass(frozen=True, slots=True)
class Vp8Descriptor:
    """The VP8 payload descriptor (RFC 7741 §4.2); None where a field is absent."""

    size: int
    start: bool
    picture_id: int | None
    long_picture_id: bool
    tl0: int | None
    tid_byte: int | None


def parse_vp8(payload: bytes) -> Vp8Descriptor | None:
    """The descriptor at the front of a VP8 payload, or None if it is cut short."""
    size = len(payload)
    if size < 2:
        return None
    first = payload[0]
    start = bool(first & 0x10) and not first & 0x0F
    if not first & 0x80:
        return Vp8Descriptor(1, start, None, False, None, None)
    flags, at = payload[1], 2
    picture_id, long_id, tl0, tid_byte = None, False, None, None
    if flags & 0x80:
        if at >= size:
            return None
        long_id = bool(payload[at] & 0x80)
        if long_id:
            if at + 1 >= size:
                return None
            picture_id = (payload[at] & 0x7F) << 8 | payload[at + 1]
        else:
            picture_id = payload[at]
        at += 2 if long_id else 1
    if flags & 0x40:
        if at >= size:
            return None
        tl0 = payload[at]
        at += 1
    if flags & 0x30:
        if at >= size:
            return None
        tid_byte = payload[at]
        at += 1
    if at >= size:
        return None
    return Vp8Descriptor(at, start, picture_id, long_id, tl0, tid_byte)


class Vp8Numbers:
    """Keeps picture ids and TL0 indices continuous for one receiver.

    Offsets are set at the keyframe where the receiver enters a layer (`enter`) and at every
    picture left out (`drop`).
    """

    __slots__ = ("_last_picture", "_last_tl0", "_newest", "_picture_offsets", "_tl0_offset")

    def __init__(self) -> None:
        self._last_picture = self._last_tl0 = -1
        self._newest = 0
        self._picture_offsets = [(0, 0)]
        self._tl0_offset = 0

    def enter(self, descriptor: Vp8Descriptor) -> None:
        if descriptor.picture_id is not None:
            # Above any span, so that older pictures have numbers too.
            self._newest = descriptor.picture_id + (1 << 16)
            last = self._last_picture if self._last_picture >= 0 else descriptor.picture_id - 1
            self._picture_offsets = [(0, last + 1 - descriptor.picture_id)]
        if descriptor.tl0 is not None and self._last_tl0 >= 0:
            self._tl0_offset = self._last_tl0 + 1 - descriptor.tl0

    def drop(self, descriptor: Vp8Descriptor) -> None:
        """A picture is left out: those after it take the numbers from its own on."""
        if descriptor.picture_id is None:
            return
        picture = unwrap(descriptor.picture_id, self._newest, _bits(descriptor))
        if picture > self._newest:
            self._newest = picture
            self._picture_offsets.append((picture + 1, self._picture_offsets[-1][1] - 1))
            del self._picture_offsets[:-KEPT]

    def _offset(self, picture: int) -> int:
        for start, offset in reversed(self._picture_offsets):
            if picture >= start:
                return offset
        return self._picture_offsets[0][1]

    def rewrite(self, payload: bytes, descriptor: Vp8Descriptor) -> bytes:
        """The descriptor bytes to send in place of the first `descriptor.size` of the payload."""
        if descriptor.picture_id is None and descriptor.tl0 is None:
            return payload[: descriptor.size]
        out = bytearray(payload[: descriptor.size])
        at = 2
        if descriptor.picture_id is not None:
            extended = unwrap(descriptor.picture_id, self._newest, _bits(descriptor))
            picture = descriptor.picture_id + self._offset(extended)
            if descriptor.long_picture_id:
                picture &= 0x7FFF
                struct.pack_into("!H", out, at, 0x8000 | picture)
                at += 2
            else:
                picture &= 0x7F
                out[at] = picture
                at += 1
            # A reordered older picture must not pull the next `enter` back onto used numbers.
            if extended >= self._newest or self._last_picture < 0:
                self._newest = extended
                self._last_picture = picture
        if descriptor.tl0 is not None:
            out[at] = self._last_tl0 = (descriptor.tl0 + self._tl0_offset) & 0xFF
        return bytes(out)


def _bits(descriptor: Vp8Descriptor) -> int:
    return 15 if descriptor.long_picture_id else 7


def is_keyframe(codec: str, payload: bytes) -> bool:
    """Whether this payload begins a picture that decodes without any before it."""
    match codec:
        case "vp8":
            descriptor = parse_vp8(payload)
            return descriptor is not None and descriptor.start and not payload[descriptor.size] & 1
        case "h264":
            return _h264_keyframe(payload)
        case "vp9":
            return _vp9_keyframe(payload)
        case "av1":
            return len(payload) > 0 and bool(payload[0] & 0x08)  # N: new coded video sequence
        case _:
            return True  # audio: every packet stands alone


def _h264_keyframe(payload: bytes) -> bool:
    """Whether a sequence parameter set begins here (RFC 6184): alone, in a STAP-A, or in a FU-A.

    An IDR slice alone would not do: layers differ in size, and their parameters come before it.
    """
    if not payload:
        return False
    kind = payload[0] & 31
    if kind == 24:
        at = 1
        while at + 2 < len(payload):
            if payload[at + 2] & 31 == 7:
                return True
            at += 2 + int.from_bytes(payload[at : at + 2], "big")
        return False
    if kind == 28 and len(payload) > 1:
        return payload[1] & 31 == 7 and bool(payload[1] & 0x80)
    return kind == 7


def _vp9_keyframe(payload: bytes) -> bool:
    """Not inter-predicted, begins a frame, of the lowest spatial layer (RFC 9628 §4.2).

    The higher layers of a key picture are not inter-predicted either, but build on the lowest.
    """
    if not payload or payload[0] & 0x40 or not payload[0] & 0x08:
        return False
    if not payload[0] & 0x20:  # no layer indices
        return True
    at = 1
    if payload[0] & 0x80:
        at += 2 if len(payload) > 1 and payload[1] & 0x80 else 1
    return at < len(payload) and not payload[at] >> 1 & 7

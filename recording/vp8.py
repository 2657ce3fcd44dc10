"""VP8 from RTP: payload descriptors, frame headers, whole frames (RFC 7741, RFC 6386 §9.1).

What does not parse is dropped, because a forwarding server passes any publisher's junk on."""

from dataclasses import dataclass

from recording.reorder import Lost
from signaling.client.rtp import RtpPacket

SMALLEST = 16  # LiveKit closes a track with blank 8×8 keyframes; nobody sends so small a picture
LONGEST_FRAME = 4 << 20


@dataclass(frozen=True, slots=True)
class FrameHeader:
    """`width` and `height` are 0 unless `key`."""

    key: bool
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Picture:
    """A whole frame whose references have all been handed over before it."""

    timestamp: int
    data: bytes
    header: FrameHeader


def descriptor(payload: bytes) -> tuple[int, bool] | None:
    """Length of the payload descriptor, and whether a frame begins here. None if torn."""
    if not payload:
        return None
    first = payload[0]
    at = 1
    if first & 0x80:
        if len(payload) < 2:
            return None
        extension = payload[1]
        at = 2
        if extension & 0x80:
            if len(payload) < 3:
                return None
            at += 2 if payload[2] & 0x80 else 1
        if extension & 0x40:
            at += 1
        if extension & 0x30:
            at += 1
    if at >= len(payload):
        return None
    return at, bool(first & 0x10) and first & 0x07 == 0


def frame_header(frame: bytes) -> FrameHeader | None:
    """None if these bytes cannot be a VP8 frame."""
    if len(frame) < 3:
        return None
    tag = int.from_bytes(frame[:3], "little")
    key = tag & 1 == 0
    overhead = 10 if key else 3
    if tag >> 1 & 7 > 3 or len(frame) < overhead or (tag >> 5) + overhead > len(frame):
        return None
    if not key:
        return FrameHeader(False, 0, 0)
    if frame[3:6] != b"\x9d\x01\x2a":
        return None
    width = int.from_bytes(frame[6:8], "little") & 0x3FFF
    height = int.from_bytes(frame[8:10], "little") & 0x3FFF
    return FrameHeader(True, width, height) if width and height else None


class PictureAssembler:
    """Joins packets in order to frames. After a loss it hands over nothing until the next
    keyframe, since the frames between refer to what is missing; `broken` says so."""

    def __init__(self) -> None:
        self.broken = True
        self._parts: list[bytes] = []
        self._size = 0
        self._timestamp = 0

    def feed(self, item: RtpPacket | Lost) -> list[Picture]:
        if isinstance(item, Lost):
            self._break()
            return []
        if not item.payload:  # padding, sent to probe the line
            return []
        parsed = descriptor(item.payload)
        if parsed is None:
            self._break()
            return []
        length, begins = parsed
        finished: list[Picture] = []
        if begins and self._parts:
            finished = self._finish()  # its last packet had no marker
        if begins:
            self._timestamp = item.timestamp
        elif not self._parts or item.timestamp != self._timestamp:
            self._break()
            return finished
        self._parts.append(item.payload[length:])
        self._size += len(item.payload) - length
        if self._size > LONGEST_FRAME:
            self._break()
        elif item.marker:
            finished += self._finish()
        return finished

    def _break(self) -> None:
        self.broken = True
        self._parts.clear()
        self._size = 0

    def _finish(self) -> list[Picture]:
        data = b"".join(self._parts)
        self._parts.clear()
        self._size = 0
        header = frame_header(data)
        if header is None or (header.key and min(header.width, header.height) <= SMALLEST):
            self.broken = True
            return []
        if header.key:
            self.broken = False
        return [] if self.broken else [Picture(self._timestamp, data, header)]

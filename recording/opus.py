"""Opus packets: are they well formed, and how long do they last (RFC 6716 §3)."""

MAX_FRAME = 1275
MAX_SAMPLES = 5760  # 120 ms at 48 kHz


def frame_samples(toc: int) -> int:
    """Samples at 48 kHz in one frame of the configuration in the TOC byte."""
    config = toc >> 3
    if config < 12:
        return (480, 960, 1920, 2880)[config & 3]
    if config < 16:
        return (480, 960)[config & 1]
    return (120, 240, 480, 960)[config & 3]


def is_stereo(packet: bytes) -> bool:
    return bool(packet[0] & 4)


def samples(packet: bytes) -> int | None:
    """Length of a packet at 48 kHz, or None if it breaks one of the rules R1 to R7."""
    if not packet:
        return None
    each = frame_samples(packet[0])
    match packet[0] & 3:
        case 0:
            return each if len(packet) - 1 <= MAX_FRAME else None
        case 1:
            body = len(packet) - 1
            return 2 * each if body % 2 == 0 and body // 2 <= MAX_FRAME else None
        case 2:
            sized = _length(packet, 1)
            if sized is None or sum(sized) > len(packet):
                return None
            return 2 * each if len(packet) - sum(sized) <= MAX_FRAME else None
        case _:
            return _many(packet, each)


def _many(packet: bytes, each: int) -> int | None:
    if len(packet) < 2:
        return None
    count = packet[1] & 0x3F
    if count == 0 or count * each > MAX_SAMPLES:
        return None
    at, padding = 2, 0
    if packet[1] & 0x40:
        while True:
            if at >= len(packet):
                return None
            value = packet[at]
            at += 1
            padding += 254 if value == 255 else value
            if value != 255:
                break
    end = len(packet) - padding
    if packet[1] & 0x80:
        used = 0
        for _ in range(count - 1):
            sized = _length(packet, at)
            if sized is None:
                return None
            at, used = sized[0], used + sized[1]
        last = end - at - used
        return count * each if 0 <= last <= MAX_FRAME else None
    body = end - at
    valid = body >= 0 and body % count == 0 and body // count <= MAX_FRAME
    return count * each if valid else None


def _length(packet: bytes, at: int) -> tuple[int, int] | None:
    """A frame length at `at` (§3.2.1): the index after it, and the length."""
    if at >= len(packet):
        return None
    first = packet[at]
    if first < 252:
        return at + 1, first
    if at + 1 >= len(packet):
        return None
    return at + 2, first + 4 * packet[at + 1]

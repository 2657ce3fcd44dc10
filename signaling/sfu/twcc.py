"""Transport-wide feedback: written to publishers, read from subscribers.

Source: draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from signaling.sfu.rtp import unwrap

TICK = 0.000250  # seconds per unit of a receive delta
REFERENCE = 0.064  # seconds per unit of the reference time
MAX_PACKETS = 350  # keeps a feedback below the size that SRTCP protection takes
MAX_GAP = 4000  # a jump this wide is a restart of the sender, not loss
MAX_STATUSES = 4096  # packets in one feedback: more than any sender of ours remembers


@dataclass(frozen=True, slots=True)
class Feedback:
    """A receiver's report from packet `base` (16 bits) on: arrival in seconds, None if lost.

    `count` numbers the reports modulo 256. Arrival times wrap after 12.4 days.
    """

    base: int
    count: int
    arrivals: tuple[float | None, ...]


def decode(body: bytes) -> Feedback | None:
    """Reads the part of a feedback after its two SSRCs; None if it is malformed or cut short."""
    if len(body) < 10:
        return None
    base, total, word = struct.unpack_from("!HHI", body)
    if not 0 < total <= MAX_STATUSES:
        return None
    symbols: list[int] = []
    at = 8
    while len(symbols) < total:
        if at + 2 > len(body):
            return None
        symbols += _symbols(body[at] << 8 | body[at + 1], total - len(symbols))
        at += 2
    clock = (word >> 8) * REFERENCE
    arrivals: list[float | None] = []
    for symbol in symbols:
        if symbol in (0, 3):  # not received; 3 is reserved and carries no delta
            arrivals.append(None)
            continue
        if at + symbol > len(body):
            return None
        ticks = int.from_bytes(body[at : at + symbol], "big", signed=symbol == 2)
        at += symbol
        clock += ticks * TICK
        arrivals.append(clock)
    return Feedback(base, word & 0xFF, tuple(arrivals))


def _symbols(chunk: int, left: int) -> list[int]:
    """The packet statuses of one chunk, at most `left` of them."""
    if not chunk & 0x8000:
        return [chunk >> 13] * min(chunk & 0x1FFF, left)
    if chunk & 0x4000:
        return [chunk >> shift & 3 for shift in range(12, -1, -2)][:left]
    return [chunk >> shift & 1 for shift in range(13, -1, -1)][:left]


class Arrivals:
    """Collects (sequence number, arrival time) and turns them into feedback packets."""

    def __init__(self) -> None:
        self._times: dict[int, float] = {}
        self._next: int | None = None
        self._highest: int | None = None
        self._count = 0

    def add(self, seq: int, now: float) -> None:
        if self._highest is None:
            self._highest = seq
        extended = unwrap(seq, self._highest)
        if abs(extended - self._highest) > MAX_GAP:
            self._times.clear()
            self._next = None
        self._highest = max(self._highest, extended)
        if self._next is None:
            self._next = extended
        if extended >= self._next:
            self._times.setdefault(extended, now)

    def feedback(self) -> list[bytes]:
        """Bodies of the feedback packets for everything received since the last call."""
        bodies = []
        while self._times and self._next is not None:
            first, last = self._next, max(self._times)
            last = min(last, first + MAX_PACKETS - 1)
            numbers = range(first, last + 1)
            received = [number for number in numbers if number in self._times]
            if not received:  # a long gap: start at the next packet that did arrive
                self._next = min(self._times)
                continue
            bodies.append(self._encode(first, last))
            for number in received:
                del self._times[number]
            self._next = last + 1
        return bodies

    def _encode(self, first: int, last: int) -> bytes:
        start = self._times[min(n for n in range(first, last + 1) if n in self._times)]
        reference = int(start / REFERENCE)
        clock = reference * REFERENCE
        symbols: list[int] = []
        deltas: list[bytes] = []
        for number in range(first, last + 1):
            arrival = self._times.get(number)
            if arrival is None:
                symbols.append(0)
                continue
            ticks = max(-32768, min(32767, round((arrival - clock) / TICK)))
            clock += ticks * TICK
            small = 0 <= ticks <= 255
            symbols.append(1 if small else 2)
            deltas.append(struct.pack("!B", ticks) if small else struct.pack("!h", ticks))
        body = struct.pack("!HH", first & 0xFFFF, len(symbols))
        body += struct.pack("!I", (reference & 0xFFFFFF) << 8 | self._count & 0xFF)
        self._count += 1
        body += b"".join(_chunks(symbols)) + b"".join(deltas)
        return body + b"\0" * (-len(body) % 4)


def _chunks(symbols: list[int]) -> list[bytes]:
    """Run-length chunks where seven or more symbols repeat, two-bit vectors elsewhere."""
    chunks, at = [], 0
    while at < len(symbols):
        run = at
        while run < len(symbols) and symbols[run] == symbols[at]:
            run += 1
        if run - at >= 7:
            chunks.append(struct.pack("!H", symbols[at] << 13 | run - at))
            at = run
            continue
        vector = symbols[at : at + 7]
        word = 0xC000
        for index, symbol in enumerate(vector):
            word |= symbol << 12 - 2 * index
        chunks.append(struct.pack("!H", word))
        at += 7
    return chunks

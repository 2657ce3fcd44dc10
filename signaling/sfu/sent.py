"""What went out on one transport, by transport-wide number: the sending half of transport-cc.

Source: draft-holmer-rmcat-transport-wide-cc-extensions-01 §2.
"""

from __future__ import annotations

from array import array
from typing import NamedTuple

from signaling.sfu.rtp import unwrap
from signaling.sfu.twcc import Feedback

SIZE = 4096  # packets remembered, a power of two: over a second at 30 Mbit/s
OVERHEAD = 28 + 16  # bytes of IP, UDP and the SRTP tag around each RTP packet
# Added to a size once something is known about the packet:
REPORTED = 1 << 29  # nothing more is to be learned
MISSED = 1 << 30  # reported as lost, but may have come late
REPEATED = 1 << 31  # asked for again, so its first copy was lost
BYTES = REPORTED - 1  # the size alone


class Outcome(NamedTuple):
    """What became of one packet: sent and arrived in seconds of two unrelated clocks.

    `arrived` is None if the packet was lost. `late` says that it had been reported as lost before,
    `repeated` that its bytes were sent more than once, so that its first copy was probably lost
    and its times say nothing. `number` is extended, so it never wraps.
    """

    number: int
    size: int
    sent: float
    arrived: float | None
    late: bool = False
    repeated: bool = False


class SentLog:
    """Numbers every packet of a transport and remembers its size and time.

    The three arrays are plain memory so that native code can do what `add` does: `counter[0]` is
    the next extended number, its low 16 bits go on the wire, its remainder by SIZE is the index
    of `times` (seconds) and `sizes` (bytes on the line).
    """

    __slots__ = ("counter", "sizes", "times")

    def __init__(self) -> None:
        self.counter = array("Q", [1 << 16])
        self.times = array("d", bytes(8 * SIZE))
        self.sizes = array("I", bytes(4 * SIZE))

    def add(self, size: int, now: float) -> int:
        """Notes an RTP packet of `size` bytes. Returns the number for its header, 16 bits."""
        number = self.counter[0]
        index = number & SIZE - 1
        self.times[index] = now
        self.sizes[index] = size + OVERHEAD
        self.counter[0] = number + 1
        return number & 0xFFFF

    def repeated(self, number: int) -> None:
        """The same bytes, with this number as on the wire, are sent once more."""
        extended = unwrap(number, self.counter[0])
        if self.counter[0] - SIZE <= extended < self.counter[0]:
            index = extended & SIZE - 1
            self.sizes[index] |= REPEATED

    def octets_since(self, number: int) -> int:
        """Bytes sent from extended `number` on, as far as remembered."""
        following = self.counter[0]
        sizes = self.sizes
        return sum(
            sizes[n & SIZE - 1] & BYTES for n in range(max(number, following - SIZE), following)
        )

    def outcomes(self, feedback: Feedback) -> list[Outcome]:
        """What a feedback packet tells that was not known yet, in order of sending.

        Numbers never sent, forgotten, or reported before are left out: a receiver may repeat
        itself, and a hostile one may say anything.
        """
        following = self.counter[0]
        first = unwrap(feedback.base, following)
        found = []
        sizes, times, oldest = self.sizes, self.times, following - SIZE
        for number, arrived in enumerate(feedback.arrivals, first):
            if not oldest <= number < following:
                continue
            index = number & SIZE - 1
            size = sizes[index]
            if not size or size & REPORTED:
                continue
            late, repeated = bool(size & MISSED), bool(size & REPEATED)
            if arrived is None and late:
                continue
            sizes[index] = size | (MISSED if arrived is None else REPORTED)
            found.append(Outcome(number, size & BYTES, times[index], arrived, late, repeated))
        return found

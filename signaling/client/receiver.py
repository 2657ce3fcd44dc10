"""What one incoming stream needs said about it: receiver reports and retransmission requests.

Pure: packets and the time go in, report blocks and sequence numbers come out."""

from dataclasses import dataclass

from signaling.client.rtcp import ReportBlock
from signaling.client.rtp import Unwrapper

NACK_AGAIN_NS = 110_000_000  # LiveKit ignores a repeat within 100 ms
NACK_GIVE_UP_NS = 1_500_000_000
MAX_MISSING = 400  # a longer hole is an interruption, not loss


@dataclass(slots=True)
class _Missing:
    since_ns: int
    asked_ns: int


class StreamReceiver:
    """Counts one SSRC's packets. `given_up` grows by each packet that will not come."""

    def __init__(self, ssrc: int, clock_rate: int) -> None:
        self.ssrc = ssrc
        self.given_up = 0
        self.received = 0
        self.last_arrival_ns = 0
        self._rate = clock_rate
        self._unwrap = Unwrapper(16)
        self._first = 0
        self._highest = 0
        self._missing: dict[int, _Missing] = {}
        self._jitter = 0.0
        self._transit: float | None = None
        self._reported = (0, 0)  # expected, received at the last report
        self._report: tuple[int, int] | None = None  # middle of NTP, arrival

    def received_packet(self, sequence: int, timestamp: int, now_ns: int) -> None:
        number = self._unwrap.widen(sequence)
        self.received += 1
        self.last_arrival_ns = now_ns
        if self.received == 1:
            self._first = self._highest = number
            return
        if number <= self._highest:
            self._missing.pop(number, None)
            return
        gap = number - self._highest - 1
        if gap > MAX_MISSING:
            self.given_up += gap
        else:
            for lost in range(self._highest + 1, number):
                self._missing[lost] = _Missing(now_ns, 0)
        self._highest = number
        self._count_jitter(timestamp, now_ns)

    def sender_report(self, ntp: int, now_ns: int) -> None:
        self._report = ((ntp >> 16) & 0xFFFFFFFF, now_ns)

    @property
    def waiting(self) -> bool:
        return bool(self._missing)

    def due_nacks(self, now_ns: int) -> list[int]:
        """Sequence numbers to ask for now; those too old are given up."""
        due: list[int] = []
        for number, missing in list(self._missing.items()):
            if now_ns - missing.since_ns >= NACK_GIVE_UP_NS:
                del self._missing[number]
                self.given_up += 1
            elif not missing.asked_ns or now_ns - missing.asked_ns >= NACK_AGAIN_NS:
                missing.asked_ns = now_ns
                due.append(number & 0xFFFF)
        return due

    def report_block(self, now_ns: int) -> ReportBlock:
        """RFC 3550 §6.4.1, A.3."""
        expected = self._highest - self._first + 1 if self.received else 0
        recent = expected - self._reported[0]
        lost_recently = recent - (self.received - self._reported[1])
        fraction = lost_recently * 256 // recent if recent > 0 and lost_recently > 0 else 0
        self._reported = (expected, self.received)
        lsr, dlsr = 0, 0
        if self._report:
            lsr = self._report[0]
            dlsr = (now_ns - self._report[1]) * 65536 // 1_000_000_000
        # Widened numbers begin a cycle up; reports must not, or servers take them for nonsense.
        highest = max(0, self._highest - 0x10000)
        lost = max(-0x800000, min(expected - self.received, 0x7FFFFF))
        return ReportBlock(
            self.ssrc, min(fraction, 255), lost, highest, int(self._jitter), lsr, dlsr
        )

    def _count_jitter(self, timestamp: int, now_ns: int) -> None:
        transit = now_ns * self._rate / 1e9 - timestamp
        if self._transit is not None:
            change = abs(transit - self._transit)
            if change < self._rate:  # a wrapped or restarted timestamp says nothing
                self._jitter += (change - self._jitter) / 16
        self._transit = transit

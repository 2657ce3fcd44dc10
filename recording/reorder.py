"""Puts one stream's packets back in order and says which never came.

Pure: packets and the time go in, packets in order and losses come out."""

from dataclasses import dataclass

from signaling.client.rtp import RtpPacket, Unwrapper

WAIT_NS = 1_700_000_000  # a little longer than the client keeps asking for a lost packet
RESTART_AFTER = 3000  # a jump this far is a new stream, not loss
MAX_HELD = 4000


@dataclass(frozen=True, slots=True)
class Lost:
    packets: int


class ReorderBuffer:
    """Repeated and late packets are dropped silently."""

    def __init__(self) -> None:
        self._unwrap = Unwrapper(16)
        self._next: int | None = None
        self._held: dict[int, RtpPacket] = {}
        self._since_ns = 0  # when the present hole was first seen

    def push(self, packet: RtpPacket, now_ns: int) -> list[RtpPacket | Lost]:
        number = self._unwrap.widen(packet.sequence)
        if self._next is None:
            self._next = number
        if number == self._next and not self._held:
            self._next += 1
            return [packet]
        if number < self._next:
            return []
        if number - self._next > RESTART_AFTER or len(self._held) > MAX_HELD:
            out = self._drain()
            out.append(Lost(max(1, number - self._next)))
            out.append(packet)
            self._next = number + 1
            return out
        if not self._held:
            self._since_ns = now_ns
        self._held[number] = packet
        return self._in_order(now_ns) + self.expire(now_ns)

    def expire(self, now_ns: int) -> list[RtpPacket | Lost]:
        """Gives up holes older than the wait."""
        out: list[RtpPacket | Lost] = []
        while self._held and now_ns - self._since_ns >= WAIT_NS:
            out += self._skip_hole()
            out += self._in_order(now_ns)
        return out

    def flush(self) -> list[RtpPacket | Lost]:
        """All that is left, when no more will come."""
        return self._drain()

    def _in_order(self, now_ns: int) -> list[RtpPacket | Lost]:
        out: list[RtpPacket | Lost] = []
        assert self._next is not None
        while self._next in self._held:
            out.append(self._held.pop(self._next))
            self._next += 1
        if out:
            self._since_ns = now_ns  # a further hole gets its own wait
        return out

    def _skip_hole(self) -> list[RtpPacket | Lost]:
        assert self._next is not None
        first = min(self._held)
        lost = first - self._next
        self._next = first
        return [Lost(lost)] if lost else []

    def _drain(self) -> list[RtpPacket | Lost]:
        out: list[RtpPacket | Lost] = []
        while self._held:
            out += self._skip_hole()
            out += self._in_order(0)
        return out

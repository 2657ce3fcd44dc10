"""A subscriber that checks what it gets: no number twice, none missing, pictures in order."""

from dataclasses import dataclass, field

from signaling.client.interface import QuietHandler, RemoteTrack
from signaling.client.rtp import Unwrapper


@dataclass(slots=True)
class _Stream:
    """One track's numbers since the window began."""

    numbers: Unwrapper = field(default_factory=lambda: Unwrapper(16))
    seen: set[int] = field(default_factory=set)
    highest: int = -1
    picture: int = -1
    arrived_ns: int = 0


class Verifier(QuietHandler):
    """A ClientHandler that checks from `begin` on; before, streams settle."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        self.packets = 0
        self.torn = 0  # pictures out of order
        self.twice = 0  # packets that came again
        self.longest_gap = 0.0  # seconds without a packet of one stream
        self._streams: dict[str, _Stream] = {}

    @property
    def holes(self) -> int:
        """Numbers that never came between the first and the last of each stream."""
        return sum(
            max(stream.seen) - min(stream.seen) + 1 - len(stream.seen)
            for stream in self._streams.values()
        )

    def on_rtp(self, track: RemoteTrack, packet: bytes, arrival_ns: int) -> None:
        stream = self._streams.setdefault(track.sid, _Stream())
        number = stream.numbers.widen(int.from_bytes(packet[2:4], "big"))
        self.packets += 1
        self.twice += number in stream.seen
        stream.seen.add(number)
        if stream.arrived_ns:
            gap = (arrival_ns - stream.arrived_ns) / 1e9
            self.longest_gap = max(self.longest_gap, gap)
        stream.arrived_ns = arrival_ns
        padding = packet[0] & 0x20  # what servers probe a line with carries no picture
        if track.kind == "video" and number == stream.highest + 1 and not padding:
            self._follow(stream, packet)
        stream.highest = max(stream.highest, number)

    def _follow(self, stream: _Stream, packet: bytes) -> None:
        """The 15-bit picture number of RFC 7741 §4.2 stays or grows by one."""
        header = 12 + (4 + 4 * int.from_bytes(packet[14:16], "big") if packet[0] & 0x10 else 0)
        picture = int.from_bytes(packet[header + 2 : header + 4], "big") & 0x7FFF
        if stream.picture >= 0 and picture - stream.picture & 0x7FFF > 1:
            self.torn += 1
        stream.picture = picture

    def on_closed(self, reason: str, final: bool) -> None:
        raise AssertionError(f"a verifying subscriber was cut off: {reason}")

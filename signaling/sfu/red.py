"""Redundant audio (RFC 2198): each packet repeats the ones before it, so that loss need not matter.

Whoever takes it gets it whole. Whoever does not gets plain Opus, in which the packets that were
lost on the way to us stand again, from the repetitions in the packet after them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from signaling.sfu.rtp import Packet, unwrap

if TYPE_CHECKING:
    from signaling.sfu.tracks import Layer

MAX_BLOCKS = 8  # repetitions in one packet; browsers send one or two


@dataclass(frozen=True, slots=True)
class Block:
    """An earlier packet repeated; `age` is how much smaller its timestamp was."""

    age: int
    data: bytes


def unpack(payload: bytes) -> tuple[list[Block], bytes] | None:
    """The repetitions, oldest first, and the new data; None if the payload is malformed."""
    heads: list[tuple[int, int]] = []
    at = 0
    while True:
        if at >= len(payload):
            return None
        if not payload[at] & 0x80:
            at += 1
            break
        if at + 4 > len(payload) or len(heads) >= MAX_BLOCKS:
            return None
        head = int.from_bytes(payload[at : at + 4], "big")
        heads.append((head >> 10 & 0x3FFF, head & 0x3FF))
        at += 4
    blocks = []
    for age, size in heads:
        blocks.append(Block(age, payload[at : at + size]))
        at += size
    if at > len(payload):
        return None
    return blocks, payload[at:]


def pack(payload_type: int, data: bytes) -> bytes:
    """A redundant payload that repeats nothing."""
    return bytes((payload_type & 0x7F,)) + data


class Redundant:
    """The two forms of one audio stream: `whole` as it comes, and `plain`.

    `payload_type` is that of the redundant packets, `inner` that of the data in them.
    """

    def __init__(self, payload_type: int, inner: int, plain: Layer, whole: Layer) -> None:
        self.payload_type = payload_type
        self.inner = inner
        self.plain = plain
        self.whole = whole
        self._last: tuple[int, int] | None = None

    def receive(self, packet: Packet, now: float) -> None:
        """Takes a packet of either form, a late or repeated one too."""
        if packet.ssrc != self.whole.ssrc:
            self.whole.reset(packet.ssrc)
            self._last = None
        if packet.payload_type != self.payload_type:
            self._advance(packet, [], now)
            self.plain.receive(packet, now)
            self.whole.receive(_with(packet, pack(self.inner, packet.payload)), now)
            return
        found = unpack(packet.payload)
        if found is None:
            return
        blocks, data = found
        self._advance(packet, blocks, now)
        self.plain.receive(_with(packet, data), now)
        self.whole.receive(packet, now)

    def _advance(self, packet: Packet, blocks: list[Block], now: float) -> None:
        """Fills the gap between the newest packet and this one, as far as it is repeated here."""
        if self._last is None:
            self._last = packet.seq, packet.timestamp
            return
        seq = unwrap(packet.seq, self._last[0])
        gap = seq - self._last[0] - 1
        if gap < 0:
            return
        fresh = [
            block
            for block in blocks
            if block.data
            and unwrap(packet.timestamp - block.age, self._last[1], 32) > self._last[1]
            and block.age
        ]
        self._last = packet.seq, packet.timestamp
        if len(fresh) > gap:
            return  # not packets that were sent on their own: their numbers cannot be known
        for number, block in enumerate(fresh, seq - len(fresh)):
            lost = Packet(
                packet.payload_type,
                0,
                number & 0xFFFF,
                packet.timestamp - block.age & 0xFFFFFFFF,
                packet.ssrc,
                {},
                block.data,
            )
            self.plain.recover(lost, now)


def _with(packet: Packet, payload: bytes) -> Packet:
    return Packet(
        packet.payload_type,
        packet.marker,
        packet.seq,
        packet.timestamp,
        packet.ssrc,
        packet.extensions,
        payload,
    )

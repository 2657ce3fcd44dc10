import random

from hypothesis import given
from hypothesis import strategies as st

from recording.reorder import WAIT_NS, Lost, ReorderBuffer
from signaling.client.rtp import RtpPacket

MS = 1_000_000


def packet(number: int) -> RtpPacket:
    return RtpPacket(96, number & 0xFFFF, 0, 1, False, number.to_bytes(4))


def run(arrivals: list[tuple[int, int]]) -> list[RtpPacket | Lost]:
    """Feeds (time in ns, number) and flushes."""
    buffer, out = ReorderBuffer(), []
    for now, number in arrivals:
        out += buffer.expire(now) + buffer.push(packet(number), now)
    return out + buffer.flush()


@given(st.integers(0, 2**32), st.integers(65_000, 65_600))
def test_with_loss_reorder_and_repeats_each_packet_comes_once_in_order(
    seed: int, start: int
) -> None:
    chance = random.Random(seed)
    arrivals = [(0, start)]
    lost = set()
    for n in range(1, 400):
        sent = n * 20 * MS
        if chance.random() < 0.05:
            lost.add(start + n)
            continue
        for _ in range(1 + (chance.random() < 0.1)):
            arrivals.append((sent + int(chance.random() * 1000) * MS, start + n))
    arrivals.sort()
    out = run(arrivals)
    got = [int.from_bytes(p.payload) for p in out if isinstance(p, RtpPacket)]
    last = max(got)
    assert got == [n for n in range(start, last + 1) if n not in lost]
    told = sum(item.packets for item in out if isinstance(item, Lost))
    assert told == len([n for n in lost if n < last])


def test_a_packet_repaired_in_time_is_no_loss() -> None:
    assert run([(0, 1), (MS, 3), (WAIT_NS - MS, 2)]) == [packet(1), packet(2), packet(3)]


def test_a_hole_is_given_up_after_the_wait_even_if_nothing_more_comes() -> None:
    buffer = ReorderBuffer()
    buffer.push(packet(1), 0)
    buffer.push(packet(3), MS)
    assert buffer.expire(WAIT_NS) == []
    assert buffer.expire(WAIT_NS + MS) == [Lost(1), packet(3)]


def test_a_stream_that_begins_anew_is_followed_at_once() -> None:
    out = run([(0, 1), (MS, 20_000), (2 * MS, 20_001)])
    assert out == [packet(1), Lost(19_998), packet(20_000), packet(20_001)]

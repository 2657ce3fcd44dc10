import random
import struct

from hypothesis import given
from hypothesis import strategies as st

from signaling.sfu.twcc import MAX_PACKETS, MAX_STATUSES, REFERENCE, TICK, Arrivals, decode


def read(body: bytes) -> dict[int, float | None]:
    """Sequence number to arrival time, None if not received."""
    feedback = decode(body)
    assert feedback is not None
    assert len(body) % 4 == 0
    return {feedback.base + n & 0xFFFF: at for n, at in enumerate(feedback.arrivals)}


@given(st.integers(0, 65535), st.integers(0, 1000))
def test_every_arrival_and_every_loss_is_reported(start: int, seed: int) -> None:
    chance = random.Random(seed)
    arrivals, now, truth = Arrivals(), 100.0, {}
    for index in range(300):
        now += chance.choice((0.0, 0.001, 0.02, 0.2))
        if index in (0, 299) or chance.random() > 0.2:
            truth[start + index & 0xFFFF] = now
            arrivals.add(start + index & 0xFFFF, now)
    reported: dict[int, float | None] = {}
    for body in arrivals.feedback():
        reported |= read(body)
    assert len(reported) == 300
    for seq, at in reported.items():
        if seq in truth:
            assert at is not None
            assert abs(at - truth[seq]) < 2 * TICK
        else:
            assert at is None


def test_a_burst_is_split_into_packets_that_fit() -> None:
    arrivals = Arrivals()
    for seq in range(1000):
        arrivals.add(seq, 1.0 + seq / 1000)
    bodies = arrivals.feedback()
    assert len(bodies) == -(-1000 // MAX_PACKETS)
    assert max(map(len, bodies)) < 1200
    assert arrivals.feedback() == []


@given(st.lists(st.tuples(st.integers(0, 65535), st.floats(0, 1000)), max_size=80))
def test_any_numbers_are_survived(items: list[tuple[int, float]]) -> None:
    arrivals = Arrivals()
    for seq, now in items:
        arrivals.add(seq, now)
    for body in arrivals.feedback():
        assert len(body) < 1300


def test_every_kind_of_chunk_is_read() -> None:
    """Written by hand from the draft: a run of 2, one-bit statuses, two-bit statuses."""
    head = struct.pack("!HHI", 65534, 2 + 14 + 3, 100 << 8 | 7)
    one_bit = 0x8000 | 0b10_0000_0000_0001
    two_bit = 0xC000 | 1 << 12 | 3 << 10 | 2 << 8
    chunks = struct.pack("!HHH", 1 << 13 | 2, one_bit, two_bit)
    deltas = bytes((4, 8, 12, 16, 20)) + struct.pack("!h", -40)
    feedback = decode(head + chunks + deltas)
    assert feedback is not None
    assert (feedback.base, feedback.count) == (65534, 7)
    at = [100 * REFERENCE + ticks * TICK for ticks in (4, 12, 24, 40, 60, 20)]
    expected = [at[0], at[1], at[2], *[None] * 12, at[3], at[4], None, at[5]]
    assert feedback.arrivals == tuple(expected)


@given(st.binary(max_size=200))
def test_any_bytes_are_survived(body: bytes) -> None:
    feedback = decode(body)
    assert feedback is None or 0 < len(feedback.arrivals) <= MAX_STATUSES


def test_a_few_bytes_cannot_claim_many_packets() -> None:
    runs = struct.pack("!HHHH", *[0x1FFF] * 4)
    assert decode(struct.pack("!HHI", 0, 65535, 0) + runs) is None
    assert decode(struct.pack("!HHI", 0, 4000, 0) + struct.pack("!H", 1 << 13 | 0x1FFF)) is None


@given(st.integers(0, 1000), st.integers(8, 400))
def test_a_feedback_cut_short_is_refused(seed: int, cut: int) -> None:
    chance, arrivals = random.Random(seed), Arrivals()
    for seq in range(300):
        if chance.random() > 0.1:
            arrivals.add(seq, 1.0 + seq * chance.choice((0.001, 0.1)))
    body = arrivals.feedback()[0].rstrip(b"\0")
    assert cut >= len(body) or decode(body[:cut]) is None

import random
import struct

from hypothesis import given
from hypothesis import strategies as st

from signaling.sfu.twcc import MAX_PACKETS, REFERENCE, TICK, Arrivals


def decode(body: bytes) -> dict[int, float | None]:
    """The draft's format read back: sequence number to arrival time, None if not received."""
    base, count, word = struct.unpack_from("!HHI", body)
    clock = (word >> 8) * REFERENCE
    at, symbols = 8, []
    while len(symbols) < count:
        (chunk,) = struct.unpack_from("!H", body, at)
        at += 2
        if chunk >> 15 == 0:
            symbols += [chunk >> 13 & 3] * (chunk & 0x1FFF)
        else:
            symbols += [chunk >> 12 - 2 * i & 3 for i in range(7)]
    times: dict[int, float | None] = {}
    for index, symbol in enumerate(symbols[:count]):
        if symbol == 0:
            times[base + index & 0xFFFF] = None
            continue
        (ticks,) = struct.unpack_from("!B" if symbol == 1 else "!h", body, at)
        at += symbol
        clock += ticks * TICK
        times[base + index & 0xFFFF] = clock
    assert len(body) % 4 == 0
    return times


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
        reported |= decode(body)
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

"""The numbers of what was sent, and what a receiver may make us believe about them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from signaling.sfu.sent import OVERHEAD, SIZE, SentLog
from signaling.sfu.twcc import Feedback


def test_numbers_follow_each_other_and_wrap() -> None:
    log = SentLog()
    numbers = [log.add(100, 1.0) for _ in range(70_000)]
    assert numbers == [n & 0xFFFF for n in range(70_000)]


def test_a_report_tells_size_and_both_times_once() -> None:
    log = SentLog()
    for step in range(65_530, 65_545):
        log.counter[0] = step
        log.add(step - 65_000, step / 10)
    feedback = Feedback(65_534, 0, (5.0, None, 5.2))
    first, lost, third = log.outcomes(feedback)
    assert (first.size, first.sent, first.arrived) == (534 + OVERHEAD, 6553.4, 5.0)
    assert (lost.number, lost.arrived) == (65_535, None)
    assert (third.number, third.sent, third.arrived) == (65_536, 6553.6, 5.2)
    assert log.outcomes(feedback) == []


def test_what_was_asked_for_again_is_marked() -> None:
    log = SentLog()
    for _ in range(3):
        log.add(100, 1.0)
    log.repeated(1)
    log.repeated(60_000)  # never sent
    told = log.outcomes(Feedback(0, 0, (1.0, 1.1, 1.2)))
    assert [(o.number & 0xFFFF, o.repeated) for o in told] == [(0, False), (1, True), (2, False)]
    assert log.outcomes(Feedback(0, 0, (1.0, 1.1, 1.2))) == []


def test_a_packet_that_comes_late_is_told_of_again() -> None:
    log = SentLog()
    for _ in range(3):
        log.add(100, 1.0)
    assert [o.arrived for o in log.outcomes(Feedback(0, 0, (1.0, None, 1.2)))] == [1.0, None, 1.2]
    (late,) = log.outcomes(Feedback(1, 1, (1.3,)))
    assert (late.arrived, late.late) == (1.3, True)
    assert log.octets_since((1 << 16) + 1) == 2 * (100 + OVERHEAD)


@given(
    st.integers(0, 20_000),
    st.lists(st.tuples(st.integers(0, 65535), st.integers(1, 5000)), max_size=5),
)
def test_nothing_is_believed_that_was_not_sent(sent: int, claims: list[tuple[int, int]]) -> None:
    log = SentLog()
    log.counter[0] = (1 << 16) + 100
    begin = log.counter[0]
    for _ in range(sent):
        log.add(1000, 1.0)
    seen: set[int] = set()
    for base, count in claims:
        for outcome in log.outcomes(Feedback(base, 0, (1.0,) * count)):
            assert begin <= outcome.number < begin + sent
            assert outcome.number >= begin + sent - SIZE
            assert outcome.number not in seen
            if outcome.arrived is not None:
                seen.add(outcome.number)

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voting.threshold import Threshold

HALF, TWO_THIRDS = Threshold.MORE_THAN_HALF, Threshold.AT_LEAST_TWO_THIRDS


@pytest.mark.parametrize(
    ("base", "half", "two_thirds"),
    [(20, 11, 14), (9, 5, 6), (3, 2, 2), (4, 3, 3), (10, 6, 7), (1, 1, 1), (0, 1, 1)],
)
def test_the_worked_examples_need_these_numbers(base: int, half: int, two_thirds: int) -> None:
    assert (HALF.needed(base), TWO_THIRDS.needed(base)) == (half, two_thirds)


@given(st.integers(1, 100_000).flatmap(lambda b: st.tuples(st.just(b), st.integers(0, b))))
def test_meeting_a_threshold_is_the_exact_fraction_and_never_a_rounded_one(
    pair: tuple[int, int],
) -> None:
    base, count = pair
    share = Fraction(count, base)
    assert HALF.compare(count, base).met == (share > Fraction(1, 2))
    assert TWO_THIRDS.compare(count, base).met == (share >= Fraction(2, 3))


@given(st.integers(0, 100_000))
def test_one_fewer_than_needed_fails(base: int) -> None:
    for threshold in Threshold:
        needed = threshold.needed(base)
        assert not threshold.compare(min(needed - 1, base), base).met


def test_nobody_of_nobody_passes_nothing() -> None:
    assert not any(threshold.compare(0, 0).met for threshold in Threshold)


def test_more_approvals_than_members_is_an_error_not_a_majority() -> None:
    with pytest.raises(ValueError, match="between"):
        HALF.compare(21, 20)

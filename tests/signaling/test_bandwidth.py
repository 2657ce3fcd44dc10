"""The budget for clients that report by REMB and receiver reports only."""

import itertools

from signaling.sfu.bandwidth import Estimator


def test_a_line_is_unlimited_until_it_shows_congestion() -> None:
    estimator = Estimator()
    for step in range(100):
        estimator.on_estimate(500_000, 480_000, step / 10)
        estimator.on_loss(0.02, 480_000, step / 10)
        estimator.tick(step / 10)
    assert estimator.limit is None


def test_a_squeeze_shows_within_seconds_and_ends_by_trying_for_more() -> None:
    estimator = Estimator()
    for step in range(15):
        estimator.on_estimate(400_000, 2_000_000, 10 + step / 10)
    assert estimator.limit == 400_000
    now = 12.0
    while estimator.limit is not None and now < 60:
        now += 0.2
        estimator.tick(now)
    assert estimator.limit is None
    assert now < 45


def test_heavy_loss_limits_even_where_no_estimate_comes() -> None:
    estimator = Estimator()
    estimator.on_loss(0.3, 1_000_000, 10.0)
    assert estimator.limit is not None
    assert estimator.limit < 1_000_000


def test_random_loss_on_a_line_that_is_not_full_never_takes_the_picture_away() -> None:
    estimator = Estimator()
    for second in range(10, 60):
        estimator.on_estimate(400_000, 200_000, second)
        estimator.on_loss(0.3, 200_000, second)
    assert estimator.limit is not None
    assert estimator.limit >= 250_000
    full = Estimator()
    for second in range(10, 60):
        full.on_estimate(60_000, 200_000, second)
        full.on_loss(0.3, 90_000, second)
    assert full.limit is not None
    assert full.limit < 100_000


def test_an_attempt_that_fails_is_repeated_more_slowly() -> None:
    estimator, now, attempts = Estimator(), 10.0, []
    estimator.on_loss(0.5, 1_000_000, now)
    limit = estimator.limit
    while now < 100:
        now += 0.1
        estimator.tick(now)
        if estimator.limit != limit:
            attempts.append(now)
            now += 1.0
            estimator.on_loss(0.5, 1_000_000, now)
            limit = estimator.limit
    gaps = [b - a for a, b in itertools.pairwise(attempts)]
    assert gaps == sorted(gaps)
    assert gaps[-1] > 2 * gaps[0]

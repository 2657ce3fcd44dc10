import itertools

from hypothesis import given
from hypothesis import strategies as st

from signaling.sfu.allocator import Demand, LayerState, allocate, best_alive, rate
from signaling.sfu.bandwidth import Estimator

THREE = (LayerState(True, 150e3), LayerState(True, 500e3), LayerState(True, 2e6))


def test_without_a_limit_everybody_gets_what_it_asked_for() -> None:
    demands = [Demand("a", THREE, 2), Demand("b", THREE, 0), Demand("c", THREE, None)]
    assert allocate(demands, None) == {"a": 2, "b": 0, "c": None}


def test_a_silent_layer_is_replaced_by_the_next_lower_then_the_next_higher() -> None:
    dead = LayerState(False, 0)
    assert best_alive(Demand("a", (THREE[0], THREE[1], dead), 2)) == 1
    assert best_alive(Demand("a", (dead, dead, THREE[2]), 0)) == 2
    assert best_alive(Demand("a", (dead, dead, dead), 1)) == 1


def test_every_picture_comes_before_a_larger_one() -> None:
    demands = [Demand(name, THREE, 2) for name in "abc"]
    assert allocate(demands, 460e3) == {"a": 0, "b": 0, "c": 0}
    assert allocate(demands, 810e3) == {"a": 1, "b": 0, "c": 0}


def test_the_important_one_grows_first_and_is_paused_last() -> None:
    demands = [Demand("a", THREE, 2), Demand("speaker", THREE, 2, priority=5)]
    assert allocate(demands, 2.2e6) == {"a": 0, "speaker": 2}
    assert allocate(demands, 200e3) == {"a": None, "speaker": 0}


def test_sound_is_reserved_first() -> None:
    assert allocate([Demand("a", THREE, 0)], 180e3, audio=40e3) == {"a": None}
    assert allocate([Demand("a", THREE, 0)], 190e3, audio=40e3) == {"a": 0}


@given(
    st.lists(
        st.tuples(
            st.lists(st.tuples(st.booleans(), st.floats(0, 3e6)), min_size=1, max_size=3),
            st.one_of(st.none(), st.integers(0, 2)),
            st.integers(0, 3),
        ),
        max_size=12,
    ),
    st.floats(0, 1e7),
)
def test_the_budget_is_kept(wishes: list[object], budget: float) -> None:
    demands = [
        Demand(str(n), [LayerState(*la) for la in layers], wanted, priority)
        for n, (layers, wanted, priority) in enumerate(wishes)  # type: ignore[misc]
    ]
    chosen = allocate(demands, budget)
    spent = sum(rate(d, index) for d in demands if (index := chosen[d.track_sid]) is not None)
    assert spent <= budget + 1
    for demand in demands:
        if demand.wanted is None:
            assert chosen[demand.track_sid] is None


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

"""How a line's budget is divided among pictures."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from signaling.sfu.allocator import HEADERS, KEEP, Demand, LayerState, Option, allocate, options

DEAD = LayerState(False, 0)
THREE = (LayerState(True, 150e3), LayerState(True, 500e3), LayerState(True, 2e6))
PLAIN = tuple(Option(index, 0, cost) for index, cost in enumerate((150e3, 500e3, 2e6)))


def layers_of(found: list[Option]) -> list[int]:
    return [option.layer for option in found]


def test_without_a_limit_everybody_gets_what_it_asked_for() -> None:
    demands = [Demand("a", PLAIN), Demand("b", PLAIN[:1])]
    assert allocate(demands, None) == {"a": 2, "b": 0}


def test_a_silent_layer_is_replaced_by_the_next_lower_then_the_next_higher() -> None:
    assert layers_of(options((THREE[0], THREE[1], DEAD), 2, (1.0,), 3)) == [0, 1]
    assert layers_of(options((DEAD, DEAD, THREE[2]), 0, (1.0,), 3)) == [2]
    assert layers_of(options((DEAD, DEAD, DEAD), 1, (1.0,), 3)) == [1]


def test_fewer_frames_are_cheaper_and_come_before_a_smaller_picture_is_left() -> None:
    found = options(THREE, 1, (0.4, 0.6, 1.0), 3)
    assert [(o.layer, o.temporal) for o in found] == [(0, 0), (0, 1), (0, 3), (1, 1), (1, 3)]
    assert [round(o.cost / HEADERS) for o in found] == [60e3, 90e3, 150e3, 300e3, 500e3]


def test_a_wished_frame_rate_leaves_upper_levels_out() -> None:
    found = options(THREE, 2, (0.4, 0.6, 1.0), 1)
    assert {o.temporal for o in found} == {0, 1}
    assert {o.temporal for o in options(THREE, 2, (1.0,), 1)} == {3}


def test_every_picture_comes_before_a_larger_one() -> None:
    demands = [Demand(name, PLAIN, area=area) for name, area in (("a", 3), ("b", 2), ("c", 1))]
    assert allocate(demands, 500e3) == {"a": 0, "b": 0, "c": 0}
    assert allocate(demands, 860e3) == {"a": 1, "b": 0, "c": 0}
    assert allocate(demands, 1.9e6) == {"a": 1, "b": 1, "c": 1}


def test_the_important_one_grows_first_and_is_paused_last() -> None:
    demands = [Demand("a", PLAIN), Demand("speaker", PLAIN, priority=(0, 1))]
    assert allocate(demands, 2.4e6) == {"a": 0, "speaker": 2}
    assert allocate(demands, 200e3) == {"a": None, "speaker": 0}


def test_a_fluent_speaker_comes_before_the_pictures_of_others() -> None:
    found = options(THREE, 2, (0.4, 0.6, 1.0), 3)
    demands = [Demand("a", found), Demand("b", found), Demand("speaker", found, priority=(0, 1))]
    assert allocate(demands, 260e3) == {"speaker": 2, "a": 0, "b": None}
    assert allocate(demands, 340e3) == {"speaker": 2, "a": 1, "b": 0}


def test_sound_is_reserved_first() -> None:
    assert allocate([Demand("a", PLAIN)], 180e3, audio=40e3) == {"a": None}
    assert allocate([Demand("a", PLAIN)], 210e3, audio=40e3) == {"a": 0}


def test_what_is_shown_stays_while_rates_vary_a_little() -> None:
    for budget in (460e3, 480e3, 500e3, 520e3, 540e3):
        assert allocate([Demand("a", PLAIN, current=1)], budget) == {"a": 1}
        assert allocate([Demand("a", PLAIN, current=0)], budget) == {"a": 0}


@given(
    st.lists(
        st.tuples(
            st.lists(st.tuples(st.booleans(), st.floats(0, 3e6)), min_size=1, max_size=3),
            st.integers(0, 2),
            st.integers(0, 3),
            st.one_of(st.none(), st.integers(0, 1)),
            st.integers(1, 3),
        ),
        max_size=12,
    ),
    st.floats(0, 1e7),
)
def test_the_budget_is_kept(wishes: list[object], budget: float) -> None:
    demands = []
    for n, (layers, wanted, priority, current, levels) in enumerate(wishes):  # type: ignore[misc]
        shares = (0.4, 0.6, 1.0)[3 - levels :]
        states = sorted((LayerState(*la) for la in layers), key=lambda la: la.bitrate)
        found = options(states, wanted, shares, 3)
        current = None if current is None else min(current, len(found) - 1)
        demands.append(Demand(str(n), found, current, (priority,)))
    chosen = allocate(demands, budget)
    spent = sum(d.options[i].cost for d in demands if (i := chosen[d.track_sid]) is not None)
    assert spent * KEEP <= budget + 1

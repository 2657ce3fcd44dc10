"""Which worker gets a room, keeps it, and what happens when one dies."""

import pytest

from signaling.workers.placement import SETTLED, Placement


def crew(workers: int) -> Placement:
    made = Placement(workers)
    for index in range(workers):
        made.started(index, 0)
        made.came_up(index)
    return made


def test_rooms_are_spread_and_stay_where_they_are() -> None:
    placement = crew(2)
    assert [placement.place(room, 1) for room in "abcd"] == [0, 1, 0, 1]
    placement.reported(0, 0.9, "ac", asked=2)
    placement.reported(1, 0.0, "bd", asked=2)
    assert [placement.place(room, 3) for room in "abcd"] == [0, 1, 0, 1]
    assert [placement.owner(room) for room in "abx"] == [0, 1, None]


def test_a_new_room_goes_where_there_is_least_to_do() -> None:
    placement = crew(3)
    for index, load in enumerate((0.8, 0.1, 0.5)):
        placement.reported(index, load, (), asked=1)
    assert [placement.place(room, 2) for room in "abc"] == [1, 1, 1]
    placement.reported(1, 0.95, "abc", asked=3)
    assert placement.place("d", 4) == 2


def test_small_differences_of_load_do_not_gather_rooms_at_one_worker() -> None:
    placement = crew(2)
    placement.reported(0, 0.02, (), asked=1)
    placement.reported(1, 0.01, (), asked=1)
    assert [placement.place(room, 2) for room in "abcd"] == [0, 1, 0, 1]


def test_a_room_is_forgotten_when_its_worker_no_longer_has_it_but_not_before_it_can() -> None:
    placement = crew(2)
    placement.place("a", 1)
    assert placement.reported(0, 0, (), asked=1.1) == []
    assert placement.owner("a") == 0
    placement.place("a", 4)  # somebody joins again
    assert placement.reported(0, 0, (), asked=4 + SETTLED / 2) == []
    assert placement.reported(1, 0, (), asked=9 + SETTLED) == [], "another knows nothing of it"
    assert placement.reported(0, 0, (), asked=9 + SETTLED) == ["a"]
    assert placement.owner("a") is None


def test_the_rooms_of_a_lost_worker_are_placed_anew_and_no_others() -> None:
    placement = crew(2)
    for room in "abcd":
        placement.place(room, 1)
    assert placement.lost(0, 60) == (["a", "c"], 60)
    assert placement.serving == [1]
    assert placement.place("a", 60) == 1, "before another is forked"
    placement.started(0, 60)
    assert placement.place("c", 60.1) == 0, "one that is starting may have it"
    assert [placement.owner(room) for room in "bd"] == [1, 1]


def test_a_worker_that_does_not_come_up_gets_no_rooms() -> None:
    placement = crew(2)
    placement.lost(0, 60)
    placement.started(0, 60)
    assert placement.place("a", 66) == 1
    placement.lost(1, 66)
    assert placement.place("b", 66) is None


def test_a_worker_that_keeps_dying_is_forked_ever_more_slowly() -> None:
    placement, now, pauses = crew(1), 60.0, []
    for _ in range(12):
        _, again = placement.lost(0, now)
        pauses.append(again - now)
        placement.started(0, again)
        now = again + 0.5
    assert pauses[:2] == [0, 0]
    assert pauses[2:5] == pytest.approx([0.1, 0.2, 0.4])
    assert pauses[-1] == pytest.approx(10)
    assert placement.place("a", now) is None, "it is not trusted before it serves"
    placement.came_up(0)
    assert placement.place("a", now) == 0

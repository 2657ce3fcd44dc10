import random

from signaling.sfu.nack import INTERVAL, MAX_MISSING, MAX_TRIES, Missing


def test_a_gap_is_asked_for_at_once_then_patiently_then_given_up() -> None:
    missing = Missing()
    for seq in (10, 11, 14):
        assert missing.received(seq)
    assert missing.due(0.0) == [12, 13]
    assert missing.due(INTERVAL / 2) == []
    assert missing.received(12)
    asked = 1
    now = 0.0
    while missing.due(now := now + INTERVAL):
        asked += 1
    assert asked == MAX_TRIES
    assert not missing.received(13)


def test_a_long_round_trip_slows_the_requests() -> None:
    missing = Missing()
    missing.received(1)
    missing.received(3)
    assert missing.due(0.0, round_trip=0.3) == [2]
    assert missing.due(0.2, round_trip=0.3) == []
    assert missing.due(0.3, round_trip=0.3) == [2]


def test_duplicates_are_recognised() -> None:
    missing = Missing()
    assert missing.received(5)
    assert not missing.received(5)
    assert not missing.received(4)


def test_a_huge_gap_does_not_grow_memory() -> None:
    missing = Missing()
    missing.received(0)
    missing.received(900)
    assert len(missing) == MAX_MISSING
    missing.received(1_000_000)
    assert len(missing) == 0


def test_thirty_percent_loss_is_repaired_in_virtual_time() -> None:
    chance = random.Random(7)
    missing, now, got = Missing(), 0.0, set()
    for seq in range(2000):
        now += 0.01
        if chance.random() > 0.3 and missing.received(seq):
            got.add(seq)
        for lost in missing.due(now):
            if chance.random() > 0.5 and missing.received(lost):  # loss both ways
                got.add(lost)
    assert len(got) > 1980

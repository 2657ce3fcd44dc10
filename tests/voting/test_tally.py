from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voting.ballot import Choice
from voting.electorate import Base
from voting.errors import AmbiguousBallots
from voting.tally import Origin, Vote, device_vote, tally
from voting.threshold import Threshold

if TYPE_CHECKING:
    from tests.voting.conftest import Room


HALF, TWO_THIRDS = Threshold.MORE_THAN_HALF, Threshold.AT_LEAST_TWO_THIRDS


def base_of(size: int) -> Base:
    return Base(tuple(f"m{i:02}" for i in range(size)), ())


def votes(*choices: Choice) -> list[Vote]:
    return [Vote(f"m{i:02}", c, Origin.DEVICE, 1, f"h{i}") for i, c in enumerate(choices)]


def approvals(count: int) -> list[Vote]:
    return votes(*[Choice.APPROVE] * count)


@pytest.mark.parametrize(
    ("approve", "threshold", "sentence"),
    [
        (12, HALF, "12/20, cần 11: thông qua"),
        (11, HALF, "11/20, cần 11: thông qua"),
        (10, HALF, "10/20, cần 11: không thông qua"),
        (14, TWO_THIRDS, "14/20, cần 14: thông qua"),
        (13, TWO_THIRDS, "13/20, cần 14: không thông qua"),
    ],
)
def test_the_outcome_is_read_out_as_arithmetic(
    approve: int, threshold: Threshold, sentence: str
) -> None:
    assert tally(base_of(20), approvals(approve), threshold).sentence_vi == sentence


def test_seventeen_voters_are_counted_over_twenty() -> None:
    result = tally(base_of(20), approvals(10) + votes(*[Choice.DISAPPROVE] * 17)[10:], HALF)
    assert (result.approve, result.disapprove, result.not_voted) == (10, 7, 3)
    assert not result.passed


@given(
    st.lists(st.sampled_from([*Choice, None]), min_size=1, max_size=30), st.sampled_from(Threshold)
)
def test_abstaining_works_like_no_and_like_silence(
    choices: list[Choice | None], threshold: Threshold
) -> None:
    base = base_of(len(choices))

    def outcome(instead: Choice | None) -> bool:
        told = [instead if c is not Choice.APPROVE else c for c in choices]
        cast = [Vote(f"m{i:02}", c, Origin.DEVICE, 1, f"h{i}") for i, c in enumerate(told) if c]
        return tally(base, cast, threshold).passed

    assert outcome(Choice.ABSTAIN) == outcome(Choice.DISAPPROVE) == outcome(None)


cast_votes = st.lists(
    st.builds(
        Vote,
        member=st.integers(0, 24).map(lambda i: f"m{i:02}"),
        choice=st.sampled_from(Choice),
        origin=st.sampled_from(Origin),
        order=st.integers(1, 10_000),
    ),
    max_size=60,
    unique_by=lambda vote: (vote.member, vote.origin, vote.order),
)


@given(cast_votes, st.integers(0, 20), st.sampled_from(Threshold), st.randoms())
def test_the_order_of_arrival_never_changes_a_tally(
    cast: list[Vote], size: int, threshold: Threshold, chance: random.Random
) -> None:
    result = tally(base_of(size), cast, threshold)
    shuffled = [*cast, *cast[:3]]
    chance.shuffle(shuffled)
    assert tally(base_of(size), shuffled, threshold) == result


@given(cast_votes, st.integers(0, 20), st.sampled_from(Threshold))
def test_the_four_counts_add_up_to_the_base_and_recount_by_name(
    cast: list[Vote], size: int, threshold: Threshold
) -> None:
    result = tally(base_of(size), cast, threshold)
    counts = (result.approve, result.disapprove, result.abstain, result.not_voted)
    assert sum(counts) == result.base == size == len(result.by_member)
    named = [line.choice for line in result.by_member]
    assert counts == tuple(
        named.count(c) for c in (Choice.APPROVE, Choice.DISAPPROVE, Choice.ABSTAIN, None)
    )
    assert result.passed == (result.approve >= result.needed)
    assert set(result.outside_base) == {v.member for v in cast} - set(base_of(size).members)


def test_a_vote_from_outside_the_base_is_named_and_not_counted() -> None:
    probationary = Vote("probationary", Choice.APPROVE, Origin.HAND, 9)
    result = tally(base_of(3), [*approvals(1), probationary], HALF)
    assert (result.approve, result.passed, result.outside_base) == (1, False, ("probationary",))


def test_a_hand_entered_by_name_counts_like_a_ballot() -> None:
    hand = Vote("m01", Choice.APPROVE, Origin.HAND, 40)
    result = tally(base_of(3), [*approvals(1), hand], HALF)
    assert result.passed
    assert [line.origin for line in result.by_member] == [Origin.DEVICE, Origin.HAND, None]


def test_a_hand_corrected_later_counts_as_corrected() -> None:
    hands = [
        Vote("m00", Choice.APPROVE, Origin.HAND, 40),
        Vote("m00", Choice.ABSTAIN, Origin.HAND, 41),
    ]
    assert tally(base_of(1), hands, HALF).abstain == 1


def test_no_hand_entered_for_a_member_outranks_their_own_signed_ballot() -> None:
    own = Vote("m00", Choice.DISAPPROVE, Origin.DEVICE, 1, "h")
    hand = Vote("m00", Choice.APPROVE, Origin.HAND, 10_000)
    for cast in ([own, hand], [hand, own]):
        assert tally(base_of(1), cast, HALF).disapprove == 1


def test_two_different_votes_in_one_place_are_an_error_not_a_choice() -> None:
    forked = [
        Vote("m00", Choice.APPROVE, Origin.DEVICE, 3, "one"),
        Vote("m00", Choice.DISAPPROVE, Origin.DEVICE, 3, "other"),
    ]
    with pytest.raises(AmbiguousBallots):
        tally(base_of(1), forked, HALF)


def test_accepted_ballots_are_counted_once_each_with_the_last_choice(room: Room) -> None:
    for member in ("m1", "m2", "m3"):
        room.send(room.ballot(member, "approve"))
    room.send(room.ballot("m3", "disapprove"))
    every = [device_vote(ballot) for ballot in room.ledger.ballots.values()]
    counting = [device_vote(ballot) for ballot in room.ledger.on_motion("motion-1")]
    result = tally(room.motion.base, every, room.motion.threshold)
    assert result == tally(room.motion.base, counting, room.motion.threshold)
    assert (result.approve, result.disapprove, result.not_voted) == (2, 1, 1)
    assert result.sentence_vi == "2/4, cần 3: không thông qua"

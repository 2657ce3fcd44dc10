from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from voting.ballot import Choice
from voting.hand import Hand, HandRefusal, HandRefused, accept_hand
from voting.tally import tally

if TYPE_CHECKING:
    from tests.voting.conftest import Room


def test_a_hand_of_somebody_in_the_room_counts(room: Room) -> None:
    hand = accept_hand("m1", "approve", room.ledger, room.motion, {"m1"})
    assert hand == Hand("m1", Choice.APPROVE)
    result = tally(room.motion.base, [hand.vote(9)], room.motion.threshold)
    assert (result.approve, result.not_voted) == (1, 3)


@pytest.mark.parametrize(
    ("member", "choice", "code"),
    [
        ("m2", "approve", HandRefusal.NOT_IN_ROOM),
        ("stranger", "approve", HandRefusal.NOT_IN_BASE),
        ("m1", "yes", HandRefusal.CHOICE_INVALID),
    ],
)
def test_other_hands_are_refused(member: str, choice: str, code: HandRefusal, room: Room) -> None:
    in_room = {"m1", "stranger"}
    assert accept_hand(member, choice, room.ledger, room.motion, in_room) == HandRefused(code)
    assert code.text_vi.endswith(".")


def test_no_hand_after_the_close(room: Room) -> None:
    closed = replace(room.motion, is_open=False)
    refused = accept_hand("m1", "approve", room.ledger, closed, {"m1"})
    assert refused == HandRefused(HandRefusal.MOTION_CLOSED)


def test_no_hand_for_a_member_who_voted_on_their_own_device(room: Room) -> None:
    room.send(room.ballot("m1", "disapprove"))
    refused = accept_hand("m1", "approve", room.ledger, room.motion, {"m1"})
    assert refused == HandRefused(HandRefusal.VOTED_ALREADY)

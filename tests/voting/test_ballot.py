from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from voting.ballot import (
    Accepted,
    Ballot,
    Choice,
    DeviceKey,
    Refusal,
    Refused,
    SignedBallot,
)
from voting.chain import Break, chain_breaks
from voting.errors import MalformedStatement

if TYPE_CHECKING:
    from tests.voting.conftest import Room


def counted_choice(room: Room, member: str) -> str | None:
    ballot = room.ledger.counted(room.motion.motion, member)
    return None if ballot is None else ballot.choice


def test_a_ballot_has_exactly_the_fields_of_the_protocol(room: Room) -> None:
    assert set(room.ballot("m1").to_statement()) == {
        "purpose",
        "installation",
        "session",
        "motion",
        "motion_hash",
        "rule_version",
        "choice",
        "member",
        "device",
        "counter",
        "previous",
        "seen_seq",
        "seen_head",
    }


def test_an_honest_ballot_counts(room: Room) -> None:
    ballot = room.ballot("m1", "abstain")
    assert room.send(ballot) == Accepted(ballot.ballot_hash, Choice.ABSTAIN, repeated=False)


def test_a_member_may_change_the_choice_until_the_close(room: Room) -> None:
    room.send(room.ballot("m1", "approve"))
    assert isinstance(room.send(room.ballot("m1", "disapprove")), Accepted)
    assert counted_choice(room, "m1") == "disapprove"


def test_a_repeat_is_acknowledged_again_even_after_the_close(room: Room) -> None:
    ballot = room.ballot("m1")
    room.send(ballot)
    closed = replace(room.motion, is_open=False)
    again = room.send(ballot, motion=closed)
    assert again == Accepted(ballot.ballot_hash, Choice.APPROVE, repeated=True)
    assert len(room.ledger.ballots) == 1


def test_a_repeat_is_acknowledged_after_the_member_voted_on_the_next_motion(room: Room) -> None:
    first = room.ballot("m1")
    room.send(first)
    second_motion = replace(room.motion, motion="motion-2")
    room.send(room.ballot("m1", motion="motion-2"), motion=second_motion)
    assert room.send(first) == Accepted(first.ballot_hash, Choice.APPROVE, repeated=True)


def test_replaying_an_older_choice_changes_nothing(room: Room) -> None:
    old = room.ballot("m1", "approve")
    room.send(old)
    room.send(room.ballot("m1", "disapprove"))
    assert room.send(old) == Refused(Refusal.SUPERSEDED)
    assert counted_choice(room, "m1") == "disapprove"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"purpose": "check_in"}, Refusal.WRONG_PURPOSE),
        ({"installation": "other"}, Refusal.WRONG_INSTALLATION),
        ({"session": "session-b"}, Refusal.WRONG_SESSION),
        ({"motion": "motion-2"}, Refusal.WRONG_MOTION),
        ({"motion_hash": "cd" * 32}, Refusal.WRONG_MOTION_TEXT),
        ({"rule_version": "vn-chibo-older"}, Refusal.WRONG_RULE_VERSION),
        ({"choice": "APPROVE"}, Refusal.CHOICE_INVALID),
        ({"device": "00" * 8}, Refusal.KEY_UNKNOWN),
        ({"counter": 0}, Refusal.COUNTER_NOT_HIGHER),
        ({"previous": "ee" * 32}, Refusal.PREVIOUS_UNKNOWN),
        ({"seen_head": "ff" * 32}, Refusal.HISTORY_DIFFERS),
        ({"seen_seq": 99}, Refusal.HISTORY_DIFFERS),
        ({"seen_seq": 4, "seen_head": "04" * 32}, Refusal.MOTION_NOT_SEEN),
    ],
)
def test_a_ballot_for_anything_else_is_refused_by_name(
    changes: dict[str, Any], code: Refusal, room: Room
) -> None:
    assert room.send(room.ballot("m1", **changes)) == Refused(code)
    assert counted_choice(room, "m1") is None


@pytest.mark.parametrize(
    ("where", "code"),
    [
        ({"session": "session-b"}, Refusal.WRONG_SESSION),
        ({"motion": "motion-2"}, Refusal.WRONG_MOTION),
        ({"installation": "another-cell"}, Refusal.WRONG_INSTALLATION),
        ({"motion_hash": "99" * 32}, Refusal.WRONG_MOTION_TEXT),
    ],
)
def test_a_ballot_accepted_here_cannot_be_replayed_elsewhere(
    where: dict[str, Any], code: Refusal, room: Room
) -> None:
    ballot = room.ballot("m1")
    room.send(ballot)
    assert room.send(ballot, motion=replace(room.motion, **where)) == Refused(code)


def test_an_equal_or_lower_counter_is_refused(room: Room) -> None:
    room.send(room.ballot("m1", counter=7))
    for counter in (1, 6, 7):
        late = room.ballot("m1", "disapprove", counter=counter)
        assert room.send(late) == Refused(Refusal.COUNTER_NOT_HIGHER)
    assert counted_choice(room, "m1") == "approve"


def test_a_device_that_missed_the_members_other_ballot_is_told(room: Room) -> None:
    room.send(room.ballot("m1", "approve"))
    unaware = room.ballot("m1", "disapprove", previous=None)
    assert room.send(unaware) == Refused(Refusal.PREVIOUS_STALE)


def test_a_ballot_after_the_close_is_refused_in_plain_words(room: Room) -> None:
    verdict = room.send(room.ballot("m1"), motion=replace(room.motion, is_open=False))
    assert verdict == Refused(Refusal.MOTION_CLOSED)
    assert Refusal.MOTION_CLOSED.text_vi == (
        "Phiếu đến sau khi biểu quyết đã kết thúc nên không được tính."
    )


def test_every_refusal_has_words_for_the_member() -> None:
    assert all(code.text_vi.endswith(".") for code in Refusal)


def test_a_member_outside_the_base_is_refused(room: Room) -> None:
    assert room.send(room.ballot("stranger")) == Refused(Refusal.NOT_IN_BASE)


def test_a_key_that_is_missing_or_anothers_or_revoked_does_not_vote(room: Room) -> None:
    ballot = room.ballot("m1")
    assert room.send(ballot, key=None) == Refused(Refusal.KEY_UNKNOWN)
    assert room.send(ballot, key=room.keys["m2"]) == Refused(Refusal.KEY_UNKNOWN)
    stolen = DeviceKey("m1", room.keys["m2"].key)
    assert room.send(ballot, key=stolen) == Refused(Refusal.KEY_UNKNOWN)
    revoked = replace(room.keys["m1"], revoked_at=room.now)
    assert room.send(ballot, key=revoked) == Refused(Refusal.KEY_REVOKED)
    later = replace(revoked, revoked_at=room.now + timedelta(seconds=1))
    assert isinstance(room.send(ballot, key=later), Accepted)


def test_nobody_can_sign_for_somebody_else(room: Room) -> None:
    ballot = room.ballot("m1")
    forged = room.sign(ballot, signer="m2")
    assert room.send(ballot, signed=forged) == Refused(Refusal.SIGNATURE_INVALID)


def test_a_member_cannot_vote_as_another_with_their_own_key(room: Room) -> None:
    ballot = room.ballot("m1", device=room.private["m2"].key_id)
    signed = room.sign(ballot, signer="m2")
    verdict = room.send(ballot, signed=signed, key=room.keys["m2"])
    assert verdict == Refused(Refusal.KEY_UNKNOWN)


def test_a_known_ballot_with_a_bad_signature_is_not_acknowledged(room: Room) -> None:
    ballot = room.ballot("m1")
    room.send(ballot)
    forged = SignedBallot(ballot, "A" * 86)
    assert room.send(ballot, signed=forged) == Refused(Refusal.SIGNATURE_INVALID)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # no example changes it
@given(
    name=st.sampled_from(["choice", "motion", "session", "counter", "member", "previous"]),
    data=st.data(),
)
def test_no_field_of_a_signed_ballot_can_be_altered(
    name: str, data: st.DataObject, room: Room
) -> None:
    honest = room.ballot("m1")
    value = data.draw(
        st.sampled_from(["disapprove", "abstain", "motion-9", "m2", "x"])
        if name != "counter"
        else st.integers(2, 99)
    )
    altered = replace(honest, **{name: value})
    signed = SignedBallot(altered, room.sign(honest).signature)
    assert isinstance(room.send(altered, signed=signed, key=room.keys["m1"]), Refused)


def test_a_dropped_ballot_shows_at_the_next_one(room: Room) -> None:
    room.send(room.ballot("m1", "disapprove"))
    honest_ledger = room.ledger
    next_ballot = room.ballot("m1", "abstain")
    room.ledger = type(honest_ledger)(heads=honest_ledger.heads)
    assert room.send(next_ballot) == Refused(Refusal.PREVIOUS_UNKNOWN)


def test_a_dropped_ballot_shows_in_an_export_at_the_link_after_it(room: Room) -> None:
    for choice in ("approve", "disapprove", "abstain"):
        room.send(room.ballot("m1", choice))
        room.send(room.ballot("m2", choice))
    ballots = list(room.ledger.ballots.values())
    assert chain_breaks(ballots) == ()
    dropped = ballots[2]
    remaining = [ballot for ballot in ballots if ballot != dropped]
    (found,) = chain_breaks(remaining)
    assert (found.member, found.at, found.kind) == ("m1", ballots[4].ballot_hash, Break.MISSING)


def test_two_ballots_after_one_and_a_falling_counter_show_in_an_export(room: Room) -> None:
    first = room.ballot("m1", counter=5)
    room.send(first)
    left = room.ballot("m1", "approve", counter=6)
    right = room.ballot("m1", "disapprove", counter=7)
    assert [b.kind for b in chain_breaks([first, left, right])] == [Break.FORKED]
    falling = room.ballot("m1", counter=4)
    assert [b.kind for b in chain_breaks([first, falling])] == [Break.ORDER]


@pytest.mark.parametrize(
    "change",
    [
        {"counter": True},
        {"counter": 1.0},
        {"counter": -1},
        {"counter": 2**53},
        {"counter": "1"},
        {"member": ""},
        {"member": None},
        {"member": "x" * 201},
        {"choice": ["approve"]},
        {"extra": 1},
    ],
)
def test_a_statement_of_another_shape_is_malformed(change: dict[str, Any], room: Room) -> None:
    with pytest.raises(MalformedStatement):
        Ballot.from_statement({**room.ballot("m1").to_statement(), **change})


def test_a_statement_without_a_field_is_malformed_and_a_whole_one_reads_back(room: Room) -> None:
    statement = room.ballot("m1").to_statement()
    assert Ballot.from_statement(statement) == room.ballot("m1")
    del statement["previous"]
    with pytest.raises(MalformedStatement):
        Ballot.from_statement(statement)

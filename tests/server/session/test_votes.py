"""Open votes: who, when, how many, and every ballot that must not count."""

from datetime import timedelta

import pytest

from server.session.attendance import tally_of
from server.session.state import MotionStage
from tests.server.session.meeting import at_vote, meeting
from voting.signing import PrivateKey


def test_the_screen_says_how_many_are_missing_for_two_thirds():
    m = meeting(official=20)
    m.gather(*(f"p{n:02}" for n in range(1, 13))).open().roll_call().to_items()
    m.to_vote().voted(**{f"p{n:02}": "approve" for n in range(1, 13)})
    m.give("p01", "finish-item", item="i2").item("i3")
    refusal = m.refused("p01", "open-vote", motion="m2")
    assert refusal.reason == "Chưa mở biểu quyết được: còn thiếu 2 đồng chí để đủ 2/3."
    assert refusal.arithmetic == "Có 12, cần 14."
    step = m.view("p01").next
    assert step.act.code == "open_vote"
    assert step.blocked.code == "vote_lacks_two_thirds"
    assert "postpone_item" in [act.code for act in step.others]


def test_four_counts_make_up_the_base_and_the_outcome_is_arithmetic():
    m = at_vote(official=6).open_vote()
    m.cast("p01", "approve").cast("p02", "approve").cast("p03", "disapprove").cast("p04", "abstain")
    m.give("p01", "close-vote", motion="m1").give("p01", "announce", motion="m1")
    result = m.state.motions["m1"].result
    counts = (result.approve, result.disapprove, result.abstain, result.not_voted)
    assert counts == (2, 1, 1, 2)
    assert m.view("p05").motion.arithmetic == "2/6, cần 4: không thông qua"


def test_a_probationary_member_is_never_in_the_base():
    m = at_vote(official=5, probationary=1).open_vote()
    assert "p06" not in m.state.motions["m1"].base
    refused = m.ballot("p06", "approve")
    assert m.refused("p06", "cast-ballot", **refused).code == "ballot_not_in_base"
    assert not next(p for p in m.view("p01").people if p.id == "p06").votes


def test_a_ballot_changes_until_the_close_and_counts_once():
    m = at_vote().open_vote().cast("p04", "approve").cast("p04", "disapprove")
    count = tally_of(m.state.motions["m1"])
    assert (count.approve, count.disapprove, count.not_voted) == (0, 1, 4)
    m.give("p01", "close-vote", motion="m1")
    late = m.ballot("p04", "approve")
    refusal = m.refused("p04", "cast-ballot", **late)
    assert refusal.reason == "Phiếu đến sau khi biểu quyết đã đóng nên không được tính."


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"session": "s2"}, "ballot_wrong_session"),
        ({"installation": "other"}, "ballot_wrong_installation"),
        ({"motion_hash": "0" * 64}, "ballot_wrong_motion_text"),
        ({"rule_version": "older"}, "ballot_wrong_rule_version"),
        ({"counter": 0}, "ballot_counter_not_higher"),
        ({"previous": "f" * 64}, "ballot_previous_unknown"),
        ({"seen_head": "f" * 64}, "ballot_history_differs"),
        ({"seen_seq": 10**6}, "ballot_history_differs"),
        ({"motion": "m9"}, "motion_unknown"),
        ({"member": "p03"}, "ballot_of_another"),
    ],
)
def test_a_signed_ballot_for_anything_else_is_refused(change, code):
    m = at_vote().open_vote()
    ballot = m.ballot("p04", "approve", **change)
    assert m.refused("p04", "cast-ballot", **ballot).code == code


def test_a_replayed_older_choice_is_refused():
    m = at_vote().open_vote()
    older = m.ballot("p04", "approve")
    m.give("p04", "cast-ballot", **older)
    m.cast("p04", "disapprove")
    assert m.refused("p04", "cast-ballot", **older).code == "ballot_superseded"


def test_the_same_ballot_sent_twice_adds_nothing():
    m = at_vote().open_vote()
    ballot = m.ballot("p04", "approve")
    seq = m.give("p04", "cast-ballot", **ballot).state.seq
    assert m.give("p04", "cast-ballot", **ballot).state.seq == seq


def test_a_ballot_signed_by_another_key_is_refused():
    m = at_vote().open_vote()
    m.keys["p04"] = PrivateKey.generate()
    ballot = m.ballot("p04", "approve")
    assert m.refused("p04", "cast-ballot", **ballot).code == "ballot_key_unknown"
    good = m.keys["p05"]
    m.keys["p04"] = good
    ballot = m.ballot("p04", "approve")
    assert m.refused("p04", "cast-ballot", **ballot).code == "ballot_key_unknown"


def test_a_ballot_made_before_the_vote_opened_is_refused():
    m = at_vote()
    early = m.ballot("p04", "approve")
    m.open_vote()
    assert m.refused("p04", "cast-ballot", **early).code == "ballot_motion_not_seen"


def test_a_member_dropped_in_mid_vote_returns_and_votes_once():
    m = at_vote().open_vote().cast("p01", "approve").drop("p04")
    assert m.view("p01").motion.disconnected == ["p04"]
    refusal = m.refused("p01", "close-vote", motion="m1")
    assert refusal.code == "voters_disconnected"
    assert "Đảng viên 04" in refusal.reason
    kept = m.ballot("p04", "approve")
    m.connect("p04").give("p04", "cast-ballot", **kept)
    m.give("p04", "cast-ballot", **kept)
    assert tally_of(m.state.motions["m1"]).approve == 2
    m.give("p01", "close-vote", motion="m1")
    assert m.state.motions["m1"].stage is MotionStage.CLOSED


def test_who_has_not_checked_in_does_not_vote():
    m = meeting().gather("p01", "p02", "p03", "p04").open()
    m.roll_call().to_items().to_vote().open_vote().connect("p05").certify("p05")
    ballot = m.ballot("p05", "approve")
    assert m.refused("p05", "cast-ballot", **ballot).code == "not_checked_in"
    m.check_in("p05").cast("p05", "approve")


def test_hands_are_entered_by_name_for_people_in_the_room_only():
    m = meeting().gather("p01", "p02", "p03").open()
    m.give("p01", "start-roll-call")
    for person in ("p01", "p02", "p03"):
        m.check_in(person)
    m.give("p03", "mark-in-room", person="p04")
    m.give("p03", "mark-absent", person="p06", with_reason=True, reason="Ốm")
    m.give("p01", "finish-roll-call").to_items().to_vote().open_vote()
    m.give("p03", "enter-hand", motion="m1", person="p04", choice="approve")
    hand = {"motion": "m1", "choice": "approve"}
    assert m.refused("p03", "enter-hand", person="p02", **hand).code == "hand_not_in_room"
    assert m.refused("p02", "enter-hand", person="p04", **hand).code == "not_chair_or_secretary"
    shown = m.view("p01").motion.ballots
    assert [(b.person, b.by_hand) for b in shown] == [("p04", True)]


def test_an_open_vote_shows_its_counts_only_to_those_who_voted_and_names_after_the_close():
    m = at_vote().open_vote().cast("p04", "approve")
    waiting, voted, chair = m.view("p05").motion, m.view("p04").motion, m.view("p01").motion
    assert (waiting.approve, waiting.ballots, waiting.cast) == (None, [], 1)
    assert (voted.approve, voted.ballots) == (1, [])
    assert [b.person for b in chair.ballots] == ["p04"]
    m.give("p01", "close-vote", motion="m1")
    assert [b.person for b in m.view("p05").motion.ballots] == ["p04"]
    assert m.view("p05").motion.passed is None
    assert m.view("p05").motion.arithmetic == ""


def test_the_result_waits_while_recording_is_stopped_but_ballots_are_taken():
    m = at_vote().open_vote()
    last_heard = m.now
    m.recorder_stops().cast("p04", "approve")
    m.give("p01", "close-vote", motion="m1")
    assert m.refused("p01", "announce", motion="m1").code == "recorder_silent"
    m.recorder_returns().give("p01", "announce", motion="m1")
    gaps = m.view("p01").recorder.gaps
    assert len(gaps) == 1
    assert gaps[0].from_ == last_heard
    assert gaps[0].to == m.now - timedelta(seconds=1)


def test_no_vote_opens_while_recording_is_stopped_or_somebody_speaks():
    m = at_vote().give("p04", "ask-floor").give("p01", "give-floor", person="p04")
    assert m.refused("p01", "open-vote", motion="m1").code == "floor_held"
    m.give("p01", "end-floor").recorder_stops()
    assert m.refused("p01", "open-vote", motion="m1").code == "recorder_silent"


def test_an_objection_comes_before_the_announcement_and_stands_in_the_minutes():
    m = at_vote().open_vote().cast("p04", "approve").give("p01", "close-vote", motion="m1")
    m.give("p05", "object", motion="m1", text="Tôi chưa kịp biểu quyết")
    assert m.view("p01").next.act.params["objections"] == 1
    m.give("p01", "announce", motion="m1")
    assert m.refused("p05", "object", motion="m1", text="Muộn").code == "objection_too_late"


def test_a_void_vote_is_repeated_with_new_ballots():
    m = at_vote().open_vote()
    first = m.ballot("p04", "approve")
    m.give("p04", "cast-ballot", **first)
    m.give("p01", "void-vote", motion="m1", reason="Đọc sai nội dung")
    assert m.refused("p01", "finish-item", item="i2").code == "item_not_voted"
    m.give("p01", "repeat-vote", motion="m1")
    again = m.state.motions["m2"]
    assert (again.attempt, again.stage, again.ballots) == (2, MotionStage.OPEN, {})
    seq = m.state.seq
    assert m.give("p04", "cast-ballot", **first).state.seq == seq
    assert m.state.motions["m2"].ballots == {}
    m.cast("p04", "disapprove", "m2").give("p01", "close-vote", motion="m2")
    m.give("p01", "announce", motion="m2")
    assert m.refused("p01", "void-vote", motion="m2", reason="Nhầm").code == (
        "vote_already_announced"
    )


def test_discipline_and_secret_ballots_are_not_put_online():
    m = at_vote()
    body = {"item": "i2", "text": "Khiển trách đồng chí X", "decision": "discipline"}
    refusal = m.refused("p01", "propose-motion", **body)
    assert refusal.code == "barred_online"
    assert "kỷ luật" in refusal.reason


def test_the_chair_and_the_recorder_see_each_vote_opened_and_closed():
    m = at_vote().open_vote()
    nonce = m.state.recorder.nonce
    assert nonce
    assert not m.state.recorder.nonce_answered
    m.give("p01", "close-vote", motion="m1")
    assert m.state.recorder.nonce != nonce


def test_the_screen_offers_only_what_has_something_to_act_on():
    m = at_vote()
    assert "open-vote" in m.view("p01").may
    assert not {"close-vote", "announce", "void-vote", "enter-hand"} & set(m.view("p01").may)
    assert "cast-ballot" not in m.view("p04").may
    m.open_vote()
    assert {"close-vote", "extend-vote", "void-vote"} <= set(m.view("p01").may)
    assert "cast-ballot" in m.view("p04").may
    assert "cast-ballot" not in m.view("p06").may
    m.give("p01", "close-vote", motion="m1")
    assert {"announce", "void-vote"} <= set(m.view("p01").may)
    assert "object" in m.view("p06").may

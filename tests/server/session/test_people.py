"""Coming, going, being counted, being vouched for; floor, chat, chair."""

from dataclasses import replace
from datetime import timedelta

import pytest

from server.session.attendance import base_now, present, quorum_now, seconds_present
from server.session.refusal import Refused
from server.session.state import Attendance, Place
from tests.server.session.meeting import Meeting, at_vote, convened, meeting


def test_a_person_on_two_devices_counts_once_and_joins_once():
    m = meeting().alive("p01", "p01", "p02")
    joins = [x for x in m.entries if x.type == "connected"]
    assert len(joins) == 2
    assert m.alive("p01", "p02").state.seq == m.state.seq


def test_a_drop_ends_the_interval_and_the_return_begins_another():
    m = at_vote()
    before = quorum_now(m.state).present
    m.drop("p04")
    assert m.state.members["p04"].attendance is Attendance.DROPPED
    assert quorum_now(m.state).present == before - 1
    m.wait(60).connect("p04")
    member = m.state.members["p04"]
    assert member.attendance is Attendance.PRESENT
    assert len(member.intervals) == 2
    gap = member.intervals[1].start - member.intervals[0].end
    assert timedelta(seconds=60) <= gap <= timedelta(seconds=63)
    m.wait(10)
    total = (m.now - member.intervals[0].start - gap).total_seconds()
    assert seconds_present(member, m.now) == total


def test_an_absent_official_member_stays_in_the_base_and_an_exempt_one_does_not():
    m = meeting(official=5, probationary=1, exempt=1)
    m.gather("p01", "p02", "p03").open().roll_call()
    assert base_now(m.state).size == 5
    m.connect("p07").check_in("p07")
    assert base_now(m.state).size == 6


def test_a_late_arrival_checks_in_and_an_early_leaver_is_gone():
    m = meeting().gather("p01", "p02", "p03").open().roll_call().to_items()
    m.connect("p04").check_in("p04")
    assert "p04" in present(m.state)
    m.give("p04", "leave")
    assert m.state.members["p04"].attendance is Attendance.LEFT
    assert m.refused("p04", "ask-floor").code == "not_checked_in"
    m.check_in("p04")
    assert m.state.members["p04"].present


def test_the_chair_hands_over_before_leaving():
    m = at_vote()
    assert m.refused("p01", "leave").code == "chair_may_not_leave"
    assert m.refused("p01", "hand-chair", person="p06").code == "chair_must_be_official"
    m.give("p01", "hand-chair", person="p02").give("p01", "leave")
    assert m.state.chair == "p02"


def test_the_deputy_takes_the_chair_after_a_minute_without_the_chair():
    m = at_vote()
    assert m.refused("p02", "take-chair").code == "chair_is_here"
    m.drop("p01").wait(30)
    refusal = m.refused("p02", "take-chair")
    assert refusal.code == "chair_away_too_short"
    assert refusal.arithmetic == "Còn 29 giây."
    assert m.refused("p03", "take-chair").code == "not_deputy"
    m.wait(30).give("p02", "take-chair")
    assert m.state.chair == "p02"
    m.connect("p01")
    assert m.refused("p01", "open-vote", motion="m1").code == "not_chair"


def test_a_chair_who_never_comes_is_replaced_a_minute_after_the_hour():
    m = meeting().alive("p02", "p03")
    assert m.refused("p02", "take-chair").code == "chair_away_too_short"
    m.wait(11 * 60).give("p02", "take-chair")
    m.give("p02", "open")


def test_the_secretary_who_takes_the_chair_must_be_replaced():
    m = meeting().gather().give("p01", "open").give("p01", "name-secretary", person="p02")
    m.give("p01", "hand-chair", person="p02")
    assert m.state.secretary is None
    assert m.refused("p02", "start-roll-call").code == "no_secretary"


def test_check_in_needs_a_fresh_second_factor_and_a_certified_device():
    m = meeting().gather().open().give("p01", "start-roll-call")
    m.factor_at = m.now - timedelta(minutes=61)
    m.certify("p04")
    key = m.keys["p04"]
    statement = {
        "purpose": "check-in",
        "installation": "installation1",
        "session": "s1",
        "member": "p04",
        "device": key.key_id,
        "counter": 1,
        "seen_seq": m.state.seq,
        "seen_head": m.state.head,
    }
    signed = {"statement": statement, "signature": key.sign(statement)}
    assert m.refused("p04", "check-in", **signed).code == "factor_stale"
    m.factor_at = None
    wrong = {"statement": statement, "signature": m.certify("p05").keys["p05"].sign(statement)}
    assert m.refused("p04", "check-in", **wrong).code == "signature_invalid"
    m.give("p04", "check-in", **signed)
    m.give("p04", "leave")
    assert m.refused("p04", "check-in", **signed).code == "check_in_repeated"
    other = {"statement": {**statement, "device": "0" * 16}, "signature": signed["signature"]}
    assert m.refused("p04", "check-in", **other).code == "device_not_certified"


def test_a_check_in_from_before_the_roll_call_or_another_history_is_refused():
    m = meeting().gather().open()
    early = (m.state.seq, m.state.head)
    m.give("p01", "start-roll-call").certify("p04")
    key = m.keys["p04"]
    statement = {
        "purpose": "check-in",
        "installation": "installation1",
        "session": "s1",
        "member": "p04",
        "device": key.key_id,
        "counter": 1,
        "seen_seq": early[0],
        "seen_head": early[1],
    }
    signed = {"statement": statement, "signature": key.sign(statement)}
    assert m.refused("p04", "check-in", **signed).code == "check_in_too_early"
    forked = {**statement, "seen_head": "f" * 64}
    body = {"statement": forked, "signature": key.sign(forked)}
    assert m.refused("p04", "check-in", **body).code == "history_differs"


def test_the_room_code_checks_in_at_the_meeting_room():
    m = meeting().gather().open().give("p01", "start-roll-call")
    assert m.refused("p04", "check-in-by-code", code="000000").code == "room_code_wrong"
    m.code_good = True
    m.give("p04", "check-in-by-code", code="123456")
    assert m.state.members["p04"].place is Place.IN_ROOM
    m.drop("p04")
    assert m.state.members["p04"].present


def test_an_online_session_has_no_meeting_room():
    m = meeting(mode="online").gather().open().give("p01", "start-roll-call")
    assert m.refused("p01", "mark-in-room", person="p04").code == "no_meeting_room"


def test_two_who_vouch_stand_in_for_the_second_factor_and_the_minutes_say_so():
    m = meeting().gather().open().give("p01", "start-roll-call")
    m.give("p01", "vouch", person="p04")
    assert not m.state.members["p04"].checked_in
    m.give("p01", "vouch", person="p04")
    assert not m.state.members["p04"].checked_in
    m.give("p03", "vouch", person="p04")
    assert m.state.members["p04"].present
    assert m.refused("p01", "vouch", person="p01").code == "vouch_for_oneself"
    assert "chủ trì và thư ký cùng xác nhận" in m.view("p03").minutes_draft


def test_nobody_is_vouched_for_unseen():
    m = meeting().gather("p01", "p02", "p03").open().give("p01", "start-roll-call")
    assert m.refused("p01", "vouch", person="p04").code == "vouch_unseen"


def test_absence_with_reason_needs_the_reason():
    m = meeting().gather("p01", "p02", "p03").open().give("p01", "start-roll-call")
    body = {"person": "p04", "with_reason": True}
    assert m.refused("p03", "mark-absent", **body).code == "absence_reason_missing"
    m.give("p03", "mark-absent", **body, reason="Đi viện")
    assert "Đảng viên 04 (Đi viện)" in m.view("p03").minutes_draft
    m.check_in("p01")
    body = {"person": "p01", "with_reason": False}
    assert m.refused("p03", "mark-absent", **body).code == "is_present"


def test_the_roll_is_not_finished_over_the_heads_of_people_in_the_waiting_room():
    m = meeting().gather("p01", "p02", "p03", "p04").open().give("p01", "start-roll-call")
    for person in ("p01", "p02", "p03"):
        m.check_in(person)
    refusal = m.refused("p01", "finish-roll-call")
    assert refusal.code == "not_all_checked_in"
    assert "Đảng viên 04" in refusal.reason


def test_many_who_are_missing_at_the_roll_are_counted_not_listed():
    everybody = [f"p{n:02d}" for n in range(1, 7)]
    m = meeting().gather(*everybody).open().give("p01", "start-roll-call")
    reason = m.refused("p01", "finish-roll-call").reason
    assert "Còn 6 đồng chí" in reason
    assert "Đảng viên 03 và 3 đồng chí khác" in reason


def test_a_removed_member_stays_removed_and_still_counts_in_the_base():
    m = at_vote()
    m.give("p01", "remove", person="p05", reason="Gây rối")
    assert m.state.members["p05"].attendance is Attendance.REMOVED
    for command in ("ask-floor", "leave", "say"):
        body = {"text": "Tôi"} if command == "say" else {}
        assert m.refused("p05", command, **body).code == "not_participant"
    m.connect("p05")
    assert not m.state.members["p05"].connected
    assert "p05" in base_now(m.state)
    assert m.refused("p02", "remove", person="p04", reason="x").code == "not_chair"
    assert m.refused("p01", "remove", person="p01", reason="Tự ra").code == "chair_not_removable"


def test_the_floor_is_asked_given_and_returned_in_order():
    m = at_vote().give("p04", "ask-floor").give("p05", "ask-floor").give("p04", "ask-floor")
    assert m.view("p01").queue == ["p04", "p05"]
    m.give("p05", "withdraw-floor").give("p01", "give-floor", person="p04")
    view = m.view("p06")
    assert view.floor.person == "p04"
    assert view.queue == []
    m.give("p04", "leave-floor")
    assert m.view("p01").spoke_on_item == 1
    assert m.refused("p01", "end-floor").code == "floor_free"


def test_a_speaker_who_drops_is_shown_and_one_who_leaves_gives_the_floor_back():
    m = at_vote().give("p01", "give-floor", person="p04").give("p04", "leave")
    assert m.state.floor is None
    assert m.refused("p01", "give-floor", person="p04").code == "not_checked_in"


def test_chat_is_closed_until_the_chair_allows_it():
    m = at_vote()
    assert m.refused("p04", "say", text="Chào các đồng chí").code == "chat_not_allowed"
    m.give("p01", "allow-chat", allowed=True).give("p04", "say", text="Chào các đồng chí")
    assert [c.text for c in m.view("p05").chat] == ["Chào các đồng chí"]


def test_notes_are_the_secretarys_and_their_author_alone_sees_them():
    m = at_vote()
    assert m.refused("p04", "note", text="Ghi").code == "not_chair_or_secretary"
    m.give("p03", "note", item="i2", person="p04", text="Nhất trí")
    assert len(m.view("p03").notes) == 1
    assert len(m.view("p04").notes) == 1
    assert m.view("p05").notes == []
    assert "Ý kiến của đồng chí Đảng viên 04: Nhất trí" in m.view("p01").minutes_draft
    assert m.view("p05").minutes_draft == ""


def test_members_wait_for_a_named_thing():
    m = meeting().gather()
    assert m.view("p04").next.blocked.reason == "Chờ chủ trì khai mạc."
    m.open().give("p01", "start-roll-call")
    assert m.view("p04").next.act.code == "check_in"
    m.drop("p01")
    m.check_in("p04")
    assert "đang mất kết nối" in m.view("p04").next.blocked.reason


@pytest.mark.parametrize("why", ["suspended", "prosecuted"])
def test_who_is_barred_from_attending_is_neither_checked_in_nor_counted(why: str):
    first = convened(official=6)
    line = replace(first.roster[3], **{why: True})
    m = Meeting(replace(first, roster=(*first.roster[:3], line, *first.roster[4:])))
    m.gather("p01", "p02", "p03", "p04", "p05", "p06").open().give("p01", "start-roll-call")
    for actor, command in (("p01", "mark-in-room"), ("p01", "vouch")):
        refused = m.refused(actor, command, person="p04")
        assert (refused.code, "Đảng viên 04" in refused.reason) == ("may_not_attend", True)
    with pytest.raises(Refused, match="may_not_attend"):
        m.check_in("p04")
    m.code_good = True
    assert m.refused("p04", "check-in-by-code", code="123456").code == "may_not_attend"
    assert base_now(m.state).members == ("p01", "p02", "p03", "p05", "p06")
    for person in ("p01", "p02", "p03", "p05", "p06"):
        m.check_in(person)
    m.drop("p04").give("p01", "finish-roll-call")
    absent = m.state.members["p04"]
    assert (absent.attendance, absent.reason) == (Attendance.ABSENT_REASON, BARRED[why])


BARRED = {
    "suspended": "đang bị đình chỉ sinh hoạt",
    "prosecuted": "đang bị khởi tố, truy tố hoặc tạm giam",
}

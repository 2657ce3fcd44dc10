"""The way of a session from the waiting room to the close, and each step at the wrong moment."""

from datetime import timedelta

import pytest

from server.routes import ROUTES
from server.session.decide import LAWS
from server.session.law import RecorderFacts, TrackFact
from server.session.stages import ENDED, MOVES, Stage
from server.session.state import Attendance, ItemStage
from tests.server.session.meeting import START, at_vote, meeting


def test_a_session_goes_its_whole_way_and_the_minutes_tell_it():
    m = at_vote().voted(p01="approve", p02="approve", p03="approve", p04="disapprove")
    m.to_close()
    assert m.state.stage is Stage.CLOSED
    text = m.state.minutes_text
    assert "Kết quả: 3/5, cần 3: thông qua." in text
    assert "Không tán thành: Đảng viên 04." in text
    assert "Mục 3. Đề nghị kết nạp: để sau. Lý do: Thiếu hồ sơ." in text


def test_the_law_knows_every_command_route_with_the_same_role():
    commands = {r.path.rpartition("/")[2]: r.role for r in ROUTES if "/commands/" in r.path}
    assert {name: law.role for name, law in LAWS.items()} == commands


@pytest.mark.parametrize("command", sorted(LAWS))
def test_nothing_can_be_commanded_after_the_close(command):
    m = at_vote().voted(p01="approve", p02="approve", p03="approve").to_close()
    view = m.view("p01")
    assert view.may == []
    assert command not in m.view("p03").may


def test_ended_stages_have_no_way_out_and_all_others_can_be_broken_off():
    for stage, ways in MOVES.items():
        assert (not ways) == (stage in ENDED)
        assert stage in ENDED or Stage.ABANDONED in ways


def test_opening_waits_for_the_recorder():
    m = meeting().gather()
    m.recorder_on = False
    m.recording = None
    assert m.refused("p01", "open").code == "recorder_absent"
    m.hear_recorder().wait(8)
    assert m.refused("p01", "open").code == "recorder_silent"
    m.hear_recorder("stopped")
    assert m.refused("p01", "open").code == "recorder_not_recording"
    m.hear_recorder().give("p01", "open")
    assert m.state.stage is Stage.OPEN


def test_a_camera_that_is_on_must_be_on_disk_before_the_opening():
    m = meeting().gather()
    m.recorder_on = False
    on = TrackFact("p04", "camera", False, False)
    m.hear_recorder("recording", on)
    refusal = m.refused("p01", "open")
    assert refusal.code == "camera_not_recorded"
    assert "Đảng viên 04" in refusal.reason
    m.hear_recorder("recording", TrackFact("p04", "camera", False, True)).give("p01", "open")


def test_the_chairs_open_microphone_must_be_on_disk_and_a_closed_one_need_not():
    m = meeting().gather()
    m.recorder_on = False
    m.hear_recorder("recording", TrackFact("p01", "microphone", False, False))
    assert m.refused("p01", "open").code == "voice_not_recorded"
    m.hear_recorder("recording", TrackFact("p01", "microphone", True, False)).give("p01", "open")


def test_a_recorder_in_the_room_suffices_while_nobody_sends_anything():
    m = meeting().gather()
    m.recorder_on = False
    m.recording = RecorderFacts(m.now, "waiting", (), 10**10)
    assert m.refused("p01", "open").code == "recorder_not_recording"
    m.recording = RecorderFacts(m.now, "recording", (), 10**10)
    m.give("p01", "open")
    assert m.state.stage is Stage.OPEN


def test_a_camera_that_the_recorder_does_not_even_list_stops_the_opening():
    m = meeting().gather()
    m.switched_on = frozenset({("p04", "camera")})
    refusal = m.refused("p01", "open")
    assert refusal.code == "camera_not_recorded"
    m.switched_on = frozenset({("p04", "microphone")})
    m.give("p01", "open")


def test_a_recorder_cut_off_from_the_room_is_a_gap_with_its_reason():
    m = at_vote().recorder_on_off("waiting", "cut off from the room: timeout")
    shown = m.view("p01").recorder
    assert (shown.state, shown.reason) == ("stopped", "máy ghi mất nối với phòng họp")
    assert m.refused("p01", "open-vote", motion="m1").code == "recorder_not_recording"
    m.recorder_returns()
    assert m.view("p01").recorder.state == "recording"
    assert len(m.view("p01").recorder.gaps) == 1


def test_days_before_nobody_waits_and_nothing_opens():
    m = meeting()
    m.now = START - timedelta(days=2)
    assert m.gather().state.seq == 1
    refusal = m.refused("p01", "open")
    assert refusal.remedy == "Phòng chờ mở từ 17:30 ngày 03/12/2026."
    m.now = START - timedelta(hours=2)
    assert m.gather().state.stage is Stage.WAITING


def test_only_the_chair_opens_and_only_once():
    m = meeting().gather()
    assert m.refused("p03", "open").code == "not_chair"
    m.give("p01", "open")
    assert m.refused("p01", "open").code == "wrong_stage"


def test_an_authorisation_that_ran_out_overnight_stops_the_opening():
    m = meeting().gather()
    m.now = START + timedelta(days=60)
    m.hear_recorder()
    assert m.refused("p01", "open").code == "authorisation_expired"


def test_roll_call_needs_a_secretary_who_is_here_and_not_the_chair():
    m = meeting().gather("p01", "p02").give("p01", "open")
    assert m.refused("p01", "start-roll-call").code == "no_secretary"
    assert m.refused("p01", "name-secretary", person="p01").code == "secretary_is_chair"
    assert m.refused("p01", "name-secretary", person="p03").code == "secretary_not_here"
    assert m.refused("p01", "name-secretary", person="p99").code == "person_unknown"
    m.give("p01", "name-secretary", person="p02").give("p02", "start-roll-call")
    assert m.state.stage is Stage.ROLL_CALL


def test_the_agenda_waits_until_more_than_half_are_present():
    m = meeting(official=20).gather(*(f"p{n:02}" for n in range(1, 11))).open()
    m.give("p01", "start-roll-call")
    for n in range(1, 11):
        m.check_in(f"p{n:02}")
    refusal = m.refused("p01", "finish-roll-call")
    assert refusal.reason == "Còn thiếu 1 đồng chí để đủ tỷ lệ."
    assert refusal.arithmetic == "Có 10/20, cần 11."
    step = m.view("p01").next
    assert step.act.code == "finish_roll_call"
    assert step.blocked.arithmetic == "Có 10/20, cần 11."
    m.connect("p11").check_in("p11").give("p01", "finish-roll-call")
    assert m.state.members["p12"].attendance is Attendance.ABSENT


def test_items_go_in_order_unless_put_off_and_keep_their_number():
    m = meeting().gather().open().roll_call().to_items()
    assert m.refused("p01", "start-item", item="i2").code == "item_out_of_order"
    m.give("p01", "postpone-item", item="i1", reason="Chờ số liệu").item("i2")
    assert m.refused("p01", "start-item", item="i1").code == "item_still_current"
    assert m.refused("p01", "finish-item", item="i2").code == "item_not_voted"
    m.voted(p01="approve", p02="approve", p03="approve")
    m.give("p01", "finish-item", item="i2").item("i1")
    assert m.state.items["i1"].stage is ItemStage.CURRENT
    assert m.state.items["i1"].line.number == 1
    assert m.refused("p01", "start-item", item="i2").code == "item_still_current"


def test_the_conclusion_waits_for_every_item():
    m = at_vote()
    refusal = m.refused("p01", "conclude", text="")
    assert refusal.code == "items_left"
    assert refusal.reason == "Còn 2 mục chưa xong: 2, 3."


def test_minutes_must_be_agreed_in_the_form_that_was_read():
    m = at_vote().voted(p01="approve", p02="approve", p03="approve")
    m.give("p01", "finish-item", item="i2").give(
        "p01", "postpone-item", item="i3", reason="Thiếu hồ sơ"
    )
    m.give("p01", "conclude", text="Xong.")
    assert m.refused("p01", "agree-minutes", minutes_hash="0" * 64).code == "wrong_stage"
    m.give("p01", "read-minutes")
    read = m.state.minutes_hash
    assert m.refused("p01", "agree-minutes", minutes_hash="0" * 64).code == "minutes_differ"
    assert m.refused("p01", "close").code == "minutes_not_agreed"
    m.give("p04", "reserve-opinion", text="Tôi bảo lưu ý kiến về mục 2.")
    assert m.refused("p01", "agree-minutes", minutes_hash=read).code == "minutes_changed"
    assert m.view("p01").next.act.code == "read_minutes"
    m.give("p01", "read-minutes")
    assert "Bảo lưu ý kiến của đồng chí Đảng viên 04" in m.state.minutes_text
    m.give("p01", "agree-minutes", minutes_hash=m.state.minutes_hash).give("p01", "close")
    assert m.state.stage is Stage.CLOSED


def test_in_a_recess_nothing_is_discussed_or_voted():
    m = at_vote()
    m.give("p01", "allow-chat", allowed=True).give("p01", "recess")
    for actor, command, body in (
        ("p04", "ask-floor", {}),
        ("p01", "give-floor", {"person": "p04"}),
        ("p01", "open-vote", {"motion": "m1"}),
        ("p04", "say", {"text": "Chào"}),
        ("p04", "reserve-opinion", {"text": "Tôi nghĩ"}),
        ("p01", "finish-item", {"item": "i2"}),
    ):
        assert m.refused(actor, command, **body).code == "in_recess"
    m.recorder_stops()
    assert m.refused("p01", "resume").code == "recorder_silent"
    m.recorder_returns().give("p01", "resume")
    assert m.state.stage is Stage.ITEMS
    assert m.state.current == "i2"


def test_no_recess_while_a_vote_is_open():
    m = at_vote().open_vote()
    assert m.refused("p01", "recess").code == "vote_still_open"


def test_a_session_is_adjourned_to_a_later_day_only():
    m = at_vote()
    past = m.now - timedelta(days=1)
    assert m.refused("p01", "adjourn", reason="Mất điện", until=past).code == (
        "adjourned_to_the_past"
    )
    m.give("p01", "adjourn", reason="Mất điện", until=m.now + timedelta(days=3))
    assert m.state.stage is Stage.ADJOURNED
    assert m.refused("p01", "start-item", item="i2").code == "ended"


def test_abandoning_voids_the_open_vote():
    m = at_vote().open_vote().cast("p02", "approve")
    m.give("p01", "abandon", reason="Lũ về, mọi người phải đi")
    assert m.state.stage is Stage.ABANDONED
    assert m.state.motions["m1"].stage == "void"

"""Minutes and report say what the log says, in every form."""

import json
import re
from collections.abc import Sequence
from html import unescape

import pypdfium2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.reports.document import date_vi, percent_vi, superior_of
from server.reports.facts import Facts, NotEnded, facts
from server.reports.html import html
from server.reports.minutes import minutes
from server.reports.pdf import page_count, pdf
from server.reports.report import report
from server.session.attendance import tally_of
from server.session.events import Logged
from tests.server.session.meeting import START, Meeting, at_vote, meeting

CHOICES = ("approve", "disapprove", "abstain", None)


def log_of(m: Meeting) -> Sequence[Logged]:
    return [entry.logged() for entry in m.entries]


def facts_of(m: Meeting) -> Facts:
    return facts("s1", log_of(m))


def text_of(page: bytes) -> str:
    """What a reader of the HTML page reads."""
    body = page.decode().partition("<body>")[2]
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


def pdf_text(data: bytes) -> str:
    document = pypdfium2.PdfDocument(data)
    text = "\n".join(page.get_textpage().get_text_bounded() for page in document)
    document.close()
    return " ".join(text.split())


@settings(max_examples=12, deadline=None)
@given(choices=st.lists(st.sampled_from(CHOICES), min_size=5, max_size=5))
def test_the_numbers_of_the_minutes_are_those_of_the_tally(choices: list[str | None]):
    m = at_vote(official=5)
    m.voted(**{f"p{n:02}": choice for n, choice in enumerate(choices, 1) if choice}).to_close()
    counted = tally_of(m.state.motions["m1"])
    told = facts_of(m)
    vote = told.votes[0]
    assert (vote.approve, vote.disapprove, vote.abstain, vote.not_voted, vote.base) == (
        choices.count("approve"),
        choices.count("disapprove"),
        choices.count("abstain"),
        choices.count(None),
        counted.base,
    )
    words = text_of(html(minutes(told)))
    assert (
        f"tán thành {counted.approve}, không tán thành {counted.disapprove}, "
        f"không có ý kiến {counted.abstain}, chưa biểu quyết {counted.not_voted}; "
        f"tỷ lệ tán thành {counted.approve}/{counted.base}"
    ) in words
    assert f"cần {counted.needed}." in words
    assert ("Nội dung được thông qua." in words) == counted.passed
    assert f"{counted.approve}/{counted.base}" in text_of(html(report(told)))


def whole() -> Meeting:
    """A session with something of everything."""
    m = meeting(official=7, probationary=2, exempt=1)
    m.gather("p01", "p02", "p03", "p04", "p05", "p06").open()
    m.give("p01", "start-roll-call")
    for person in ("p01", "p02", "p03", "p04", "p05", "p06"):
        m.check_in(person)
    m.give("p01", "mark-absent", person="p07", with_reason=True, reason="đi viện")
    m.give("p01", "finish-roll-call").to_items().item("i1")
    m.give("p04", "ask-floor").give("p01", "give-floor", person="p04").give("p01", "end-floor")
    m.give("p03", "note", item="i1", person="p04", text="Đường vào bản <b>hỏng</b> & sạt #lở {x}")
    m.give("p03", "note", item="i1", person="p05", kind="task", text="rà soát hộ nghèo")
    m.give("p01", "finish-item", item="i1", conclusion="Đạt 4/5 nhiệm vụ").item("i2")
    m.open_vote()
    m.give("p01", "close-vote", motion="m1", despite_disconnected=True)
    m.give("p01", "void-vote", motion="m1", reason="mất tiếng khi đọc dự thảo")
    m.give("p01", "repeat-vote", motion="m1")
    for person, choice in (("p01", "approve"), ("p02", "approve"), ("p03", "approve")):
        m.cast(person, choice, "m2")
    m.cast("p04", "approve", "m2").cast("p05", "disapprove", "m2")
    m.give("p01", "close-vote", motion="m2", despite_disconnected=True)
    m.give("p05", "object", motion="m2", text="đề nghị ghi rõ thời hạn")
    m.give("p01", "announce", motion="m2")
    m.give("p05", "reserve-opinion", text="lùi sang quý II năm 2027")
    return m.to_close()


def test_the_minutes_have_every_field_that_the_rules_ask_for():
    words = text_of(html(minutes(facts_of(whole()))))
    for wanted in (
        "ĐẢNG CỘNG SẢN VIỆT NAM",
        "ĐẢNG BỘ XÃ THỬ",
        "CHI BỘ BẢN THỬ",
        "BIÊN BẢN",
        "Hôm nay, ngày 03 tháng 12 năm 2026",
        "Chủ trì: đồng chí Đảng viên 01, Bí thư. Thư ký: đồng chí Đảng viên 03.",
        "Tổng số đảng viên: 10",
        "Có mặt: 6. Vắng có lý do: 2. Vắng không lý do: 2.",
        "đồng chí Đảng viên 07 (đi viện)",
        "(1) Kết quả tháng 11; (2) Nghị quyết tháng 12; (3) Đề nghị kết nạp",
        "Phát biểu: đồng chí Đảng viên 04.",
        "Ý kiến của đồng chí Đảng viên 04: Đường vào bản <b>hỏng</b> & sạt #lở {x}.",
        "Giao đồng chí Đảng viên 05: rà soát hộ nghèo.",
        "đã hủy, lý do: mất tiếng khi đọc dự thảo",
        "Biểu quyết công khai lần 2",
        "Không tán thành: đồng chí Đảng viên 05.",
        "đề nghị ghi rõ thời hạn",
        "Ý kiến bảo lưu của đồng chí Đảng viên 05: lùi sang quý II năm 2027.",
        "Để lại sau, lý do: Thiếu hồ sơ.",
        "Tập trung thực hiện nghị quyết.",
        "Biên bản đã đọc trước cuộc họp và được thông qua lúc",
        "NGƯỜI GHI BIÊN BẢN",
        "CHỦ TRÌ HỘI NGHỊ",
    ):
        assert wanted in words, wanted


def test_the_report_tells_the_committee_votes_tasks_and_what_seals_the_log():
    m = whole()
    words = text_of(html(report(facts_of(m))))
    for wanted in (
        "Kính gửi: Đảng ủy xã Thử",
        "Có mặt 6/10 đảng viên",
        "Đồng chí Đảng viên 05: rà soát hộ nghèo.",
        "Ý kiến bảo lưu của đồng chí Đảng viên 05",
        f"Sổ phiên họp {m.state.seq} dòng",
        "T/M CHI BỘ",
        "Nơi nhận:",
    ):
        assert wanted in words, wanted


def test_what_people_typed_never_becomes_markup():
    page = html(minutes(facts_of(whole()))).decode()
    assert "<b>hỏng</b>" not in page
    assert "&lt;b&gt;hỏng&lt;/b&gt; &amp; sạt #lở {x}" in page
    assert "<script" not in page
    assert "http" not in page


def test_the_pdf_reads_the_same_as_the_page():
    told = facts_of(whole())
    for document in (minutes(told), report(told)):
        made = pdf(document, told.ended_at)
        words = pdf_text(made)
        assert "<b>hỏng</b> & sạt #lở {x}" in words or document.kind == "report"
        assert document.title in words
        assert document.subject in words
        assert 1 <= page_count(made) <= 4
        fonts = set(re.findall(rb"/BaseFont */[A-Z]{6}\+([A-Za-z-]+)", made))
        assert not fonts or all(font.startswith(b"Tinos") for font in fonts)


def test_documents_depend_on_the_log_alone_up_to_its_end():
    m = whole()
    once = facts_of(m)
    m.wait(3600)
    m.append([], "system")
    again = facts_of(m)
    assert once == again
    for document in (minutes(once), report(once)):
        assert html(document) == html(document)
        assert pdf(document, once.ended_at) == pdf(document, again.ended_at)


def test_a_session_that_was_broken_off_is_reported_as_such():
    m = at_vote().give("p01", "abandon", reason="mất điện toàn xã")
    words = text_of(html(minutes(facts_of(m))))
    assert "không ra nghị quyết, lý do: mất điện toàn xã. Biên bản chưa được thông qua." in words
    adjourned = at_vote().give("p01", "adjourn", reason="trời bão", until="2026-12-05T12:30:00Z")
    words = text_of(html(report(facts_of(adjourned))))
    assert "chuyển sang 19 giờ 30 phút, ngày 05 tháng 12 năm 2026" in words


def test_a_running_session_has_no_report():
    with pytest.raises(NotEnded):
        facts_of(at_vote())


def test_vietnamese_forms():
    assert date_vi(START) == "ngày 03 tháng 12 năm 2026"
    assert date_vi(START.replace(month=2, day=5)) == "ngày 05 tháng 02 năm 2026"
    assert percent_vi(14, 20) == "70 %"
    assert percent_vi(2, 3) == "66,66 %"
    assert percent_vi(0, 0) == "0 %"
    assert superior_of("Đảng ủy xã Mường Tha") == "ĐẢNG BỘ XÃ MƯỜNG THA"
    assert json.dumps(percent_vi(1, 3), ensure_ascii=False) == '"33,33 %"'

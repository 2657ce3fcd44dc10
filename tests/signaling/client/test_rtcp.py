from hypothesis import given
from hypothesis import strategies as st

from signaling.client import rtcp


@given(st.sets(st.integers(0, 65535), min_size=1, max_size=60), st.integers(0, 65535))
def test_every_number_asked_for_arrives_across_the_wrap(numbers: set[int], start: int) -> None:
    asked = [(start + n) & 0xFFFF for n in sorted(numbers)]
    (read,) = rtcp.parse(rtcp.nack(1, 7, asked))
    assert isinstance(read, rtcp.Nack)
    assert sorted(read.lost) == sorted(asked)
    assert read.ssrc == 7


def test_a_compound_of_report_and_name_is_read_and_the_name_skipped() -> None:
    report = rtcp.SenderReport(5, rtcp.ntp_from_ns(1_700_000_000_500_000_000), 90_000, 3, 400)
    packet = rtcp.sender_report(report) + rtcp.source_description(5, "abc")
    assert list(rtcp.parse(packet)) == [report]
    assert len(packet) % 4 == 0


def test_receiver_reports_keep_negative_losses() -> None:
    block = rtcp.ReportBlock(9, 12, -3, 70_000, 44, 1, 2)
    (read,) = rtcp.parse(rtcp.receiver_report(1, [block]))
    assert isinstance(read, rtcp.ReceiverReport)
    assert read.blocks == (block,)


def test_ntp_time_comes_back_within_a_nanosecond() -> None:
    for ns in (0, 1_795_363_418_221_000_123, 999_999_999):
        assert abs(rtcp.ns_from_ntp(rtcp.ntp_from_ns(ns)) - ns) <= 1


@given(st.binary(max_size=200))
def test_junk_is_never_an_error(data: bytes) -> None:
    list(rtcp.parse(data))


def test_a_torn_packet_yields_what_was_whole() -> None:
    whole = rtcp.picture_loss(1, 2)
    assert list(rtcp.parse(whole + rtcp.nack(1, 2, [3])[:-1])) == [rtcp.PictureLoss(1, 2)]

from aiortc import rtp as reference
from hypothesis import given
from hypothesis import strategies as st

from signaling.sfu import rtcp


def test_what_we_build_another_implementation_reads() -> None:
    data = (
        rtcp.sender_report(1, 2**40 + 5, 6, 7, 8)
        + rtcp.receiver_report(1, [rtcp.report_block(9, 0.25, -3, 70000, 5, 4, 1.5)])
        + rtcp.nack(1, 2, [5, 6, 22, 30])
        + rtcp.pli(1, 2)
        + rtcp.remb(1, 1_234_567, [4])
    )
    sr, rr, nack, pli, remb = reference.RtcpPacket.parse(data)
    assert isinstance(sr, reference.RtcpSrPacket)
    assert sr.sender_info.ntp_timestamp == 2**40 + 5
    assert isinstance(rr, reference.RtcpRrPacket)
    report = rr.reports[0]
    assert (report.ssrc, report.fraction_lost, report.packets_lost) == (9, 64, -3)
    assert report.dlsr == 98304
    assert isinstance(nack, reference.RtcpRtpfbPacket)
    assert nack.lost == [5, 6, 22, 30]
    assert isinstance(pli, reference.RtcpPsfbPacket)
    assert pli.media_ssrc == 2
    bitrate, ssrcs = reference.unpack_remb_fci(remb.fci)
    assert abs(bitrate - 1_234_567) < 10
    assert ssrcs == [4]


def test_what_another_implementation_builds_we_read() -> None:
    nack = reference.RtcpRtpfbPacket(fmt=1, ssrc=1, media_ssrc=2, lost=[7, 8, 20, 50])
    fir = bytes(rtcp._packet(rtcp.FIR, rtcp.PSFB, b"\0" * 8 + b"\0\0\0\x05\x01\0\0\0"))
    items = list(rtcp.parse(bytes(nack) + fir))
    assert isinstance(items[0], rtcp.Nack)
    assert set(items[0].seqs) == {7, 8, 20, 50}
    assert items[1] == rtcp.KeyframeRequest(5)


@given(st.lists(st.integers(0, 3000), unique=True, min_size=1, max_size=60), st.integers(0, 65535))
def test_nacks_survive_the_wire(offsets: list[int], base: int) -> None:
    seqs = [(base + offset) & 0xFFFF for offset in sorted(offsets)]
    (item,) = rtcp.parse(rtcp.nack(1, 2, seqs))
    assert isinstance(item, rtcp.Nack)
    assert list(item.seqs) == seqs


@given(st.integers(1, 2**40))
def test_estimates_survive_the_wire(bitrate: int) -> None:
    (item,) = rtcp.parse(rtcp.remb(1, bitrate, [2]))
    assert isinstance(item, rtcp.Estimate)
    assert abs(item.bitrate - bitrate) <= bitrate / 100_000


@given(st.binary(max_size=200))
def test_noise_never_raises(data: bytes) -> None:
    list(rtcp.parse(data))
    for kind in (200, 201, 205, 206):
        list(rtcp.parse(bytes((0x81, kind)) + data))

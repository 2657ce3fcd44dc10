"""Which layer a packet belongs to, what is asked of the sender, and what is ignored."""

from __future__ import annotations

import pytest

from signaling.sfu import rtcp, rtp
from signaling.sfu.tracks import UpTrack
from signaling.sfu.uplink import MAX_SSRCS, Source, Uplink

pytestmark = pytest.mark.usefixtures("media_path")

IDS = {rtp.MID: 1, rtp.RID: 2, rtp.REPAIRED_RID: 3, rtp.TRANSPORT_CC: 4, rtp.AUDIO_LEVEL: 5}


class Rig:
    def __init__(self, rids: list[str], ssrcs: list[int] | None = None) -> None:
        self.sent: list[bytes] = []
        self.track = UpTrack("TR_1", "video", "vp8", "", 90000, rids)
        self.uplink = Uplink(77, self.sent.append)
        source = Source("3", self.track, 96, 97, ssrcs or [], {})
        self.uplink.configure([source], IDS)

    def send(self, ssrc: int, seq: int, now: float = 1.0, pt: int = 96, **ext: bytes) -> None:
        names = {"mid": 1, "rid": 2, "rrid": 3, "cc": 4}
        extensions = {names[key]: value for key, value in ext.items()}
        payload = b"\x10\x01abc" if pt == 96 else b"\0\x05\x10\x01abc"
        packet = rtp.Packet(pt, 0, seq, 1, ssrc, extensions, payload)
        self.uplink.on_rtp(rtp.build(packet), now)

    def items(self) -> list[rtcp.Item]:
        found = [item for data in self.sent for item in rtcp.parse(data)]
        self.sent.clear()
        return found


def test_simulcast_layers_are_learned_from_mid_and_rid() -> None:
    rig = Rig(["q", "h"])
    rig.send(10, 1, mid=b"3", rid=b"h")
    rig.send(11, 1, mid=b"3", rid=b"q")
    rig.send(10, 2)  # browsers stop repeating the ids once they are known
    assert [layer.ssrc for layer in rig.track.layers] == [11, 10]
    assert rig.track.layers[1].missing.highest == 2 + 65536


def test_a_repair_stream_fills_a_gap_of_its_layer() -> None:
    rig = Rig(["q", "h"])
    rig.send(10, 4, mid=b"3", rid=b"h")
    rig.send(10, 6)
    rig.uplink.tick(1.1, 0.0)
    assert rtcp.Nack(10, (5,)) in rig.items()
    rig.send(20, 900, pt=97, mid=b"3", rrid=b"h")
    rig.uplink.tick(2.0, 0.0)
    assert not [item for item in rig.items() if isinstance(item, rtcp.Nack)]


def test_a_repair_stream_without_rrid_is_not_taken_for_a_layer() -> None:
    rig = Rig([""])
    rig.send(10, 4, mid=b"3")
    rig.send(20, 900, pt=97, mid=b"3")
    assert rig.track.layers[0].ssrc == 10


def test_packets_of_unknown_sections_payload_types_or_ids_are_ignored() -> None:
    rig = Rig(["q"])
    rig.send(10, 1, mid=b"9", rid=b"q")
    rig.send(11, 1, rid=b"q")
    rig.send(12, 1, pt=50, mid=b"3", rid=b"q")
    rig.send(13, 1, pt=97)
    assert rig.track.layers[0].last_packet is None
    for ssrc in range(2 * MAX_SSRCS):
        rig.send(1000 + ssrc, 1, mid=b"3", rid=b"q")
    assert len(rig.uplink._by_ssrc) <= MAX_SSRCS


def test_streams_announced_in_the_description_need_no_header_extension() -> None:
    rig = Rig([""], ssrcs=[10, 20])
    rig.send(10, 1)
    assert rig.track.layers[0].last_packet == 1.0


def test_a_closed_track_takes_nothing_however_long_its_sender_goes_on() -> None:
    rig = Rig([""], ssrcs=[10])
    rig.send(10, 1)
    rig.track.close()
    rig.send(10, 2, now=2.0)
    assert rig.track.layers[0].last_packet == 1.0


def test_the_sender_hears_of_arrivals_and_loss() -> None:
    rig = Rig([""], ssrcs=[10])
    for seq in (1, 2, 3, 5):
        rig.send(10, seq, now=1 + seq / 100, cc=seq.to_bytes(2, "big"))
    report = rtcp.SenderReport(10, 5 << 40, 9)
    rig.uplink.on_sender_report(report, 1.1)
    rig.uplink.tick(1.6, 0.0)
    items = rig.items()
    assert any(isinstance(item, rtcp.TransportFeedback) for item in items)
    (block,) = [item for item in items if isinstance(item, rtcp.Report)]
    assert block.ssrc == 10
    assert block.total_lost == 1
    assert block.lost == 51 / 256
    assert block.last_report == (5 << 40) >> 16 & 0xFFFFFFFF
    assert abs(block.delay - 0.5) < 0.001


def test_the_level_of_each_packet_is_heard_unless_muted() -> None:
    rig = Rig([""], ssrcs=[10])
    levels: list[int] = []
    rig.track.on_level = lambda level, now: levels.append(level)
    packet = rtp.Packet(96, 0, 1, 1, 10, {5: b"\x9e"}, b"\x10\x01abc")
    rig.uplink.on_rtp(rtp.build(packet), 1.0)
    rig.track.set_muted(True, 1.0)
    rig.uplink.on_rtp(rtp.build(packet), 1.0)
    assert levels == [30]

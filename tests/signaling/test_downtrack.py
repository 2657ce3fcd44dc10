"""What a subscriber's decoder gets when layers change, packets are lost, or streams restart."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator

import pytest

from signaling.sfu import rtcp, rtp
from signaling.sfu.codecs import parse_vp8
from signaling.sfu.downtrack import DownTrack
from signaling.sfu.relay import KEEP
from signaling.sfu.sent import SentLog
from signaling.sfu.tracks import KEYFRAME_INTERVAL, RING, SILENT, UpTrack
from signaling.sfu.twcc import Feedback

pytestmark = pytest.mark.usefixtures("media_path")

KEY, DELTA = b"\x00", b"\x01"
NTP = 3_900_000_000 << 32


def vp8(picture: int, key: bool, start: bool = True, tl0: int = 0) -> bytes:
    head = bytes((0x80 | (0x10 if start else 0), 0xC0, 0x80 | picture >> 8 & 0x7F, picture & 255))
    return head + bytes((tl0,)) + (KEY if key else DELTA) + b"data"


class Feed:
    """One incoming layer: makes packets at 10 frames a second, two packets each."""

    def __init__(self, track: UpTrack, index: int, ssrc: int, seq: int, timestamp: int) -> None:
        self.layer = track.layers[index]
        self.layer.reset(ssrc)
        self.ssrc, self.seq, self.timestamp = ssrc, seq, timestamp
        self.picture = 100 * (index + 1)

    def frame(self, now: float, key: bool = False) -> None:
        for packet in self.packets(key):
            self.layer.receive(packet, now)

    def packets(self, key: bool = False) -> list[rtp.Packet]:
        made = []
        for start in (True, False):
            payload = vp8(self.picture, key, start)
            stamp = self.timestamp & 0xFFFFFFFF
            made.append(
                rtp.Packet(
                    96, 0 if start else 0x80, self.seq & 0xFFFF, stamp, self.ssrc, {}, payload
                )
            )
            self.seq += 1
        self.picture += 1
        self.timestamp += 9000
        return made


class Subscriber:
    """Collects what a down track sends, parsed."""

    def __init__(self, track: UpTrack) -> None:
        self.wire: list[bytes] = []
        self.reports: list[rtcp.SenderReport] = []
        self.log = SentLog()
        self.down = DownTrack(track, 4242, self.wire.append, self._report, self.log)
        self.down.bind(100, {})

    def _report(self, data: bytes) -> None:
        self.reports += [i for i in rtcp.parse(data) if isinstance(i, rtcp.SenderReport)]

    @property
    def packets(self) -> list[rtp.Packet]:
        return [packet for data in self.wire if (packet := rtp.parse(data)) is not None]

    def pictures(self) -> list[int]:
        found = [parse_vp8(packet.payload) for packet in self.packets]
        return [item.picture_id for item in found if item and item.picture_id is not None]


@pytest.fixture
def track() -> UpTrack:
    return UpTrack("TR_1", "video", "vp8", "", 90000, ["q", "h"])


@pytest.fixture
def clock() -> Iterator[float]:
    return (10 + n / 10 for n in range(100_000))


def test_nothing_comes_before_a_keyframe(track: UpTrack) -> None:
    feed, viewer = Feed(track, 0, 1, 500, 9_000_000), Subscriber(track)
    viewer.down.aim(track.layers[0])
    feed.frame(10.0)
    assert not viewer.wire
    feed.frame(10.1, key=True)
    feed.frame(10.2)
    assert [p.seq for p in viewer.packets] == [502, 503, 504, 505]
    assert {p.ssrc for p in viewer.packets} == {4242}
    assert {p.payload_type for p in viewer.packets} == {100}


@pytest.mark.parametrize("reported", [True, False], ids=["with reports", "without reports"])
def test_a_change_of_layer_looks_like_one_stream(track: UpTrack, reported: bool) -> None:
    low, high = Feed(track, 0, 1, 65_530, 2**32 - 20_000), Feed(track, 1, 2, 9, 77)
    viewer = Subscriber(track)
    viewer.down.aim(track.layers[0])
    for step in range(40):
        now = 10 + step / 10
        if reported and step == 5:
            for feed in (low, high):
                report = rtcp.SenderReport(feed.ssrc, NTP, feed.timestamp & 0xFFFFFFFF)
                feed.layer.on_sender_report(report, now)
        if step == 10:
            viewer.down.aim(track.layers[1])
        if step == 25:
            viewer.down.aim(track.layers[0])
        low.frame(now, key=step in (0, 30))
        high.frame(now, key=step in (0, 15))
    packets = viewer.packets
    seqs = [p.seq for p in packets]
    assert all((b - a) & 0xFFFF == 1 for a, b in itertools.pairwise(seqs))
    stamps = [p.timestamp for p in packets][::2]
    steps = [(b - a) & 0xFFFFFFFF for a, b in itertools.pairwise(stamps)]
    tolerance = 2 if reported else 2000
    # At the change upwards both layers show the same instant; the second picture is one tick later.
    assert steps.count(1) == 1
    assert all(step == 1 or abs(step - 9000) <= tolerance for step in steps)
    pictures = viewer.pictures()[::2]
    assert all((b - a) & 0x7FFF == 1 for a, b in itertools.pairwise(pictures))
    assert len(packets) == 82


def test_a_restarted_sender_goes_on_in_the_same_stream(track: UpTrack) -> None:
    feed, viewer = Feed(track, 0, 1, 500, 9000), Subscriber(track)
    viewer.down.aim(track.layers[0])
    for step in range(5):
        feed.frame(10 + step / 10, key=step == 0)
    again = Feed(track, 0, 99, 40_000, 123_456)
    for step in range(5, 10):
        again.frame(10 + step / 10, key=step == 5)
    seqs = [p.seq for p in viewer.packets]
    assert seqs == list(range(500, 520))
    stamps = [p.timestamp for p in viewer.packets]
    assert stamps == sorted(stamps)


def test_padding_leaves_no_gap(track: UpTrack) -> None:
    feed, viewer = Feed(track, 0, 1, 500, 9000), Subscriber(track)
    viewer.down.aim(track.layers[0])
    feed.frame(10.0, key=True)
    feed.layer.receive(rtp.Packet(96, 0, feed.seq, feed.timestamp, 1, {}, b""), 10.05)
    feed.seq += 1
    feed.frame(10.1)
    assert [p.seq for p in viewer.packets] == [500, 501, 502, 503]


def test_reordering_is_passed_on_and_duplicates_are_not(track: UpTrack) -> None:
    feed, viewer = Feed(track, 0, 1, 500, 9000), Subscriber(track)
    viewer.down.aim(track.layers[0])
    feed.frame(10.0, key=True)
    first, second = feed.packets()
    for packet in (second, first, first, second):
        feed.layer.receive(packet, 10.1)
    assert [p.seq for p in viewer.packets] == [500, 501, 503, 502]


def test_a_lost_packet_is_repeated_byte_for_byte(track: UpTrack) -> None:
    feed, viewer = Feed(track, 0, 1, 500, 9000), Subscriber(track)
    viewer.down.bind(100, {rtp.ABS_SEND_TIME: 3})
    viewer.down.aim(track.layers[0])
    for step in range(20):
        feed.frame(10 + step / 10, key=step == 0)
    before = viewer.wire[7]
    viewer.down.on_nack((507,), 20.0)
    assert viewer.wire[-1] == before


@pytest.mark.parametrize("numbered", [3, 20], ids=["one byte", "two bytes"])
def test_packets_carry_transport_wide_numbers_and_repeated_ones_are_marked(
    track: UpTrack, numbered: int
) -> None:
    feed, viewer = Feed(track, 0, 1, 500, 9000), Subscriber(track)
    viewer.log.counter[0] = 65_530
    viewer.down.bind(100, {rtp.ABS_SEND_TIME: 4, rtp.TRANSPORT_CC: numbered})
    viewer.down.aim(track.layers[0])
    for step in range(5):
        feed.frame(10 + step / 10, key=step == 0)
    told = [packet.extensions for packet in viewer.packets]
    assert told == [{numbered: (n & 0xFFFF).to_bytes(2, "big")} for n in range(65_530, 65_540)]
    before = viewer.wire[7]
    viewer.down.on_nack((507,), 20.0)
    assert viewer.wire[-1] == before
    outcomes = viewer.log.outcomes(Feedback(65_530, 0, (1.0,) * 10))
    assert [o.number for o in outcomes] == list(range(65_530, 65_540))
    assert [o.number for o in outcomes if o.repeated] == [65_537]
    assert {o.sent for o in outcomes} == {10 + step / 10 for step in range(5)}


def test_what_is_no_longer_kept_is_not_repeated_and_nobody_can_amplify(track: UpTrack) -> None:
    feed, viewer = Feed(track, 0, 1, 0, 9000), Subscriber(track)
    viewer.down.aim(track.layers[0])
    for step in range(RING["video"]):
        feed.frame(10 + step / 500, key=step == 0)
    sent = len(viewer.wire)
    viewer.down.on_nack((0,), 12.0)
    assert len(viewer.wire) == sent
    for _ in range(100):
        viewer.down.on_nack(tuple(range(900, 1000)), 12.0)
    assert len(viewer.wire) - sent <= 200
    viewer.down.tick()
    viewer.down.on_nack((1000,), 12.0)
    assert rtp.parse(viewer.wire[-1]).seq == 1000  # type: ignore[union-attr]


def test_where_agreed_lost_packets_come_again_in_a_stream_of_their_own(track: UpTrack) -> None:
    low, high = Feed(track, 0, 1, 500, 9000), Feed(track, 1, 2, 9, 77)
    viewer = Subscriber(track)
    viewer.down = DownTrack(track, 4242, viewer.wire.append, viewer._report, viewer.log, 65_535)
    viewer.down.bind(100, {rtp.TRANSPORT_CC: 3, rtp.ABS_SEND_TIME: 4}, rtx=101)
    viewer.down.aim(track.layers[0])
    for step in range(10):
        if step == 5:
            viewer.down.aim(track.layers[1])
        low.frame(10 + step / 100, key=step == 0)
        high.frame(10 + step / 100, key=step == 7)
    sent = {packet.seq: packet for packet in viewer.packets}
    assert len(sent) == 22
    before = len(viewer.wire)
    viewer.down.on_nack((503, 517, 503), 10.2)  # before and after the change of layer
    viewer.down.on_nack((503,), 10.4)
    again = viewer.packets[before:]
    assert [packet.seq for packet in again] == [65_535, 0, 1]
    assert {(packet.ssrc, packet.payload_type) for packet in again} == {(65_535, 101)}
    for packet, seq in zip(again, (503, 517, 503), strict=True):
        original = rtp.unwrap_rtx(packet, 4242, 100)
        assert original is not None
        assert (original.seq, original.timestamp, original.marker, original.payload) == (
            seq,
            sent[seq].timestamp,
            sent[seq].marker,
            sent[seq].payload,
        )
    numbers = [int.from_bytes(packet.extensions[3], "big") for packet in viewer.packets]
    assert numbers == list(range(numbers[0], numbers[0] + 25))
    outcomes = viewer.log.outcomes(Feedback(numbers[0], 0, (1.0,) * 25))
    assert not [outcome for outcome in outcomes if outcome.repeated]


def test_a_slow_stream_is_kept_for_a_few_seconds_only(track: UpTrack) -> None:
    feed, viewer = Feed(track, 0, 1, 500, 9000), Subscriber(track)
    viewer.down.aim(track.layers[0])
    frames = int(KEEP) * 10 + 20
    for step in range(frames):
        feed.frame(10 + step / 10, key=step == 0)
    sent = len(viewer.wire)
    viewer.down.on_nack((510,), 20.0)
    assert len(viewer.wire) == sent
    viewer.down.on_nack((550,), 20.0)
    assert len(viewer.wire) == sent + 1


def test_sender_reports_keep_the_publishers_clock(track: UpTrack) -> None:
    feed, viewer = Feed(track, 0, 1, 500, 9000), Subscriber(track)
    viewer.down.aim(track.layers[0])
    feed.frame(10.0, key=True)
    feed.layer.on_sender_report(rtcp.SenderReport(1, NTP, 12_345), 10.2)
    (report,) = viewer.reports
    assert (report.ssrc, report.ntp, report.rtp) == (4242, NTP, 12_345)
    block = rtcp.Report(4242, 0.0, 0, 0, NTP >> 16 & 0xFFFFFFFF, 0.5)
    viewer.down.on_report(block, 10.8)
    assert viewer.down.round_trip == pytest.approx(0.1)


def test_extensions_are_renumbered_and_others_dropped(track: UpTrack) -> None:
    track.extension_ids = {rtp.ORIENTATION: 4, rtp.MID: 1}
    viewer = Subscriber(track)
    viewer.down.bind(100, {rtp.ORIENTATION: 9})
    viewer.down.aim(track.layers[0])
    track.layers[0].reset(1)
    packet = rtp.Packet(96, 0x80, 1, 1, 1, {4: b"\x01", 1: b"0"}, vp8(1, True))
    track.layers[0].receive(packet, 10.0)
    assert viewer.packets[0].extensions == {9: b"\x01"}


@pytest.mark.parametrize("size", [16, 17, 80], ids=["one-byte", "two-byte", "first-picture"])
def test_a_dependency_descriptor_passes_whole_whatever_its_size(size: int) -> None:
    track = UpTrack("TR_1", "video", "av1", "", 90000, [])
    track.extension_ids = {rtp.DEPENDENCY: 12}
    viewer = Subscriber(track)
    viewer.down.bind(45, {rtp.DEPENDENCY: 8, rtp.TRANSPORT_CC: 3})
    viewer.down.aim(track.layers[0])
    track.layers[0].reset(1)
    descriptor = bytes(range(size))
    incoming = rtp.parse(rtp.build(rtp.Packet(45, 0, 1, 1, 1, {12: descriptor}, b"\x18obu")))
    assert incoming is not None
    track.layers[0].receive(incoming, 10.0)
    (packet,) = viewer.packets
    assert packet.extensions[8] == descriptor
    assert len(packet.extensions[3]) == 2
    assert packet.payload == b"\x18obu"


def test_a_keyframe_is_asked_for_until_it_comes(track: UpTrack) -> None:
    feed, viewer = Feed(track, 0, 1, 500, 9000), Subscriber(track)
    viewer.down.aim(track.layers[0])
    layer = track.layers[0]
    asked = [step for step in range(40) if layer.keyframe_due(step * 0.05)]
    assert asked == [0, 10, 20, 30]
    assert (asked[1] - asked[0]) * 0.05 == pytest.approx(KEYFRAME_INTERVAL)
    feed.frame(2.0, key=True)
    assert not layer.keyframe_due(10.0)
    viewer.down.on_keyframe_request()
    assert layer.keyframe_due(10.0)
    assert not layer.keyframe_due(10.1)
    assert layer.keyframe_due(10.5)


def test_while_muted_nothing_passes_and_then_a_keyframe_opens(track: UpTrack) -> None:
    feed, viewer = Feed(track, 0, 1, 500, 9000), Subscriber(track)
    viewer.down.aim(track.layers[0])
    feed.frame(10.0, key=True)
    track.set_muted(True, 10.05)
    feed.frame(10.1)
    assert len(viewer.wire) == 2
    track.set_muted(False, 10.15)
    feed.frame(10.2)
    assert len(viewer.wire) == 2
    feed.frame(10.3, key=True)
    seqs = [p.seq for p in viewer.packets]
    assert seqs == [500, 501, 502, 503]


def test_after_an_interruption_in_the_middle_of_a_change_nothing_comes_twice(
    track: UpTrack,
) -> None:
    low, high = Feed(track, 0, 1, 500, 9000), Feed(track, 1, 2, 9, 77)
    viewer = Subscriber(track)
    viewer.down.aim(track.layers[0])
    low.frame(10.0, key=True)
    viewer.down.aim(track.layers[1])
    track.set_muted(True, 10.05)
    track.set_muted(False, 10.15)
    viewer.down.aim(track.layers[0])
    for step in range(5):
        low.frame(10.2 + step / 10, key=step == 0)
        high.frame(10.2 + step / 10, key=step == 0)
    assert [p.seq for p in viewer.packets] == list(range(500, 512))


def test_a_layer_counts_as_stopped_after_a_silence(track: UpTrack) -> None:
    feed = Feed(track, 0, 1, 500, 9000)
    feed.frame(10.0)
    assert track.layers[0].alive(10.0 + SILENT / 2)
    assert not track.layers[0].alive(10.0 + SILENT)


def test_loss_and_layer_changes_never_break_the_numbering(track: UpTrack) -> None:
    chance = random.Random(3)
    feeds = [Feed(track, 0, 1, 3, 7), Feed(track, 1, 2, 60_000, 2**31)]
    viewer = Subscriber(track)
    viewer.down.aim(track.layers[0])
    for step in range(600):
        now = 10 + step / 10
        if step % 37 == 36:
            viewer.down.aim(track.layers[chance.randrange(2)])
        for feed in feeds:
            for packet in feed.packets(key=step % 11 == 0):
                if chance.random() > 0.1:
                    feed.layer.receive(packet, now)
    seqs = [p.seq for p in viewer.packets]
    assert len(seqs) == len(set(seqs))
    assert len(seqs) > 1000
    stamps = [p.timestamp for p in viewer.packets]
    assert all((b - a) & 0xFFFFFFFF < 2**31 for a, b in itertools.pairwise(stamps))

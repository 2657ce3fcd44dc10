"""Redundant audio: what each kind of subscriber gets when packets are lost on the way to us."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling.sfu import rtp
from signaling.sfu.downtrack import DownTrack
from signaling.sfu.red import Block, pack, unpack
from signaling.sfu.sent import SentLog
from signaling.sfu.tracks import UpTrack
from signaling.sfu.uplink import Source, Uplink

pytestmark = pytest.mark.usefixtures("media_path")

RED, OPUS, SSRC, STEP = 63, 111, 77, 960


def redundant(blocks: list[Block], data: bytes) -> bytes:
    heads = b"".join(
        (1 << 31 | OPUS << 24 | block.age << 10 | len(block.data)).to_bytes(4, "big")
        for block in blocks
    )
    return heads + bytes((OPUS,)) + b"".join(block.data for block in blocks) + data


class Speech:
    """A sender of redundant packets; `silence` lets time pass without any, as DTX does."""

    def __init__(self, depth: int = 1) -> None:
        self.depth = depth
        self.seq, self.timestamp = 65_530, 0xFFFFFF00
        self.said: list[tuple[int, bytes]] = []

    def packet(self) -> rtp.Packet:
        data = f"opus {len(self.said)}".encode()
        blocks = [
            Block(self.timestamp - stamp, earlier)
            for stamp, earlier in self.said[-self.depth :]
            if 0 < self.timestamp - stamp < 1 << 14
        ]
        made = rtp.Packet(
            RED,
            0,
            self.seq & 0xFFFF,
            self.timestamp & 0xFFFFFFFF,
            SSRC,
            {},
            redundant(blocks, data),
        )
        self.said.append((self.timestamp, data))
        self.seq += 1
        self.timestamp += STEP
        return made

    def silence(self, packets: int) -> None:
        self.timestamp += packets * STEP


class Room:
    """A publisher's uplink and two subscribers: one takes redundancy, the other does not."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []
        self.uplink = Uplink(1, self.asked.append)
        self.track = UpTrack("TR_1", "audio", "opus", "", 48000, [])
        self.track.take_red(RED, OPUS)
        self.uplink.configure([Source("0", self.track, OPUS, None, [SSRC])], {})
        self.wire: dict[str, list[bytes]] = {"plain": [], "whole": []}
        for name, wire in self.wire.items():
            down = DownTrack(self.track, 4242, wire.append, lambda data: None, SentLog())
            down.bind(RED if name == "whole" else OPUS, {}, name == "whole")
            down.aim(down.sound)

    def hear(self, packet: rtp.Packet, now: float) -> None:
        self.uplink.on_rtp(rtp.build(packet), now)

    def got(self, name: str) -> list[rtp.Packet]:
        return [packet for data in self.wire[name] if (packet := rtp.parse(data)) is not None]


def test_everything_passes_in_the_form_each_subscriber_takes() -> None:
    room, speech = Room(), Speech()
    sent = [speech.packet() for _ in range(5)]
    for index, packet in enumerate(sent):
        room.hear(packet, index * 0.02)
    whole, plain = room.got("whole"), room.got("plain")
    assert [packet.payload for packet in whole] == [packet.payload for packet in sent]
    assert [packet.payload for packet in plain] == [data for _, data in speech.said]
    assert {packet.payload_type for packet in whole} == {RED}
    assert {packet.payload_type for packet in plain} == {OPUS}
    for packets in (whole, plain):
        assert [packet.seq for packet in packets] == [packet.seq for packet in sent]
        assert [packet.timestamp for packet in packets] == [packet.timestamp for packet in sent]


@pytest.mark.parametrize("depth", [1, 2])
def test_what_is_lost_on_the_way_to_us_stands_again_in_plain_audio(depth: int) -> None:
    """Every loss that the next packet repeats is made good, in order, at its own time."""
    chance, room, speech = random.Random(depth), Room(), Speech(depth)
    expected: list[int] = []
    lost: list[int] = []
    for index in range(2000):
        if chance.random() < 0.05:
            speech.silence(chance.choice((3, 40)))  # the longer pause is too old to be repeated
        packet = speech.packet()
        if index and chance.random() < 0.2 * depth:
            lost.append(packet.timestamp)
            continue
        room.hear(packet, index * 0.02)
        repeated = unpack(packet.payload)
        assert repeated is not None
        repeats = {packet.timestamp - block.age & 0xFFFFFFFF for block in repeated[0]}
        expected += [stamp for stamp in lost if stamp in repeats] + [packet.timestamp]
        lost = []
    said = {stamp & 0xFFFFFFFF: data for stamp, data in speech.said}
    plain = room.got("plain")
    assert [packet.timestamp for packet in plain] == expected
    assert all(said[packet.timestamp] == packet.payload for packet in plain)
    order = {stamp: index for index, stamp in enumerate(said)}
    first = plain[0].seq
    assert all(packet.seq == first + order[packet.timestamp] & 0xFFFF for packet in plain)
    assert len(plain) > len(room.got("whole")) + 200


def test_loss_stays_loss_in_the_report_to_the_sender_but_is_not_asked_for_again() -> None:
    room, speech = Room(), Speech()
    for index in range(100):
        packet = speech.packet()
        if index % 10 != 5:
            room.hear(packet, index * 0.02)
    assert len(room.got("plain")) == 100
    room.uplink.tick(2.0, 0.05)
    assert room.track.loss == pytest.approx(0.1)
    assert not room.track.layers[0].missing


def test_a_packet_that_is_late_or_repeated_disturbs_nobody() -> None:
    room, speech = Room(), Speech()
    packets = [speech.packet() for _ in range(6)]
    for index in (0, 1, 3, 2, 2, 3, 4, 5):
        room.hear(packets[index], index * 0.02)
    plain = room.got("plain")
    assert [packet.payload for packet in plain] == [data for _, data in speech.said]
    assert len(room.got("whole")) == 6


def test_a_sender_that_falls_back_to_plain_packets_is_heard_by_both() -> None:
    room, speech = Room(), Speech()
    room.hear(speech.packet(), 0.0)
    packet = speech.packet()
    packet.payload_type, packet.payload = OPUS, speech.said[-1][1]
    room.hear(packet, 0.02)
    assert room.got("plain")[-1].payload == speech.said[-1][1]
    last = room.got("whole")[-1]
    assert last.payload_type == RED
    assert unpack(last.payload) == ([], speech.said[-1][1])
    assert last.payload == pack(OPUS, speech.said[-1][1])


def test_while_muted_nothing_passes_in_either_form() -> None:
    room, speech = Room(), Speech()
    room.hear(speech.packet(), 0.0)
    room.track.set_muted(True, 0.01)
    room.hear(speech.packet(), 0.02)
    assert [len(room.got(name)) for name in ("plain", "whole")] == [1, 1]
    room.track.set_muted(False, 0.03)
    room.hear(speech.packet(), 0.04)
    assert [len(room.got(name)) for name in ("plain", "whole")] == [2, 2]


@given(st.binary(max_size=80))
def test_noise_never_raises(payload: bytes) -> None:
    unpack(payload)
    Room().hear(rtp.Packet(RED, 0, 1, 1, SSRC, {}, payload), 0.0)


@given(st.lists(st.tuples(st.integers(0, 0x3FFF), st.binary(max_size=40)), max_size=4), st.binary())
def test_blocks_come_out_as_they_went_in(blocks: list[tuple[int, bytes]], data: bytes) -> None:
    made = [Block(age, repeated) for age, repeated in blocks]
    assert unpack(redundant(made, data)) == (made, data)

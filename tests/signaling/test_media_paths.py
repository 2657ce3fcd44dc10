"""The Python path and the native path, fed the same: every byte that leaves must be the same."""

from __future__ import annotations

import os
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signaling.sfu import fanout, rtcp, rtp
from signaling.sfu.downtrack import DownTrack
from signaling.sfu.fanout import SETTING
from signaling.sfu.native import NativeTransport
from signaling.sfu.pacing import Pacer
from signaling.sfu.sent import SentLog
from signaling.sfu.tracks import UpTrack
from signaling.sfu.uplink import Source, Uplink

IDS = {
    rtp.MID: 1,
    rtp.RID: 2,
    rtp.REPAIRED_RID: 3,
    rtp.TRANSPORT_CC: 4,
    rtp.AUDIO_LEVEL: 5,
    rtp.ORIENTATION: 6,
    rtp.DEPENDENCY: 7,
    rtp.ABS_CAPTURE_TIME: 8,
}
# What subscribers may have negotiated: small numbers, large ones that need the two-byte form.
WISHES: tuple[dict[str, int], ...] = (
    {},
    {rtp.ABS_SEND_TIME: 3},
    {rtp.ABS_SEND_TIME: 14, rtp.AUDIO_LEVEL: 1, rtp.ORIENTATION: 2},
    {rtp.TRANSPORT_CC: 5, rtp.ABS_SEND_TIME: 3, rtp.DEPENDENCY: 9},
    {rtp.TRANSPORT_CC: 17, rtp.ABS_CAPTURE_TIME: 200, rtp.ORIENTATION: 255},
)
PATHS = ("python", "native", "ingest")


class Camera:
    """One simulcast layer as a browser sends it, with all that may go wrong on the way."""

    def __init__(self, chance: random.Random, ssrc: int, rid: str) -> None:
        self.chance = chance
        self.rid = rid
        self.begin(ssrc)

    def begin(self, ssrc: int) -> None:
        self.ssrc = ssrc
        self.seq = self.chance.randrange(1 << 16)
        self.timestamp = self.chance.randrange(1 << 32)
        self.picture = self.chance.randrange(1 << 15)
        self.tl0 = self.chance.randrange(256)
        self.level = 0
        self.form = self.chance.choice(("long", "short", "bare", "temporal"))

    def descriptor(self, start: bool) -> bytes:
        first = 0x10 if start else 0
        match self.form:
            case "long":
                return bytes((0x80 | first, 0xC0, 0x80 | self.picture >> 8, self.picture & 255)) + (
                    bytes((self.tl0,))
                )
            case "short":
                return bytes((0x80 | first, 0x80, self.picture & 0x7F))
            case "temporal":
                tid_byte = self.level << 6 | self.chance.choice((0, 0x20))
                if self.ssrc % 2:
                    return bytes((0x80 | first, 0x20, tid_byte))
                head = bytes((0x80 | first, 0xE0, 0x80 | self.picture >> 8, self.picture & 255))
                return head + bytes((self.tl0, tid_byte))
            case _:
                return bytes((first,))

    def frame(self, key: bool, cc: int) -> list[bytes]:
        chance, made = self.chance, []
        self.level = 0 if key else chance.randrange(3)
        for index in range(chance.choice((1, 1, 2, 3))):
            payload = self.descriptor(index == 0) + (b"\0" if key else b"\1")
            payload += chance.randbytes(chance.randrange(60))
            extensions = {1: b"v", 2: self.rid.encode(), 4: (cc + index).to_bytes(2, "big")}
            if chance.random() < 0.3:
                extensions[6] = b"\1"
            if chance.random() < 0.3:
                extensions[7] = chance.randbytes(chance.choice((3, 16, 17, 40)))
            if chance.random() < 0.1:
                extensions[8] = chance.randbytes(8)
            if chance.random() < 0.05:
                payload = b"" if chance.random() < 0.7 else payload[:2]
            made.append(
                rtp.build(
                    rtp.Packet(96, 0x80, self.seq, self.timestamp, self.ssrc, extensions, payload)
                )
            )
            self.seq = self.seq + 1 & 0xFFFF
        self.timestamp = self.timestamp + 3000 & 0xFFFFFFFF
        self.picture = self.picture + 1 & 0x7FFF
        self.tl0 = self.tl0 + 1 & 0xFF
        return made


class Engine:
    """One publisher and its subscribers, on one path; `out` is all that leaves, in order."""

    def __init__(self, path: str) -> None:
        os.environ[SETTING] = "0" if path == "python" else "1"
        self.out: list[tuple[int, bytes]] = []
        self.feedback: list[bytes] = []
        self.levels: list[int] = []
        self.video = UpTrack("TR_v", "video", "vp8", "", 90000, ["q", "h", "f"])
        self.audio = UpTrack("TR_a", "audio", "opus", "", 48000, [])
        self.audio.on_level = lambda level, now: self.levels.append(level)
        self.native: NativeTransport | None = None
        media = fanout.media()
        if path == "ingest":
            assert media is not None
            self.native = NativeTransport(media, self._never, self._never, plain=True)
        self.uplink = Uplink(7, self.feedback.append, self.native)
        if self.native is not None:
            self.native.on_rtp = self.uplink.on_rtp
        sources = [
            Source("v", self.video, 96, 97, [], {}),
            Source("a", self.audio, 111, None, [900], {}),
        ]
        self.uplink.configure(sources, IDS)
        self.log = SentLog()
        self.downs: list[DownTrack] = []
        for index, wish in enumerate(WISHES):
            for track in (self.video, self.audio):
                self.downs.append(self._down(track, wish, 2 * index))

    def _never(self, data: bytes) -> None:
        raise AssertionError("the publisher's transport sends no media")

    def _down(self, track: UpTrack, wish: dict[str, int], index: int) -> DownTrack:
        number = index + (track.kind == "audio")
        down = DownTrack(
            track,
            5000 + number,
            lambda data: self.out.append((number, data)),
            lambda data: self.out.append((-1, data)),
            self.log,
        )
        down.bind(100 + index, wish)
        if index % 4 == 2:
            down.outlet.repeat_by(7000 + number, 90 + index, 65_530)
        down.aim(track.layers[0])
        return down

    def feed(self, data: bytes, now: float) -> None:
        if self.native is not None:
            self.native.ingest(data, now)
        else:
            self.uplink.on_rtp(data, now)

    def figures(self, now: float) -> list[Any]:
        found: list[Any] = [self.log.counter[0], list(self.log.sizes), list(self.log.times)]
        for track in (self.video, self.audio):
            for layer in track.layers:
                found += [layer.ssrc, layer.bitrate, layer.last_packet, layer.report_block(now)]
        for down in self.downs:
            found += [down.packets, down.octets, down.resent, down.temporal.shares]
        return found


def ran(path: str, seed: int, steps: int = 400) -> Engine:
    """A stretch of a call, the same for the same seed: loss, reordering, repeats, repair, padding,
    changes of layer, restarts of the sender, muting, retransmission."""
    chance = random.Random(seed)
    engine = Engine(path)
    cameras = [Camera(chance, 10 + index, rid) for index, rid in enumerate("qhf")]
    held: list[bytes] = []
    audio_seq, cc, now = 65_000, 0, 10.0
    pacer = Pacer()
    for step in range(steps):
        now += chance.choice((0.001, 0.01, 0.033))
        packets: list[bytes] = []
        for camera in cameras:
            frame = camera.frame(chance.random() < 0.15, cc)
            cc = cc + len(frame) & 0xFFFF
            packets += frame
            if chance.random() < 0.01:
                camera.begin(chance.randrange(100, 200))
            if chance.random() < 0.01:
                camera.seq = camera.seq + chance.randrange(2000) & 0xFFFF
            if step % 50 == 10:
                report = rtcp.SenderReport(camera.ssrc, int(now * 2**32), camera.timestamp)
                engine.uplink.on_sender_report(report, now)
        level = {5: bytes((chance.randrange(256),))} if chance.random() < 0.9 else {}
        audio = rtp.Packet(111, 0, audio_seq & 0xFFFF, audio_seq * 960, 900, level, b"o" * 40)
        audio_seq += chance.choice((1, 1, 1, 1, 2))
        packets.append(rtp.build(audio))
        for data in packets:
            fate = chance.random()
            if fate < 0.05:
                continue
            if fate < 0.09:
                held.append(data)
                continue
            engine.feed(data, now)
            if fate < 0.11:
                engine.feed(data, now)
            if fate < 0.13:
                engine.feed(chance.randbytes(chance.randrange(80)), now)
            if held and fate > 0.9:
                engine.feed(as_repair(chance, held.pop(0)), now)
        for down in engine.downs:
            if chance.random() < 0.03:
                down.aim(chance.choice((None, *2 * down.source.layers)))
            if chance.random() < 0.3:
                last = max(0, down.outlet.state.last_seq)
                seqs = tuple(last - chance.randrange(300) & 0xFFFF for _ in range(3))
                down.on_nack(seqs, now)
            if chance.random() < 0.02:
                down.on_keyframe_request()
            if chance.random() < 0.02:
                down.temporal.wanted = chance.randrange(4)
            if chance.random() < 0.05:
                down.pad(500, now)
            if chance.random() < 0.02:
                down.pacer = None if down.pacer else pacer
        if chance.random() < (0.1 if engine.video.muted else 0.01):
            engine.video.set_muted(not engine.video.muted, now)
        if chance.random() < 0.1:
            pacer.rate = chance.choice((None, 100_000.0, 5_000_000.0))
        pacer.run(now)
        if step % 5 == 0:
            engine.uplink.tick(now, 0.05)
            for down in engine.downs:
                down.tick()
    engine.uplink.tick(now, 0.05)
    return engine


def as_repair(chance: random.Random, data: bytes) -> bytes:
    """A late packet: as it was, or wrapped as the sender's retransmission."""
    packet = rtp.parse(data)
    if chance.random() < 0.5 or packet is None or packet.payload_type != 96:
        return data
    payload = packet.seq.to_bytes(2, "big") + packet.payload
    extensions = {1: b"v", 3: packet.extensions[2]}
    return rtp.build(
        rtp.Packet(97, 0, 1, packet.timestamp, packet.ssrc + 5000, extensions, payload)
    )


@pytest.mark.usefixtures("native_library", "setting_kept")
@pytest.mark.parametrize("seed", range(6))
def test_both_paths_send_the_same_bytes(seed: int) -> None:
    python, native, ingest = (ran(path, seed) for path in PATHS)
    assert len(python.out) > 2000
    expected = python.figures(99.0)
    for other in (native, ingest):
        for mine, theirs in zip(python.out, other.out, strict=False):
            assert mine == theirs
        assert len(python.out) == len(other.out)
        assert python.feedback == other.feedback
        assert sorted(python.levels) == sorted(other.levels)
        assert expected == other.figures(99.0)


@pytest.mark.usefixtures("native_library", "setting_kept")
def test_no_number_is_ever_used_for_two_texts() -> None:
    """An AEAD cipher would give its key away; header extensions count as text."""
    for seed in range(6, 9):
        for path in PATHS:
            seen: dict[tuple[int, int, int], bytes] = {}
            for number, data in ran(path, seed, 300).out:
                packet = rtp.parse(data)
                if number >= 0 and packet is not None:
                    key = (number, packet.ssrc, packet.seq)
                    assert seen.setdefault(key, data) == data


@pytest.mark.usefixtures("native_library", "setting_kept")
@settings(max_examples=120)
@given(st.lists(st.binary(max_size=120), min_size=1, max_size=8), st.integers(0, 2**32))
def test_hostile_packets_are_read_alike(noise: list[bytes], seed: int) -> None:
    """Anything a publisher may send inside its encryption, in a stream that is forwarded."""
    chance = random.Random(seed)
    sent = []
    for path in PATHS:
        chance.seed(seed)
        engine = Engine(path)
        head = rtp.build(rtp.Packet(96, 0, 1, 1, 10, {1: b"v", 2: b"q"}, b"\x10\0picture"))
        engine.feed(head, 1.0)
        for index, body in enumerate(noise):
            engine.feed(body, 1.0)
            second = 96 | chance.choice((0, 0x80))
            first = chance.choice((0x80, 0x90, 0xA0, 0xB0, 0x93))
            fixed = rtp.HEADER.pack(first, second, index + 2, 1, 10)
            profile = chance.choice((b"\xbe\xde", b"\x10\0", b"\x10\x07", b""))
            words = chance.choice((b"\0\1", b"\0\2", b"\0\x09", b"\xff\xff", b""))
            engine.feed(fixed + profile + words + body, 1.1)
        sent.append((engine.out, engine.figures(2.0)))
    assert sent[0] == sent[1] == sent[2]

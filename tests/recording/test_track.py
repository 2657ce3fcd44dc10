"""A track recorder fed with real pictures and sound in virtual time."""

import random
from pathlib import Path

import pytest

from recording.timing import LeastOffset
from recording.track import Append, Begin, Close, Effect, Gap, TrackRecorder, WantKeyframe
from signaling.client import assets, rtcp
from signaling.client.interface import RemoteTrack
from signaling.client.publication import Publication

MS = 1_000_000
SECOND = 1000 * MS
EPOCH = 1_795_000_000 * SECOND


class Stage:
    """Publishes an asset into a recorder; `drop` decides on each packet."""

    def __init__(self, asset: Path, *, seed: int = 0, drop: float = 0.0) -> None:
        loaded = assets.read(asset)
        source = "camera" if loaded.kind == "video" else "microphone"
        self.publication = Publication(loaded, source, muted=False)
        track = RemoteTrack("TR_1", loaded.kind, source, "an", "PA_1", "", 1, False)
        self.recorder = TrackRecorder(track, LeastOffset(), 0, EPOCH)
        self.effects: list[Effect] = []
        self.now = 0.0
        self._chance = random.Random(seed)
        self.drop = drop

    def play(self, seconds: float) -> None:
        end, tick = self.now + seconds, self.now + 1
        while self.now < end:
            packets, again = self.publication.due(self.now)
            at = EPOCH + int(self.now * SECOND)
            for packet in packets:
                if self._chance.random() >= self.drop:
                    self.effects += self.recorder.packet(packet, at + 30 * MS)
            if self.now >= tick:
                tick += 1
                self.effects += self.recorder.tick(at)
                report = self.publication.sender_report(self.now, rtcp.ntp_from_ns(at))
                self.recorder.sender_report(report.ntp, report.rtp)
            self.now = min(again or end, end, max(tick, self.now + 0.001))

    def silence(self, seconds: float) -> None:
        """Nothing arrives, though the publisher's time goes on."""
        for _ in range(int(seconds)):
            self.now += 1
            self.effects += self.recorder.tick(EPOCH + int(self.now * SECOND))

    def end(self) -> None:
        self.effects += self.recorder.end("ended", EPOCH + int(self.now * SECOND))

    def of(self, kind: type[Effect]) -> list[Effect]:
        return [effect for effect in self.effects if isinstance(effect, kind)]

    def closes(self) -> list[Close]:
        return [effect for effect in self.effects if isinstance(effect, Close)]

    def gaps(self) -> list[Gap]:
        return [effect for effect in self.effects if isinstance(effect, Gap)]


@pytest.fixture(params=["picture", "sound"])
def asset(request: pytest.FixtureRequest, flash_and_beep: tuple[Path, Path]) -> Path:
    return flash_and_beep[request.param == "sound"]


def test_a_steady_track_is_cut_every_ten_seconds_without_holes(asset: Path) -> None:
    stage = Stage(asset)
    stage.play(35)
    stage.end()
    closes = stage.closes()
    starts = [(c.start_ns - EPOCH) / SECOND for c in closes]
    assert [round(start, 1) for start in starts] == [0.0, 10.0, 20.0, 30.0]
    assert [c.why for c in closes] == ["cut", "cut", "cut", "ended"]
    assert [c.head.index for c in closes] == [0, 1, 2, 3]
    assert sum(c.lost for c in closes) == 0
    assert not stage.gaps()
    assert sum(c.packets for c in closes) == stage.publication.packets


def test_a_cut_picture_asks_for_the_keyframe_it_needs(flash_and_beep: tuple[Path, Path]) -> None:
    stage = Stage(flash_and_beep[0])
    stage.play(9)
    assert not stage.of(WantKeyframe)


@pytest.mark.parametrize("seed", range(5))
def test_what_is_finally_lost_is_counted_and_every_hole_is_stated(asset: Path, seed: int) -> None:
    stage = Stage(asset, seed=seed, drop=0.05)
    stage.play(40)
    stage.end()
    lost = sum(c.lost for c in stage.closes())
    kept = sum(c.packets for c in stage.closes())
    assert lost > 5
    assert abs(lost + kept - stage.publication.packets) < 10
    if stage.recorder.track.kind == "video":
        assert stage.gaps()
        assert stage.of(WantKeyframe)
    for gap in stage.gaps():
        assert gap.reason == "loss"
        assert 100 <= gap.to_ms - gap.from_ms < 3000
    stated = [gap for close in stage.closes() for gap in close.gaps]
    assert stated == stage.gaps()


def test_a_mute_ends_the_segment_and_is_no_gap(asset: Path) -> None:
    stage = Stage(asset)
    stage.play(4)
    stage.recorder.set_muted(True, EPOCH + int(stage.now * SECOND))
    stage.silence(6)
    stage.recorder.set_muted(False, EPOCH + int(stage.now * SECOND))
    stage.publication.set_muted(False)
    stage.play(4)
    stage.end()
    assert [c.why for c in stage.closes()] == ["muted", "ended"]
    first, second = stage.closes()
    assert 9.9 < (second.start_ns - first.start_ns) / SECOND < 10.6
    assert not stage.gaps()


def test_what_comes_while_muted_is_recorded_all_the_same(asset: Path) -> None:
    stage = Stage(asset)
    stage.play(2)
    stage.recorder.set_muted(True, EPOCH + int(stage.now * SECOND))
    stage.play(5)
    stage.end()
    (close,) = stage.closes()
    assert close.packets == stage.publication.packets
    assert stage.recorder.state == "ended"


def test_an_open_track_that_falls_silent_is_a_stated_gap(asset: Path) -> None:
    stage = Stage(asset)
    stage.play(4)
    stage.silence(8)
    assert stage.recorder.state == "stalled"
    stage.publication.set_muted(False)
    stage.play(3)
    stage.end()
    assert [c.why for c in stage.closes()] == ["stalled", "ended"]
    (gap,) = stage.gaps()
    assert gap.reason == "no-media"
    assert 7500 < gap.to_ms - gap.from_ms < 9000


def test_every_append_belongs_to_a_segment_that_was_begun(asset: Path) -> None:
    stage = Stage(asset, seed=3, drop=0.1)
    stage.play(30)
    stage.end()
    opened: set[int] = set()
    for effect in stage.effects:
        match effect:
            case Begin(head):
                opened.add(head.index)
            case Append(head):
                assert head.index in opened
            case Close(head):
                opened.remove(head.index)
            case _:
                continue
    assert not opened


def test_junk_does_no_harm(asset: Path) -> None:
    stage = Stage(asset)
    chance = random.Random(1)
    for _ in range(2000):
        junk = bytes([0x80, 96]) + chance.randbytes(chance.randrange(60))
        stage.effects += stage.recorder.packet(junk, EPOCH)
    stage.end()

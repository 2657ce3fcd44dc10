"""Which layer a subscriber is given, from its wishes and what its line reports."""

from __future__ import annotations

import pytest

from signaling.sfu import rtcp, rtp
from signaling.sfu.downlink import OFF, Downlink, Wish
from signaling.sfu.tracks import UpTrack

pytestmark = pytest.mark.usefixtures("media_path")

SIZES = ((320, 180), (640, 360), (1280, 720))


class Rig:
    def __init__(self) -> None:
        self.wire: list[bytes] = []
        self.downlink = Downlink(self.wire.append, lambda data: None)
        self.paused: list[tuple[str, bool]] = []
        self.downlink.on_paused = lambda sid, paused: self.paused.append((sid, paused))
        self.camera = UpTrack("TR_v", "video", "vp8", "", 90000, ["q", "h", "f"])
        self.down = self.downlink.add(self.camera, SIZES)
        self.downlink.bind("TR_v", 96, {})
        self.downlink.ready = True
        self.seq = 0

    def feed(self, now: float, layers: tuple[int, ...] = (0, 1, 2), size: int = 1000) -> None:
        self.seq += 1
        for index in layers:
            layer = self.camera.layers[index]
            if layer.ssrc is None:
                layer.reset(index + 1)
            payload = b"\x10\x00" + bytes(size * (index + 1))
            layer.receive(rtp.Packet(96, 0, self.seq, self.seq * 900, index + 1, {}, payload), now)

    def run(self, start: float, seconds: float, layers: tuple[int, ...] = (0, 1, 2)) -> float:
        now = start
        while now < start + seconds:
            self.feed(now, layers)
            self.downlink.tick(now)
            now += 0.05
        return now

    @property
    def layer(self) -> int | None:
        return self.down.current.index if self.down.current is not None else None


@pytest.mark.parametrize(
    ("wish", "index"),
    [
        (Wish(), 2),
        (Wish(quality=0), 0),
        (Wish(quality=1), 1),
        (Wish(width=300, height=170), 0),
        (Wish(width=330, height=186), 0),
        (Wish(width=640, height=360), 1),
        (Wish(width=1920, height=1080), 2),
        (Wish(disabled=True), OFF),
    ],
)
def test_wishes_for_quality_or_size_choose_a_layer(wish: Wish, index: int) -> None:
    rig = Rig()
    rig.downlink.wish("TR_v", wish)
    assert rig.downlink.wanted("TR_v") == index
    rig.run(10, 1)
    assert rig.layer == (None if index == OFF else index)


def test_no_keyframe_is_spent_on_a_transport_that_does_not_stand_yet() -> None:
    rig = Rig()
    rig.downlink.ready = False
    now = rig.run(10, 1)
    assert rig.layer is None
    rig.downlink.ready = True
    rig.run(now, 0.3)
    assert rig.layer == 2


def test_a_layer_that_falls_silent_is_replaced_within_a_second_and_taken_again() -> None:
    rig = Rig()
    now = rig.run(10, 2)
    assert rig.layer == 2
    now = rig.run(now, 1.1, (0, 1))
    assert rig.layer == 1
    now = rig.run(now, 1.0)
    assert rig.layer == 2


def test_a_squeezed_line_gets_smaller_layers_then_pauses_and_comes_back() -> None:
    rig = Rig()
    now = rig.run(10, 55)  # until it is sure that there are no temporal layers
    for _ in range(40):
        rig.downlink.on_rtcp(rtcp.Estimate(300_000), now)
        rig.feed(now)
        rig.downlink.tick(now)
        now += 0.05
    assert rig.layer == 0
    for _ in range(5):
        rig.downlink.on_rtcp(rtcp.Estimate(60_000), now)
        rig.downlink.on_rtcp(rtcp.Report(rig.down.ssrc, 0.5, 0, 0, 0, 0), now)
        now = rig.run(now, 1.1)
    assert rig.paused[0] == ("TR_v", True)
    now = rig.run(now, 60)
    assert rig.paused[-1] == ("TR_v", False)
    assert rig.layer == 2


def test_a_recorder_is_never_limited() -> None:
    rig = Rig()
    rig.downlink.unlimited = True
    now = rig.run(10, 4)
    for _ in range(5):
        rig.downlink.on_rtcp(rtcp.Report(rig.down.ssrc, 0.5, 0, 0, 0, 0), now)
        now = rig.run(now, 1.1)
    assert rig.layer == 2
    assert not rig.paused


def test_many_muted_microphones_take_nothing_from_the_pictures() -> None:
    rig = Rig()
    for n in range(30):
        microphone = UpTrack(f"TR_{n}", "audio", "opus", "", 48000, [])
        microphone.muted = True
        rig.downlink.add(microphone, ())
        rig.downlink.bind(f"TR_{n}", 111, {})
    now = rig.run(10, 4)
    for _ in range(40):
        rig.downlink.on_rtcp(rtcp.Estimate(300_000), now)
        rig.feed(now)
        rig.downlink.tick(now)
        now += 0.05
    assert rig.layer == 0
    assert not rig.paused

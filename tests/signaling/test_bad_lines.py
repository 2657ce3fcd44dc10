"""What a viewer sees and hears on bad lines, in virtual time with seeds: Downlink as it is."""

from __future__ import annotations

import pytest

from signaling.sfu.downlink import Wish
from tests.signaling.line_simulator import SIZES, Call, timeline


def call(seed: int = 1, cameras: int = 1, **line: float) -> Call:
    """A call whose line to the viewer has the given properties; `delay` and `loss` both ways."""
    made = Call(seed, cameras)
    for name, value in line.items():
        setattr(made.down, name, value)
        if name in ("delay", "loss"):
            setattr(made.up, name, value)
    return made


def test_a_good_line_is_never_limited() -> None:
    good = call()
    good.run(20)
    assert good.layer() == 2
    assert good.frames(1, 20) > 23
    assert good.sound_lost(1, 19) == 0
    assert not good.paused


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(
    ("loss", "burst", "frames", "sound", "layer"),
    [
        (0.03, 1, 21, 0.002, 2),
        (0.1, 1, 18, 0.01, 2),
        (0.1, 4, 17, 0.01, 2),
        (0.1, 10, 17, 0.01, 2),
        (0.2, 1, 17, 0.02, 2),
        (0.3, 1, 16, 0.06, 0),
    ],
)
def test_random_loss_does_not_starve(
    seed: int, loss: float, burst: float, frames: float, sound: float, layer: int
) -> None:
    lossy = call(seed, loss=loss, burst=burst)
    lossy.run(25)
    assert lossy.frames(4, 25) >= frames, timeline(lossy, range(25))
    assert lossy.sound_lost(0, 24) <= sound
    assert lossy.layer() == layer
    assert lossy.changes(8, 25) <= 3, lossy.picture().layers
    assert not lossy.paused


@pytest.mark.parametrize("properties", [{"delay": 0.15}, {"delay": 0.5}, {"jitter": 0.1}])
def test_delay_and_jitter_alone_take_nothing_away(properties: dict[str, float]) -> None:
    slow = call(**properties)
    slow.run(20)
    assert slow.layer() == 2
    assert slow.frames(2, 20) > 23
    assert slow.changes(1, 20) == 0
    assert slow.sound_lost(1, 18) == 0


@pytest.mark.parametrize(("delay", "settled"), [(0.02, 4), (0.15, 4), (0.5, 6)])
def test_a_squeeze_to_200_kbit_is_met_at_once_and_left_within_ten_seconds(
    delay: float, settled: float
) -> None:
    squeezed = call(delay=delay)
    squeezed.run(8)
    squeezed.down.rate = 200_000
    squeezed.down.longest_queue = 0
    squeezed.run(1 + 2 * delay)
    budget = squeezed.downlink.budget(squeezed.world.now)
    assert budget is not None
    assert budget < 200_000
    squeezed.run(20 - 1 - 2 * delay)
    squeezed.down.rate = None
    squeezed.run(15)
    assert squeezed.layer() == 2
    assert squeezed.reached(2, 28) < 10
    # While it lasts: a small fluent picture, and sound, without a queue that never ends.
    assert squeezed.frames(8 + settled, 28) > 9, timeline(squeezed, range(8, 28))
    assert squeezed.freeze(8 + settled, 28) == 0
    assert squeezed.sound_lost(8 + settled, 28) < 0.01
    assert squeezed.sound_lost(8, 28) < 0.1
    assert squeezed.changes(8 + settled, 28) == 0


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(
    ("rate", "depth", "layer"), [(600_000, 0.5, 1), (1_000_000, 0.2, 1), (300_000, 2.0, 0)]
)
def test_a_narrow_line_finds_its_layer_and_keeps_it(
    seed: int, rate: float, depth: float, layer: int
) -> None:
    narrow = call(seed, rate=rate, depth=depth)
    narrow.run(40)
    assert narrow.layer() == layer
    assert narrow.changes(12, 40) <= 1, narrow.picture().layers
    assert narrow.frames(12, 40) > 11
    assert narrow.sound_lost(12, 38) < 0.01


def test_the_queue_of_a_narrow_line_stays_short_once_it_is_known() -> None:
    narrow = call(rate=600_000, depth=2.0)
    narrow.run(12)
    narrow.down.longest_queue = 0
    narrow.run(30)
    assert narrow.down.longest_queue < 0.4


def test_a_line_that_drops_instead_of_queueing_is_told_from_random_loss() -> None:
    policed = call(rate=600_000, depth=0.06)
    policed.run(40)
    budget = policed.downlink.budget(policed.world.now)
    assert budget is not None
    assert budget < 650_000
    assert policed.frames(6, 40) > 10
    assert policed.sound_lost(4, 38) < 0.02


def test_sound_and_nothing_else_fits_64_kbit_a_second_away() -> None:
    thin = call(rate=64_000, delay=0.5)
    thin.run(40)
    assert thin.paused[-1][1:] == ("TR_0", True)
    # What was sent before the line was known takes long to run out: sound alone fills it.
    assert thin.sound_lost(16, 36) < 0.02


def test_an_outage_of_thirty_seconds_ends_with_picture_and_sound_within_a_second() -> None:
    broken = call()
    broken.run(8)
    broken.down.down = broken.up.down = True
    broken.run(30)
    assert broken.paused == [(broken.paused[0][0], "TR_0", True)]
    broken.down.down = broken.up.down = False
    broken.run(12)
    assert broken.paused[-1][1:] == ("TR_0", False)
    assert broken.picture().shown[39] > 15, timeline(broken, range(36, 45))
    assert broken.layer() == 2
    assert broken.sound_lost(39, 49) == 0


@pytest.mark.parametrize("delay", [0.2, 0.5])
def test_a_longer_route_is_not_mistaken_for_a_queue(delay: float) -> None:
    moved = call()
    moved.run(8)
    moved.down.delay = delay
    moved.run(20)
    assert moved.layer() == 2
    assert moved.changes(1, 28) == 0
    assert moved.frames(9, 28) > 22


def test_small_tiles_are_kept_fluent_and_the_speaker_is_served_first() -> None:
    cell = call(cameras=6, rate=1_500_000)
    for index in range(6):
        width, height = SIZES[2] if index == 5 else SIZES[0]
        cell.wish(Wish(width=width, height=height), index)
    cell.downlink.speaking({"TR_2"})
    cell.run(30)
    assert [cell.layer(index) for index in range(6)] == [0, 0, 0, 0, 0, 1]
    for index in range(6):
        assert cell.frames(12, 30, index) > 10
    assert cell.sound_lost(6, 28) < 0.01


def test_pictures_are_paused_rather_than_all_starved_and_the_speaker_stays() -> None:
    cell = call(cameras=6, rate=330_000)
    for index in range(6):
        cell.wish(Wish(width=320, height=180), index)
    cell.downlink.speaking({"TR_4"})
    cell.run(30)
    told = {sid: paused for _, sid, paused in cell.paused}
    assert not told.get("TR_4", False)
    assert cell.frames(12, 30, 4) > 10
    assert sum(told.values()) >= 2
    shown = [index for index in range(6) if not told.get(f"TR_{index}", False)]
    for index in shown:
        assert cell.frames(15, 30, index) > 5
    assert cell.sound_lost(8, 28) < 0.01


def test_a_wished_frame_rate_is_kept_to() -> None:
    calm = call()
    calm.wish(Wish(frames=12))
    calm.run(15)
    assert 10 < calm.frames(6, 15) < 14
    calm.wish(Wish(frames=6))
    calm.run(10)
    assert 5 < calm.frames(17, 25) < 7
    calm.wish(Wish())
    calm.run(10)
    assert calm.frames(27, 35) > 23
    assert calm.layer() == 2


def test_a_layer_that_falls_silent_is_replaced_within_a_second() -> None:
    camera = call()
    camera.run(5)
    camera.cameras[0].silent.add(2)
    camera.run(5)
    (at, layer) = camera.picture().layers[-1]
    assert layer == 1
    assert at - 5 <= 1.05
    camera.cameras[0].silent.clear()
    camera.run(3)
    assert camera.layer() == 2


def test_without_transport_wide_feedback_a_squeeze_is_met_too() -> None:
    old = Call(feedback=False)
    old.run(5)
    old.down.rate = 300_000
    old.run(25)
    assert old.layer() == 0
    assert old.frames(10, 30) > 5, timeline(old, range(30))


def test_a_recorder_gets_everything_whatever_its_line_reports() -> None:
    recorder = call(loss=0.3)
    recorder.downlink.unlimited = True
    recorder.run(15)
    assert recorder.layer() == 2
    assert not recorder.paused

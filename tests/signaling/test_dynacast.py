"""Which layers publishers are told to send."""

from __future__ import annotations

from livekit.protocol.models import VideoQuality

from signaling.dynacast import PAUSE_DELAY, Dynacast, announcement
from signaling.sfu.downlink import OFF


def test_more_is_asked_for_at_once_and_less_only_after_a_while() -> None:
    dynacast = Dynacast()
    assert dynacast.look("TR_1", [0, 1], 10.0) == 1
    assert dynacast.look("TR_1", [2, OFF], 10.5) == 2
    assert dynacast.look("TR_1", [0], 11.0) is None
    assert dynacast.look("TR_1", [0], 11.0 + PAUSE_DELAY - 0.5) is None
    assert dynacast.look("TR_1", [0], 11.0 + PAUSE_DELAY) == 0
    assert dynacast.look("TR_1", [0], 30.0) is None


def test_who_scrolls_back_in_time_changes_nothing() -> None:
    dynacast = Dynacast()
    dynacast.look("TR_1", [2], 10.0)
    assert dynacast.look("TR_1", [0], 11.0) is None
    assert dynacast.look("TR_1", [2], 14.0) is None
    assert dynacast.look("TR_1", [0], 15.0) is None
    assert dynacast.look("TR_1", [0], 15.0 + PAUSE_DELAY) == 0


def test_a_track_nobody_takes_is_switched_off_but_not_a_fresh_one() -> None:
    dynacast = Dynacast()
    assert dynacast.look("TR_1", [], 10.0) is None
    assert dynacast.look("TR_1", [OFF, OFF], 100.0) is None
    assert dynacast.look("TR_1", [1], 101.0) == 1
    dynacast.look("TR_1", [], 102.0)
    assert dynacast.look("TR_1", [], 102.0 + PAUSE_DELAY) == OFF
    assert dynacast.look("TR_1", [0], 120.0) == 0


def test_after_a_resume_the_publisher_is_told_anew() -> None:
    dynacast = Dynacast()
    assert dynacast.look("TR_1", [1], 10.0) == 1
    assert dynacast.look("TR_1", [1], 11.0) is None
    dynacast.forget("TR_1")
    assert dynacast.look("TR_1", [1], 12.0) == 1


def test_the_best_layer_means_every_quality_and_old_clients_are_told_too() -> None:
    def told(top: int, layers: int) -> list[bool]:
        update = announcement("TR_1", "vp8", top, layers).subscribed_quality_update
        assert update.track_sid == "TR_1"
        assert list(update.subscribed_codecs[0].qualities) == list(update.subscribed_qualities)
        assert [q.quality for q in update.subscribed_qualities] == [
            VideoQuality.LOW,
            VideoQuality.MEDIUM,
            VideoQuality.HIGH,
        ]
        return [q.enabled for q in update.subscribed_qualities]

    assert told(2, 3) == [True, True, True]
    assert told(1, 3) == [True, True, False]
    assert told(0, 3) == [True, False, False]
    assert told(OFF, 3) == [False, False, False]
    assert told(0, 1) == [True, True, True]
    assert told(1, 2) == [True, True, True]

from recording.timing import WINDOW_NS, LeastOffset, TrackClock

MS = 1_000_000
SECOND = 1000 * MS
THEIRS = 7_000 * SECOND  # the publisher's clock is this far behind ours


def test_a_delayed_picture_stays_with_its_sound() -> None:
    publisher = LeastOffset()
    sound, picture = TrackClock(48_000, publisher), TrackClock(90_000, publisher)
    sound.report(0, 0)
    picture.report(0, 0)
    for n in range(100):
        captured = n * 100 * MS
        sound.arrived(n * 4800, THEIRS + captured + 20 * MS)
        picture.arrived(n * 9000, THEIRS + captured + 320 * MS)
    assert sound.utc_ns(480_000) - THEIRS == 10 * SECOND + 20 * MS
    assert picture.utc_ns(900_000) == sound.utc_ns(480_000)


def test_without_reports_the_fastest_packet_dates_the_track() -> None:
    clock = TrackClock(48_000, LeastOffset())
    for n, delay in enumerate((90, 30, 250, 40)):
        clock.arrived(n * 4800, 5 * SECOND + n * 100 * MS + delay * MS)
    assert not clock.by_report
    assert clock.utc_ns(0) == 5 * SECOND + 30 * MS


def test_a_clock_that_runs_slow_is_followed() -> None:
    publisher = LeastOffset()
    clock = TrackClock(90_000, publisher)
    drift = 1.0002
    for n in range(1800):
        captured = n * 100 * MS
        clock.report(captured, n * 9000)
        clock.arrived(n * 9000, int(captured * drift))
    late = 1799 * 100 * MS
    assert abs(clock.utc_ns(1799 * 9000) - int(late * drift)) < 2 * WINDOW_NS * 0.0002

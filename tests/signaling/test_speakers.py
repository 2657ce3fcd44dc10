from signaling.sfu.speakers import WINDOW, Speakers


def talk(speakers: Speakers, now: float, sid: str, level: int, packets: int = 20) -> float:
    for _ in range(packets):
        speakers.level(sid, level)
    return now + WINDOW


def test_who_speaks_is_announced_once_and_cleared_when_silent() -> None:
    speakers, now = Speakers(), 0.0
    now = talk(speakers, now, "PA_a", 10)
    (first,) = speakers.changes(now)
    assert first.active
    assert 0 < first.level <= 1
    assert speakers.current()
    told = []
    for _ in range(10):
        now = talk(speakers, now, "PA_a", 127)
        told += speakers.changes(now)
    assert [s.active for s in told][-1] is False
    assert not speakers.current()


def test_a_click_is_not_speech() -> None:
    speakers = Speakers()
    now = talk(speakers, 0.0, "PA_a", 127, 18)
    talk(speakers, 0.0, "PA_a", 5, 2)
    assert speakers.changes(now) == []


def test_a_silenced_sender_stops_speaking() -> None:
    speakers = Speakers()
    now = talk(speakers, 0.0, "PA_a", 10)
    speakers.changes(now)
    told = []
    for _ in range(10):
        now += WINDOW
        told += speakers.changes(now)
    assert told[-1].active is False

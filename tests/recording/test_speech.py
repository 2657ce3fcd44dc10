from recording.speech import Speech, SpeechLog
from signaling.client.rtp import SILENT

SECOND = 1_000_000_000


def told(log: SpeechLog, levels: list[int]) -> list[Speech]:
    """One level a second, from second 1."""
    out = []
    for now, level in enumerate(levels, 1):
        log.level("an", level, now * SECOND)
        out += log.tick(now * SECOND)
    return out


def test_a_breath_does_not_end_a_speech_but_a_pause_does() -> None:
    (speech,) = told(SpeechLog(), [20, SILENT, 15, 30, SILENT, SILENT, SILENT])
    assert (speech.from_ms, speech.to_ms) == (1000, 4000)
    assert speech.level == round(1 - 15 / 127, 3)


def test_a_long_speech_is_written_in_parts_without_a_hole() -> None:
    log = SpeechLog()
    parts = told(log, [20] * 130) + log.finish()
    assert len(parts) == 3
    assert [part.from_ms for part in parts[1:]] == [part.to_ms for part in parts[:-1]]
    assert (parts[0].from_ms, parts[-1].to_ms) == (1000, 130_000)


def test_whoever_is_announced_speaks_until_announced_silent() -> None:
    log = SpeechLog()
    log.announced("an", 0.25, SECOND)
    assert log.tick(9 * SECOND) == []
    log.announced("an", 0.0, 9 * SECOND)
    (speech,) = log.tick(11 * SECOND)
    assert speech == Speech("an", 1000, 9000, 0.25)

"""Who was heard from when to when, from levels reported now and then. Pure."""

from dataclasses import dataclass

from signaling.client.rtp import SILENT

PAUSE_NS = 1_500_000_000  # a breath within a speech
LONGEST_NS = 60_000_000_000  # a long speech is written in parts, so that a crash loses little
HEARD_DBOV = 50  # louder than -50 dBov counts as speech
MS = 1_000_000


@dataclass(frozen=True, slots=True)
class Speech:
    participant: str
    from_ms: int
    to_ms: int
    level: float  # the loudest moment, 0 to 1


@dataclass(slots=True)
class _Speaking:
    since_ns: int
    until_ns: int
    level: float
    holding: bool  # said to be speaking until said otherwise


class SpeechLog:
    def __init__(self) -> None:
        self._speaking: dict[str, _Speaking] = {}

    def level(self, participant: str, dbov: int, now_ns: int) -> None:
        """The loudest level of the second before `now_ns`."""
        if dbov < HEARD_DBOV:
            self._heard(participant, 1 - dbov / SILENT, now_ns, holding=False)

    def announced(self, participant: str, level: float, now_ns: int) -> None:
        """The server says that somebody speaks, or with level 0 that he stopped."""
        if level > 0:
            self._heard(participant, level, now_ns, holding=True)
        elif participant in self._speaking:
            self._speaking[participant].holding = False

    def tick(self, now_ns: int) -> list[Speech]:
        done = []
        for participant, speaking in list(self._speaking.items()):
            if speaking.holding:
                speaking.until_ns = now_ns
            quiet = now_ns - speaking.until_ns > PAUSE_NS
            if quiet or now_ns - speaking.since_ns > LONGEST_NS:
                done.append(_speech(participant, speaking))
                if quiet:
                    del self._speaking[participant]
                else:
                    speaking.since_ns = speaking.until_ns
        return done

    def finish(self) -> list[Speech]:
        done = [_speech(*item) for item in self._speaking.items()]
        self._speaking.clear()
        return done

    def _heard(self, participant: str, level: float, now_ns: int, *, holding: bool) -> None:
        speaking = self._speaking.get(participant)
        if speaking is None:
            self._speaking[participant] = _Speaking(now_ns, now_ns, level, holding)
            return
        speaking.until_ns = now_ns
        speaking.level = max(speaking.level, level)
        speaking.holding = holding


def _speech(participant: str, speaking: _Speaking) -> Speech:
    level = round(speaking.level, 3)
    return Speech(participant, speaking.since_ns // MS, speaking.until_ns // MS, level)

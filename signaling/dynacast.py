"""Which layers of a track its publisher should send: those that somebody asks for. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from livekit.protocol.models import VideoQuality
from livekit.protocol.rtc import (
    SignalResponse,
    SubscribedCodec,
    SubscribedQuality,
    SubscribedQualityUpdate,
)

from signaling.sfu.downlink import OFF

PAUSE_DELAY = 5.0  # seconds before a layer nobody takes is switched off: people scroll back


class Dynacast:
    """What publishers were told. More is asked for at once, less only after PAUSE_DELAY.

    Wishes count, not what a narrow line lets through: else no line could become better.
    """

    def __init__(self) -> None:
        self._announced: dict[str, int] = {}
        self._less_since: dict[str, float] = {}

    def look(self, track_sid: str, wishes: Iterable[int], now: float) -> int | None:
        """The largest layer to announce now (OFF for none); None if there is nothing new.

        A fresh track runs whole until somebody has had the time to ask for it.
        """
        top = max(wishes, default=OFF)
        before = self._announced.get(track_sid)
        if top == before or (before is None and top == OFF):
            self._less_since.pop(track_sid, None)
            return None
        if before is not None and top < before:
            since = self._less_since.setdefault(track_sid, now)
            if now - since < PAUSE_DELAY:
                return None
        self._less_since.pop(track_sid, None)
        self._announced[track_sid] = top
        return top

    def forget(self, track_sid: str) -> None:
        """The track has ended, or its publisher may have missed what it was told."""
        self._announced.pop(track_sid, None)
        self._less_since.pop(track_sid, None)


def announcement(track_sid: str, codec: str, top: int, layers: int) -> SignalResponse:
    """Tells a publisher to send the layers up to `top` of so many; the best means the whole."""
    whole = top >= layers - 1
    qualities = [
        SubscribedQuality(quality=quality, enabled=top != OFF and (whole or quality <= top))
        for quality in (VideoQuality.LOW, VideoQuality.MEDIUM, VideoQuality.HIGH)
    ]
    return SignalResponse(
        subscribed_quality_update=SubscribedQualityUpdate(
            track_sid=track_sid,
            subscribed_qualities=qualities,
            subscribed_codecs=[SubscribedCodec(codec=codec, qualities=qualities)],
        )
    )

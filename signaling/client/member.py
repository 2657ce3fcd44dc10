"""A synthetic member: shows a pre-encoded picture and speaks pre-encoded speech when unmuted."""

from pathlib import Path

from signaling.client import assets
from signaling.client.client import HeadlessClient, Token
from signaling.client.interface import QuietHandler


class _Deaf(QuietHandler):
    """A member for show receives nothing, which is what keeps eight of them cheap."""

    def __init__(self) -> None:
        self.expelled = ""

    def on_closed(self, reason: str, final: bool) -> None:
        if final:
            self.expelled = reason


class SyntheticMember:
    """Joins with camera on and microphone muted. `token` as for HeadlessClient; `video` and
    `audio` are asset files (`assets.read`); without one, that track is not published."""

    def __init__(
        self,
        url: str,
        token: Token,
        *,
        video: Path | None = None,
        audio: Path | None = None,
        muted: bool = True,
    ) -> None:
        self._handler = _Deaf()
        self._client = HeadlessClient(url, token, self._handler, auto_subscribe=False)
        if video is not None:
            self._client.publish_video(assets.read(video))
        self._microphone = (
            self._client.publish_audio(assets.read(audio), muted=muted) if audio else None
        )

    @property
    def connected(self) -> bool:
        return self._client.connected

    @property
    def expelled(self) -> str:
        """Why the server sent this member away for good; empty while it did not."""
        return self._handler.expelled

    async def start(self) -> None:
        await self._client.start()

    async def stop(self) -> None:
        await self._client.stop()

    def mute(self, muted: bool = True) -> None:
        if self._microphone is not None:
            self._client.set_muted(self._microphone, muted)

    @property
    def muted(self) -> bool:
        return self._microphone is None or self._microphone.muted

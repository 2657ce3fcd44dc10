"""A synthetic member: shows a pre-encoded picture and speaks pre-encoded speech when unmuted."""

from collections.abc import Sequence
from pathlib import Path

from signaling.client import assets
from signaling.client.client import HeadlessClient, Token
from signaling.client.interface import Participant, RemoteTrack


class _Deaf:
    """A member for show receives nothing, which is what keeps eight of them cheap."""

    def __init__(self) -> None:
        self.expelled = ""

    def on_connected(self, room_sid: str) -> None:
        pass

    def on_track(self, track: RemoteTrack) -> None:
        pass

    def on_rtp(self, track: RemoteTrack, packet: bytes, arrival_ns: int) -> None:
        pass

    def on_sender_report(self, track: RemoteTrack, ntp: int, rtp: int, arrival_ns: int) -> None:
        pass

    def on_track_muted(self, track_sid: str, muted: bool) -> None:
        pass

    def on_track_ended(self, track: RemoteTrack) -> None:
        pass

    def on_participants(self, participants: Sequence[Participant]) -> None:
        pass

    def on_speakers(self, levels: Sequence[tuple[str, float]]) -> None:
        pass

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

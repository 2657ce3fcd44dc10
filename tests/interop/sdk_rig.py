"""Participants on the LiveKit Python SDK that show, play, watch and listen; and headless ones."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import numpy as np
from livekit import rtc

from signaling.client.interface import RemoteTrack

WIDTH, HEIGHT = 320, 180


async def until(condition: Callable[[], object], seconds: float = 20) -> None:
    deadline = asyncio.get_running_loop().time() + seconds
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, "never happened"
        await asyncio.sleep(0.02)


class Watcher:
    """A participant that counts the frames it decodes and notes how loud the sound was."""

    def __init__(self) -> None:
        self.room = rtc.Room()
        self.frames: dict[str, int] = {}
        self.loudness: dict[str, int] = {}
        self.subscribed: set[str] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self.room.on("track_subscribed", self._on_track)

    def _on_track(
        self,
        track: rtc.RemoteTrack,
        publication: rtc.RemoteTrackPublication,
        participant: rtc.RemoteParticipant,
    ) -> None:
        self.subscribed.add(publication.sid)
        work = self._watch if track.kind == rtc.TrackKind.KIND_VIDEO else self._listen
        self._tasks.append(asyncio.create_task(work(track, participant.identity)))

    async def _watch(self, track: rtc.RemoteTrack, identity: str) -> None:
        async for _ in rtc.VideoStream(track):
            self.frames[identity] = self.frames.get(identity, 0) + 1

    async def _listen(self, track: rtc.RemoteTrack, identity: str) -> None:
        async for event in rtc.AudioStream(track):
            peak = int(np.abs(np.frombuffer(event.frame.data, dtype=np.int16)).max())
            self.loudness[identity] = max(self.loudness.get(identity, 0), peak)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await self.room.disconnect()


class Speaker(Watcher):
    """A participant that shows a changing grey and plays a tone."""

    async def publish(self, video: bool = True, simulcast: bool = False) -> None:
        self._sound = rtc.AudioSource(48000, 1)
        track = rtc.LocalAudioTrack.create_audio_track("mic", self._sound)
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        await self.room.local_participant.publish_track(track, options)
        self._tasks.append(asyncio.create_task(self._play()))
        if video:
            self._picture = rtc.VideoSource(WIDTH, HEIGHT)
            shown = rtc.LocalVideoTrack.create_video_track("camera", self._picture)
            await self.room.local_participant.publish_track(
                shown,
                rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_CAMERA, simulcast=simulcast),
            )
            self._tasks.append(asyncio.create_task(self._show()))

    async def _play(self) -> None:
        frame = rtc.AudioFrame.create(48000, 1, 960)
        tone = 8000 * np.sin(np.arange(960) * 2 * np.pi * 500 / 48000)
        np.frombuffer(frame.data, dtype=np.int16)[:] = tone.astype(np.int16)
        while True:
            await self._sound.capture_frame(frame)

    async def _show(self) -> None:
        shade = 0
        while True:
            shade = (shade + 8) % 256
            picture = bytes((shade,)) * (WIDTH * HEIGHT * 3 // 2)
            self._picture.capture_frame(
                rtc.VideoFrame(WIDTH, HEIGHT, rtc.VideoBufferType.I420, picture)
            )
            await asyncio.sleep(0.1)


class Counter:
    """A headless client's handler that counts the packets of each participant."""

    def __init__(self) -> None:
        self.packets: dict[str, int] = {}

    def on_rtp(self, track: RemoteTrack, packet: bytes, arrival_ns: int) -> None:
        who = track.participant_identity
        self.packets[who] = self.packets.get(who, 0) + 1

    def _ignore(self, *_: object) -> None:
        pass

    on_connected = on_track = on_sender_report = on_track_muted = on_track_ended = _ignore
    on_participants = on_speakers = on_closed = _ignore

"""The media rooms are held to the session: observed by participants at a running engine."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from livekit import rtc

from server.app import build_services
from server.config import Config
from tests.interop.engine_rig import KEY, SECRET, EngineProcess, running_engine
from tests.server.session.town import (
    Person,
    application,
    heard,
    persons,
    recorder,
    settings,
    settle,
)

PATIENCE = 15  # seconds; the keeper looks every 3


@pytest.fixture(scope="module")
def engine() -> Iterator[EngineProcess]:
    with running_engine() as process:
        yield process


@pytest.fixture
async def town(tmp_path: Path, engine: EngineProcess) -> AsyncIterator[dict[str, Person]]:
    more = {
        "LIVEKIT_API_KEY": KEY,
        "LIVEKIT_API_SECRET": SECRET,
        "LIVEKIT_INTERNAL_URL": engine.http,
        "LIVEKIT_URL": engine.url,
    }
    config = Config.load(settings(tmp_path, **more))
    tokens = await settle(config)
    services = build_services(config)
    async with application(config) as address, persons(services, tokens, address) as people:
        with recorder(services):
            yield people
    services.database.close()


async def entered(person: Person) -> tuple[rtc.Room, asyncio.Event, str]:
    """A member's LiveKit client in the room, what tells that it was put out, and its token."""
    answer = (await person.post("media-token", {})).json()
    room, out = rtc.Room(), asyncio.Event()
    room.on("disconnected", lambda *_: out.set())
    await room.connect(answer["url"], answer["token"])
    return room, out, answer["token"]


async def connected(viewer: Person, n: int) -> None:
    """Until the view shows that person's line."""
    for _ in range(100):
        if (await viewer.view())["people"][n]["connected"]:
            return
        await asyncio.sleep(0.05)
    raise TimeoutError


async def microphone(room: rtc.Room) -> rtc.LocalTrackPublication:
    track = rtc.LocalAudioTrack.create_audio_track("mic", rtc.AudioSource(48000, 1))
    options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
    return await room.local_participant.publish_track(track, options)


async def test_a_muted_member_falls_silent_and_a_removed_one_is_put_out_and_kept_out(
    town: dict[str, Person], engine: EngineProcess
) -> None:
    chair, other = town["p01"], town["p02"]
    async with chair.live() as one, other.live() as two:
        await heard(one, "snapshot")
        await heard(two, "snapshot")
        room, out, token = await entered(other)
        muted = asyncio.Event()
        room.on("track_muted", lambda *_: muted.set())
        await microphone(room)
        await connected(chair, 1)
        async with asyncio.timeout(PATIENCE):
            await chair.give("mute", person="p02", source="microphone")
            await muted.wait()
            await chair.give("remove", person="p02", reason="Gây rối trật tự")
            await out.wait()
        again, put_out = rtc.Room(), asyncio.Event()
        again.on("disconnected", lambda *_: put_out.set())
        await again.connect(engine.url, token)  # still within its minute
        async with asyncio.timeout(PATIENCE):
            await put_out.wait()
        await room.disconnect()
        await again.disconnect()


async def test_an_ended_session_has_no_media_room(town: dict[str, Person]) -> None:
    chair = town["p01"]
    async with chair.live() as socket:
        await heard(socket, "snapshot")
        room, out, _ = await entered(town["p03"])
        await chair.give("abandon", reason="Lũ về")
        async with asyncio.timeout(PATIENCE):
            await out.wait()
        refused = await town["p03"].post("media-token", {})
        assert refused.status_code == 409
        await room.disconnect()


async def test_the_session_goes_on_when_the_engine_is_down_and_says_so(
    town: dict[str, Person], engine: EngineProcess
) -> None:
    chair = town["p01"]
    async with chair.live() as socket:
        assert (await heard(socket, "snapshot"))["view"]["media_down"] is False
        engine.stop()
        down: dict[str, Any] = {}
        async with asyncio.timeout(PATIENCE):
            while not down.get("media_down"):
                down = (await heard(socket, "update"))["patch"]
        await chair.give("allow-chat", allowed=True)
        engine.start()
        async with asyncio.timeout(PATIENCE):
            while down.get("media_down") is not False:
                down = (await heard(socket, "update"))["patch"]

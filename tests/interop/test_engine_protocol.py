"""What a user of the protocol notices: choices, rights, data, reasons, tokens, resumes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import jwt
import pytest
import pytest_asyncio
from engine_rig import (
    CHROMIUM,
    CHROMIUM_ARGUMENTS,
    KEY,
    SECRET,
    EngineProcess,
    page_server,
    running_engine,
    sees_and_hears,
    token,
)
from engine_rig import until as page_until
from livekit import api, rtc
from livekit.protocol.rtc import SignalRequest, SignalResponse
from playwright.async_api import Browser, Page, async_playwright
from sdk_rig import Counter, Speaker, Watcher, until
from websockets.asyncio.client import ClientConnection, connect

from recording import synthetic
from signaling.client import assets
from signaling.client.client import HeadlessClient

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


@pytest.fixture(scope="module")
def engine() -> Iterator[EngineProcess]:
    with running_engine() as process:
        yield process


@pytest_asyncio.fixture(loop_scope="module")
async def service(engine: EngineProcess) -> AsyncIterator[api.LiveKitAPI]:
    client = api.LiveKitAPI(engine.http, KEY, SECRET)
    yield client
    await client.aclose()


@pytest.fixture(scope="module")
def page_url() -> Iterator[str]:
    with page_server() as url:
        yield url


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=CHROMIUM_ARGUMENTS
        )
        yield launched
        await launched.close()


async def page_in(
    chromium: Browser, url: str, engine: EngineProcess, room: str, identity: str, **options: object
) -> Page:
    page = await chromium.new_page()
    await page.goto(url)
    await page.evaluate("a => join(...a)", [engine.url, token(identity, room), options])
    return page


@pytest.mark.parametrize("single", [True, False], ids=["single", "dual"])
async def test_tracks_are_taken_by_choice_of_the_client_or_of_the_server(
    engine: EngineProcess,
    service: api.LiveKitAPI,
    page_url: str,
    chromium: Browser,
    single: bool,
) -> None:
    room = f"choice-{single}"
    lan = await page_in(chromium, page_url, engine, room, "lan", single=single)
    await lan.evaluate("publish()")
    minh = await page_in(
        chromium, page_url, engine, room, "minh", single=single, autoSubscribe=False
    )
    published = "room.remoteParticipants.get('lan')?.trackPublications.size === 2"
    await page_until(minh, published)
    assert not await minh.evaluate("events.some(e => e.name === 'trackSubscribed')")
    await minh.evaluate("subscribed('lan', true)")
    await page_until(minh, sees_and_hears("lan", 3))
    tracks = await minh.evaluate(
        "[...room.remoteParticipants.get('lan').trackPublications.values()].map(p => p.trackSid)"
    )
    await service.room.update_subscriptions(
        api.UpdateSubscriptionsRequest(
            room=room, identity="minh", track_sids=tracks, subscribe=False
        )
    )
    await page_until(minh, "events.filter(e => e.name === 'trackUnsubscribed').length === 2")
    for page in (lan, minh):
        await page.close()


async def test_a_disabled_track_rests_and_a_size_chooses_its_layer(
    engine: EngineProcess, page_url: str, chromium: Browser
) -> None:
    lan = await page_in(chromium, page_url, engine, "settings", "lan", width=640, height=360)
    await lan.evaluate("publish(true, false)")
    minh = await page_in(chromium, page_url, engine, "settings", "minh")
    camera = "room.remoteParticipants.get('lan').getTrackPublication('camera')"
    await page_until(minh, "received().then(r => r.lan?.width === 640)")
    await minh.evaluate(f"{camera}.setVideoDimensions({{ width: 160, height: 90 }})")
    await page_until(minh, "received().then(r => r.lan.width === 320)")
    await minh.evaluate(f"{camera}.setEnabled(false)")
    # Nothing comes once what was on its way has arrived.
    still = "(async () => { const before = (await received()).lan.frames;"
    still += " await new Promise(r => setTimeout(r, 700));"
    still += " return (await received()).lan.frames === before; })()"
    await page_until(minh, still)
    await minh.evaluate(f"{camera}.setEnabled(true)")
    frames = await minh.evaluate("received().then(r => r.lan.frames)")
    await page_until(minh, f"received().then(r => r.lan.frames > {frames} + 5)")
    for page in (lan, minh):
        await page.close()


async def test_a_resume_gives_every_connection_new_ice_credentials(
    engine: EngineProcess, page_url: str, chromium: Browser
) -> None:
    """The network may have changed: both transports of dual mode must find their way anew."""
    lan = await page_in(chromium, page_url, engine, "restart", "lan", single=False)
    minh = await page_in(chromium, page_url, engine, "restart", "minh", single=False)
    for page in (lan, minh):
        await page.evaluate("publish()")
    await page_until(minh, sees_and_hears("lan", 3))
    ufrags = (
        "connections.map(c => c.remoteDescription.sdp.match(/ice-ufrag:(\\S+)/)[1])"
        ".concat(connections.map(c => c.localDescription.sdp.match(/ice-ufrag:(\\S+)/)[1]))"
    )
    before = await minh.evaluate(ufrags)
    await minh.evaluate("room.simulateScenario('signal-reconnect')")
    await page_until(minh, "events.some(e => e.name.match(/[rR]econnected/))")
    await page_until(
        minh, f"{ufrags}.every((u, i) => u !== {before}[i])".replace("'", '"'), seconds=10
    )
    frames = await minh.evaluate("received().then(r => r.lan.frames)")
    await page_until(minh, f"received().then(r => r.lan.frames > {frames} + 5)")
    frames = await lan.evaluate("received().then(r => r.minh.frames)")
    await page_until(lan, f"received().then(r => r.minh.frames > {frames} + 5)")
    for page in (lan, minh):
        await page.close()


async def test_own_name_metadata_and_attributes_change_only_with_the_right(
    engine: EngineProcess,
) -> None:
    lan, minh = Watcher(), Watcher()
    await lan.room.connect(engine.url, token("lan", "own", can_update_own_metadata=True))
    await minh.room.connect(engine.url, token("minh", "own"))
    await lan.room.local_participant.set_attributes({"hand": "up"})
    await lan.room.local_participant.set_metadata("speaking")
    seen = minh.room.remote_participants
    await until(lambda: seen["lan"].attributes.get("hand") == "up")
    await until(lambda: seen["lan"].metadata == "speaking")
    await minh.room.local_participant.set_metadata("chair")  # the SDK hides the refusal
    await minh.room.local_participant.set_name("chair")
    await lan.room.local_participant.set_attributes({"hand": ""})
    await until(lambda: "hand" not in seen["lan"].attributes)
    assert lan.room.remote_participants["minh"].metadata == ""
    assert lan.room.remote_participants["minh"].name == "minh"
    for member in (lan, minh):
        await member.close()


async def test_data_is_lossy_or_reliable_and_for_all_or_for_some(engine: EngineProcess) -> None:
    people = {name: Watcher() for name in ("lan", "minh", "hoa")}
    got: dict[str, list[tuple[bytes, str]]] = {name: [] for name in people}
    for name, member in people.items():

        def note(packet: rtc.DataPacket, name: str = name) -> None:
            sender = packet.participant.identity if packet.participant else ""
            got[name].append((packet.data, sender))

        member.room.on("data_received", note)
        await member.room.connect(engine.url, token(name, "packets"))
    send = people["lan"].room.local_participant.publish_data
    for _ in range(100):  # lossy packets may be lost; so may any before the channels are open
        await send(b"lossy", reliable=False)
        await send(b"for hoa", destination_identities=["hoa"])
        await asyncio.sleep(0.05)
        if (b"lossy", "lan") in got["minh"] and (b"for hoa", "lan") in got["hoa"]:
            break
    await send(b"last")
    for name in ("minh", "hoa"):
        await until(lambda name=name: (b"last", "lan") in got[name])
        assert (b"lossy", "lan") in got[name]
    assert b"for hoa" not in dict(got["minh"])
    assert not got["lan"]
    for member in people.values():
        await member.close()


async def test_a_revoked_publisher_is_cut_off_though_it_goes_on_sending(
    engine: EngineProcess, service: api.LiveKitAPI, tmp_path: Path
) -> None:
    """The headless client ignores the news; nothing of what it sends may be passed on."""
    synthetic.portrait(tmp_path / "card", "Lan", 120, seconds=2)
    counter = Counter()
    watcher = HeadlessClient(engine.url, token("minh", "revoked"), counter)
    publisher = HeadlessClient(engine.url, token("lan", "revoked"), Counter())
    publisher.publish_video(assets.read(tmp_path / "card"))
    for client in (watcher, publisher):
        await client.start()
    await until(lambda: counter.packets.get("lan", 0) > 10)
    await service.room.update_participant(
        api.UpdateParticipantRequest(
            room="revoked",
            identity="lan",
            permission=api.ParticipantPermission(can_subscribe=True, can_publish=False),
        )
    )
    await asyncio.sleep(0.1)  # what was already on the wire
    before = counter.packets["lan"]
    await asyncio.sleep(1)
    assert counter.packets["lan"] == before
    listed = await service.room.get_participant(
        api.RoomParticipantIdentity(room="revoked", identity="lan")
    )
    assert not listed.tracks
    for client in (watcher, publisher):
        await client.stop()


async def test_everybody_is_told_why_it_is_over(
    engine: EngineProcess, service: api.LiveKitAPI
) -> None:
    lan, minh = Watcher(), Watcher()
    ended: list[object] = []
    gone: list[object] = []
    lan.room.on("disconnected", ended.append)
    lan.room.on("participant_disconnected", lambda who: gone.append(who.disconnect_reason))
    await lan.room.connect(engine.url, token("lan", "over"))
    await minh.room.connect(engine.url, token("minh", "over"))
    await until(lambda: "minh" in lan.room.remote_participants)
    await minh.close()
    await until(lambda: gone)
    assert gone == [rtc.DisconnectReason.CLIENT_INITIATED]
    await service.room.delete_room(api.DeleteRoomRequest(room="over"))
    await until(lambda: ended)
    assert ended == [rtc.DisconnectReason.ROOM_DELETED]
    await lan.close()


async def heard(socket: ClientConnection, kind: str) -> SignalResponse:
    async with asyncio.timeout(5):
        while True:
            message = SignalResponse.FromString(bytes(await socket.recv(decode=False)))
            if message.WhichOneof("message") == kind:
                return message


async def test_a_fresh_token_comes_at_once_and_whenever_rights_change(
    engine: EngineProcess, service: api.LiveKitAPI
) -> None:
    first = token("lan", "tokens")
    async with connect(f"{engine.url}/rtc?access_token={first}") as socket:
        joined = await heard(socket, "join")
        fresh = (await heard(socket, "refresh_token")).refresh_token
        claims = jwt.decode(fresh, SECRET, algorithms=["HS256"])
        assert (claims["sub"], claims["video"]["room"]) == ("lan", "tokens")
        await service.room.update_participant(
            api.UpdateParticipantRequest(
                room="tokens",
                identity="lan",
                permission=api.ParticipantPermission(can_subscribe=True, can_publish=False),
            )
        )
        changed = (await heard(socket, "refresh_token")).refresh_token
        assert jwt.decode(changed, SECRET, algorithms=["HS256"])["video"]["canPublish"] is False
        async with aiohttp.ClientSession() as session:
            answer = await session.get(
                engine.http + "/rtc/validate", params={"access_token": changed}
            )
            assert answer.status == 200
    # It is good for coming back as the same participant.
    query = f"access_token={changed}&reconnect=1&sid={joined.join.participant.sid}"
    async with connect(f"{engine.url}/rtc?{query}") as socket:
        assert await heard(socket, "reconnect")
        await socket.send(SignalRequest(ping=1).SerializeToString())
        await heard(socket, "pong")


async def test_a_publisher_chooses_who_may_take_its_tracks_and_may_change_its_mind(
    engine: EngineProcess,
) -> None:
    lan, minh, hoa = Speaker(), Watcher(), Watcher()
    await lan.room.connect(engine.url, token("lan", "restricted"))
    await minh.room.connect(engine.url, token("minh", "restricted"))
    await hoa.room.connect(engine.url, token("hoa", "restricted"))
    only_hoa = rtc.ParticipantTrackPermission(participant_identity="hoa", allow_all=True)
    lan.room.local_participant.set_track_subscription_permissions(
        allow_all_participants=False, participant_permissions=[only_hoa]
    )
    await lan.publish()
    await until(lambda: hoa.frames.get("lan", 0) > 3 and hoa.loudness.get("lan"))
    assert not minh.subscribed
    lan.room.local_participant.set_track_subscription_permissions(
        allow_all_participants=True, participant_permissions=[]
    )
    await until(lambda: minh.frames.get("lan", 0) > 3)
    for member in (lan, minh, hoa):
        await member.close()

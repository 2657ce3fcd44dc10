"""Unmodified livekit-client pages in Chromium against our engine."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from engine_rig import (
    CHROMIUM,
    CHROMIUM_ARGUMENTS,
    EngineProcess,
    page_server,
    rooms_by_worker,
    running_engine,
    running_workers,
    sees_and_hears,
    token,
    until,
    worker_pids,
)
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from recording import synthetic
from signaling.client.member import SyntheticMember

# One browser and one event loop for all tests of this file; each has its own pages.
pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


@pytest.fixture(scope="module")
def engine() -> Iterator[EngineProcess]:
    with running_engine() as process:
        yield process


@pytest.fixture(scope="module")
def page_url() -> Iterator[str]:
    with page_server() as url:
        yield url


@pytest.fixture(scope="module")
def open_engine() -> Iterator[EngineProcess]:
    with running_engine(CHIBO_MEDIA_CODECS="vp8,h264,vp9,av1") as process:
        yield process


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=CHROMIUM_ARGUMENTS
        )
        yield launched
        await launched.close()


@pytest_asyncio.fixture(loop_scope="module")
async def browser(chromium: Browser) -> AsyncIterator[BrowserContext]:
    context = await chromium.new_context()
    yield context
    await context.close()


async def open_page(browser: BrowserContext, page_url: str) -> Page:
    page = await browser.new_page()
    await page.goto(page_url)
    return page


async def joined(
    browser: BrowserContext,
    page_url: str,
    engine: EngineProcess,
    room: str,
    identity: str,
    publish: bool = True,
    **options: object,
) -> Page:
    page = await open_page(browser, page_url)
    if options.pop("tcp_only", False):
        await page.evaluate("window.tcpOnly = true")
    await page.evaluate("a => join(...a)", [engine.url, token(identity, room), options])
    if publish:
        await page.evaluate("publish()")
    return page


@pytest.mark.parametrize("single", [True, False], ids=["single", "dual"])
async def test_two_pages_see_and_hear_each_other(
    engine: EngineProcess, page_url: str, browser: BrowserContext, single: bool
) -> None:
    room = f"two-{single}"
    lan = await joined(browser, page_url, engine, room, "lan", single=single)
    minh = await joined(browser, page_url, engine, room, "minh", single=single)
    await until(lan, sees_and_hears("minh"))
    await until(minh, sees_and_hears("lan"))
    begun = await until(minh, "events.find(e => e.name === 'begin').at")
    first = await until(minh, "events.find(e => e.name === 'firstFrame')?.at")
    print(f"first frame {first - begun:.0f} ms after join")


async def test_late_joiner_gets_more_tracks_than_its_first_offer_has_sections(
    engine: EngineProcess, page_url: str, browser: BrowserContext, tmp_path: Path
) -> None:
    synthetic.portrait(tmp_path / "card", "Lan", 120, seconds=2)
    synthetic.hum(tmp_path / "hum", seconds=2)
    names = ["lan", "minh", "hoa", "tu", "an"]
    members = {
        name: SyntheticMember(
            engine.url,
            token(name, "late"),
            video=tmp_path / "card",
            audio=tmp_path / "hum",
            muted=False,
        )
        for name in names
    }
    for name in names:
        await members[name].start()
    late = await joined(browser, page_url, engine, "late", "tuan", publish=False)
    for name in names:
        await until(late, sees_and_hears(name, 5))
    await members["lan"].stop()
    await until(late, "room.remoteParticipants.size === 4")
    await until(late, "document.querySelectorAll('video').length === 4")
    again = SyntheticMember(
        engine.url,
        token("lan", "late"),
        video=tmp_path / "card",
        audio=tmp_path / "hum",
        muted=False,
    )
    await again.start()
    await until(late, sees_and_hears("lan", 5))
    for member in [again, *(members[name] for name in names[1:])]:
        await member.stop()


async def test_pictures_and_sound_come_over_tcp_where_udp_is_blocked(
    engine: EngineProcess, page_url: str, browser: BrowserContext
) -> None:
    lan = await joined(browser, page_url, engine, "tcp", "lan", tcp_only=True)
    minh = await joined(browser, page_url, engine, "tcp", "minh", tcp_only=True)
    await until(lan, sees_and_hears("minh"))
    await until(minh, sees_and_hears("lan"))


async def test_mute_unsubscribe_and_unpublish_reach_the_other_side(
    engine: EngineProcess, page_url: str, browser: BrowserContext
) -> None:
    lan = await joined(browser, page_url, engine, "control", "lan")
    minh = await joined(browser, page_url, engine, "control", "minh", publish=False)
    await until(minh, sees_and_hears("lan", 3))
    await lan.evaluate("room.localParticipant.setMicrophoneEnabled(false)")
    await until(minh, "events.some(e => e.name === 'trackMuted')")
    before = await minh.evaluate("received().then(r => r.lan.energy)")
    await lan.evaluate("room.localParticipant.setMicrophoneEnabled(true)")
    await until(minh, f"received().then(r => r.lan.energy > {before})")
    await lan.evaluate("room.localParticipant.setCameraEnabled(false)")
    await lan.evaluate("room.localParticipant.setCameraEnabled(true)")
    frames = await minh.evaluate("received().then(r => r.lan.frames)")
    await until(minh, f"received().then(r => r.lan.frames > {frames} + 3)")
    await minh.evaluate("subscribed('lan', false)")
    await until(minh, "document.querySelectorAll('video').length === 0")
    await minh.evaluate("subscribed('lan', true)")
    await until(minh, sees_and_hears("lan", 3))
    await lan.evaluate(
        "room.localParticipant.unpublishTrack("
        "room.localParticipant.getTrackPublication('camera').track)"
    )
    await until(minh, "document.querySelectorAll('video').length === 0")
    await lan.evaluate("publish(true, false)")
    await until(minh, sees_and_hears("lan", 3))


@pytest.mark.parametrize("codec", ["vp8", "h264"])
async def test_a_viewer_gets_the_layer_it_asks_for(
    open_engine: EngineProcess, page_url: str, browser: BrowserContext, codec: str
) -> None:
    room = f"layers-{codec}"
    await joined(browser, page_url, open_engine, room, "lan", codec=codec, width=640, height=360)
    minh = await joined(browser, page_url, open_engine, room, "minh", publish=False)
    await until(minh, "received().then(r => r.lan?.width === 640)")
    assert await minh.evaluate("codecs('lan')") == f"video/{codec.upper()}"
    for quality, width in ((0, 320), (2, 640), (0, 320)):
        await minh.evaluate(f"quality('lan', {quality})")
        await until(minh, f"received().then(r => r.lan.width === {width})")
        frames = await minh.evaluate("received().then(r => r.lan.frames)")
        await until(minh, f"received().then(r => r.lan.frames > {frames} + 10)")
    assert await minh.evaluate("received().then(r => r.lan.lost)") == 0


async def test_a_publisher_pauses_the_layers_that_nobody_takes(
    engine: EngineProcess, page_url: str, browser: BrowserContext
) -> None:
    lan = await joined(
        browser, page_url, engine, "dynacast", "lan", width=640, height=360, dynacast=True
    )
    minh = await joined(browser, page_url, engine, "dynacast", "minh", publish=False)
    await until(minh, "received().then(r => r.lan?.width === 640)")
    await minh.evaluate("quality('lan', 0)")
    await until(lan, "layersOn() === 'true,false'")
    await until(minh, "received().then(r => r.lan.width === 320)")
    await minh.evaluate("subscribed('lan', false)")
    await until(lan, "layersOn() === 'false,false'")
    await minh.evaluate("subscribed('lan', true)")
    await until(lan, "layersOn().startsWith('true')")
    await until(minh, sees_and_hears("lan", 3))
    await minh.evaluate("quality('lan', 2)")
    await until(lan, "layersOn() === 'true,true'")
    await until(minh, "received().then(r => r.lan.width === 640)")


@pytest.mark.parametrize("single", [True, False], ids=["single", "dual"])
async def test_media_goes_on_after_the_signalling_socket_was_lost(
    engine: EngineProcess, page_url: str, browser: BrowserContext, single: bool
) -> None:
    room = f"resume-{single}"
    lan = await joined(browser, page_url, engine, room, "lan", single=single)
    minh = await joined(browser, page_url, engine, room, "minh", single=single)
    await until(lan, sees_and_hears("minh", 3))
    await until(minh, sees_and_hears("lan", 3))
    for page in (lan, minh):
        await page.evaluate("room.simulateScenario('signal-reconnect')")
        await until(page, "events.some(e => e.name.match(/[rR]econnected/))")
    for page, other in ((lan, "minh"), (minh, "lan")):
        frames = await page.evaluate(f"received().then(r => r.{other}.frames)")
        await until(page, f"received().then(r => r.{other}.frames > {frames} + 5)")
        assert not await page.evaluate("events.some(e => e.name === 'participantDisconnected')")


async def test_pages_find_back_by_themselves_after_the_engine_was_killed(
    page_url: str, browser: BrowserContext
) -> None:
    with running_engine() as engine:
        lan = await joined(browser, page_url, engine, "crash", "lan")
        minh = await joined(browser, page_url, engine, "crash", "minh")
        await until(minh, sees_and_hears("lan", 3))
        await until(lan, sees_and_hears("minh", 3))
        engine.kill()
        await until(minh, "events.some(e => e.name.match(/econnecting/))")
        engine.start()
        began = asyncio.get_running_loop().time()
        await until(minh, "events.some(e => e.name === 'reconnected')", 30)
        await until(minh, sees_and_hears("lan", 3), 30)
        await until(lan, sees_and_hears("minh", 3), 30)
        print(f"media back {asyncio.get_running_loop().time() - began:.1f} s after the restart")
        assert engine.stop() < 2


async def test_pages_of_a_killed_worker_find_back_and_others_notice_nothing(
    page_url: str, browser: BrowserContext
) -> None:
    with running_workers() as engine:
        lan = await joined(browser, page_url, engine, "north", "lan")
        hit = rooms_by_worker(engine).index(1)
        minh = await joined(browser, page_url, engine, "north", "minh", publish=False)
        await until(minh, sees_and_hears("lan", 3))
        hoa = await joined(browser, page_url, engine, "south", "hoa")
        tu = await joined(browser, page_url, engine, "south", "tu", publish=False)
        await until(tu, sees_and_hears("hoa", 3))
        assert rooms_by_worker(engine) == [1, 1]
        began = asyncio.get_running_loop().time()
        os.kill(worker_pids(engine)[hit], signal.SIGKILL)
        await until(minh, "events.some(e => e.name === 'reconnected')", 30)
        await until(minh, sees_and_hears("lan", 3), 30)
        print(f"pictures back {asyncio.get_running_loop().time() - began:.1f} s after the kill")
        frames = await tu.evaluate("received().then(r => r.hoa.frames)")
        await until(tu, f"received().then(r => r.hoa.frames > {frames} + 5)")
        for page in (hoa, tu):
            assert not await page.evaluate("events.some(e => e.name.match(/econnecting/))")
        assert await lan.evaluate("events.some(e => e.name.match(/econnecting/))")


@pytest.mark.parametrize("single", [True, False], ids=["single", "dual"])
async def test_sound_is_sent_with_its_repetitions_and_heard_by_those_who_take_none(
    engine: EngineProcess, page_url: str, browser: BrowserContext, single: bool
) -> None:
    room = f"red-{single}"
    lan = await joined(browser, page_url, engine, room, "lan", single=single)
    minh = await joined(browser, page_url, engine, room, "minh", single=single, red=False)
    await until(lan, sees_and_hears("minh"))
    await until(minh, sees_and_hears("lan"))
    assert await minh.evaluate("takenSound('lan')") == 63
    assert await lan.evaluate("takenSound('minh')") == 111
    whole = await minh.evaluate("soundPacket('lan')")
    plain = await lan.evaluate("soundPacket('minh')")
    assert whole > 1.4 * plain
    # As loud as the plain one: what was taken whole was understood.
    lan_heard, minh_heard = [
        await page.evaluate(f"received().then(r => r.{who}.energy)")
        for page, who in ((minh, "lan"), (lan, "minh"))
    ]
    assert lan_heard > 0.2 * minh_heard


@pytest.mark.parametrize("codec", ["h264", "vp9", "av1"])
async def test_other_codecs_pass_where_they_are_enabled(
    open_engine: EngineProcess, page_url: str, browser: BrowserContext, codec: str
) -> None:
    await joined(browser, page_url, open_engine, codec, "lan", codec=codec)
    minh = await joined(browser, page_url, open_engine, codec, "minh", publish=False)
    await until(minh, "received().then(r => r.lan?.frames > 3)")
    assert await minh.evaluate("codecs('lan')") == f"video/{codec.upper()}"
    described = await minh.evaluate("connections[0].remoteDescription.sdp")
    # Without it the receiver of a layered codec cannot tell what it may do without.
    assert ("dependency-descriptor" in described) == (codec != "h264")

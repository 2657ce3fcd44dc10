"""Unmodified livekit-client pages in Firefox, against an engine with nothing configured."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from engine_rig import EngineProcess, page_server, running_engine, sees_and_hears, token, until
from firefox import Firefox, FirefoxPage, firefox

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


@pytest.fixture(scope="module")
def engine() -> Iterator[EngineProcess]:
    with running_engine() as process:
        yield process


@pytest.fixture(scope="module")
def page_url() -> Iterator[str]:
    with page_server() as url:
        yield url


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Firefox]:
    async with firefox() as running:
        yield running


async def joined(
    browser: Firefox, page_url: str, engine: EngineProcess, room: str, identity: str, single: bool
) -> FirefoxPage:
    page = await browser.new_page()
    await page.goto(page_url)
    await page.evaluate("a => join(...a)", [engine.url, token(identity, room), {"single": single}])
    await page.evaluate("publish()")
    return page


@pytest.mark.parametrize("single", [True, False], ids=["single", "dual"])
async def test_firefox_sends_and_gets_pictures_and_sound_on_one_machine(
    engine: EngineProcess, page_url: str, browser: Firefox, single: bool
) -> None:
    room = f"fox-{single}"
    lan = await joined(browser, page_url, engine, room, "lan", single)
    minh = await joined(browser, page_url, engine, room, "minh", single)
    await until(lan, sees_and_hears("minh"))
    await until(minh, sees_and_hears("lan"))
    await minh.evaluate("room.simulateScenario('signal-reconnect')")
    await until(minh, "events.some(e => e.name.match(/[rR]econnected/))")
    frames = await minh.evaluate("received().then(r => r.lan.frames)")
    await until(minh, f"received().then(r => r.lan.frames > {frames} + 5)")
    for page in (lan, minh):
        await page.evaluate("room.disconnect()")

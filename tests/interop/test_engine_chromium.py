"""Unmodified livekit-client pages in Chromium against our engine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from engine_rig import CHROMIUM_ARGUMENTS, EngineProcess, page_server, running_engine, token
from playwright.async_api import Browser, Page, async_playwright

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def engine() -> Iterator[EngineProcess]:
    with running_engine() as process:
        yield process


@pytest.fixture(scope="module")
def page_url() -> Iterator[str]:
    with page_server() as url:
        yield url


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=CHROMIUM_ARGUMENTS
        )
        yield chromium
        await chromium.close()


async def open_page(browser: Browser, page_url: str) -> Page:
    page = await browser.new_page()
    page.on("console", lambda message: print("console:", message.text[:300]))
    await page.goto(page_url)
    return page


async def until(page: Page, condition: str, seconds: float = 15) -> Any:
    """Polls a JavaScript expression until it is true."""
    deadline = asyncio.get_running_loop().time() + seconds
    while asyncio.get_running_loop().time() < deadline:
        value = await page.evaluate(condition)
        if value:
            return value
        await asyncio.sleep(0.1)
    state = await page.evaluate("(async () => [await received(), events.map(e => e.name)])()")
    raise AssertionError(f"never true: {condition}; state {state}")


def sees_and_hears(identity: str, frames: int = 10) -> str:
    return (
        f"received().then(r => r.{identity}?.frames > {frames} && r.{identity}.energy > 0"
        f" && r.{identity})"
    )


@pytest.mark.parametrize("single", [True, False], ids=["single", "dual"])
async def test_two_pages_see_and_hear_each_other(
    engine: EngineProcess, page_url: str, browser: Browser, single: bool
) -> None:
    room = f"two-{single}"
    options = {"single": single}
    pages = {}
    for name in ("lan", "minh"):
        page = pages[name] = await open_page(browser, page_url)
        await page.evaluate("a => join(...a)", [engine.url, token(name, room), options])
        await page.evaluate("publish()")
    print(await until(pages["lan"], sees_and_hears("minh")))
    print(await until(pages["minh"], sees_and_hears("lan")))
    print(await pages["minh"].evaluate("events.map(e => [e.name, e.detail, Math.round(e.at)])"))

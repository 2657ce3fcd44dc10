"""Every kind of client in one room of twenty-five: everybody sees and hears everybody."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from engine_rig import (
    CHROMIUM,
    CHROMIUM_ARGUMENTS,
    EngineProcess,
    Scripted,
    page_server,
    running_engine,
    sees_and_hears,
    token,
    until,
)
from firefox import firefox
from pion_rig import PionClient, media
from playwright.async_api import async_playwright
from sdk_rig import Counter, Speaker
from sdk_rig import until as happens

from recording import synthetic
from signaling.client import assets
from signaling.client.client import HeadlessClient

pytestmark = pytest.mark.browser

ROOM = "mixed"
REAL = ("chromium", "firefox", "sdk", "pion", "vendor")
HEADLESS = 20
SPEAKING = ("m0", "m1", "m2")


@pytest.fixture(scope="module")
def engine() -> Iterator[EngineProcess]:
    with running_engine() as process:
        yield process


async def page_joined(page: Any, page_url: str, engine: EngineProcess, identity: str) -> None:
    await page.goto(page_url)
    await page.evaluate("a => join(...a)", [engine.url, token(identity, ROOM), {}])
    await page.evaluate("publish()")


async def page_perceives(page: Scripted, others: set[str]) -> None:
    for identity in sorted(others):
        await until(page, sees_and_hears(identity, 5), 30)


async def pion_receives(client: PionClient, others: set[str], text: str) -> None:
    """The data packet, and enough media of everybody to judge the files once it has left."""
    deadline = asyncio.get_running_loop().time() + 30
    wanted = {f"{who}/{kind}" for who in others for kind in ("audio", "video")}
    report = await client.report()
    while text not in (report["data"] or ()) or any(
        report["packets"].get(name, 0) <= 30 for name in wanted
    ):
        assert asyncio.get_running_loop().time() < deadline, report
        await asyncio.sleep(0.2)
        report = await client.report()


def headless(engine: EngineProcess, folder: Path) -> dict[str, tuple[HeadlessClient, Counter]]:
    synthetic.portrait(folder / "card", "Lan", 120, seconds=2)
    synthetic.hum(folder / "hum", seconds=2)
    card, hum = assets.read(folder / "card"), assets.read(folder / "hum")
    members = {}
    for name in (f"m{index}" for index in range(HEADLESS)):
        counter = Counter()
        client = HeadlessClient(engine.url, token(name, ROOM), counter)
        if name in SPEAKING:
            client.publish_video(card)
            client.publish_audio(hum)
        members[name] = (client, counter)
    return members


@pytest.mark.timeout(170)
async def test_everybody_sees_and_hears_everybody(engine: EngineProcess, tmp_path: Path) -> None:
    files = media(tmp_path)
    everybody = {*REAL, *SPEAKING}
    members = headless(engine, tmp_path)
    # Early: one of each way to connect. The others find tracks that are already there.
    sdk = Speaker()
    await sdk.room.connect(engine.url, token("sdk", ROOM))
    await sdk.publish()
    pion = PionClient(engine.url, token("pion", ROOM), tmp_path / "pion", publish=files)
    vendor: PionClient | None = None
    try:
        with page_server() as page_url:
            async with async_playwright() as playwright, firefox() as fox:
                chromium = await playwright.chromium.launch(
                    executable_path=CHROMIUM, args=CHROMIUM_ARGUMENTS
                )
                early = await chromium.new_page()
                await page_joined(early, page_url, engine, "chromium")
                await page_perceives(early, {"sdk", "pion"})
                for client, _ in members.values():
                    await client.start()
                late = await fox.new_page()
                await page_joined(late, page_url, engine, "firefox")
                vendor = PionClient(
                    engine.url,
                    token("vendor", ROOM),
                    tmp_path / "vendor",
                    publish=files,
                    vendor=True,
                )
                assert await until(early, "room.remoteParticipants.size === 24")
                await page_perceives(early, everybody - {"chromium"})
                await page_perceives(late, everybody - {"firefox"})
                for who in everybody - {"sdk"}:
                    await happens(lambda who=who: sdk.frames.get(who, 0) > 5)
                    await happens(lambda who=who: sdk.loudness.get(who, 0) > 500)
                for name, (_, counter) in members.items():
                    for who in everybody - {name}:
                        await happens(lambda c=counter, w=who: c.packets.get(w, 0) > 30)
                taken = await vendor.report()
                assert taken["tracks"] == 2 * (len(everybody) - 1)
                assert taken["bytes"] > 50_000
                vendor.say("xin chào")
                await until(early, "events.some(e => e.name === 'dataReceived')")
                await pion_receives(pion, everybody - {"pion"}, "xin chào")
                await chromium.close()
    finally:
        pion.leave()
        if vendor is not None:
            vendor.leave()
        for client, _ in members.values():
            await client.stop()
        await sdk.close()
    for who in everybody - {"pion"}:
        assert pion.decoded_frames(who) > 5, who
        assert pion.loudness(who) > -60, who

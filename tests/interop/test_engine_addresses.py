"""Real sockets: IPv6 beside IPv4, an announced address, and a client whose address changes."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from engine_rig import (
    CHROMIUM,
    CHROMIUM_ARGUMENTS,
    EngineProcess,
    free_port,
    page_server,
    running_engine,
    sees_and_hears,
    token,
)
from engine_rig import until as page_until
from playwright.async_api import BrowserContext, async_playwright
from sdk_rig import Counter, until

from recording import synthetic
from signaling.client import assets
from signaling.client.client import HeadlessClient
from signaling.client.member import SyntheticMember

EXTERNAL, OTHER = "127.0.0.2", "127.0.0.3"  # addresses of the router in front of the engine


def clients(
    folder: Path, room: str, urls: dict[str, str]
) -> dict[str, tuple[HeadlessClient, Counter]]:
    synthetic.portrait(folder / "card", "Lan", 120, seconds=2)
    card = assets.read(folder / "card")
    made = {}
    for name, url in urls.items():
        counter = Counter()
        client = HeadlessClient(url, token(name, room), counter)
        client.publish_video(card)
        made[name] = (client, counter)
    return made


async def test_ipv6_and_ipv4_clients_meet_in_one_room(tmp_path: Path) -> None:
    with running_engine(CHIBO_MEDIA_HOST="::", CHIBO_MEDIA_NODE_IP="::1,127.0.0.1") as engine:
        six = f"ws://[::1]:{engine.port}"
        made = clients(tmp_path, "both", {"lan": six, "minh": engine.url, "hoa": six})
        for client, _ in made.values():
            await client.start()
        for name, (_, counter) in made.items():
            for other in set(made) - {name}:
                await until(lambda c=counter, o=other: c.packets.get(o, 0) > 10)
        for client, _ in made.values():
            await client.stop()


async def test_an_engine_on_the_ipv6_loopback_alone_serves_it(tmp_path: Path) -> None:
    engine = EngineProcess({"CHIBO_MEDIA_HOST": "::1"}, address="[::1]")
    engine.start()
    try:
        made = clients(tmp_path, "six", {"lan": engine.url, "minh": engine.url})
        for client, _ in made.values():
            await client.start()
        await until(lambda: made["minh"][1].packets.get("lan", 0) > 10)
        for client, _ in made.values():
            await client.stop()
    finally:
        engine.stop()


class Router:
    """A router with port forwarding: clients know its address, the engine sees it as theirs."""

    def __init__(self, port: int) -> None:
        self._engine = ("127.0.0.1", port)
        self._source = EXTERNAL
        self._inside: dict[object, socket.socket] = {}
        self._outside = self._socket((EXTERNAL, port), self._from_client)

    def _socket(self, bound: tuple[str, int], read: Callable[[], None]) -> socket.socket:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setblocking(False)
        sock.bind(bound)
        asyncio.get_running_loop().add_reader(sock, read)
        return sock

    def _from_client(self) -> None:
        data, client = self._outside.recvfrom(2048)
        inside = self._inside.get(client)
        if inside is None:
            inside = self._socket((self._source, 0), lambda: self._from_engine(client))
            self._inside[client] = inside
        inside.sendto(data, self._engine)

    def _from_engine(self, client: tuple[str, int]) -> None:
        self._outside.sendto(self._inside[client].recv(2048), client)

    def move(self) -> None:
        """All clients get new addresses and ports, as when a phone changes its network."""
        self._source = OTHER
        for sock in self._inside.values():
            self._close(sock)
        self._inside = {}

    def _close(self, sock: socket.socket) -> None:
        asyncio.get_running_loop().remove_reader(sock)
        sock.close()

    def close(self) -> None:
        self.move()
        self._close(self._outside)


@pytest.fixture
async def browser() -> AsyncIterator[BrowserContext]:
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=CHROMIUM_ARGUMENTS
        )
        yield await chromium.new_context()
        await chromium.close()


@pytest.mark.browser
async def test_media_go_on_when_everybodys_address_changes(
    browser: BrowserContext, tmp_path: Path
) -> None:
    """Chromium and a headless member behind a router whose address is the announced one."""
    synthetic.portrait(tmp_path / "card", "Lan", 120, seconds=2)
    synthetic.hum(tmp_path / "hum", seconds=2)
    port = free_port()
    settings = {"CHIBO_MEDIA_UDP_PORT": str(port), "CHIBO_MEDIA_NODE_IP": EXTERNAL}
    with running_engine(**settings) as engine, page_server() as url:
        router = Router(port)
        lan = SyntheticMember(
            engine.url,
            token("lan", "move"),
            video=tmp_path / "card",
            audio=tmp_path / "hum",
            muted=False,
        )
        await lan.start()
        page = await browser.new_page()
        await page.goto(url)
        await page.evaluate("a => join(...a)", [engine.url, token("minh", "move"), {}])
        await page_until(page, sees_and_hears("lan", 5))
        (path,) = await page.evaluate("paths()")
        assert path["remote"] == EXTERNAL
        router.move()
        frames = await page.evaluate("received().then(r => r.lan.frames)")
        await page_until(page, f"received().then(r => r.lan.frames > {frames} + 30)")
        assert not await page.evaluate(
            "events.some(e => e.name.match(/econnect|participantDisconnected/))"
        )
        await lan.stop()
        router.close()

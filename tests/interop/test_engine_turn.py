"""Clients that nothing but a relay lets through: real coturn, over UDP, TCP and TLS."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from aioice import turn
from aioice.stun import TransactionError
from engine_rig import (
    CHROMIUM,
    CHROMIUM_ARGUMENTS,
    EngineProcess,
    free_port,
    page_server,
    running_engine,
    sees_and_hears,
    token,
    until,
)
from livekit.protocol.rtc import SignalResponse
from pion_rig import run
from playwright.async_api import Browser, Page, async_playwright
from websockets.asyncio.client import connect

from signaling.turn import LIFETIME, servers

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

TURN_SECRET = "shared-with-coturn"


@contextlib.contextmanager
def coturn(folder: Path) -> Iterator[str]:
    """A TURN server on loopback; yields its addresses as the engine's setting wants them."""
    plain, tls = free_port(), free_port()
    certificate, key = folder / "cert.pem", folder / "key.pem"
    new = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2")
    run(*new, "-subj", "/CN=localhost", "-keyout", key, "-out", certificate)
    command = ["turnserver", "-n", "--no-cli", "--use-auth-secret", "--realm=chibo"]
    command += [f"--static-auth-secret={TURN_SECRET}", "--log-file=stdout", "--simple-log"]
    command += ["--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1", "--allow-loopback-peers"]
    command += [f"--listening-port={plain}", f"--tls-listening-port={tls}", "--no-dtls"]
    command += [f"--cert={certificate}", f"--pkey={key}", f"--pidfile={folder}/pid"]
    command += [f"--userdb={folder}/users"]
    with (folder / "coturn.log").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
        try:
            deadline = time.monotonic() + 20
            while True:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", tls)):
                    break
                assert process.poll() is None, (folder / "coturn.log").read_text()
                assert time.monotonic() < deadline, "coturn did not listen"
                time.sleep(0.05)
            yield (
                f"turn:127.0.0.1:{plain}?transport=udp,turn:127.0.0.1:{plain}?transport=tcp,"
                f"turns:localhost:{tls}?transport=tcp"
            )
        finally:
            process.terminate()
            process.wait(10)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineProcess]:
    with (
        coturn(tmp_path_factory.mktemp("coturn")) as urls,
        running_engine(CHIBO_MEDIA_TURN_URLS=urls, CHIBO_MEDIA_TURN_SECRET=TURN_SECRET) as process,
    ):
        yield process


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Browser]:
    # coturn's certificate was signed by nobody.
    arguments = [*CHROMIUM_ARGUMENTS, "--ignore-certificate-errors"]
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield launched
        await launched.close()


async def joined(
    chromium: Browser, url: str, engine: EngineProcess, room: str, identity: str, relayed: str = ""
) -> Page:
    page = await chromium.new_page()
    await page.goto(url)
    await page.evaluate(f"window.relayed = '{relayed}'")
    await page.evaluate("a => join(...a)", [engine.url, token(identity, room), {}])
    await page.evaluate("publish()")
    return page


@pytest.mark.parametrize("way", ["udp", "tcp", "tls"])
async def test_media_pass_through_the_relay(
    engine: EngineProcess, chromium: Browser, way: str
) -> None:
    with page_server() as url:
        lan = await joined(chromium, url, engine, way, "lan", relayed=way)
        minh = await joined(chromium, url, engine, way, "minh")
        await until(lan, sees_and_hears("minh", 5))
        await until(minh, sees_and_hears("lan", 5))
        (path,) = await lan.evaluate("paths()")
        assert (path["type"], path["relay"]) == ("relay", way)
        (direct,) = await minh.evaluate("paths()")
        assert direct["type"] != "relay"
        await lan.evaluate("room.simulateScenario('signal-reconnect')")
        await until(lan, "events.some(e => e.name.match(/[rR]econnected/))")
        frames = await lan.evaluate("received().then(r => r.minh.frames)")
        await until(lan, f"received().then(r => r.minh.frames > {frames} + 5)")
        for page in (lan, minh):
            await page.close()


async def allocates(port: int, username: str, password: str) -> bool:
    """Whether the TURN server on that port relays for these credentials."""
    try:
        transport, _ = await turn.create_turn_endpoint(
            asyncio.DatagramProtocol,
            server_addr=("127.0.0.1", port),
            username=username,
            password=password,
        )
    except TransactionError:
        return False
    transport.close()
    return True


async def test_the_relay_serves_only_credentials_that_are_ours_and_fresh(
    engine: EngineProcess,
) -> None:
    async with connect(f"{engine.url}/rtc?access_token={token('lan', 'r')}") as socket:
        first = SignalResponse.FromString(bytes(await socket.recv(decode=False)))
    (server,) = first.join.ice_servers
    port = int(server.urls[0].split(":")[2].partition("?")[0])
    assert server.username.endswith(":lan")
    assert await allocates(port, server.username, server.credential)
    assert not await allocates(port, server.username.replace("lan", "minh"), server.credential)
    (expired,) = servers(server.urls, TURN_SECRET, "lan", time.time() - 2 * LIFETIME)
    assert not await allocates(port, expired.username, expired.credential)
    (foreign,) = servers(server.urls, "another-secret", "lan", time.time())
    assert not await allocates(port, foreign.username, foreign.credential)

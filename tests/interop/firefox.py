"""Drives Debian's Firefox by WebDriver BiDi: pages, and JavaScript in them, with fake devices."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import count
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

START = 60  # seconds a first start on a busy machine may take
PREFERENCES = {
    "media.navigator.permission.disabled": True,
    "media.navigator.streams.fake": True,
    "media.autoplay.default": 0,
    "media.autoplay.blocking_policy": 0,
    "app.update.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "toolkit.telemetry.reportingpolicy.firstRun": False,
    # A page in the background would be slowed down, and with it its share of the room.
    "dom.min_background_timeout_value": 4,
    "dom.timeout.enable_budget_timer_throttling": False,
}


class FirefoxPage:
    """One tab. `evaluate` waits for promises and answers what JSON can hold, as Playwright does."""

    def __init__(self, send: Callable[..., Awaitable[Any]], context: str) -> None:
        self._send = send
        self._context = context

    async def goto(self, url: str) -> None:
        await self._send(
            "browsingContext.navigate", context=self._context, url=url, wait="complete"
        )

    async def evaluate(self, expression: str, arg: Any = None) -> Any:
        """Raises AssertionError with the page's error. `arg` calls a function expression."""
        called = f"({expression})({json.dumps(arg)})" if arg is not None else expression
        wrapped = (
            "(async () => { const value = await eval("
            + json.dumps(called)
            + "); return JSON.stringify(value ?? null); })()"
        )
        answer = await self._send(
            "script.evaluate",
            expression=wrapped,
            target={"context": self._context},
            awaitPromise=True,
        )
        if answer["type"] != "success":
            raise AssertionError(answer["exceptionDetails"]["text"])
        return json.loads(answer["result"]["value"])


class Firefox:
    """A running browser with a profile of its own."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._numbers = count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for text in self._socket:
            message = json.loads(text)
            waiter = self._waiting.pop(message.get("id"), None)
            if waiter is not None and not waiter.done():
                waiter.set_result(message)

    async def send(self, method: str, **parameters: object) -> Any:
        """One BiDi command. Raises AssertionError if the browser refuses it."""
        number = next(self._numbers)
        waiter = self._waiting[number] = asyncio.get_running_loop().create_future()
        command = {"id": number, "method": method, "params": parameters}
        await self._socket.send(json.dumps(command))
        answer = await asyncio.wait_for(waiter, START)
        if answer["type"] != "success":
            raise AssertionError(f"{method}: {answer.get('error')}: {answer.get('message')}")
        return answer["result"]

    async def new_page(self) -> FirefoxPage:
        made = await self.send("browsingContext.create", type="tab")
        return FirefoxPage(self.send, made["context"])

    async def close(self) -> None:
        with contextlib.suppress(Exception):  # it may hang up before it has answered
            await asyncio.wait_for(self.send("browser.close"), 5)
        self._reader.cancel()
        await self._socket.close()


@contextlib.asynccontextmanager
async def firefox(**preferences: object) -> AsyncIterator[Firefox]:
    """Starts Firefox headless; ends it, and removes its profile, afterwards."""
    program = shutil.which("firefox-esr") or shutil.which("firefox")
    assert program, "Firefox is not installed"
    profile = Path(tempfile.mkdtemp(prefix="firefox"))
    lines = [
        f"user_pref({json.dumps(name)}, {json.dumps(value)});"
        for name, value in (PREFERENCES | preferences).items()
    ]
    (profile / "user.js").write_text("\n".join(lines))
    process = await asyncio.create_subprocess_exec(
        program,
        "--headless",
        "--no-remote",
        "--profile",
        str(profile),
        "--remote-debugging-port=0",
        "about:blank",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    drain: asyncio.Task[None] | None = None
    try:
        assert process.stderr is not None
        address = await asyncio.wait_for(_address(process.stderr), START)
        drain = asyncio.create_task(_drain(process.stderr))
        async with connect(address + "/session", max_size=None, proxy=None) as socket:
            browser = Firefox(socket)
            await browser.send("session.new", capabilities={})
            yield browser
            await browser.close()
    finally:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), 5)
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
            await process.wait()
        if drain is not None:
            drain.cancel()
        shutil.rmtree(profile, ignore_errors=True)


async def _address(stderr: asyncio.StreamReader) -> str:
    while line := (await stderr.readline()).decode(errors="replace"):
        found = re.search(r"WebDriver BiDi listening on (ws://\S+)", line)
        if found:
            return found[1]
    raise AssertionError("Firefox ended before it listened")


async def _drain(stderr: asyncio.StreamReader) -> None:
    while await stderr.readline():
        pass

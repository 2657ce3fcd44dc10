"""Runs the engine as its own process, and Chromium pages with the unmodified livekit-client."""

from __future__ import annotations

import asyncio
import contextlib
import http.server
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import httpx
from livekit import api

ROOT = Path(__file__).parents[2]
KEY, SECRET = "testkey", "a-secret-for-tests-of-32-bytes-or-more"
LAUNCH = (
    "import os; from signaling.config import MediaConfig; from signaling.endpoint import run; "
    "run(MediaConfig.from_env(os.environ))"
)
CLIENT_PLACES = ("web/node_modules", "tests/interop/node_modules", "build/npm/node_modules")
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--autoplay-policy=no-user-gesture-required",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
]


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def token(identity: str, room: str, name: str = "", **grants: object) -> str:
    video = api.VideoGrants(room_join=True, room=room)
    for key, value in grants.items():
        setattr(video, key, value)
    return (
        api.AccessToken(KEY, SECRET)
        .with_identity(identity)
        .with_name(name or identity)
        .with_grants(video)
        .to_jwt()
    )


@dataclass
class EngineProcess:
    """`python -c run(...)` on free ports; the media ports stay the same over a restart."""

    settings: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    address: str = "127.0.0.1"

    @property
    def url(self) -> str:
        return f"ws://{self.address}:{self.port}"

    @property
    def http(self) -> str:
        return f"http://{self.address}:{self.port}"

    def _answers(self) -> bool:
        tls = "CHIBO_MEDIA_TLS_CERT" in self.settings
        url = self.http.replace("http:", "https:") if tls else self.http
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(url + "/healthz", timeout=1, verify=False).status_code == 200
        return False

    def start(self) -> None:
        env = os.environ | {
            "LIVEKIT_API_KEY": KEY,
            "LIVEKIT_API_SECRET": SECRET,
            "CHIBO_MEDIA_PORT": str(self.port),
            "CHIBO_MEDIA_WORKERS": os.environ.get("CHIBO_MEDIA_WORKERS", "1"),
            "CHIBO_MEDIA_UDP_PORT": "0",
            "CHIBO_MEDIA_TCP_PORT": "0",
            **self.settings,
        }
        self.process = subprocess.Popen([sys.executable, "-c", LAUNCH], cwd=ROOT, env=env)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if self._answers():
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        self.kill()
        raise AssertionError("the engine did not become ready")

    def stop(self) -> float:
        """Ends it politely; returns the seconds it took."""
        assert self.process is not None
        began = time.monotonic()
        self.process.terminate()
        self.process.wait(10)
        return time.monotonic() - began

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)


@contextlib.contextmanager
def running_engine(**settings: str) -> Iterator[EngineProcess]:
    engine = EngineProcess(settings)
    engine.start()
    try:
        yield engine
    finally:
        if engine.process is not None and engine.process.poll() is None:
            engine.stop()


@contextlib.contextmanager
def running_workers(**settings: str) -> Iterator[EngineProcess]:
    """An engine of two workers that both serve."""
    with running_engine(CHIBO_MEDIA_WORKERS="2", **settings) as engine:
        deadline = time.monotonic() + 60
        while len(rooms_by_worker(engine)) < 2:
            assert time.monotonic() < deadline, "only one worker came up"
            time.sleep(0.05)
        yield engine


def children(pid: int) -> list[int]:
    return [
        int(child)
        for task in Path(f"/proc/{pid}/task").iterdir()
        for child in (task / "children").read_text().split()
    ]


def worker_pids(engine: EngineProcess) -> list[int]:
    """In the order of their indexes, if none has been replaced."""
    assert engine.process is not None
    (nursery,) = children(engine.process.pid)
    return sorted(children(nursery))


def samples(engine: EngineProcess, name: str) -> list[float]:
    """A metric's values, worker by worker."""
    page = httpx.get(engine.http + "/metrics").text
    return [float(line.split()[-1]) for line in page.splitlines() if line.startswith(name + "{")]


def rooms_by_worker(engine: EngineProcess) -> list[int]:
    return [int(count) for count in samples(engine, "chibo_media_rooms")]


def livekit_client() -> Path:
    """The browser build of livekit-client that the web application uses."""
    for place in CLIENT_PLACES:
        found = ROOT / place / "livekit-client/dist/livekit-client.umd.js"
        if found.exists():
            return found
    raise AssertionError("livekit-client is not installed: run npm install in web/")


@contextlib.contextmanager
def page_server() -> Iterator[str]:
    """Serves room.html and the client library on loopback; yields the page's address."""
    files = {
        "/room.html": (Path(__file__).with_name("engine_room.html"), "text/html"),
        "/livekit-client.js": (livekit_client(), "text/javascript"),
    }

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = files.get(self.path.partition("?")[0])
            self.send_response(200 if found else 404)
            if found:
                self.send_header("Content-Type", found[1])
            self.end_headers()
            if found:
                self.wfile.write(found[0].read_bytes())

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://localhost:{server.server_address[1]}/room.html"
    finally:
        server.shutdown()
        server.server_close()


class Scripted(Protocol):
    """A page of any browser: evaluates JavaScript, waiting for promises."""

    async def evaluate(self, expression: str, arg: Any = None) -> Any: ...


async def until(page: Scripted, condition: str, seconds: float = 15) -> Any:
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

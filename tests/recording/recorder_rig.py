"""Real parts for the recorder's tests: media engines, a small application, probes of files."""

import contextlib
import http.server
import itertools
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from livekit import api

ROOT = Path(__file__).parents[2]
KEY, SECRET = "testkey", "a-secret-for-tests-of-32-bytes-or-more"
SERVICE_KEY = "service-key-for-tests"


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def token(identity: str, room: str = "room", *, recorder: bool = False) -> str:
    grants = api.VideoGrants(
        room_join=True,
        room=room,
        can_publish=not recorder,
        can_publish_data=False,
        can_subscribe=True,
        hidden=recorder,
        recorder=recorder,
    )
    return api.AccessToken(KEY, SECRET).with_identity(identity).with_grants(grants).to_jwt()


def until(condition: Callable[[], bool], seconds: float = 40, what: str = "") -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what or "the condition was never met"
        time.sleep(0.05)


@dataclass
class Process:
    """A child on ports that stay the same when it is killed and started again."""

    command: list[str]
    url: str
    log: Path
    environment: dict[str, str] = field(default_factory=dict)
    child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.child = subprocess.Popen(
                self.command,
                cwd=ROOT,
                env=os.environ | self.environment,
                stdout=log,
                stderr=log,
            )
        if self.url:
            until(self._answers, 40, f"{self.command[0]} did not start")

    def _answers(self) -> bool:
        assert self.child is not None
        assert self.child.poll() is None, self.log.read_text()
        try:
            return httpx.get(self.url.replace("ws:", "http:"), timeout=1).status_code < 500
        except httpx.HTTPError:
            return False

    def kill(self) -> None:
        assert self.child is not None
        self.child.kill()
        self.child.wait()

    def terminate(self) -> int:
        assert self.child is not None
        self.child.terminate()
        return self.child.wait(30)


@contextlib.contextmanager
def running(process: Process) -> Iterator[Process]:
    process.start()
    try:
        yield process
    finally:
        if process.child is not None and process.child.poll() is None:
            process.kill()


def livekit_server(folder: Path) -> Process:
    """A real LiveKit server; its binary is LIVEKIT_SERVER or build/livekit-server."""
    binary = os.environ.get("LIVEKIT_SERVER", str(ROOT / "build" / "livekit-server"))
    assert Path(binary).exists(), "set LIVEKIT_SERVER to a livekit-server 1.13 binary"
    port = free_port()
    settings = {
        "port": port,
        "bind_addresses": ["127.0.0.1"],
        "keys": {KEY: SECRET},
        "rtc": {
            "udp_port": free_port(socket.SOCK_DGRAM),
            "tcp_port": free_port(),
            "enable_loopback_candidate": True,
            "interfaces": {"includes": ["lo"]},
        },
        "room": {"enabled_codecs": [{"mime": "video/vp8"}, {"mime": "audio/opus"}]},
    }
    config = folder / "livekit.yaml"
    config.write_text(json.dumps(settings))
    return Process(
        [binary, "--config", str(config)], f"ws://127.0.0.1:{port}", folder / "livekit.log"
    )


def own_engine(folder: Path) -> Process:
    port = free_port()
    code = (
        "import os; from signaling.config import MediaConfig; from signaling.endpoint import run; "
        "run(MediaConfig.from_env(os.environ))"
    )
    environment = {
        "LIVEKIT_API_KEY": KEY,
        "LIVEKIT_API_SECRET": SECRET,
        "CHIBO_MEDIA_PORT": str(port),
        "CHIBO_MEDIA_WORKERS": os.environ.get("CHIBO_MEDIA_WORKERS", "1"),
        "CHIBO_MEDIA_UDP_PORT": str(free_port(socket.SOCK_DGRAM)),
        "CHIBO_MEDIA_TCP_PORT": str(free_port()),
    }
    return Process(
        [sys.executable, "-c", code],
        f"ws://127.0.0.1:{port}",
        folder / "engine.log",
        environment,
    )


ENGINES = {"livekit": livekit_server, "own": own_engine}


class Application:
    """The application's half of the recorder's conversation, with what it was told."""

    def __init__(self) -> None:
        self.jobs: list[dict[str, Any]] = []
        self.checkpoints: list[dict[str, Any]] = []
        self.finished: list[dict[str, Any]] = []
        self.signed: list[tuple[bytes, str, str]] = []
        self.refuse = False
        self.polls = 0
        self.keys_seen: set[str] = set()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.polls += 1
                outer.keys_seen.add(self.headers["Authorization"])
                self._answer(200, {"jobs": outer.jobs})

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if outer.refuse:
                    self._answer(503, {})
                    return
                outer.signed.append((body, self.headers["X-Signature"], self.headers["X-Key-Id"]))
                kind = self.path.rsplit("/", 1)[1]
                getattr(outer, kind).append(json.loads(body))
                self._answer(200, {})

            def _answer(self, status: int, value: dict[str, Any]) -> None:
                data = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def add(self, session_id: str, engine: Process, nonce: str = "") -> None:
        self.jobs.append(
            {
                "session_id": session_id,
                "room": "room",
                "livekit_url": engine.url,
                "token": token("recorder", recorder=True),
                "started_at": None,
                "checkpoint_nonce": nonce,
            }
        )

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def ask(self, nonce: str) -> dict[str, Any]:
        """Wants a checkpoint now, as at the opening of a vote."""
        self.jobs[0]["checkpoint_nonce"] = nonce
        until(lambda: self._answer_to(nonce) is not None, 40, "no checkpoint when asked")
        answer = self._answer_to(nonce)
        assert answer is not None
        return answer

    def wait_for_fresh(self, tracks: int, gaps: int = 0, seconds: float = 60) -> dict[str, Any]:
        """Asks until the recorder vouches for so many tracks and has told of so many gaps."""
        deadline = time.monotonic() + seconds
        for number in itertools.count():
            answer = self.ask(f"fresh-{len(self.checkpoints)}-{number}")
            told = {gap["id"] for checkpoint in self.checkpoints for gap in checkpoint["gaps"]}
            if sum(track["fresh"] for track in answer["tracks"]) == tracks and len(told) == gaps:
                return answer
            assert time.monotonic() < deadline, f"no fresh evidence: {answer}"
        raise AssertionError

    def _answer_to(self, nonce: str) -> dict[str, Any] | None:
        return next((c for c in self.checkpoints if c["checkpoint_nonce"] == nonce), None)


@contextlib.contextmanager
def application() -> Iterator[Application]:
    served = Application()
    try:
        yield served
    finally:
        served.close()


def recorder(folder: Path, app_url: str) -> Process:
    code = (
        "import os; from recording.config import RecorderConfig; "
        "from recording.service import run; run(RecorderConfig.from_env(os.environ))"
    )
    environment = {
        "CHIBO_APP_URL": app_url,
        "CHIBO_SERVICE_KEY": SERVICE_KEY,
        "CHIBO_RECORDER_KEY_FILE": str(folder / "keys" / "recorder.pem"),
        "CHIBO_RECORDING_DIR": str(folder / "recordings"),
    }
    return Process([sys.executable, "-c", code], "", folder / "recorder.log", environment)


def duration(path: Path) -> float:
    """Seconds, as ffprobe reads them from the container."""
    out = subprocess.run(
        ["ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", path],
        check=True,
        capture_output=True,
        text=True,
    )
    assert out.stderr == ""
    return float(out.stdout)


def assert_decodes_fully(path: Path) -> None:
    command = ["ffmpeg", "-v", "warning", "-xerror", "-i", str(path), "-f", "null"]
    command += ["-fps_mode", "passthrough", "-enc_time_base:v", "1:1000", "-"]
    out = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (out.returncode, out.stderr) == (0, ""), f"{path.name}: {out.stderr}"


def flashes(path: Path) -> list[float]:
    """Seconds into the file at which the picture turns from dark to bright."""
    command = ["ffmpeg", "-v", "info", "-i", str(path), "-vf"]
    command += ["signalstats,metadata=print:key=lavfi.signalstats.YAVG", "-fps_mode"]
    command += ["passthrough", "-enc_time_base:v", "1:1000", "-f", "null", "-"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    pairs = re.findall(r"pts_time:([\d.]+).*?YAVG=([\d.]+)", text, re.DOTALL)
    return _onsets([(float(at), float(bright) > 128) for at, bright in pairs])


def beeps(path: Path) -> list[float]:
    """Seconds into the file at which the sound begins."""
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-ac", "1", "-ar", "8000"]
    command += ["-f", "s16le", "-"]
    raw = subprocess.run(command, capture_output=True, check=True).stdout
    samples = memoryview(raw).cast("h")
    window = 40  # 5 ms
    loud = [
        (at / 8000, max(map(abs, samples[at : at + window])) > 2000)
        for at in range(0, len(samples) - window, window)
    ]
    return _onsets(loud)


def _onsets(states: list[tuple[float, bool]]) -> list[float]:
    return [at for (_, before), (at, now) in itertools.pairwise(states) if now and not before]

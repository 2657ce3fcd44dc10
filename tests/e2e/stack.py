"""The whole product on free ports: `chibo demo`, its people, and its processes to be killed."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from server.headless import Account, ServerRefused

ROOT = Path(__file__).parents[2]
CODE_SECONDS = 30  # RFC 6238
START_SECONDS = 120  # the first start seeds the demo
READY = "Trang bắt đầu".encode()


def free_ports(count: int) -> list[int]:
    held = [socket.socket() for _ in range(count)]
    for each in held:
        each.bind(("127.0.0.1", 0))
    ports = [int(each.getsockname()[1]) for each in held]
    for each in held:
        each.close()
    return ports


@dataclass(frozen=True, slots=True)
class DemoPerson:
    name: str
    title: str
    url: str
    phone: str
    password: str


class Stack:
    """Both installations under their supervisor. `data` is kept between `start`s."""

    def __init__(self, data: Path, **env: str) -> None:
        self.data = data
        self.port, self.committee_port, media, tcp, udp = free_ports(5)
        self.media_port = media
        self.env = {
            **os.environ,
            "CHIBO_DATA": str(data),
            "CHIBO_PORT": str(self.port),
            "CHIBO_COMMITTEE_PORT": str(self.committee_port),
            "CHIBO_MEDIA_PORT": str(media),
            "CHIBO_MEDIA_TCP_PORT": str(tcp),
            "CHIBO_MEDIA_UDP_PORT": str(udp),
            "PYTHONPYCACHEPREFIX": str(ROOT / "build/pycache"),
            **env,
        }
        self.log = data / "supervisor.log"
        self.program: tuple[str, ...] = ("-m", "server.cli", "demo")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def committee_url(self) -> str:
        return f"http://127.0.0.1:{self.committee_port}"

    def start(self) -> float:
        """Starts and waits until the addresses are printed. Returns the seconds it took."""
        self.data.mkdir(parents=True, exist_ok=True)
        begun = time.monotonic()
        printed = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, *self.program],
                cwd=ROOT,
                env=self.env,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.wait(lambda: READY in self.log.read_bytes()[printed:], START_SECONDS)
        return time.monotonic() - begun

    def stop(self) -> float:
        """Interrupts as Ctrl-C does. Returns the seconds until the supervisor was gone."""
        if self._process is None:
            return 0.0
        begun = time.monotonic()
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise
        finally:
            self._process = None
        return time.monotonic() - begun

    def people(self) -> dict[str, DemoPerson]:
        """Everybody of the demo by name."""
        listed = fetch(f"{self.url}/api/demo/people")["people"]
        keys = ("name", "title", "url", "phone", "password")
        return {each["name"]: DemoPerson(*(each[key] for key in keys)) for each in listed}

    def code(self, name: str) -> str:
        """The current code of somebody's authenticator, as the demo page shows it."""
        for each in fetch(f"{self.url}/api/demo/people")["people"]:
            if each["name"] == name:
                return str(each["code"])
        raise KeyError(name)

    async def account(self, name: str) -> Account:
        """A signed-in account of somebody, at the installation they belong to."""
        person = self.people()[name]
        host = person.url.removeprefix("http://").rstrip("/")
        account = Account(f"http://127.0.0.1:{host.rsplit(':', 1)[1]}", host)
        for attempt in range(3):
            try:
                await account.sign_in(person.phone, person.password, lambda: self.code(name))
                break
            except ServerRefused as refused:
                if refused.code != "wrong_code" or attempt == 2:
                    raise
                await next_codes()
        return account

    def pid(self, role: str, installation: str = "cell") -> int:
        """The process that plays `role` (app, media, recorder, worker) now."""
        assert self._process is not None
        for pid in children(self._process.pid):
            arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            environment = Path(f"/proc/{pid}/environ").read_bytes()
            of_installation = f"/{installation}".encode() in environment
            if role.encode() in arguments and of_installation:
                return pid
        raise LookupError(f"no {role} of {installation}")

    def kill(self, role: str, installation: str = "cell") -> int:
        """`kill -9`. Returns the pid that died."""
        pid = self.pid(role, installation)
        os.kill(pid, signal.SIGKILL)
        return pid

    def troubles(self) -> str:
        """The log without what went as it should."""
        quiet = ('"level": "info"', '"level":"info"')
        lines = self.log.read_text().splitlines(keepends=True)
        return "".join(line for line in lines if not any(word in line for word in quiet))

    def wait(self, holds: Callable[[], bool], seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self._process is not None and self._process.poll() is not None:
                raise RuntimeError(f"the supervisor ended:\n{self.log.read_text()[-4000:]}")
            if holds():
                return
            time.sleep(0.1)
        raise TimeoutError(f"not within {seconds} s:\n{self.log.read_text()[-4000:]}")


async def next_codes() -> None:
    """Until everybody has a new code: the demo shows each once, and only two fit into one step."""
    await asyncio.sleep(CODE_SECONDS - time.time() % CODE_SECONDS + 0.5)


def children(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += [int(child), *children(int(child))]
    return found


def fetch(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return json.load(answer)

"""Keeps the processes of one or more installations running, under one log.

A child that dies is started again at once, then ever more slowly while it keeps dying. Children
live in sessions of their own, so that Ctrl-C reaches only the supervisor, which stops them in
order; should the supervisor itself be killed, the kernel tells them.
"""

import asyncio
import ctypes
import os
import secrets
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO

import structlog

from signaling.endpoint import open_port

log = structlog.get_logger()

PR_SET_PDEATHSIG = 1  # prctl(2)
STOP_SECONDS = 4.0  # from SIGTERM to SIGKILL; all are told at once
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 10.0  # seconds before a restart; doubled while it keeps dying
STEADY_SECONDS = 10.0  # a child that lived this long is started again without any pause
PROBE_EVERY = 0.1

Probe = Callable[[], Awaitable[bool]]


class NotHealthy(Exception):
    """A process did not come up in time."""


@dataclass(frozen=True, slots=True)
class Program:
    """One process: `chibo <command>` with these settings; `ready` says when it can be used.

    `port` is a host and a port that we hold open for it: who connects while it is down waits until
    it is back and is not refused. It finds the sockets by the numbers in CHIBO_MEDIA_FDS.
    """

    name: str
    command: tuple[str, ...]
    env: Mapping[str, str]
    ready: Probe
    port: tuple[str, int] | None = None


@dataclass(slots=True)
class Child:
    program: Program
    process: asyncio.subprocess.Process | None = None
    started_at: float = 0.0
    restarts: int = 0
    task: asyncio.Task[None] | None = field(default=None, repr=False)
    held: list[socket.socket] = field(default_factory=list, repr=False)


class Supervisor:
    """Owns the children. Use: `start`, `healthy`, then `run` until a signal, or `stop`."""

    def __init__(self, programs: list[Program], output: BinaryIO | None = None) -> None:
        self.children = [Child(program) for program in programs]
        self._output = output  # of the children; None: ours
        self._compiled: tempfile.TemporaryDirectory[str] | None = None
        self._stopping = False
        self._name = secrets.token_hex(8)

    async def start(self) -> None:
        """Raises OSError if a port that we are to hold is taken."""
        for child in self.children:
            if child.program.port is not None:
                child.held = open_port(*child.program.port)
        for child in self.children:
            child.task = asyncio.create_task(self._keep(child), name=child.program.name)

    async def healthy(self, within: float) -> None:
        """Returns when every child is ready. Raises NotHealthy with their names."""
        deadline = time.monotonic() + within
        waiting = [child.program for child in self.children]
        while waiting:
            waiting = [program for program in waiting if not await program.ready()]
            if waiting and time.monotonic() > deadline:
                raise NotHealthy(", ".join(program.name for program in waiting))
            await asyncio.sleep(PROBE_EVERY if waiting else 0)

    async def stop(self) -> None:
        """Ends all children: kindly, then by force. Returns within five seconds."""
        self._stopping = True
        for child in self.children:
            for sock in child.held:
                sock.close()
        running = [c for c in self.children if c.process and c.process.returncode is None]
        for child in running:
            _tell(child, signal.SIGTERM)
        tasks = [child.task for child in self.children if child.task]
        for child in self.children:
            if child.process is None and child.task:
                child.task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=STOP_SECONDS)
        for child in running:
            if child.process and child.process.returncode is None:
                log.warning("killed", child=child.program.name)
                _tell(child, signal.SIGKILL)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _keep(self, child: Child) -> None:
        pause = 0.0
        while not self._stopping:
            child.started_at = time.monotonic()
            child.process = await self._spawn(child.program, [s.fileno() for s in child.held])
            code = await child.process.wait()
            if self._told_to_stop():
                return
            lived = time.monotonic() - child.started_at
            pause = pause_after(lived, pause)
            child.restarts += 1
            log.error("ended", child=child.program.name, status=code, again_in=round(pause, 1))
            child.process = None
            await asyncio.sleep(pause)

    def _told_to_stop(self) -> bool:
        return self._stopping  # it may have changed during an await, which mypy cannot know

    def _compiled_env(self) -> dict[str, str]:
        """Where Python is told not to keep compiled code, as in many containers, children keep it
        as long as we live: compiling anew would double the time that a restart takes."""
        if not sys.dont_write_bytecode:
            return {}
        self._compiled = self._compiled or tempfile.TemporaryDirectory(prefix="chibo-")
        kept = sys.pycache_prefix or self._compiled.name
        return {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": kept}

    def seat(self, program: Program) -> str:
        """Of this child under this supervisor: whoever sat there before is dead."""
        return f"{self._name}.{program.name.replace(' ', '-')}"

    async def _spawn(self, program: Program, held: list[int]) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "server.cli",
            *program.command,
            env={
                **os.environ,
                **self._compiled_env(),
                **program.env,
                "CHIBO_PROCESS": program.name,
                "CHIBO_SEAT": self.seat(program),
                "CHIBO_MEDIA_FDS": ",".join(map(str, held)),
            },
            pass_fds=held,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=self._output,
            stderr=self._output,
            start_new_session=True,
            preexec_fn=_die_with_parent(os.getpid()),
        )


def pause_after(lived: float, pause: float) -> float:
    """Seconds before the next start of a child that lived so long, started after `pause`."""
    if lived > STEADY_SECONDS:
        return 0.0
    return min(LONGEST_PAUSE, max(FIRST_PAUSE, pause * 2))


def _tell(child: Child, number: signal.Signals) -> None:
    if child.process and child.process.returncode is None:
        child.process.send_signal(number)


def _die_with_parent(parent: int) -> Callable[[], None]:
    """Linux only: SIGTERM when the parent dies, also if it died before we asked."""
    if not sys.platform.startswith("linux"):
        return lambda: None
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def ask() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGTERM)

    return ask


def stop_event() -> asyncio.Event:
    """Set by SIGINT or SIGTERM; a second one ends the process at once."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()

    def told() -> None:
        if stop.is_set():
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told)
    return stop


def port_taken(host: str, port: int, kind: socket.SocketKind = socket.SOCK_STREAM) -> bool:
    """Whether somebody else already listens there."""
    with socket.socket(socket.AF_INET, kind) as probe:
        if kind == socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return True
    return False

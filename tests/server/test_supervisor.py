"""Real child processes: the media engine, which starts fastest, under the real supervisor."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from server.supervisor import NotHealthy, Program, Supervisor, pause_after, port_taken


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def media(port: int) -> Program:
    async def ready() -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return False
        writer.close()
        return True

    env = {
        "LIVEKIT_API_KEY": "key",
        "LIVEKIT_API_SECRET": "s" * 40,
        "CHIBO_MEDIA_PORT": str(port),
        "CHIBO_MEDIA_TCP_PORT": str(free_port()),
        "CHIBO_MEDIA_WORKERS": os.environ.get("CHIBO_MEDIA_WORKERS", "1"),
        "CHIBO_MEDIA_UDP_PORT": str(free_port(socket.SOCK_DGRAM)),
    }
    return Program("media", ("media",), env, ready)


@pytest.fixture
async def supervisor(tmp_path: Path) -> AsyncIterator[Supervisor]:
    with (tmp_path / "log").open("wb") as log:
        made = Supervisor([media(free_port())], log)
        await made.start()
        await made.healthy(60)
        yield made
        await made.stop()


async def test_a_killed_child_comes_back_by_itself(supervisor: Supervisor) -> None:
    child = supervisor.children[0]
    assert child.process is not None
    first = child.process.pid
    os.kill(first, signal.SIGKILL)
    await child.process.wait()
    await supervisor.healthy(60)
    assert child.process is not None
    assert child.process.pid != first
    assert child.restarts == 1


def test_a_steady_child_is_restarted_at_once_and_a_dying_one_ever_more_slowly() -> None:
    assert pause_after(lived=60, pause=5) == 0
    pauses = [0.0]
    for _ in range(9):
        pauses.append(pause_after(lived=1, pause=pauses[-1]))
    assert pauses[1:4] == [0.1, 0.2, 0.4]
    assert pauses[-1] == 10


async def test_who_connects_while_a_child_is_down_waits_until_it_is_back(tmp_path: Path) -> None:
    port = free_port()
    with (tmp_path / "log").open("wb") as log:
        supervisor = Supervisor([replace(media(port), port=("127.0.0.1", port))], log)
        await supervisor.start()
        await answered(port)
        child = supervisor.children[0]
        assert child.process is not None
        gone = child.process
        gone.kill()
        await gone.wait()
        await answered(port)
        assert child.process is not gone
        await supervisor.stop()
    assert is_free(port)


async def answered(port: int) -> None:
    """Connects once, at the first attempt, and waits for the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    async with asyncio.timeout(60):
        assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
    writer.close()


async def test_stopping_leaves_nobody_behind(supervisor: Supervisor) -> None:
    child = supervisor.children[0]
    assert child.process is not None
    pid, begun = child.process.pid, time.monotonic()
    await supervisor.stop()
    assert time.monotonic() - begun < 5
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_children_end_when_the_supervisor_is_killed(tmp_path: Path) -> None:
    port = free_port()
    code = (
        "import asyncio\n"
        "from tests.server.test_supervisor import media\n"
        "from server.supervisor import Supervisor\n"
        "async def main():\n"
        f"    supervisor = Supervisor([media({port})])\n"
        "    await supervisor.start()\n"
        "    await supervisor.healthy(60)\n"
        "    print('up', flush=True)\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=(tmp_path / "log").open("wb"),
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert parent.stdout is not None
    assert parent.stdout.readline() == b"up\n"
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 10
    while not is_free(port):
        assert time.monotonic() < deadline, "the child outlived its supervisor"
        time.sleep(0.05)


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


async def test_a_child_that_cannot_start_is_named(tmp_path: Path) -> None:
    broken = media(free_port())
    program = Program(
        "media", ("media",), {**broken.env, "LIVEKIT_API_SECRET": "short"}, broken.ready
    )
    with (tmp_path / "log").open("wb") as log:
        supervisor = Supervisor([program], log)
        await supervisor.start()
        deadline = time.monotonic() + 60
        while b"LIVEKIT_API_SECRET must have at least 32" not in (tmp_path / "log").read_bytes():
            assert time.monotonic() < deadline
            await asyncio.sleep(0.1)
        with pytest.raises(NotHealthy, match="media"):
            await supervisor.healthy(0.2)
        await supervisor.stop()


def test_a_taken_port_is_seen_before_the_start() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        assert port_taken("127.0.0.1", other.getsockname()[1])
    assert not port_taken("127.0.0.1", free_port())


async def test_a_restart_finds_compiled_code_also_where_python_is_told_to_keep_none(
    monkeypatch: pytest.MonkeyPatch, supervisor: Supervisor
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setattr(sys, "pycache_prefix", None)
    child = supervisor.children[0]
    for _ in range(2):
        assert child.process is not None
        gone = child.process
        gone.kill()
        await gone.wait()
        await supervisor.healthy(60)
    assert child.process is not None
    await asyncio.to_thread(check_compiled_code_of, child.process.pid)


def check_compiled_code_of(pid: int) -> None:
    environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    (kept,) = (each for each in environment if each.startswith(b"PYTHONPYCACHEPREFIX="))
    folder = Path(kept.partition(b"=")[2].decode())
    assert any(folder.rglob("*.pyc"))
    assert folder.stat().st_mode & 0o077 == 0, "somebody else could put code there"

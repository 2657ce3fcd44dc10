"""P1 and P7: what forwarding costs, our engine beside LiveKit under the same load.

The engine has one core, the load the other: compiled publishers and subscribers, and a few
subscribers that check every packet."""

import asyncio
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from signaling.client.client import HeadlessClient
from tests.bench.processes import memory_megabytes, pin, processor_seconds
from tests.bench.results import ROOT, spread
from tests.bench.verifier import Verifier
from tests.recording.recorder_rig import Process, livekit_server, own_engine, running, token

NAME = "media"
LOAD = ROOT / "build/bench-load"
SECONDS, ROUNDS, SETTLE = 8.0, 2, 3.0
CHECKING = 2  # subscribers that look at every packet
WHOLE = 1  # compiled subscribers that decrypt, and so can read the time of sending


@dataclass(frozen=True, slots=True)
class Shape:
    """A room: publishers of three-layer pictures and of sound, subscribers, the layer they take."""

    cameras: int
    microphones: int
    subscribers: int
    quality: int = 1

    def __str__(self) -> str:
        layer = ("low", "medium", "high")[self.quality]
        return f"{self.cameras} video + {self.microphones} audio → {self.subscribers} ({layer})"


COST = (Shape(8, 8, 8), Shape(8, 8, 24), Shape(8, 8, 40), Shape(16, 4, 64, 0))
GROWTH = tuple(Shape(min(n, 12), min(n, 3), n, 0) for n in (5, 10, 25, 50, 75, 100))


def _own(native: str) -> Callable[[Path], Process]:
    def make(folder: Path) -> Process:
        engine = own_engine(folder)
        engine.environment |= {"CHIBO_MEDIA_NATIVE": native, "CHIBO_MEDIA_WORKERS": "1"}
        return engine

    return make


ENGINES: Mapping[str, Callable[[Path], Process]] = {
    "chibo": _own("1"),
    "chibo, Python only": _own("0"),
    "LiveKit 1.13.5": livekit_server,
}


def measure(seconds: float = SECONDS, rounds: int = ROUNDS) -> dict[str, Any]:
    """Each shape on each engine, engines in turn so that noise of the machine meets all."""
    assert LOAD.exists(), "build/bench-load is not there; `make build/bench-load` needs Go"
    found: dict[str, Any] = {"seconds": seconds, "cost": [], "growth": []}
    for kind, shapes in (("cost", COST), ("growth", GROWTH)):
        engines = list(ENGINES) if kind == "cost" else ["chibo", "LiveKit 1.13.5"]
        for shape in shapes:
            for number in range(rounds if kind == "cost" else 1):
                for engine in engines:
                    run = _run(engine, shape, seconds)
                    print(f"{shape}, {engine}, round {number + 1}: {run}", flush=True)
                    found[kind].append({"shape": str(shape), "engine": engine, **run})
    return found


def _run(engine: str, shape: Shape, seconds: float) -> dict[str, Any]:
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="chibo-bench-"))
        process = stack.enter_context(running(ENGINES[engine](Path(folder))))
        assert process.child is not None
        pin(process.child.pid, 0)
        load = stack.enter_context(_load(process.url, shape))
        stack.callback(os.sched_setaffinity, 0, os.sched_getaffinity(0))
        os.sched_setaffinity(0, {1})
        return asyncio.run(_window(process, shape, load, seconds))


@contextmanager
def _load(url: str, shape: Shape) -> Iterator["Load"]:
    child = subprocess.Popen([str(LOAD)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    pin(child.pid, 1)
    try:
        stdin = cast(IO[str], child.stdin)
        lines: list[dict[str, Any]] = [{"url": url, "quality": shape.quality}]
        for n in range(max(shape.cameras, shape.microphones)):
            speaks = {"video": n < shape.cameras, "audio": n < shape.microphones}
            lines.append({"token": token(f"publisher{n}"), **speaks})
        for n in range(shape.subscribers - CHECKING):
            whole = n < WHOLE
            lines.append({"token": token(f"subscriber{n}"), "subscribe": True, "whole": whole})
        stdin.write("".join(json.dumps(line) + "\n" for line in lines))
        stdin.close()
        yield Load(child, shape)
    finally:
        child.kill()
        child.wait()


class Load:
    """Reads the load's reports, one a second."""

    def __init__(self, child: "subprocess.Popen[str]", shape: Shape) -> None:
        self.pid = child.pid
        self._lines = cast(IO[str], child.stdout)
        streams = shape.cameras + shape.microphones
        self._streams = streams * (shape.subscribers - CHECKING)

    async def report(self) -> dict[str, Any]:
        line = await asyncio.to_thread(self._lines.readline)
        said: dict[str, Any] = json.loads(line)
        assert not said.get("errors", 1), said
        return said

    async def flowing(self) -> None:
        """Waits until every stream has reached every subscriber."""
        deadline = time.monotonic() + 60
        while (said := await self.report())["flowing"] < self._streams:
            assert time.monotonic() < deadline, f"{said} of {self._streams} streams"


async def _window(process: Process, shape: Shape, load: Load, seconds: float) -> dict[str, Any]:
    assert process.child is not None
    pid = process.child.pid
    checking = [Verifier() for _ in range(CHECKING)]
    clients = [
        HeadlessClient(process.url, token(f"checking{n}"), verifier)
        for n, verifier in enumerate(checking)
    ]
    for client in clients:
        await client.start()
    await load.flowing()
    await asyncio.sleep(SETTLE)
    before = await load.report()
    for verifier in checking:
        verifier.begin()
    begun, used, spent = time.monotonic(), processor_seconds(pid), processor_seconds(load.pid)
    delays: list[int] = []
    after = before
    while time.monotonic() - begun < seconds:
        after = await load.report()
        delays.append(after["delay_p99_us"])
    took, used = time.monotonic() - begun, processor_seconds(pid) - used
    packets = after["packets"] - before["packets"] + sum(v.packets for v in checking)
    lost = after["lost"] - before["lost"] + sum(v.holes for v in checking)
    found = {
        "load": round(100 * (processor_seconds(load.pid) - spent) / took, 1),
        "core": round(100 * used / took, 1),
        "packets": round(packets / took),
        "cost": round(1e6 * used / packets, 2),
        "lost": round(100 * lost / (packets + lost), 3),
        "twice": sum(v.twice for v in checking),
        "torn": sum(v.torn for v in checking),
        "longest_gap": round(max(v.longest_gap for v in checking), 3),
        "delay": round(sorted(delays)[len(delays) // 2] / 1000, 1),
        "memory": round(memory_megabytes(pid)),
    }
    for client in clients:
        await client.stop()
    return found


def as_table(found: Mapping[str, Any]) -> str:
    """Markdown of what `measure` found; medians of the rounds, with their spread."""
    text = [
        "| room | engine | core, % | packets delivered/s | µs of processor per packet | lost, % "
        "| 99th percentile delay, ms | memory, MB |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for kind in ("cost", "growth"):
        keys = dict.fromkeys((run["shape"], run["engine"]) for run in found[kind])
        for shape, engine in keys:
            runs = [r for r in found[kind] if (r["shape"], r["engine"]) == (shape, engine)]
            text.append(_row(shape, engine, runs))
        if kind == "cost":
            text += ["", "Growth of one room, three microphones open:", "", *text[:2]]
    return "\n".join(text)


def _row(shape: str, engine: str, runs: Sequence[Mapping[str, Any]]) -> str:
    def of(name: str) -> str:
        return spread([run[name] for run in runs])

    return (
        f"| {shape} | {engine} | {of('core')} | {of('packets')} | {of('cost')} | {of('lost')} "
        f"| {of('delay')} | {of('memory')} |"
    )

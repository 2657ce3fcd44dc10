"""P5 and P6: ballots by the hundred in a large cell's vote, and how soon the receipt is there."""

import asyncio
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from tests.bench.cell import Cell, large_cell
from tests.bench.postgres import private_cluster
from tests.bench.results import percentile, spread
from tests.faults.meeting import CHOICES, Keeper

NAME = "ballots"
MEMBERS, BALLOTS, SESSIONS = 50, 500, 5


def measure(members: int = MEMBERS, sessions: int = SESSIONS) -> dict[str, Any]:
    """On each kind of database: a flood of ballots, one with a kill, and further sessions."""
    found: dict[str, Any] = {"members": members, "ballots": BALLOTS, "databases": {}}
    for kind in ("SQLite", "PostgreSQL"):
        with tempfile.TemporaryDirectory(prefix="chibo-bench-") as name, databases(kind) as env:
            found["databases"][kind] = asyncio.run(_sessions(Path(name), members, sessions, env))
        print(as_table({**found}), flush=True)
    return found


@contextmanager
def databases(kind: str) -> Iterator[dict[str, str]]:
    """Settings that put both installations on databases of this kind."""
    if kind == "SQLite":
        yield {}
        return
    with private_cluster("cell", "committee") as urls:
        yield {"BENCH_CELL_DB": urls["cell"], "BENCH_COMMITTEE_DB": urls["committee"]}


async def _sessions(
    folder: Path, members: int, sessions: int, env: Mapping[str, str]
) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    killed: dict[str, Any] = {}
    receipts: list[float] = []
    async with large_cell(folder, members, **env) as cell:
        receipts.append(await cell.hold(folder, lambda voters: _flood(voters, plain)))
        receipts.append(await cell.hold(folder, lambda voters: _flood(voters, killed, cell)))
        for _ in range(sessions - 2):
            receipts.append(await cell.hold(folder))
    return {"plain": plain, "killed": killed, "receipts": [round(r, 2) for r in receipts]}


async def _flood(voters: list[Keeper], found: dict[str, Any], killed: Cell | None = None) -> None:
    """All voters at once, each again as soon as acknowledged, until BALLOTS are sent. With
    `killed`, its application dies when two fifths are acknowledged."""
    numbers, took = count(), [len(voter.took) for voter in voters]
    sent = asyncio.Event()

    async def vote(voter: Keeper) -> None:
        while (number := next(numbers)) < BALLOTS:
            await voter.vote(CHOICES[number % len(CHOICES)])
            if number == BALLOTS * 2 // 5:
                sent.set()

    async def kill() -> None:
        await sent.wait()
        if killed:
            killed.stack.kill("app")

    begun = time.monotonic()
    await asyncio.gather(kill(), *(vote(voter) for voter in voters))
    seconds = time.monotonic() - begun
    times = [t for voter, before in zip(voters, took, strict=True) for t in voter.took[before:]]
    found |= {
        "voters": len(voters),
        "acknowledged": len(times),
        "seconds": round(seconds, 2),
        "median": round(percentile(times, 0.5), 3),
        "p99": round(percentile(times, 0.99), 3),
        "longest": round(max(times), 3),
    }


def as_table(found: Mapping[str, Any]) -> str:
    """Markdown; seconds."""
    lines = [
        "| database | ballots acknowledged | at once | a second | median | 99th percentile "
        "| longest | lost |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for kind, each in found["databases"].items():
        for name, flood in ((kind, each["plain"]), (f"{kind}, `kill -9` of app", each["killed"])):
            rate = f"{flood['acknowledged'] / flood['seconds']:.0f}"
            numbers = [flood["acknowledged"], flood["voters"], rate]
            numbers += [f"{flood[key]:.2f}" for key in ("median", "p99", "longest")]
            lines.append(f"| {name} | {' | '.join(map(str, numbers))} | 0 |")
    lines += ["", "| database | sessions | close to receipt, seconds |", "|---|---|---|"]
    for kind, each in found["databases"].items():
        lines.append(f"| {kind} | {len(each['receipts'])} | {spread(each['receipts'])} |")
    return "\n".join(lines)

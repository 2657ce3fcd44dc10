"""P6: five hundred ballots from as many connections, while as many live sockets watch."""

import asyncio
import contextlib
import os
import resource
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import httpx

from recording.signing import Signer
from server.app import build_services
from server.config import Config
from server.session.fold import fold
from server.store import events as store
from tests.bench.postgres import private_cluster
from tests.bench.results import percentile
from tests.bench.wire import Ballot, Listener, Statements, post
from tests.e2e.stack import ROOT, free_ports
from tests.server.session.town import SERVICE_KEY, SESSION, Person, persons, settings, settle

NAME = "flood"
MEMBERS, EACH = 50, 10
CHOICES = ("approve", "approve", "approve", "disapprove", "abstain")
KILLED_AFTER = 2 / 5


class Lost(AssertionError):
    """Something acknowledged is not in the log."""


def measure(members: int = MEMBERS) -> dict[str, Any]:
    """On each kind of database: one flood, and one in which the application is killed."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    found: dict[str, Any] = {"members": members, "connections": members * EACH, "databases": {}}
    for kind in ("SQLite", "PostgreSQL"):
        floods = {}
        for name, killed in (("plain", False), ("killed", True)):
            with tempfile.TemporaryDirectory(prefix="chibo-") as folder, _database(kind) as url:
                floods[name] = asyncio.run(_session(Path(folder), url, members, killed))
        found["databases"][kind] = floods
    print(as_table(found), flush=True)
    return found


@contextmanager
def _database(kind: str) -> Iterator[str]:
    if kind == "SQLite":
        yield ""
        return
    with private_cluster("cell") as urls:
        yield urls["cell"]


async def _session(folder: Path, url: str, members: int, killed: bool) -> dict[str, Any]:
    port = free_ports(1)[0]
    env = settings(folder, url, CHIBO_PORT=str(port), CHIBO_HOST="127.0.0.1")
    env["CHIBO_PUBLIC_URL"] = f"http://127.0.0.1:{port}"
    config = Config.load(env)
    tokens = await settle(config, members + 1)  # the last one is on probation and stays away
    tokens.popitem()
    services = build_services(config)
    try:
        async with AsyncExitStack() as leaving:
            app = await leaving.enter_async_context(_application(env))
            people = await leaving.enter_async_context(
                persons(services, tokens, f"127.0.0.1:{port}")
            )
            for person in people.values():
                person.http.timeout = httpx.Timeout(60)
            await leaving.enter_async_context(_recorder(config, port))
            flood = Flood(app, list(people.values()), port)
            await leaving.enter_async_context(flood.watched())
            await flood.open_vote()
            found = await flood.run(killed)
        lines = await services.database.read(store.entries_after, SESSION, 0)
        flood.check({line.seq: line.hash for line in lines}, lines)
        return found
    finally:
        services.database.close()


@dataclass
class App:
    """The application's process, started again at once when it dies, as the supervisor does."""

    env: Mapping[str, str]
    process: asyncio.subprocess.Process | None = None
    task: asyncio.Task[None] | None = None

    async def keep(self) -> None:
        command = (sys.executable, "-m", "server.cli", "app")
        with (Path(self.env["CHIBO_DATA"]) / "app.log").open("ab") as log:
            while True:
                self.process = await asyncio.create_subprocess_exec(
                    *command, cwd=ROOT, env={**os.environ, **self.env}, stdout=log, stderr=log
                )
                await self.process.wait()

    def tell(self, number: signal.Signals) -> None:
        if self.process and self.process.returncode is None:
            self.process.send_signal(number)

    def processor_seconds(self) -> float:
        """User and system time of the process so far."""
        assert self.process
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@asynccontextmanager
async def _application(env: Mapping[str, str]) -> AsyncIterator[App]:
    app = App(env)
    app.task = asyncio.create_task(app.keep())
    url = f"http://127.0.0.1:{env['CHIBO_PORT']}/healthz"
    try:
        async with asyncio.timeout(60), httpx.AsyncClient(trust_env=False) as http:
            while True:
                with contextlib.suppress(httpx.HTTPError):
                    if (await http.get(url)).is_success:
                        break
                await asyncio.sleep(0.1)
        yield app
    finally:
        app.task.cancel()
        app.tell(signal.SIGTERM)
        if app.process:
            await app.process.wait()


@asynccontextmanager
async def _recorder(config: Config, port: int) -> AsyncIterator[None]:
    """Signed statements of a recorder that has everything on disk, each second."""
    signer = Signer.load(config.recorder_spki_file.with_suffix(".pem"))
    said: dict[str, Any] = {"session_id": SESSION, "head": "0" * 64, "tracks": [], "gaps": []}
    said |= {"segments": 0, "bytes": 0, "disk_free": 10**10, "state": "recording", "problem": ""}
    headers = {"authorization": f"Bearer {SERVICE_KEY}", "content-type": "application/json"}

    async def speak() -> None:
        async with httpx.AsyncClient(trust_env=False, timeout=5) as http:
            for seq in count(1):
                facts = {**said, "seq": seq, "checkpoint_nonce": ""}
                body = httpx.Request(
                    "POST", "http://x", json={**facts, "time_ms": int(time.time() * 1000)}
                ).content
                with contextlib.suppress(httpx.HTTPError):
                    await http.post(
                        f"http://127.0.0.1:{port}/api/recorder/checkpoints",
                        content=body,
                        headers={**headers, **signer.headers(body)},
                    )
                await asyncio.sleep(1)

    task = asyncio.create_task(speak())
    try:
        yield
    finally:
        task.cancel()


@dataclass
class Flood:
    app: App
    people: list[Person]
    port: int
    listeners: list[Listener] = field(default_factory=list)
    took: list[float] = field(default_factory=list)
    acks: list[dict[str, Any]] = field(default_factory=list)
    chosen: dict[str, str] = field(default_factory=dict)  # by person: acknowledged last
    enough: asyncio.Event = field(default_factory=asyncio.Event)  # to die now

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """While entered, each member has ten live sockets."""
        for _ in range(EACH):
            more = [Listener(self.port, person) for person in self.people]
            self.listeners += more
            for listener in more:
                listener.start()
            async with asyncio.timeout(60):
                await asyncio.gather(*(listener.shown.wait() for listener in more))
        try:
            yield
        finally:
            for listener in self.listeners:
                listener.stop()

    async def open_vote(self) -> None:
        chair, *others = self.people
        await _at_stage(chair, "waiting")
        await chair.give("open")
        await chair.give("name-secretary", person=others[0].id)
        await chair.give("start-roll-call")
        for person in self.people:
            await person.certify()
            await person.view()
            await person.give("check-in", **person.check_in())
        await chair.give("finish-roll-call")
        await chair.give("approve-agenda")
        await chair.give("start-item", item="i1")
        await chair.give("finish-item", item="i1")
        await chair.give("start-item", item="i2")
        await chair.give("open-vote", motion="m1", seconds=3600)

    async def run(self, killed: bool) -> dict[str, Any]:
        """All members at once, each with its ten ballots one after the other, every ballot on a
        connection of its own that was open before."""
        motion = (await self.people[0].view())["motion"]
        ballots = {
            person.id: await self._ballots(person, motion, place)
            for place, person in enumerate(self.people)
        }
        heard = sum(listener.bytes for listener in self.listeners)
        told = sum(listener.messages for listener in self.listeners)
        worked, begun = self.app.processor_seconds(), time.monotonic()
        dying = asyncio.create_task(self._kill()) if killed else None
        await asyncio.gather(*(self._vote(each) for each in ballots.values()))
        seconds = time.monotonic() - begun
        if dying:
            await dying
        messages = sum(listener.messages for listener in self.listeners) - told
        return {
            "voters": len(self.people),
            "sockets": len(self.listeners),
            "acknowledged": len(self.took),
            "seconds": round(seconds, 2),
            "median": round(percentile(self.took, 0.5), 3),
            "p99": round(percentile(self.took, 0.99), 3),
            "longest": round(max(self.took), 3),
            "processor": 0.0 if killed else round(self.app.processor_seconds() - worked, 2),
            "messages": messages,
            "bytes": sum(listener.bytes for listener in self.listeners) - heard,
        }

    async def _ballots(self, person: Person, motion: Mapping[str, Any], place: int) -> list[Ballot]:
        await person.view()
        statements = Statements(person, motion)
        return [
            await Ballot.ready(self.port, statements.next(CHOICES[(place + n) % len(CHOICES)]))
            for n in range(EACH)
        ]

    async def _vote(self, ballots: list[Ballot]) -> None:
        for ballot in ballots:
            begun = time.monotonic()
            ack = await post(self.port, ballot)
            self.took.append(time.monotonic() - begun)
            self.acks.append(ack)
            self.chosen[ballot.member] = ballot.choice
            if len(self.took) >= len(self.people) * EACH * KILLED_AFTER:
                self.enough.set()

    async def _kill(self) -> None:
        await self.enough.wait()
        self.app.tell(signal.SIGKILL)

    def check(self, hashes: Mapping[int, str], lines: list[Any]) -> None:
        """Raises Lost unless every acknowledgement stands in the log and every member's last
        acknowledged ballot counts."""
        for ack in self.acks:
            if hashes.get(ack["seq"]) != ack["hash"]:
                raise Lost(f"line {ack['seq']} was acknowledged")
        state = fold(SESSION, (line.logged() for line in lines))
        assert state
        counted = {p: cast.choice.value for p, cast in state.motions["m1"].ballots.items()}
        if counted != self.chosen:
            raise Lost("another choice counts than the one acknowledged last")


async def _at_stage(chair: Person, stage: str) -> None:
    for _ in range(150):
        if (await chair.view())["stage"] == stage:
            return
        await asyncio.sleep(0.2)
    raise TimeoutError(stage)


def as_table(found: Mapping[str, Any]) -> str:
    """Markdown; seconds."""
    lines = [
        "| database | ballots acknowledged | live sockets | a second | median "
        "| 99th percentile | longest | lost | processor time | told to each socket |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for kind, each in found["databases"].items():
        for name, flood in ((kind, each["plain"]), (f"{kind}, `kill -9` of app", each["killed"])):
            rate = f"{flood['acknowledged'] / flood['seconds']:.0f}"
            numbers = [flood["acknowledged"], flood["sockets"], rate]
            numbers += [f"{flood[key]:.2f}" for key in ("median", "p99", "longest")]
            each_socket = f"{flood['bytes'] / flood['sockets'] / 1024:.0f} KB"
            worked = f"{flood['processor']:.1f}" if flood["processor"] else ""
            lines.append(
                f"| {name} | {' | '.join(map(str, numbers))} | 0 | {worked} | {each_socket} |"
            )
    return "\n".join(lines)

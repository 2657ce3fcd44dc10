"""A session whose disk is full, or whose database is gone: said at once, nothing acknowledged that
is not durable, and on as soon as it is back."""

import asyncio
import contextlib
import json
import os
import secrets
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, event

from server.app import build_services
from server.config import Config
from server.session import events as e
from server.session.chain import Entry
from server.session.gathering import witnessed_lately
from server.session.times import to_text
from server.store import database, events
from tests.conftest import Cluster
from tests.server.session.meeting import meeting
from tests.server.session.town import (
    SESSION,
    Person,
    application,
    heard,
    persons,
    recorder,
    settings,
    settle,
)

PATIENCE = 20.0
Town = dict[str, Person]
MB = 1024 * 1024


@contextlib.asynccontextmanager
async def a_town(folder: Path, url: str = "") -> AsyncIterator[tuple[Town, Config]]:
    config = Config.load(settings(folder, url))
    tokens = await settle(config)
    services = build_services(config)
    async with application(config) as address, persons(services, tokens, address) as people:
        with recorder(services):  # which is not what is tested after this
            chair = people["p01"]
            async with chair.live() as socket:
                await heard(socket, "snapshot")
                await chair.give("open")
        yield people, config
    services.database.close()


async def patched(socket: Any, name: str, good: Callable[[Any], bool]) -> Any:
    """Waits until the view's field satisfies, and returns it."""
    async with asyncio.timeout(PATIENCE):
        while True:
            patch = (await heard(socket, "update", PATIENCE))["patch"]
            if name in patch and good(patch[name]):
                return patch[name]


async def log_of(config: Config) -> list[Entry]:
    """As another process reads it."""
    services = build_services(config)
    lines = await services.database.read(events.entries_after, SESSION, 0)
    services.database.close()
    return lines


async def survives(
    town: Town, config: Config, fail: Callable[[], None], mend: Callable[[], None], code: str
) -> None:
    chair = town["p01"]
    async with chair.live() as socket:
        assert (await heard(socket, "snapshot"))["view"]["trouble"] == ""
        fail()
        try:
            answer, act = await first_refusal(chair)
            assert (answer.status_code, answer.json()["code"]) == (503, code)
            assert await patched(socket, "trouble", bool) == answer.json()["message"]
            for _ in range(3):  # asked again, as the page does: still not taken
                assert (await chair.post("commands/allow-chat", act)).status_code == 503
        finally:
            mend()
        await patched(socket, "trouble", lambda text: text == "")
        ack = await taken_in_the_end(chair, act)
        again = await chair.post("commands/allow-chat", act)
        assert again.json()["seq"] == ack["seq"]
        assert (await chair.view())["chat_allowed"] is act["allowed"]
    log = await log_of(config)
    assert [line.seq for line in log] == list(range(1, len(log) + 1))
    told = [json.loads(line.body)["command"] for line in log]
    assert told.count(act["command_id"]) == 1
    assert told.index(act["command_id"]) + 1 == ack["seq"]
    assert set(ACKNOWLEDGED) <= set(told)


ACKNOWLEDGED: list[str] = []


async def first_refusal(chair: Person) -> tuple[httpx.Response, dict[str, Any]]:
    """Acts until one is refused: files have some room of their own left when a disk is full."""
    ACKNOWLEDGED.clear()
    for n in range(300):
        act = {"command_id": secrets.token_hex(8), "allowed": n % 2 == 0}
        answer = await chair.post("commands/allow-chat", act)
        if answer.status_code != 200:
            return answer, act
        ACKNOWLEDGED.append(act["command_id"])
    raise AssertionError("nothing was refused")


async def taken_in_the_end(chair: Person, act: dict[str, Any]) -> dict[str, Any]:
    """The same act, sent again until it is acknowledged."""
    async with asyncio.timeout(PATIENCE):
        while True:
            answer = await chair.post("commands/allow-chat", act)
            if answer.status_code == 200:
                taken: dict[str, Any] = answer.json()
                return taken
            await asyncio.sleep(0.2)


@pytest.fixture
def own_cluster() -> Iterator[Cluster]:
    """One that may be stopped without harm to other tests."""
    cluster = Cluster()
    cluster.start()
    yield cluster
    cluster.stop()
    cluster.remove()


@pytest.mark.postgres
async def test_the_database_goes_away_and_comes_back(tmp_path: Path, own_cluster: Cluster) -> None:
    async with a_town(tmp_path, own_cluster.create("town")) as (town, config):
        await survives(town, config, own_cluster.stop, own_cluster.start, "database_away")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own with room for little."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small file system; the quota below is tested instead")
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", folder], check=True)
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


async def test_the_disk_is_full_and_is_cleared(small_disk: Path) -> None:
    filler = small_disk / "filler"

    def fill() -> None:
        with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            for size in (MB, 4096, 1):
                with contextlib.suppress(OSError):
                    while file.write(bytes(size)) == size:
                        pass

    async with a_town(small_disk / "data") as (town, config):
        await survives(town, config, fill, filler.unlink, "disk_full")


async def test_a_quota_is_reached_and_raised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real store, which may not grow by a page more."""
    quota = {"pages": 0}
    make = database.sqlite_engine

    def engine(url: str) -> Engine:
        made = make(url)

        @event.listens_for(made, "begin")
        def limit(conn: Any) -> None:
            # 0 asks only; the least that can be set is what is there.
            conn.exec_driver_sql(f"PRAGMA max_page_count={quota['pages'] or 2**30}")

        return made

    monkeypatch.setattr(database, "sqlite_engine", engine)
    async with a_town(tmp_path) as (town, config):
        await survives(
            town,
            config,
            lambda: quota.update(pages=1),
            lambda: quota.update(pages=0),
            "disk_full",
        )


def test_a_silent_upper_committee_is_seen_and_its_return_too() -> None:
    """The session itself goes on; the chair's screen says that nobody countersigns."""
    m = meeting().gather().open()

    def witnessed() -> None:
        said = e.HeadWitnessed(m.state.seq, m.state.head, to_text(m.now), "key", "signature")
        m.append([said], e.UPPER)

    assert not witnessed_lately(m.state, m.now)
    witnessed()
    assert witnessed_lately(m.state, m.now)
    m.wait(80)
    assert not witnessed_lately(m.state, m.now)
    m.give("p01", "start-roll-call")
    witnessed()
    assert witnessed_lately(m.state, m.now)

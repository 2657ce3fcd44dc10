"""Leases of devices on either database, and who notices when an instance is gone."""

import time
from datetime import timedelta
from pathlib import Path

import pytest

from server.app import build_services
from server.config import Config
from server.session.hub import Heard
from server.store import presence
from server.store.database import Database
from server.store.presence import Lease
from tests.server.session.town import SESSION, settings, settle


def lease(person: str, device: str, age: float) -> Lease:
    return Lease(SESSION, person, device, "good", True, False, timedelta(seconds=age))


@pytest.fixture
async def config(tmp_path: Path, database_url: str) -> Config:
    config = Config.load(settings(tmp_path, database_url))
    await settle(config)
    return config


async def test_a_lease_lasts_fifteen_seconds_of_the_databases_time(config: Config) -> None:
    database = Database(config.database_url)
    fresh, stale = lease("p01", "one", 13), lease("p02", "two", 16)
    await database.write(presence.renew, "instance", [fresh, stale])
    alive = await database.read(presence.devices, [SESSION])
    assert [(d.person, d.microphone) for d in alive] == [("p01", True)]
    await database.write(presence.renew, "other", [lease("p02", "two", 0)])
    assert len(await database.read(presence.devices, [SESSION])) == 2
    await database.write(presence.drop_person, SESSION, "p01")
    assert [d.person for d in await database.read(presence.devices, [SESSION])] == ["p02"]
    database.close()


async def test_another_instance_writes_the_leave_of_a_dead_ones_people_once(
    config: Config,
) -> None:
    dead, other = build_services(config), build_services(config)
    await dead.session.hub.heard(SESSION, "p02", "device1", Heard(time.monotonic()))
    await dead.session.hub.heard(SESSION, "p02", "device2", Heard(time.monotonic()))
    state = await other.session.state(SESSION)
    assert state.members["p02"].connected
    joined = state.seq
    await dead.database.write(presence.renew, "dead", [lease("p02", "device1", 20)])
    await other.session.hub.look_at(SESSION)
    assert (await other.session.state(SESSION)).members["p02"].connected  # the second device
    await dead.database.write(presence.renew, "dead", [lease("p02", "device2", 20)])
    await other.session.hub.look_at(SESSION)
    await dead.session.hub.look_at(SESSION)
    state = await dead.session.state(SESSION)
    assert not state.members["p02"].connected
    assert state.seq == joined + 1
    for services in (dead, other):
        services.database.close()


async def test_an_instance_tells_its_readers_what_another_one_wrote(config: Config) -> None:
    one, other = build_services(config), build_services(config)
    await one.session.state(SESSION)
    with one.session.subscribe(SESSION) as watch:
        watch.dirty.clear()
        await other.session.hub.heard(SESSION, "p03", "device1", Heard(time.monotonic()))
        await one.session.log.moved([SESSION])
        assert watch.dirty.is_set()
    seen = one.session.log.cached(SESSION)
    assert seen is not None
    assert seen.members["p03"].connected
    for services in (one, other):
        services.database.close()

"""The worker as a process: one of several works, and it goes when told to."""

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

from sqlalchemy import select

from server.store import leases
from server.store.database import Database
from server.store.tables import job_lease
from tests.server.submission.installations import Installation, until


def holders(database: Database) -> list[str]:
    with database.engine.connect() as conn:
        query = select(job_lease.c.holder).where(job_lease.c.name == "worker")
        return list(conn.execute(query).scalars())


async def started(installation: Installation, **more: str) -> asyncio.subprocess.Process:
    config = installation.config
    env = os.environ | {
        "CHIBO_DATA": str(config.data_dir),
        "CHIBO_PORT": str(config.port),
        "CHIBO_PUBLIC_URL": config.public_url,
        "LIVEKIT_API_KEY": "key",
        "LIVEKIT_API_SECRET": "s" * 40,
        "CHIBO_SERVICE_KEY": "r" * 40,
        **more,
    }
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "server.cli", "worker", env=env, stderr=asyncio.subprocess.PIPE
    )


async def test_the_worker_stops_when_told_and_leaves_its_lease(tmp_path: Path):
    installation = Installation.prepare(tmp_path / "cell", "cell", "Chi bộ")
    database = Database(installation.config.database_url)
    process = await started(installation)
    try:

        async def leads() -> bool:
            return bool(holders(database))

        await until(leads, 30)
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)

        async def gone() -> bool:
            return not holders(database)

        await until(gone, 10)
        assert time.monotonic() - began < 3
        assert await asyncio.wait_for(process.wait(), 10) == 0
    finally:
        if process.returncode is None:
            process.kill()
        database.close()


async def test_of_two_workers_one_works_until_it_goes(cell_side: Installation):
    database = cell_side.services.database
    assert await database.write(leases.take, "worker", "one", 15)
    assert not await database.write(leases.take, "worker", "two", 15)
    assert await database.write(leases.take, "worker", "one", 15)
    await database.write(leases.give_up, "worker", "two")
    assert not await database.write(leases.take, "worker", "two", 15)
    await database.write(leases.give_up, "worker", "one")
    assert await database.write(leases.take, "worker", "two", -1)
    assert await database.write(leases.take, "worker", "three", 15)


async def test_only_the_successor_on_the_same_seat_takes_over_at_once(cell_side: Installation):
    database = cell_side.services.database
    assert await database.write(leases.take, "worker", "a%.worker/one", 15, "a%.worker")
    for other, seat in (("ab.worker/two", "ab.worker"), ("/two", ""), ("a%.work/two", "a%.work")):
        assert not await database.write(leases.take, "worker", other, 15, seat)
    assert await database.write(leases.take, "worker", "a%.worker/two", 15, "a%.worker")
    assert holders(database) == ["a%.worker/two"]


async def test_a_killed_worker_is_followed_within_its_lease(tmp_path: Path):
    """Under the same seat, as a supervisor restarts it."""
    installation = Installation.prepare(tmp_path / "cell", "cell", "Chi bộ")
    database = Database(installation.config.database_url)
    first = await started(installation, CHIBO_SEAT="seat")
    second = None
    try:

        async def leads() -> bool:
            return bool(holders(database))

        await until(leads, 30)
        (former,) = holders(database)
        first.kill()
        await first.wait()
        with database.engine.begin() as conn:  # as if it had renewed just now, for long
            assert leases.take(conn, "worker", former, 1000)
        second = await started(installation, CHIBO_SEAT="seat")

        async def follows() -> bool:
            return holders(database) != [former]

        await until(follows, 30)
    finally:
        for process in (first, second):
            if process and process.returncode is None:
                process.kill()
        database.close()

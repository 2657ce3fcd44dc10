"""Appending under contention: eight writers in two processes, one of which is killed."""

import asyncio
import sys
from pathlib import Path

from server.app import build_services
from server.config import Config
from server.session.chain import GENESIS
from server.session.fold import fold
from server.store import events as store
from tests.server.session.town import SESSION, settings, settle
from voting.signing import statement_hash

NOTES = 8  # by each writer


async def writers(folder: Path, url: str, name: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.server.session.writer",
        str(folder),
        url,
        name,
        str(NOTES),
        stdout=asyncio.subprocess.PIPE,
    )


async def acknowledged(process: asyncio.subprocess.Process, at_most: int = 10**6) -> list[str]:
    found: list[str] = []
    assert process.stdout
    while len(found) < at_most and (line := await process.stdout.readline()):
        found.append(line.decode().strip())
    return found


async def test_eight_writers_on_two_instances_lose_nothing_when_one_is_killed(
    tmp_path: Path, database_url: str
) -> None:
    config = Config.load(settings(tmp_path, database_url))
    await settle(config)
    first = await writers(tmp_path, database_url, "first")
    second = await writers(tmp_path, database_url, "second")
    async with asyncio.timeout(60):
        told = await acknowledged(second, 10)
        second.kill()
        told += await acknowledged(second)  # what it had printed before it died
        told += await acknowledged(first)
        assert await first.wait() == 0
        await second.wait()
    services = build_services(config)
    lines = await services.database.read(store.entries_after, SESSION, 0)
    head = await services.database.read(store.head, SESSION)
    services.database.close()

    assert [line.seq for line in lines] == list(range(1, len(lines) + 1))
    assert [line.prev for line in lines] == [GENESIS, *(line.hash for line in lines[:-1])]
    assert all(statement_hash(line.header()) == line.hash for line in lines)
    assert head == (lines[-1].seq, lines[-1].hash)
    state = fold(SESSION, (line.logged() for line in lines))
    written = [note.text for note in state.notes]
    assert len(set(written)) == len(written)
    assert set(told) <= set(written)
    assert {t for t in written if t.startswith("first")} == {t for t in told if "first" in t}
    assert len([t for t in told if t.startswith("first")]) == 4 * NOTES
    assert [note.id for note in state.notes] == [f"n{n + 1}" for n in range(len(written))]

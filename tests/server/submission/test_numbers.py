"""Documents bear numbers of the cell's register: in the log, without gaps or repeats."""

import json

from server.store import register
from server.store import submission as store
from server.verify.command import verify
from tests.server.submission.installations import SESSION, Installation, until
from tests.server.submission.test_delivery import closed

Pair = tuple[Installation, Installation]
KINDS = ("minutes", "resolution", "report")


async def test_numbers_run_by_cell_year_and_kind_and_are_given_once(cell_side: Installation):
    database = cell_side.services.database

    async def give(session: str, cell: str, year: int, *kinds: str) -> list[int]:
        found = await database.write(register.assign, session, cell, year, kinds)
        assert [kind for kind, _ in found] == list(kinds)
        return [number for _, number in found]

    assert await give("s1", "c1", 2026, *KINDS) == [1, 1, 1]
    assert await give("s2", "c1", 2026, "minutes", "report") == [2, 2]
    assert await give("s3", "c1", 2026, *KINDS) == [3, 2, 3]  # no gap where none was made
    assert await give("s2", "c1", 2026, "minutes", "report") == [2, 2]
    assert await give("s4", "c2", 2026, "minutes") == [1]
    assert await give("s5", "c1", 2027, *KINDS) == [1, 1, 1]


async def test_the_sealed_documents_bear_the_numbers_that_the_log_tells(pair: Pair, tmp_path):
    cell_side, _ = pair
    await cell_side.services.database.write(register.assign, "before", "cell1", 2026, KINDS)
    async with cell_side.worker():
        await cell_side.hold(closed(cell_side))
        await until(lambda: cell_side.events("report-received"))
    (told,) = await cell_side.events("documents-numbered")
    assert (told.event.year, dict(told.event.numbers)) == (2026, dict.fromkeys(KINDS, 2))
    assert told.seq < (await cell_side.events("report-sealed"))[0].seq
    blob = (await cell_side.services.database.read(store.report_message, SESSION))["blob"]
    path = tmp_path / "report.zip"
    path.write_bytes(await cell_side.services.blobs.get(blob))
    findings = verify(path)
    assert findings.intact, findings.first_break
    prefix = f"report/{SESSION}-"
    minutes = (await cell_side.services.blobs.get(prefix + "minutes.html")).decode()
    report = (await cell_side.services.blobs.get(prefix + "report.html")).decode()
    assert "Số 02-BB/CB" in minutes
    assert "Số 02-BC/CB" in report
    assert "Nghị quyết được thông qua mang số 02-NQ/CB." in minutes
    facts = json.loads(await cell_side.services.blobs.get(prefix + "minutes.json"))
    assert dict(facts["numbers"]) == dict.fromkeys(KINDS, 2)

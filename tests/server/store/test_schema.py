from datetime import UTC, datetime

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from server.store.database import Connection, Database
from server.store.schema import SchemaBehind, current, head, require_current, upgrade
from server.store.tables import metadata


async def test_the_migrations_make_exactly_the_tables_that_the_code_uses(
    database: Database,
) -> None:
    def differences(conn: Connection) -> object:
        context = MigrationContext.configure(conn, opts={"compare_type": True})
        return compare_metadata(context, metadata)

    assert await database.read(differences) == []


async def test_a_database_without_the_newest_schema_is_refused(database_url: str) -> None:
    database = Database(database_url)
    with pytest.raises(SchemaBehind, match="chibo migrate"):
        await database.read(require_current)
    assert upgrade(database)
    await database.read(require_current)
    assert await database.read(current) == head()
    assert not upgrade(database)
    database.close()


CODES = metadata.tables["enrolment_code"]


async def test_a_write_is_whole_or_not_at_all(database: Database) -> None:
    def half(conn: Connection) -> None:
        conn.execute(CODES.insert().values(code_hash="x", expires_at=datetime.now(UTC)))
        raise RuntimeError("the power went")

    with pytest.raises(RuntimeError):
        await database.write(half)
    assert await database.read(lambda conn: conn.execute(CODES.select()).all()) == []

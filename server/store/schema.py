"""The schema's version: bring a database up to date, or refuse to work on an old one."""

from pathlib import Path

from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from server.store.database import Database

MIGRATIONS = Path(__file__).parent.parent / "migrations"


class SchemaBehind(Exception):
    """The database is older, or newer, than this program."""


def head() -> str:
    """The version this program needs."""
    version = ScriptDirectory(str(MIGRATIONS)).get_current_head()
    assert version is not None
    return version


def require_current(conn: Connection) -> None:
    """Raises SchemaBehind, with what to do, unless the database has exactly our version."""
    found = MigrationContext.configure(conn).get_current_revision()
    if found != head():
        raise SchemaBehind(
            f"The database has schema {found or 'none'}, this program needs {head()}. "
            "Make a backup, then run: chibo migrate"
        )


def upgrade(database: Database) -> bool:
    """Brings the schema up to date in one transaction; whether anything was to do."""
    with database.engine.connect() as conn:
        if MigrationContext.configure(conn).get_current_revision() == head():
            return False
    settings = AlembicConfig()
    settings.set_main_option("script_location", str(MIGRATIONS))
    with database.engine.execution_options(immediate=True).begin() as conn:
        settings.attributes["connection"] = conn
        command.upgrade(settings, "head")
    return True

"""The schema's version: bring a database up to date, or refuse to work on an old one."""

from pathlib import Path

from sqlalchemy import Connection, column, inspect, select, table

from server.store.database import Database

MIGRATIONS = Path(__file__).parent.parent / "migrations"
VERSION = table("alembic_version", column("version_num"))


class SchemaBehind(Exception):
    """The database is older, or newer, than this program."""


def head() -> str:
    """The version this program needs: files are named `v<number>_<what>.py`."""
    return max(path.name[1:5] for path in MIGRATIONS.glob("versions/v*.py"))


def current(conn: Connection) -> str | None:
    """The database's version; None for an empty one."""
    if not inspect(conn).has_table(VERSION.name):
        return None
    version: str | None = conn.execute(select(VERSION.c.version_num)).scalar()
    return version


def require_current(conn: Connection) -> None:
    """Raises SchemaBehind, with what to do, unless the database has exactly our version."""
    found = current(conn)
    if found != head():
        raise SchemaBehind(
            f"The database has schema {found or 'none'}, this program needs {head()}. "
            "Make a backup, then run: chibo migrate"
        )


def upgrade(database: Database) -> bool:
    """Brings the schema up to date in one transaction; whether anything was to do."""
    with database.engine.connect() as conn:
        if current(conn) == head():
            return False
    from alembic import command  # takes half a second to import, and is rarely needed
    from alembic.config import Config

    settings = Config()
    settings.set_main_option("script_location", str(MIGRATIONS))
    with database.engine.execution_options(immediate=True).begin() as conn:
        settings.attributes["connection"] = conn
        command.upgrade(settings, "head")
    return True

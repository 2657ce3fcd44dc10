"""A private PostgreSQL cluster for the run, and each test's own database on either kind."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from server.store.database import Database
from server.store.schema import upgrade

NUMBERS = count(1)


def postgres_program(name: str) -> str:
    """Debian keeps the newest server's programs outside the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    program = str(found[-1]) if found else shutil.which(name)
    assert program, f"PostgreSQL is not installed: no {name}"
    return program


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[Path]:
    """A running cluster that listens only on a socket in its own folder: the folder."""
    # Short, because a socket's path may have no more than 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="pg", dir="/tmp"))
    # PostgreSQL refuses to run as root.
    other = pwd.getpwnam("postgres") if os.geteuid() == 0 else None
    if other:
        os.chown(folder, other.pw_uid, other.pw_gid)

    def run(*command: str) -> None:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            cwd=folder,
            user=other.pw_uid if other else None,
            group=other.pw_gid if other else None,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    data = str(folder / "data")
    run(
        postgres_program("initdb"),
        "-D",
        data,
        "-U",
        "chibo",
        "-A",
        "trust",
        "--no-sync",
        "-E",
        "UTF8",
    )
    settings = f"-k {folder} -c listen_addresses= -c max_connections=200"
    control = postgres_program("pg_ctl")
    run(control, "-D", data, "-w", "-l", str(folder / "log"), "-o", settings, "start")
    yield folder
    run(control, "-D", data, "-w", "-m", "immediate", "stop")
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres_cluster: Path) -> Iterator[str]:
    """The address of a new, empty database."""
    name = f"test{next(NUMBERS)}"
    arguments = ("-h", str(postgres_cluster), "-U", "chibo")
    subprocess.run([postgres_program("createdb"), *arguments, name], check=True)
    yield f"postgresql://chibo@/{name}?host={postgres_cluster}"
    force = [postgres_program("dropdb"), *arguments, "--force", name]
    subprocess.run(force, check=True)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/chibo.db"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A database of each kind with today's schema."""
    opened = Database(database_url)
    upgrade(opened)
    yield opened
    opened.close()

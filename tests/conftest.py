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
from tests.bench.postgres import program as postgres_program

NUMBERS = count(1)


class Cluster:
    """A PostgreSQL server that listens only on a socket in its own folder. `stop` is abrupt."""

    def __init__(self) -> None:
        # Short, because a socket's path may have no more than 107 bytes.
        self.folder = Path(tempfile.mkdtemp(prefix="pg", dir="/tmp"))
        # PostgreSQL refuses to run as root.
        self._other = pwd.getpwnam("postgres") if os.geteuid() == 0 else None
        if self._other:
            os.chown(self.folder, self._other.pw_uid, self._other.pw_gid)
        init = ("-U", "chibo", "-A", "trust", "--no-sync", "-E", "UTF8")
        self._run(postgres_program("initdb"), "-D", self._data, *init)

    @property
    def _data(self) -> str:
        return str(self.folder / "data")

    def _run(self, *command: str) -> None:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            cwd=self.folder,
            user=self._other.pw_uid if self._other else None,
            group=self._other.pw_gid if self._other else None,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def start(self) -> None:
        settings = f"-k {self.folder} -c listen_addresses= -c max_connections=200"
        log = str(self.folder / "log")
        self._control("-l", log, "-o", settings, "start")

    def stop(self) -> None:
        self._control("-m", "immediate", "stop")

    def _control(self, *arguments: str) -> None:
        self._run(postgres_program("pg_ctl"), "-D", self._data, "-w", *arguments)

    def create(self, name: str) -> str:
        """A new, empty database: its address."""
        arguments = ("-h", str(self.folder), "-U", "chibo")
        subprocess.run([postgres_program("createdb"), *arguments, name], check=True)
        return f"postgresql://chibo@/{name}?host={self.folder}"

    def drop(self, name: str) -> None:
        arguments = ("-h", str(self.folder), "-U", "chibo", "--force", name)
        subprocess.run([postgres_program("dropdb"), *arguments], check=True)

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[Cluster]:
    """Running, for the whole run."""
    cluster = Cluster()
    cluster.start()
    yield cluster
    cluster.stop()
    cluster.remove()


@pytest.fixture
def postgres_url(postgres_cluster: Cluster) -> Iterator[str]:
    """The address of a new, empty database."""
    name = f"test{next(NUMBERS)}"
    yield postgres_cluster.create(name)
    postgres_cluster.drop(name)


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

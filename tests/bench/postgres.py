"""A private PostgreSQL cluster with everything synced to disk, for as long as a block lasts."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def program(name: str) -> str:
    """Debian keeps the newest server's programs outside the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    path = str(found[-1]) if found else shutil.which(name)
    assert path, f"PostgreSQL is not installed: no {name}"
    return path


@contextmanager
def private_cluster(*names: str) -> Iterator[dict[str, str]]:
    """The addresses of new databases by name; the cluster listens only in its own folder."""
    folder = Path(tempfile.mkdtemp(prefix="pg", dir="/tmp"))
    other = pwd.getpwnam("postgres") if os.geteuid() == 0 else None  # it refuses to run as root
    if other:
        os.chown(folder, other.pw_uid, other.pw_gid)

    def run(*command: str) -> None:
        subprocess.run(
            command,
            check=True,
            cwd=folder,
            stdout=subprocess.DEVNULL,
            user=other.pw_uid if other else None,
            group=other.pw_gid if other else None,
        )

    data, control = str(folder / "data"), program("pg_ctl")
    run(program("initdb"), "-D", data, "-U", "chibo", "-A", "trust", "-E", "UTF8")
    settings = f"-k {folder} -c listen_addresses= -c max_connections=200"
    run(control, "-D", data, "-w", "-l", str(folder / "log"), "-o", settings, "start")
    try:
        for name in names:
            run(program("createdb"), "-h", str(folder), "-U", "chibo", name)
        yield {name: f"postgresql://chibo@/{name}?host={folder}" for name in names}
    finally:
        run(control, "-D", data, "-w", "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)

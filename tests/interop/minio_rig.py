"""A real S3 server of its own for tests: one folder, one bucket, one port."""

import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

PROGRAM = Path(__file__).parents[2] / "build" / "minio"
USER, PASSWORD = "chibo-test", "a password for tests"
START_SECONDS = 40.0


class Minio:
    """`start` may follow `stop`: the data and the port stay."""

    def __init__(self, folder: Path) -> None:
        assert PROGRAM.exists(), f"{PROGRAM} is missing: make build/minio (needs Go)"
        self.folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None
        (folder / "chibo").mkdir(parents=True)  # a folder here is a bucket there

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def env(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": USER,
            "AWS_SECRET_ACCESS_KEY": PASSWORD,
            "AWS_REGION": "us-east-1",
        }

    def start(self) -> None:
        env = {"MINIO_ROOT_USER": USER, "MINIO_ROOT_PASSWORD": PASSWORD, "HOME": str(self.folder)}
        command = [PROGRAM, "server", "--quiet", "--address", f"127.0.0.1:{self.port}"]
        self._process = subprocess.Popen(
            [*command, self.folder], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            try:
                urllib.request.urlopen(f"{self.url}/minio/health/ready", timeout=2)
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
            else:
                return
        raise AssertionError("minio did not start")

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

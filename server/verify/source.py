"""Where evidence comes from: a folder, an export or report in a ZIP file, or a bare log."""

import hashlib
import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

LOG = "log.jsonl"
_BLOCK = 1024 * 1024


class Unreadable(Exception):
    """The file or folder is no export; the message is a Vietnamese sentence."""


class Source(Protocol):
    def names(self) -> list[str]: ...
    def read(self, name: str) -> bytes: ...
    def sha256(self, name: str) -> str: ...


class Folder:
    def __init__(self, path: Path) -> None:
        self.path = path.resolve()

    def names(self) -> list[str]:
        return sorted(
            p.relative_to(self.path).as_posix() for p in self.path.rglob("*") if p.is_file()
        )

    def read(self, name: str) -> bytes:
        return (self.path / name).read_bytes()

    def sha256(self, name: str) -> str:
        with (self.path / name).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


class Zip:
    def __init__(self, file: zipfile.ZipFile) -> None:
        self.file = file

    def names(self) -> list[str]:
        return sorted(info.filename for info in self.file.infolist() if not info.is_dir())

    def read(self, name: str) -> bytes:
        return self.file.read(name)

    def sha256(self, name: str) -> str:
        digest = hashlib.sha256()
        with self.file.open(name) as file:
            while block := file.read(_BLOCK):
                digest.update(block)
        return digest.hexdigest()


class BareLog:
    def __init__(self, path: Path) -> None:
        self.path = path

    def names(self) -> list[str]:
        return [LOG]

    def read(self, name: str) -> bytes:
        return self.path.read_bytes()

    def sha256(self, name: str) -> str:
        return hashlib.sha256(self.read(name)).hexdigest()


@contextmanager
def opened(path: Path) -> Iterator[Source]:
    """The evidence at that path. Raises Unreadable."""
    try:
        if path.is_dir():
            yield Folder(path)
        elif zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as file:
                yield Zip(file)
        elif path.is_file():
            yield BareLog(path)
        else:
            raise Unreadable(f"Không có tệp hoặc thư mục {path}.")
    except zipfile.BadZipFile as error:
        raise Unreadable(f"Tệp {path.name} bị hỏng: {error}.") from None


def read_json(source: Source, name: str) -> Any:
    """The JSON value in that file, None if there is no such file. Raises Unreadable."""
    if name not in source.names():
        return None
    try:
        return json.loads(source.read(name))
    except ValueError:
        raise Unreadable(f"Tệp {name} không đọc được.") from None


def read_lines(source: Source, name: str) -> list[bytes]:
    return source.read(name).split(b"\n")[:-1] if name in source.names() else []

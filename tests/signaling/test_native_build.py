"""The native media path is built where it can be, and its absence costs nothing but speed."""

from __future__ import annotations

from pathlib import Path

import pytest

from signaling import native
from signaling.native import build
from signaling.sfu import fanout
from signaling.sfu.relay import PythonRelay


def test_without_a_compiler_one_line_says_so_and_nothing_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CC", "no-such-compiler")
    monkeypatch.setattr(build, "library", lambda: tmp_path / "none.so")
    assert build.main() == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert "gcc" in line
    assert not list(tmp_path.iterdir())


def test_sources_that_do_not_compile_leave_the_python_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if build.missing():
        pytest.skip(f"needs {build.missing()}")
    monkeypatch.setattr(build, "library", lambda: tmp_path / "none.so")
    monkeypatch.setattr(build, "FLAGS", (*build.FLAGS, "-Dmedia_flush=}"))
    assert build.main() == 0
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_a_library_of_other_sources_is_not_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its name holds a digest of the sources: after a change there is none until it is built."""
    copy = tmp_path / "native"
    copy.mkdir()
    for path in [*native.SOURCES.glob("*.c"), *native.SOURCES.glob("*.h")]:
        (copy / path.name).write_bytes(path.read_bytes())
    before = native.library()
    monkeypatch.setattr(native, "SOURCES", copy)
    assert native.library() == before
    (copy / "media.h").write_text((copy / "media.h").read_text() + "\n")
    assert native.library() != before
    assert native.load(native.library()) is None


def test_the_setting_forces_python(native_library: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(fanout.SETTING, "0")
    assert fanout.media() is None
    assert isinstance(fanout.relay("opus", 48000, 128), PythonRelay)
    monkeypatch.delenv(fanout.SETTING)
    assert fanout.media() is not None
    assert not isinstance(fanout.relay("opus", 48000, 128), PythonRelay)

"""Compiles the native media path where a C compiler and Python's headers are at hand.

`python -m signaling.native.build` is run by the Makefile; it never fails the build, because the
Python path does the same work. With `--check` it builds for running the tests under sanitizers.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from pathlib import Path

from signaling.native import FOLDER, MODULE, SOURCES, declarations, library

PREAMBLE = '#include <stdint.h>\n#include "media.h"\n'
SANITIZERS = ("-g", "-O1", "-fno-omit-frame-pointer", "-fsanitize=address,undefined")
FLAGS = ("-O2", "-fPIC", "-shared", "-std=gnu11", "-Wall", "-Wextra", "-Wno-unused-parameter")


def missing() -> str:
    """What is needed and not there, as a person would install it; empty if nothing is."""
    if not sys.platform.startswith("linux"):
        return "Linux (recvmmsg, sendmmsg)"
    if shutil.which(_compiler()[0]) is None:
        return "trình biên dịch C (Debian, Ubuntu: apt install gcc libc6-dev)"
    if not Path(sysconfig.get_path("include"), "Python.h").exists():
        return "tệp tiêu đề của Python (Debian, Ubuntu: apt install python3-dev)"
    return ""


def _compiler() -> list[str]:
    return shlex.split(os.environ.get("CC") or "cc")


def build(target: Path, flags: tuple[str, ...] = ()) -> None:
    """Compiles into `target`. Raises CalledProcessError with the compiler's words."""
    from cffi import FFI  # not wanted when there is nothing to build
    from cffi.recompiler import make_c_source

    ffi = FFI()
    ffi.cdef(declarations())
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        wrapper = Path(folder, f"{MODULE}.c")
        make_c_source(ffi, MODULE, PREAMBLE, str(wrapper))
        made = Path(folder, target.name)
        subprocess.run(
            [
                *_compiler(),
                *FLAGS,
                *flags,
                f"-I{sysconfig.get_path('include')}",
                f"-I{SOURCES}",
                str(wrapper),
                *(str(path) for path in sorted(SOURCES.glob("*.c"))),
                "-o",
                str(made),
            ],
            check=True,
            capture_output=True,
            text=True,
        )
        shutil.copyfile(made, target.with_suffix(".tmp"))
        os.replace(target.with_suffix(".tmp"), target)


def main(arguments: Sequence[str] = ()) -> int:
    target = library()
    if "--check" in arguments:
        build(target, SANITIZERS)
        print("LD_PRELOAD=$(cc -print-file-name=libasan.so) ASAN_OPTIONS=detect_leaks=0 pytest …")
        print(f"Sau đó xoá {target}")
        return 0
    if target.exists():
        return 0
    lacking = missing()
    if lacking:
        print(f"Chưa có {lacking}: máy chủ hình tiếng chạy bằng Python, chậm hơn nhưng đủ dùng.")
        return 0
    try:
        build(target)
    except subprocess.CalledProcessError as error:
        reason = next((line for line in error.stderr.splitlines() if "error" in line), "")
        print(f"Không biên dịch được phần hình tiếng, chạy bằng Python: {reason}", file=sys.stderr)
        return 0
    for old in FOLDER.glob("*.so"):
        if old != target:
            old.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

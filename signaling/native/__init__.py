"""The native media path: C that forwards packets without Python per subscriber, if it was built.

`load` finds what `signaling.native.build` made of exactly these sources for this interpreter.
"""

from __future__ import annotations

import hashlib
import importlib.machinery
import importlib.util
import sysconfig
from functools import cache
from pathlib import Path
from types import ModuleType

MODULE = "_media"
SOURCES = Path(__file__).parent
FOLDER = SOURCES.parents[1] / "build/native"


def declarations() -> str:
    """What cffi is told: media.h, which has nothing in it that cffi cannot read."""
    return (SOURCES / "media.h").read_text("utf-8")


def library() -> Path:
    """Where the library for these sources and this interpreter belongs."""
    texts = sorted([*SOURCES.glob("*.c"), *SOURCES.glob("*.h")])
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in texts)).hexdigest()[:16]
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    return FOLDER / f"{MODULE}-{digest}{suffix}"


@cache
def load(path: Path | None = None) -> ModuleType | None:
    """The compiled module with its `ffi` and `lib`; None if it is not there."""
    path = path or library()
    if not path.exists():
        return None
    loader = importlib.machinery.ExtensionFileLoader(MODULE, str(path))
    spec = importlib.util.spec_from_loader(MODULE, loader)
    if spec is None:
        return None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module

"""Property tests here run on shared machines: how long one example takes says nothing.

Tests of media run on both paths, Python and native, and must not see a difference.
"""

from __future__ import annotations

import pytest
from hypothesis import settings

from signaling import native
from signaling.native import build
from signaling.sfu.fanout import SETTING

settings.register_profile("steady", deadline=None)
settings.load_profile("steady")


@pytest.fixture(scope="session")
def native_library() -> None:
    """Builds the native path if `make` has not. Skips where it cannot be built."""
    lacking = build.missing()
    if lacking:
        pytest.skip(f"the native path needs {lacking}")
    if not native.library().exists():
        build.build(native.library())
        native.load.cache_clear()


@pytest.fixture(params=["python", "native"])
def media_path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Runs a test once on each media path."""
    if request.param == "native":
        request.getfixturevalue("native_library")
    monkeypatch.setenv(SETTING, "1" if request.param == "native" else "0")
    return str(request.param)


@pytest.fixture
def setting_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests that choose the path themselves: afterwards all is as before."""
    monkeypatch.setenv(SETTING, "1")

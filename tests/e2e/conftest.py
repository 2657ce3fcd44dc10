"""The same sessions on each media engine: our own, and a real LiveKit server by settings alone."""

import os
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import ExitStack

import pytest

from tests.recording.recorder_rig import KEY, SECRET, livekit_server, running

ENGINES = ("own", "livekit")
PASSED: Counter[str] = Counter()


@pytest.fixture(
    scope="module", params=os.environ.get("CHIBO_TEST_ENGINES", ",".join(ENGINES)).split(",")
)
def engine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    """The settings that put an installation on this engine."""
    if request.param == "own":
        yield {}
        return
    assert request.param == "livekit", f"CHIBO_TEST_ENGINES: no engine {request.param}"
    with ExitStack() as stack:
        server = stack.enter_context(running(livekit_server(tmp_path_factory.mktemp("livekit"))))
        yield {
            "LIVEKIT_URL": server.url,
            "LIVEKIT_INTERNAL_URL": server.url.replace("ws:", "http:"),
            "LIVEKIT_API_KEY": KEY,
            "LIVEKIT_API_SECRET": SECRET,
        }


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    callspec = getattr(item, "callspec", None)
    if report.when == "call" and report.passed and callspec and "engine" in callspec.params:
        PASSED[callspec.params["engine"]] += 1
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How many tests passed on each engine; the numbers are to be equal."""
    if PASSED:
        told = ", ".join(f"{name} {count}" for name, count in sorted(PASSED.items()))
        terminalreporter.write_line(f"tests passed per media engine: {told}")

"""A session in which application, engine and recorder are killed; `make faults` does more."""

from pathlib import Path

import pytest

from tests.e2e.stack import Stack
from tests.faults.session import run


@pytest.mark.timeout(300)
async def test_nothing_acknowledged_is_lost_when_processes_are_killed(tmp_path: Path) -> None:
    stack = Stack(tmp_path / "data")
    stack.start()
    try:
        result = await run(stack, tmp_path, 1, ("media", "recorder", "app"))
    except BaseException:
        print(stack.troubles())
        raise
    finally:
        stack.stop()
    by_role = {outcome.role: outcome for outcome in result.outcomes}
    assert set(by_role) == {"app", "media", "recorder"}
    assert all(outcome.acknowledged > 0 for outcome in result.outcomes), "nobody could act"
    assert by_role["recorder"].stated_gap, "the recorder kept quiet about its gap"
    assert by_role["media"].stated_gap, "the recorder kept quiet about the engine's gap"

"""A cell's installation and its upper committee's, running and enrolled."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.server.submission.installations import Installation, introduce


@pytest.fixture
async def cell_side(tmp_path: Path) -> AsyncIterator[Installation]:
    found = Installation.prepare(tmp_path / "cell", "cell", "Chi bộ bản Thử", "installation1")
    await found.start()
    yield found
    await found.stop()


@pytest.fixture
async def committee(tmp_path: Path) -> AsyncIterator[Installation]:
    found = Installation.prepare(tmp_path / "committee", "committee", "Đảng ủy xã Thử")
    await found.start()
    yield found
    await found.stop()


@pytest.fixture
async def pair(
    cell_side: Installation, committee: Installation
) -> tuple[Installation, Installation]:
    await introduce(cell_side, committee)
    return cell_side, committee

"""Lets these tests import the rig beside them, and makes the flash-and-beep assets once."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def flash_and_beep(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    from recording import synthetic

    folder = tmp_path_factory.mktemp("assets")
    video, audio = folder / "flash", folder / "beep"
    synthetic.flash_and_beep(video, audio)
    return video, audio

from pathlib import Path

import pytest

from signaling.client import assets
from signaling.client.assets import Asset, Frame

ASSET = Asset(
    "video", 90_000, 18_000, 320, 180, (Frame(0, True, 0, b"k"), Frame(9000, False, 0, b"d"))
)


def test_an_asset_comes_back_as_it_was_written(tmp_path: Path) -> None:
    assets.write(tmp_path / "a", ASSET)
    assert assets.read(tmp_path / "a") == ASSET


@pytest.mark.parametrize("cut", [1, 5, 12])
def test_a_torn_asset_is_refused(tmp_path: Path, cut: int) -> None:
    assets.write(tmp_path / "a", ASSET)
    data = (tmp_path / "a").read_bytes()
    (tmp_path / "a").write_bytes(data[:-cut])
    with pytest.raises(ValueError, match="torn"):
        assets.read(tmp_path / "a")


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"RIFF....")
    with pytest.raises(ValueError, match="no media asset"):
        assets.read(tmp_path / "a")

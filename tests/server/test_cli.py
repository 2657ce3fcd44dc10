import json
from pathlib import Path

import pytest

from server.cli import main


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("LIVEKIT_API_KEY", "LIVEKIT_API_SECRET", "CHIBO_SERVICE_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CHIBO_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


def test_migrate_makes_a_new_database_and_leaves_a_current_one(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["migrate"]) == 0
    assert "đã được nâng lên" in capsys.readouterr().out
    assert main(["migrate"]) == 0
    assert "đã ở" in capsys.readouterr().out
    assert (data / "chibo.db").stat().st_mode & 0o077 == 0


def test_backup_and_restore_need_no_media_settings(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["migrate"])
    archive = data.parent / "backup.tar"
    assert main(["backup", str(archive)]) == 0
    monkeypatch.setenv("CHIBO_DATA", str(data.parent / "new"))
    assert main(["restore", str(archive)]) == 0
    assert (data.parent / "new" / "chibo.db").exists()
    assert main(["restore", str(archive)]) == 1
    assert "không trống" in capsys.readouterr().err


def test_an_application_without_its_settings_says_each_that_is_missing(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["app"]) == 1
    said = capsys.readouterr().err
    for name in ("LIVEKIT_API_KEY", "LIVEKIT_API_SECRET", "CHIBO_SERVICE_KEY"):
        assert name in said


def test_media_alone_asks_for_its_two_settings(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["media"]) == 1
    assert "LIVEKIT_API_KEY is empty" in capsys.readouterr().err


def test_openapi_goes_to_the_output_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["openapi"]) == 0
    assert json.loads(capsys.readouterr().out)["openapi"] == "3.1.0"

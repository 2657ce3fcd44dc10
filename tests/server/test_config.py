from pathlib import Path

import pytest

from server.config import Config, ConfigError

GOOD = {
    "LIVEKIT_API_KEY": "key",
    "LIVEKIT_API_SECRET": "s" * 32,
    "CHIBO_SERVICE_KEY": "r" * 32,
}


def problems(**changes: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        Config.load(GOOD | changes)
    return caught.value.problems


def test_the_defaults_are_this_machine_only(tmp_path: Path) -> None:
    config = Config.load(GOOD | {"CHIBO_DATA": str(tmp_path)})
    assert (config.host, config.port) == ("127.0.0.1", 8000)
    assert config.public_url == "http://localhost:8000"
    assert config.livekit_url == "ws://localhost:7880"
    assert config.database_url == f"sqlite:///{tmp_path}/chibo.db"
    assert not config.demo


def test_every_problem_is_told_at_once_with_what_to_do() -> None:
    found = problems(
        LIVEKIT_API_SECRET="short",
        CHIBO_PORT="eighty",
        CHIBO_TLS_CERT="/cert.pem",
        CHIBO_DATABASE_URL="mysql://x",
        CHIBO_SERVICE_KEY_FILE="/nowhere",
    )
    for word in ("LIVEKIT_API_SECRET", "CHIBO_PORT", "CHIBO_TLS_KEY", "DATABASE", "/nowhere"):
        assert any(word in problem for problem in found), word


def test_plain_http_is_only_for_this_machine() -> None:
    assert "https" in problems(CHIBO_PUBLIC_URL="http://hop.muongtha.example")[0]
    Config.load(
        GOOD | {"CHIBO_PUBLIC_URL": "https://hop.muongtha.example", "LIVEKIT_URL": "wss://x"}
    )


def test_a_page_under_https_needs_media_under_wss() -> None:
    found = problems(CHIBO_PUBLIC_URL="https://x.example", LIVEKIT_URL="ws://y.example")
    assert "wss://" in found[0]


def test_an_upper_committee_needs_no_media_settings() -> None:
    Config.load({"CHIBO_KIND": "committee"})


def test_secrets_come_from_files_and_print_as_stars(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("t" * 40 + "\n")
    config = Config.load(GOOD | {"LIVEKIT_API_SECRET_FILE": str(file)})
    assert config.livekit_api_secret.value == "t" * 40
    for text in (repr(config), f"{config.livekit_api_secret}"):
        assert "ttt" not in text
        assert "rrr" not in text

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from recording.config import RecorderConfig
from recording.errors import BadConfig
from recording.signing import Signer, spki, verify


def test_everything_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(BadConfig) as caught:
        RecorderConfig.from_env({"CHIBO_APP_URL": "localhost"})
    for name in ("http://", "CHIBO_SERVICE_KEY", "CHIBO_RECORDER_KEY_FILE", "CHIBO_RECORDING_DIR"):
        assert name in str(caught.value)


def test_the_service_key_can_come_from_a_file_and_is_not_shown(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("very-secret\n")
    config = RecorderConfig.from_env(
        {
            "CHIBO_APP_URL": "http://127.0.0.1:8000/",
            "CHIBO_SERVICE_KEY_FILE": str(tmp_path / "key"),
            "CHIBO_RECORDER_KEY_FILE": str(tmp_path / "recorder.pem"),
            "CHIBO_RECORDING_DIR": str(tmp_path / "recordings"),
        }
    )
    assert (config.service_key, config.app_url) == ("very-secret", "http://127.0.0.1:8000")
    assert "very-secret" not in repr(config)


def test_the_recorder_makes_its_key_once_and_publishes_its_half(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "recorder.pem"
    first, second = Signer.load(path), Signer.load(path)
    assert first.key_id == second.key_id
    assert path.stat().st_mode & 0o077 == 0
    private = serialization.load_pem_private_key(path.read_bytes(), None)
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    public = private.public_key()
    assert len(spki(public)) == 91
    headers = first.headers(b"{}")
    assert verify(public, b"{}", headers["X-Signature"])
    assert not verify(public, b"{ }", headers["X-Signature"])
    assert not verify(public, b"{}", "AAAA")


def test_a_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text("no key")
    with pytest.raises(BadConfig):
        Signer.load(tmp_path / "key.pem")

from pathlib import Path

import pytest

from server.keys import Keyring, KeysUnusable, ensure_secret, new_id


def test_key_files_are_made_once_and_only_for_their_owner(tmp_path: Path) -> None:
    first, again = Keyring.open(tmp_path / "keys"), Keyring.open(tmp_path / "keys")
    assert first.installation_id == again.installation_id
    assert first.seal.key_id == again.seal.key_id
    for file in (tmp_path / "keys").iterdir():
        assert file.stat().st_mode & 0o077 == 0


def test_what_was_encrypted_opens_only_whole_and_in_its_place(tmp_path: Path) -> None:
    keys = Keyring.open(tmp_path)
    sealed = keys.encrypt(b"secret", "factor/1")
    assert keys.decrypt(sealed, "factor/1") == b"secret"
    assert keys.encrypt(b"secret", "factor/1") != sealed
    for bad, context in ((sealed, "factor/2"), (sealed[:-1] + b"x", "factor/1"), (b"", "factor/1")):
        with pytest.raises(KeysUnusable):
            keys.decrypt(bad, context)


def test_a_missing_key_file_is_not_made_anew(tmp_path: Path) -> None:
    Keyring.open(tmp_path)
    (tmp_path / "master.key").unlink()
    with pytest.raises(KeysUnusable, match=r"master\.key"):
        Keyring.open(tmp_path)


def test_macs_differ_by_purpose_and_ids_and_secrets_do_not_repeat(tmp_path: Path) -> None:
    keys = Keyring.open(tmp_path)
    assert keys.mac("csrf", b"x") != keys.mac("recovery", b"x")
    assert len({new_id() for _ in range(1000)}) == 1000
    assert all(len(new_id()) == 20 for _ in range(10))
    assert ensure_secret(tmp_path / "s") == ensure_secret(tmp_path / "s")


def test_no_key_shows_when_printed(tmp_path: Path) -> None:
    keys = Keyring.open(tmp_path)
    assert "_master" not in repr(keys)

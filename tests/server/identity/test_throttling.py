"""Who is slowed down behind one address, and who is not."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from server.http.errors import TooMany
from server.identity import throttling as slow
from server.keys import Keyring
from server.store.database import Database

NOW = datetime(2026, 11, 3, 1, 0, tzinfo=UTC)


def keys_of(folder: Path, member: int) -> list[slow.Key]:
    keyring = Keyring.open(folder)
    return [
        slow.key(keyring, slow.SOURCE, "10.0.0.1"),
        slow.key(keyring, slow.SOURCE_ACCOUNT, "10.0.0.1", f"member {member}"),
    ]


def test_a_whole_cell_signs_in_behind_one_address(database: Database, tmp_path: Path) -> None:
    for member in range(2 * slow.SOURCE.free):
        tries = keys_of(tmp_path, member)
        database.write_now(slow.attempt, tries, NOW)
        database.write_now(slow.succeeded, tries, NOW)


def test_right_tries_between_do_not_hide_wrong_ones(database: Database, tmp_path: Path) -> None:
    own = keys_of(tmp_path, 0)
    for victim in range(1, slow.SOURCE.free + 1):
        database.write_now(slow.attempt, keys_of(tmp_path, victim), NOW)
        database.write_now(slow.attempt, own, NOW)
        database.write_now(slow.succeeded, own, NOW)
    with pytest.raises(TooMany):
        database.write_now(slow.attempt, own, NOW)

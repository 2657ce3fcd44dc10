"""Segments sealed with age: verified without the key, played with it, and clear without it."""

from pathlib import Path

import pytest
from pyrage import x25519

from recording.manifest import NAME as MANIFEST
from recording.sealing import sealer
from recording.verify import verify
from server import cli
from server.config import Config, ConfigError
from server.http.errors import Conflict, NotFound
from tests.server.conftest import Desk
from tests.server.recordings.conftest import SESSION, Recorded
from tests.server.recordings.test_player import PATH, served, shown


@pytest.fixture
def keys(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[Path, str]:
    """A key as the administrator makes it: the file, and what the recorder is told."""
    file = tmp_path / "recording.age"
    assert cli.main(["recording-key", str(file)]) == 0
    printed = dict(line.split("=", 1) for line in capsys.readouterr().out.splitlines())
    assert file.stat().st_mode & 0o077 == 0
    return file, printed["CHIBO_RECORDING_RECIPIENT"]


@pytest.fixture
def sealed(recorded: Recorded, keys: tuple[Path, str], desk: Desk) -> Path:
    """The recording again, as the recorder writes it when it is told a recipient."""
    import hashlib
    import json

    folder, seal = recorded.directory, sealer(keys[1])
    lines, prev = [], "0" * 64
    for raw in (folder / MANIFEST).read_bytes().splitlines():
        record = json.loads(raw) | {"prev": prev}
        if record["type"] == "segment":
            clear = folder / record["file"]
            data = seal(clear.read_bytes())
            clear.unlink()
            record["file"] += ".age"
            (folder / record["file"]).write_bytes(data)
            record |= {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
        lines.append(json.dumps(record, separators=(",", ":")).encode())
        prev = hashlib.sha256(lines[-1]).hexdigest()
    (folder / MANIFEST).write_bytes(b"\n".join(lines) + b"\n")
    object.__setattr__(desk.services.config, "recording_identity_file", keys[0])
    return folder


def test_what_was_recorded_is_verified_without_the_key(sealed: Path) -> None:
    assert verify(sealed) is None
    file = next((sealed / "segments").glob("*.age"))
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    assert "was altered" in str(verify(sealed))


async def test_who_may_play_gets_the_media_in_whole_and_in_ranges(
    desk: Desk, sealed: Path, recorded: Recorded
) -> None:
    assert {track.id for track in (await shown(desk)).tracks} >= {"TR_cam1", "TR_mic1"}
    media = recorded.media["video"]
    whole = await served(desk, "TR_cam1-0.webm")
    assert (whole.status_code, whole.content) == (200, media)
    for asked, part in (("bytes=10-19", media[10:20]), ("bytes=-7", media[-7:])):
        ranged = await served(desk, "TR_cam1-0.webm", range=asked)
        assert (ranged.status_code, ranged.content) == (206, part)
        assert ranged.headers["content-range"].endswith(f"/{len(media)}")
    beyond = await served(desk, "TR_cam1-0.webm", range=f"bytes={len(media)}-")
    assert beyond.status_code == 416


async def test_without_the_key_or_with_another_the_reason_is_said(
    desk: Desk, sealed: Path, tmp_path: Path
) -> None:
    config = desk.services.config
    object.__setattr__(config, "recording_identity_file", tmp_path / "none.age")
    with pytest.raises(NotFound, match="recording_sealed"):
        await shown(desk)
    other = tmp_path / "other.age"
    other.write_text(f"{x25519.Identity.generate()}\n")
    object.__setattr__(config, "recording_identity_file", other)
    with pytest.raises(Conflict, match="recording_wrong_key"):
        await shown(desk)
    with pytest.raises(Conflict, match="recording_wrong_key"):
        await desk("GET", PATH + "/{file}", session_id=SESSION, file="TR_cam1-0.webm")


def test_a_recipient_that_is_none_stops_the_start(tmp_path: Path, keys: tuple[Path, str]) -> None:
    env = {
        "CHIBO_DATA": str(tmp_path),
        "LIVEKIT_API_KEY": "key",
        "LIVEKIT_API_SECRET": "s" * 40,
        "CHIBO_SERVICE_KEY": "r" * 40,
    }
    assert Config.load(env).recording_recipient == ""
    assert Config.load(env | {"CHIBO_RECORDING_RECIPIENT": keys[1]}).recording_recipient == keys[1]
    for wrong in ("age1short", "AGE-SECRET-KEY-1" + "Q" * 58, keys[1][:-1] + "b"):
        with pytest.raises(ConfigError):
            Config.load(env | {"CHIBO_RECORDING_RECIPIENT": wrong})

"""A session that was held, its log in the database, and its recording on disk with real media."""

import hashlib
import subprocess
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from recording.disk import SessionDisk
from recording.signing import Signer
from server.session import events as e
from server.session.state import State
from server.store import events, sessions, tables
from tests.server.conftest import NOW, Desk
from tests.server.session.meeting import Meeting, meeting

SESSION = "s1"


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """One second of picture and of sound, as WebM."""
    folder = tmp_path_factory.mktemp("media")
    made = {}
    for kind, source, codec in (
        ("video", "testsrc=size=320x180:rate=10", "libvpx"),
        ("audio", "sine=frequency=440", "libopus"),
    ):
        path = folder / f"{kind}.webm"
        command = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", source, "-t", "1"]
        subprocess.run([*command, f"-c:{kind[0]}", codec, str(path)], check=True)
        made[kind] = path.read_bytes()
    return made


@dataclass
class Recorded:
    """What the recorder leaves: tracks of the chair and a member, with a gap between."""

    disk: SessionDisk
    start: datetime
    media: dict[str, bytes]

    @property
    def directory(self) -> Path:
        return self.disk.directory

    def segment(self, track: str, index: int, person: str, source: str, after: float) -> None:
        kind = "audio" if source == "microphone" else "video"
        data = self.media[kind]
        name = f"segments/{track}-{index:05}.webm"
        (self.directory / name).write_bytes(data)
        self.disk.record(
            "segment",
            file=name,
            track=track,
            index=index,
            kind=kind,
            participant=f"{person}.0a1b2c3d",
            source=source,
            width=320 if kind == "video" else 0,
            height=180 if kind == "video" else 0,
            start_utc_ms=self.ms(after),
            duration_ms=1000,
            sha256=hashlib.sha256(data).hexdigest(),
            bytes=len(data),
            packets=10,
            lost=0,
            gaps=[],
            closed="cut",
        )

    def gap(self, begins: float, ends: float, reason: str, track: str = "") -> None:
        self.disk.record(
            "gap",
            track=track,
            participant="",
            from_ms=self.ms(begins),
            to_ms=self.ms(ends),
            reason=reason,
        )

    def ms(self, after: float) -> int:
        return round((self.start + timedelta(seconds=after)).timestamp() * 1000)


@pytest.fixture
def held() -> Meeting:
    """Opened, one vote passed, a member gone and back, the recorder gone and back, closed."""
    held = meeting().gather().open().roll_call().to_items()
    held.give("p04", "ask-floor")
    held.item("i1").give("p01", "give-floor", person="p04")
    held.give("p01", "end-floor")
    held.drop("p05").wait(7).connect("p05")
    held.recorder_stops()
    held.recorder_on = True
    held.append([e.RecorderChanged("recording", "")], e.RECORDER)
    held.give("p01", "finish-item", item="i1", conclusion="Nhất trí báo cáo.")
    held.item("i2").voted(p01="approve", p02="approve", p04="approve")
    held.give("p02", "reserve-opinion", text="Xin bảo lưu ý kiến.")
    return held.to_close()


class StateOf:
    """Stands for the session service where only the state is asked."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def state(self, _session_id: str) -> State:
        return self._state


@pytest.fixture
async def recorded(desk: Desk, held: Meeting, media: dict[str, bytes]) -> Recorded:
    """The recording of `held`, and its log in the desk's database."""
    config = desk.services.config
    signer = Signer.load(config.recorder_spki_file.with_suffix(".pem"))
    object.__setattr__(desk.services, "session", StateOf(held.state))
    assert held.state.waiting_at is not None
    disk = SessionDisk(config.recording_dir, SESSION, SESSION)
    disk.open()
    made = Recorded(disk, held.state.waiting_at, media)
    made.segment("TR_cam1", 0, "p01", "camera", 0)
    made.segment("TR_mic1", 0, "p01", "microphone", 0.2)
    made.gap(60, 90, "recorder-restart")
    made.gap(100, 101, "no-keyframe", "TR_cam1")
    made.segment("TR_cam1", 1, "p01", "camera", 100)
    made.segment("TR_room", 0, "room", "camera", 101)
    made.segment("TR_mic4", 0, "p04", "microphone", 299)
    body = b'{"session_id":"s1","state":"recording"}'
    facts = disk.end(True)
    end = {name: facts[name] for name in ("head", "segments", "duration_ms", "bytes")}
    held.append([e.RecordingFinished(**end)], e.RECORDER)

    def keep(conn: Any) -> None:
        cell = {"id": "cell1", "name": "Chi bộ bản Thử", "created_at": NOW}
        conn.execute(tables.cell.insert().values(**cell))
        conn.execute(
            tables.session.insert().values(
                id=SESSION,
                cell_id="cell1",
                starts_at=NOW,
                created_at=NOW,
                mode="hybrid",
                stage="draft",
            )
        )
        events.append(conn, SESSION, held.entries, "closed", NOW, NOW)
        signed = signer.headers(body)
        sessions.add_checkpoint(
            conn,
            {
                "session_id": SESSION,
                "received_at": NOW,
                "seq": 3,
                "head": facts["head"],
                "body": body.decode(),
                "key_id": signed["X-Key-Id"],
                "signature": signed["X-Signature"],
            },
        )

    await desk.services.database.write(keep)
    return made

"""Rooms on two workers: spread, seen as one engine, and hurt only by their own worker's death."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import httpx
import pytest
from engine_rig import (
    KEY,
    SECRET,
    EngineProcess,
    children,
    free_port,
    rooms_by_worker,
    running_engine,
    running_workers,
    samples,
    token,
    worker_pids,
)
from livekit import api
from livekit.protocol.models import DisconnectReason
from livekit.protocol.rtc import LeaveRequest, SignalRequest, SignalResponse
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from recording import synthetic
from signaling.client.client import HeadlessClient
from signaling.client.interface import Participant, RemoteTrack
from signaling.client.member import SyntheticMember

BOUND = 30.0  # seconds; for a machine that does other work, never a target
SILENCE = 2.0  # four times what a room may notice of another's worker


class Watcher:
    """Notes when packets came and whether the connection was ever lost. A client's handler."""

    def __init__(self) -> None:
        self.last: dict[str, float] = {}  # by identity
        self.longest = 0.0
        self.closed: list[str] = []

    def on_rtp(self, track: RemoteTrack, packet: bytes, arrival_ns: int) -> None:
        now, who = time.monotonic(), f"{track.participant_identity} {track.kind}"
        self.longest = max(self.longest, now - self.last.get(who, now))
        self.last[who] = now

    def on_closed(self, reason: str, final: bool) -> None:
        self.closed.append(reason)

    def since(self, moment: float) -> bool:
        return len(self.last) == 2 and min(self.last.values()) > moment

    def on_participants(self, participants: Sequence[Participant]) -> None:
        self.people = participants

    def _ignore(self, *_: object) -> None:
        pass

    on_connected = on_track = on_sender_report = on_track_muted = on_track_ended = _ignore
    on_speakers = _ignore


@contextlib.asynccontextmanager
async def meeting(
    engine: EngineProcess, room: str, assets: tuple[Path, Path]
) -> AsyncIterator[Watcher]:
    """A publisher with picture and sound and a watcher who receives both."""
    watcher = Watcher()
    member = SyntheticMember(
        engine.url, token("an", room), video=assets[0], audio=assets[1], muted=False
    )
    client = HeadlessClient(engine.url, token("binh", room), watcher)
    await member.start()
    await client.start()
    try:
        await until(lambda: watcher.since(0))
        watcher.longest = 0.0
        yield watcher
    finally:
        await client.stop()
        await member.stop()


async def until(condition: object, seconds: float = BOUND) -> float:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, "never happened"
        await asyncio.sleep(0.01)
    return time.monotonic()


@pytest.fixture(scope="module")
def assets(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("assets")
    synthetic.portrait(folder / "card", "An", 120, seconds=2)
    synthetic.hum(folder / "hum", seconds=2)
    return folder / "card", folder / "hum"


@pytest.fixture
def engine() -> Iterator[EngineProcess]:
    with running_workers() as process:
        yield process


@pytest.fixture
async def service(engine: EngineProcess) -> AsyncIterator[api.RoomService]:
    client = api.LiveKitAPI(engine.http, KEY, SECRET)
    yield client.room
    await client.aclose()


def worker_with_a_room(engine: EngineProcess) -> int:
    """The pid of the only worker that has one."""
    (index,) = (index for index, count in enumerate(rooms_by_worker(engine)) if count)
    return worker_pids(engine)[index]


def memory(pid: int) -> str:
    """Resident, and the part that is this process's own or its share of what is shared."""
    sizes = dict(
        line.split()[:2] for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    )
    rss, pss = (int(sizes[name]) // 1024 for name in ("Rss:", "Pss:"))
    return f"{rss} MB resident, {pss} MB proportional"


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


async def test_rooms_are_spread_and_room_service_sees_them_all(
    engine: EngineProcess, service: api.RoomService, assets: tuple[Path, Path]
) -> None:
    async with contextlib.AsyncExitStack() as stack:
        names = ["north", "south", "east", "west"]
        for name in names:
            await stack.enter_async_context(meeting(engine, name, assets))
        assert rooms_by_worker(engine) == [2, 2]
        assert samples(engine, "chibo_media_participants") == [4, 4]
        assert engine.process is not None
        family = [engine.process.pid, *children(engine.process.pid), *worker_pids(engine)]
        for name, pid in zip(("control", "nursery", "worker 0", "worker 1"), family, strict=True):
            print(f"{name}: {memory(pid)}")
        listed = await service.list_rooms(api.ListRoomsRequest())
        assert sorted(room.name for room in listed.rooms) == sorted(names)
        for name in names:
            people = await service.list_participants(api.ListParticipantsRequest(room=name))
            assert sorted(p.identity for p in people.participants) == ["an", "binh"]
        await service.delete_room(api.DeleteRoomRequest(room="north"))
        listed = await service.list_rooms(api.ListRoomsRequest())
        assert "north" not in [room.name for room in listed.rooms]


async def test_a_killed_worker_takes_only_its_own_rooms_along(
    engine: EngineProcess, assets: tuple[Path, Path]
) -> None:
    async with contextlib.AsyncExitStack() as stack:
        hit = await stack.enter_async_context(meeting(engine, "north", assets))
        pid = worker_with_a_room(engine)
        spared = await stack.enter_async_context(meeting(engine, "south", assets))
        assert rooms_by_worker(engine) == [1, 1]
        (other,) = set(worker_pids(engine)) - {pid}
        for time_killed in (1, 2):  # the second is the replacement of the first
            os.kill(pid, signal.SIGKILL)
            began = time.monotonic()
            await until(lambda: len(hit.closed) == time_killed)  # noqa: B023
            lost = time.monotonic()
            back = await until(lambda: hit.since(lost))  # noqa: B023
            print(f"media back {back - began:.2f} s after kill -9 of the worker")
            (pid,) = set(worker_pids(engine)) - {other}
        print(f"longest silence in the other room {spared.longest:.2f} s")
        assert not spared.closed
        assert spared.longest < SILENCE


async def test_what_room_service_decided_holds_after_the_worker_was_killed(
    engine: EngineProcess, service: api.RoomService, assets: tuple[Path, Path]
) -> None:
    await service.create_room(
        api.CreateRoomRequest(name="north", metadata="made", empty_timeout=77)
    )
    await service.update_room_metadata(
        api.UpdateRoomMetadataRequest(room="north", metadata="changed")
    )
    old, revoked = token("an", "north"), token("cuc", "north")
    member = SyntheticMember(engine.url, old, video=assets[0], audio=assets[1], muted=False)
    await member.start()

    async def described() -> api.ParticipantInfo | None:
        listed = await service.list_participants(api.ListParticipantsRequest(room="north"))
        return next((p for p in listed.participants if p.identity == "an"), None)

    async def publishes() -> bool:
        known = await described()
        return known is not None and len(known.tracks) == 2

    await _until_async(publishes)
    muzzled = api.ParticipantPermission(can_subscribe=True, can_publish=False)
    await service.update_participant(
        api.UpdateParticipantRequest(room="north", identity="an", permission=muzzled)
    )
    with contextlib.suppress(api.TwirpError):  # nobody of that name is there
        await service.remove_participant(
            api.RoomParticipantIdentity(
                room="north", identity="cuc", revoke_token_ts=int(time.time()) + 1
            )
        )
    before = await described()
    assert before is not None
    os.kill(worker_with_a_room(engine), signal.SIGKILL)

    async def back() -> bool:
        known = await described()
        return known is not None and known.sid != before.sid

    await _until_async(back)
    after = await described()
    assert after is not None
    assert not after.permission.can_publish
    await asyncio.sleep(0.5)  # in which it would publish if it could
    after = await described()
    assert after is not None
    assert not after.tracks
    (room,) = (await service.list_rooms(api.ListRoomsRequest(names=["north"]))).rooms
    assert (room.metadata, room.empty_timeout) == ("changed", 77)
    with pytest.raises(InvalidStatus) as refused:
        await connect(f"{engine.url}/rtc?access_token={revoked}")
    assert refused.value.response.status_code == 401
    await member.stop()


async def _until_async(condition: object, seconds: float = BOUND) -> None:
    deadline = time.monotonic() + seconds
    while not await condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, "never happened"
        await asyncio.sleep(0.02)


async def test_no_process_outlives_a_killed_control_process(engine: EngineProcess) -> None:
    assert engine.process is not None
    family = [*children(engine.process.pid), *worker_pids(engine)]
    assert len(family) == 3
    engine.kill()
    await until(lambda: not any(runs(pid) for pid in family))


async def test_everybody_is_told_to_come_back_when_the_engine_stops(
    engine: EngineProcess,
) -> None:
    assert engine.process is not None
    family = [*children(engine.process.pid), *worker_pids(engine)]
    lines = [
        await connect(f"{engine.url}/rtc?access_token={token('an', room)}")
        for room in ("north", "south")
    ]
    for line in lines:
        await line.recv()
    assert samples(engine, "chibo_media_participants") == [1, 1]
    engine.process.terminate()
    for line in lines:
        async with asyncio.timeout(BOUND):
            said = [SignalResponse.FromString(bytes(data)) async for data in line]
        assert said[-1].leave.reason == DisconnectReason.SERVER_SHUTDOWN
        assert said[-1].leave.action == LeaveRequest.RECONNECT
    assert await asyncio.to_thread(engine.process.wait, BOUND) == 0
    assert not any(runs(pid) for pid in family)


async def test_a_worker_that_hangs_is_replaced(
    engine: EngineProcess, assets: tuple[Path, Path]
) -> None:
    async with meeting(engine, "north", assets) as hit:
        os.kill(worker_with_a_room(engine), signal.SIGSTOP)
        await until(lambda: bool(hit.closed), 4 * BOUND)
        lost = time.monotonic()
        await until(lambda: hit.since(lost))


async def test_a_worker_without_its_port_is_missed_by_nobody_and_without_any_there_is_no_engine(
    assets: tuple[Path, Path],
) -> None:
    base = free_port()
    settings = {"CHIBO_MEDIA_WORKERS": "2", "CHIBO_MEDIA_UDP_PORT": str(base)}
    with socket.socket(type=socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", base + 1))
        with running_engine(**settings) as engine:
            async with meeting(engine, "north", assets), meeting(engine, "south", assets):
                assert rooms_by_worker(engine) == [2]
        with socket.socket(type=socket.SOCK_DGRAM) as first:
            first.bind(("127.0.0.1", base))
            broken = EngineProcess(settings)
            with pytest.raises(AssertionError, match="did not become ready"):
                await asyncio.to_thread(broken.start)
            assert broken.process is not None
            assert broken.process.returncode == 1


def resident(pid: int) -> int:
    """Bytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) << 10


async def status_of(engine: EngineProcess, head: bytes) -> int:
    """The status of the answer to these bytes, 0 if the connection just ends."""
    reader, writer = await asyncio.open_connection("127.0.0.1", engine.port)
    try:
        writer.write(head)
        async with asyncio.timeout(BOUND):
            line = await reader.readline()
        return int(line.split()[1]) if line else 0
    except ConnectionError:
        return 0
    finally:
        writer.close()


UPGRADE = (
    b"GET /rtc?access_token=%s HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    b"Sec-WebSocket-Version: 13\r\n\r\n"
)
CALL = (
    b"POST /twirp/livekit.RoomService/ListRooms HTTP/1.1\r\nHost: x\r\n"
    b"Authorization: Bearer %s\r\nContent-Length: %d\r\n\r\n"
)


async def test_hostile_requests_are_refused(engine: EngineProcess) -> None:
    foreign = (
        api.AccessToken("other", SECRET)
        .with_identity("an")
        .with_grants(api.VideoGrants(room_join=True, room="r"))
    ).to_jwt()
    lister = api.AccessToken(KEY, SECRET).with_grants(api.VideoGrants(room_list=True)).to_jwt()
    for head, expected in (
        (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 400),
        (b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: " + b"x" * 70_000, 431),
        (b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\n", 431),
        (b"GET /load HTTP/1.1\r\nHost: x\r\n\r\n", 404),
        (b"DELETE /healthz HTTP/1.1\r\nHost: x\r\n\r\n", 405),
        (b"GET /rtc HTTP/1.1\r\nHost: x\r\n\r\n", 404),
        (UPGRADE % b"nonsense", 401),
        (UPGRADE % foreign.encode(), 401),
        (UPGRADE % lister.encode(), 401),
        (CALL % (b"nonsense", 100_000_000), 401),
        (CALL % (lister.encode(), 2 << 20) + b"x" * (2 << 20), 413),
        (CALL % (lister.encode(), 4) + b"\xff\xff\xff\xff", 400),
        (CALL % (lister.encode(), 0), 200),
    ):
        assert await status_of(engine, head) == expected, head[:80]
    assert rooms_by_worker(engine) == [0, 0]


async def test_slow_heads_keep_nobody_out_and_cost_little(engine: EngineProcess) -> None:
    assert engine.process is not None
    before = resident(engine.process.pid)
    slow = []
    for _ in range(1200):
        reader, writer = await asyncio.open_connection("127.0.0.1", engine.port)
        writer.write(b"GET /rtc HTTP/1.1\r\nX-Slow: " + b"x" * 8000)
        slow.append((reader, writer))
    async with asyncio.timeout(BOUND):  # the first to come are the first to go
        assert await slow[0][0].read() == b""
    async with await connect(f"{engine.url}/rtc?access_token={token('an', 'r')}") as line:
        first = SignalResponse.FromString(bytes(await line.recv(decode=False)))
        assert first.WhichOneof("message") == "join"
    assert resident(engine.process.pid) - before < 60 << 20
    for _, writer in slow:
        writer.close()


def certificate(folder: Path) -> tuple[Path, Path]:
    made = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "1", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=DNS:localhost", "-out", made[0], "-keyout", made[1]),
        ],
        check=True,
        capture_output=True,
    )
    return made


async def test_tls_ends_at_control_and_floods_are_still_cut_off(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    settings = {"CHIBO_MEDIA_WORKERS": "2", "CHIBO_MEDIA_TLS_CERT": str(cert)}
    trusting = ssl.create_default_context(cafile=str(cert))
    with running_engine(**settings, CHIBO_MEDIA_TLS_KEY=str(key)) as engine:
        assert await status_of(engine, b"GET /healthz HTTP/1.1\r\n\r\n") == 0
        url = f"wss://localhost:{engine.port}/rtc?access_token={token('an', 'r')}"
        async with await connect(url, ssl=trusting) as line:
            first = SignalResponse.FromString(bytes(await line.recv(decode=False)))
            assert first.WhichOneof("message") == "join"
            ping = SignalRequest(ping=1).SerializeToString()
            with contextlib.suppress(ConnectionClosed):
                for _ in range(3000):
                    await line.send(ping)
            async with asyncio.timeout(BOUND):
                said = [SignalResponse.FromString(bytes(data)) async for data in line]
            assert said[-1].WhichOneof("message") == "leave"
        async with httpx.AsyncClient(verify=trusting) as client:
            answers = [await client.get(f"https://localhost:{engine.port}/healthz") for _ in "ab"]
            assert [answer.text for answer in answers] == ["ok", "ok"]

"""Real installations on this machine: application over HTTP, database, keys, worker."""

import asyncio
import contextlib
import secrets
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from server.app import create_app
from server.config import Config
from server.http.peers import signed_headers
from server.keys import Keyring, new_id, token_hash
from server.services import Services
from server.session.state import State
from server.session.times import from_text
from server.store import events as event_store
from server.store import submission as store
from server.store.database import Connection, Database
from server.store.schema import upgrade
from server.store.tables import account, cell, role, session, sign_in
from server.worker import Worker
from tests.server.session.meeting import Meeting, convened
from voting.signing import to_base64url

SESSION = "s1"  # the id that meetings of the session tests have


@cache
def empty_database() -> Path:
    """A database of the current schema, made once."""
    path = Path(tempfile.mkdtemp()) / "empty.db"
    database = Database(f"sqlite:///{path}")
    upgrade(database)
    with database.engine.connect() as conn:
        conn.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    return path


@dataclass
class Installation:
    """One installation. `stop` and `start` keep its data and address."""

    config: Config
    port: int
    services: Services | None = None
    _server: uvicorn.Server | None = None
    _task: asyncio.Task[None] | None = None
    tokens: dict[str, str] = field(default_factory=dict)

    @classmethod
    def prepare(cls, folder: Path, kind: str, name: str, keep_id: str = "") -> "Installation":
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        env = {
            "CHIBO_DATA": str(folder),
            "CHIBO_KIND": kind,
            "CHIBO_NAME": name,
            "CHIBO_PORT": str(port),
            "CHIBO_PUBLIC_URL": f"http://127.0.0.1:{port}",
            "LIVEKIT_API_KEY": "key",
            "LIVEKIT_API_SECRET": "s" * 40,
            "CHIBO_SERVICE_KEY": "r" * 40,
        }
        config = Config.load(env)
        Keyring.open(config.keys_dir)
        if keep_id:
            (config.keys_dir / "installation.id").write_text(keep_id, "ascii")
        shutil.copyfile(empty_database(), folder / "chibo.db")
        return cls(config, port)

    @property
    def url(self) -> str:
        return self.config.public_url

    async def start(self) -> None:
        app = create_app(self.config)
        self.services = app.state.services
        self._server = uvicorn.Server(
            uvicorn.Config(app, host="127.0.0.1", port=self.port, log_config=None, lifespan="on")
        )
        self._server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
        self._task = asyncio.create_task(self._server.serve())
        server = self._server

        async def started() -> bool:
            return server.started

        await until(started)

    async def stop(self) -> None:
        assert self._server
        assert self._task
        self._server.should_exit = True
        await self._task

    async def officer(self, name: str = "officer") -> httpx.AsyncClient:
        """A client signed in as somebody with that role, second factor just given."""
        assert self.services
        token, now = secrets.token_urlsafe(32), datetime.now(UTC)
        ids = {"account": new_id(), "sign_in": new_id()}

        def write(conn: Connection) -> None:
            phone = f"09{secrets.randbelow(10**8):08d}"
            person = {"id": ids["account"], "phone": phone, "name": name, "created_at": now}
            conn.execute(account.insert().values(**person))
            held = {"id": new_id(), "account_id": ids["account"], "role": name, "granted_at": now}
            conn.execute(role.insert().values(**held))
            times = dict.fromkeys(("created_at", "last_seen_at", "factor_at", "stepped_up_at"), now)
            conn.execute(
                sign_in.insert().values(
                    id=ids["sign_in"],
                    account_id=ids["account"],
                    token_hash=token_hash(token),
                    device="test",
                    expires_at=now + timedelta(hours=1),
                    **times,
                )
            )

        await self.services.database.write(write)
        csrf = self.services.keys.mac("csrf", ids["sign_in"].encode())
        return httpx.AsyncClient(
            base_url=self.url,
            cookies={"chibo": token},
            headers={"origin": self.url, "x-csrf": csrf},
            timeout=20,
        )

    async def hold(self, meeting: Meeting) -> None:
        """Puts the log of a meeting, as far as it has come, into the database."""
        assert self.services
        known = await self.services.database.read(event_store.head, SESSION)
        lines = meeting.entries[known[0] if known else 0 :]
        state: State = meeting.state

        def write(conn: Connection) -> None:
            if known is None:
                when = from_text(state.convened.starts_at)
                named = {"id": state.convened.cell_id, "name": state.convened.cell_name}
                conn.execute(cell.insert().values(**named, created_at=when))
                row = {"id": SESSION, "cell_id": named["id"], "title": state.convened.title}
                more = {"starts_at": when, "mode": "hybrid", "stage": "convened"}
                conn.execute(session.insert().values(**row, **more, created_at=when))
            stage = state.stage.value
            event_store.append(conn, SESSION, lines, stage, state.opened_at, state.ended_at)

        await self.services.database.write(write)

    async def events(self, kind: str) -> list[Any]:
        """Events of that type in the session's log, as logged."""
        assert self.services
        lines = await self.services.database.read(event_store.entries_after, SESSION, 0)
        return [line.logged() for line in lines if line.type == kind]

    @contextlib.asynccontextmanager
    async def worker(self) -> AsyncIterator[Worker]:
        assert self.services
        async with Worker(self.services, lambda: 0.0) as worker:
            yield worker


def meeting_of(cell_side: Installation) -> Meeting:
    """A meeting convened by that installation, with its seal."""
    keys = Keyring.open(cell_side.config.keys_dir)
    return Meeting(convened(seal=keys.seal))


async def introduce(one: Installation, other: Installation) -> None:
    """The same end as `enrol`, written straight into both databases."""
    for here, there in ((one, other), (other, one)):
        assert here.services
        key = Keyring.open(there.config.keys_dir)
        values = {
            "id": key.installation_id,
            "name": there.config.name,
            "kind": there.config.installation_kind,
            "url": there.url,
            "spki": to_base64url(key.seal.public.spki),
            "key_id": key.seal.key_id,
            "enrolled_at": datetime.now(UTC),
            "confirmed_at": datetime.now(UTC),
        }
        await here.services.database.write(store.put_peer, values)


async def enrol(one: Installation, other: Installation) -> None:
    """Both administrators: code, address, fingerprints compared, confirmed."""
    here, there = await one.officer("administrator"), await other.officer("administrator")
    async with here, there:
        code = ok(await there.post("/api/admin/peers/code"))["code"]
        peer = ok(await here.post("/api/admin/peers", json={"url": other.url, "code": code}))
        theirs = ok(await there.get("/api/admin/peers"))
        assert peer["fingerprint"] == theirs["ours"]
        assert theirs["peers"][0]["fingerprint"] == ok(await here.get("/api/admin/peers"))["ours"]
        ok(await here.post(f"/api/admin/peers/{peer['id']}/confirm"))
        ok(await there.post(f"/api/admin/peers/{theirs['peers'][0]['id']}/confirm"))


def ok(answer: httpx.Response) -> Any:
    assert answer.is_success, answer.text
    return answer.json()


async def until(check: Any, seconds: float = 15) -> Any:
    """The first true answer of an asynchronous check. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while True:
            if found := await check():
                return found
            await asyncio.sleep(0.02)


async def signed_post(
    sender: Installation, receiver: Installation, path: str, body: bytes, **change: str
) -> httpx.Response:
    """A signed request as the sender's worker makes it, with headers changed as told."""
    keys = Keyring.open(sender.config.keys_dir)
    to = Keyring.open(receiver.config.keys_dir).installation_id
    headers = signed_headers(keys, to, "POST", path, body, datetime.now(UTC)) | change
    async with httpx.AsyncClient() as http:
        return await http.post(receiver.url + path, content=body, headers=headers)

"""A real installation for tests: a database with a convened session, and the application on it."""

import asyncio
import contextlib
import json
import secrets
import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from websockets.asyncio.client import ClientConnection, connect

from server.app import build_services, create_app
from server.config import Config
from server.http.origin import csrf_token
from server.keys import token_hash
from server.recordings.models import Checkpoint
from server.services import Services
from server.session.times import to_text
from server.store.schema import upgrade
from server.store.tables import account, cell, member, role, session, sign_in, summons
from tests.server.session.meeting import convened
from voting.signing import PrivateKey, statement_hash, to_base64url

SERVICE_KEY = "r" * 40
SESSION = "session1"


def settings(folder: Path, database_url: str = "", **more: str) -> dict[str, str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nowhere = free.getsockname()[1]  # no media engine listens there
    env = {
        "CHIBO_DATA": str(folder),
        "LIVEKIT_API_KEY": "key",
        "LIVEKIT_API_SECRET": "s" * 40,
        "CHIBO_SERVICE_KEY": SERVICE_KEY,
        "LIVEKIT_INTERNAL_URL": f"http://127.0.0.1:{nowhere}",
    }
    return env | ({"CHIBO_DATABASE_URL": database_url} if database_url else {}) | more


async def settle(config: Config, people: int = 6) -> dict[str, str]:
    """Schema, people and a convened session; returns each person's sign-in token."""
    services = build_services(config)
    upgrade(services.database)
    tokens = {f"p{n:02}": secrets.token_urlsafe(32) for n in range(1, people + 1)}
    now = datetime.now(UTC)
    await services.database.write(_people, tokens, now)
    first = convened(official=people - 1, probationary=1, seal=services.keys.seal)
    today = now.date()
    first = replace(
        first,
        installation=services.keys.installation_id,
        starts_at=to_text(now),
        authorisation=replace(
            first.authorisation, valid_until=(today + timedelta(days=30)).isoformat()
        ),
    )
    await services.session.convene(SESSION, first, "p01", now)
    services.database.close()
    return tokens


def _people(conn: Any, tokens: dict[str, str], now: datetime) -> None:
    conn.execute(
        cell.insert().values(id="cell1", name="Chi bộ", committee="Đảng ủy", created_at=now)
    )
    conn.execute(
        session.insert().values(
            id=SESSION,
            cell_id="cell1",
            title="Sinh hoạt",
            starts_at=now,
            place="Trực tuyến",
            mode="hybrid",
            stage="draft",
            created_at=now,
        )
    )
    for n, (person, token) in enumerate(tokens.items(), 1):
        conn.execute(
            account.insert().values(
                id=f"account{n}", phone=f"09{n:08}", name=person, created_at=now
            )
        )
        conn.execute(
            member.insert().values(
                id=f"member{n}",
                cell_id="cell1",
                account_id=f"account{n}",
                name=person,
                phone=f"09{n:08}",
                kind="official",
                created_at=now,
            )
        )
        conn.execute(
            sign_in.insert().values(
                id=f"signin{n}",
                token_hash=token_hash(token),
                account_id=f"account{n}",
                created_at=now,
                last_seen_at=now,
                expires_at=now + timedelta(days=1),
                factor_at=now,
            )
        )
        conn.execute(
            summons.insert().values(
                session_id=SESSION, member_id=f"member{n}", person=person, sent_at=now
            )
        )
    conn.execute(
        role.insert().values(
            id="role1", account_id="account1", role="secretary", cell_id="cell1", granted_at=now
        )
    )


@contextlib.asynccontextmanager
async def application(config: Config) -> AsyncIterator[str]:
    """The real application under uvicorn; gives its address host:port."""
    app = create_app(config)
    server = uvicorn.Server(
        uvicorn.Config(app, "127.0.0.1", 0, log_level="warning", ws="websockets-sansio")
    )
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
        if task.done():
            task.result()
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await task


@dataclass
class Person:
    """A member's device: their sign-in, their key, what they have seen of the log."""

    id: str
    n: int
    token: str
    address: str
    csrf: str
    installation: str
    seal: str  # SPKI of the installation's key
    http: httpx.AsyncClient
    key: PrivateKey = field(default_factory=PrivateKey.generate)
    counter: int = 0
    previous: str | None = None
    seen: tuple[int, str] = (0, "")

    @property
    def headers(self) -> dict[str, str]:
        return {
            "Cookie": f"chibo={self.token}",
            "Origin": f"http://{self.address}",
            "X-CSRF": self.csrf,
        }

    async def post(self, path: str, body: dict[str, Any]) -> httpx.Response:
        url = f"http://{self.address}/api/sessions/{SESSION}/{path}"
        return await self.http.post(url, json=body, headers=self.headers)

    async def give(self, command: str, **body: Any) -> dict[str, Any]:
        """A command that must be acknowledged."""
        body.setdefault("command_id", secrets.token_hex(8))
        response = await self.post(f"commands/{command}", body)
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer

    async def view(self) -> dict[str, Any]:
        url = f"http://{self.address}/api/sessions/{SESSION}/view"
        response = await self.http.get(url, headers=self.headers)
        assert response.status_code == 200, response.text
        view: dict[str, Any] = response.json()
        self.seen = (view["head"]["seq"], view["head"]["hash"])
        return view

    def live(self, after: tuple[int, str] | None = None) -> Any:
        query = f"?after={after[0]}&hash={after[1]}" if after else ""
        return connect(
            f"ws://{self.address}/api/sessions/{SESSION}/live{query}",
            additional_headers={"Cookie": f"chibo={self.token}"},
            origin=f"http://{self.address}",  # type: ignore[arg-type]
            proxy=None,
        )

    async def certify(self) -> None:
        spki = to_base64url(self.key.public.spki)
        response = await self.post("device-keys", {"spki": spki, "label": "máy thử"})
        assert response.status_code == 200, response.text

    def check_in(self) -> dict[str, Any]:
        statement = self._signed("check-in")
        return {"statement": statement, "signature": self.key.sign(statement)}

    def ballot(self, motion: dict[str, Any], choice: str) -> dict[str, Any]:
        statement = self._signed(
            "ballot",
            motion=motion["id"],
            motion_hash=motion["hash"],
            rule_version=motion["rule_version"],
            choice=choice,
            previous=self.previous,
        )
        self.previous = statement_hash(statement)
        return {"ballot": statement, "signature": self.key.sign(statement)}

    def _signed(self, purpose: str, **more: Any) -> dict[str, Any]:
        self.counter += 1
        return {
            "purpose": purpose,
            "installation": self.installation,
            "session": SESSION,
            "member": self.id,
            "device": self.key.key_id,
            "counter": self.counter,
            "seen_seq": self.seen[0],
            "seen_head": self.seen[1],
            **more,
        }


async def heard(socket: ClientConnection, kind: str, patience: float = 10) -> dict[str, Any]:
    """The next message of that kind."""
    async with asyncio.timeout(patience):
        while True:
            message: dict[str, Any] = json.loads(await socket.recv())
            if message["kind"] == kind:
                return message


@contextlib.asynccontextmanager
async def persons(
    services: Services, tokens: dict[str, str], address: str
) -> AsyncIterator[dict[str, Person]]:
    async with httpx.AsyncClient(trust_env=False) as http:
        yield _persons(services, tokens, address, http)


def _persons(
    services: Services, tokens: dict[str, str], address: str, http: httpx.AsyncClient
) -> dict[str, Person]:
    return {
        person: Person(
            person,
            n,
            token,
            address,
            csrf_token(services.keys, f"signin{n}"),
            services.keys.installation_id,
            to_base64url(services.keys.seal.public.spki),
            http,
        )
        for n, (person, token) in enumerate(tokens.items(), 1)
    }


@contextlib.contextmanager
def recorder(services: Services) -> Iterator[asyncio.Task[None]]:
    """Statements of a recorder that has everything on disk, each second."""

    async def speak() -> None:
        seq = 0
        while True:
            seq += 1
            said = Checkpoint(
                session_id=SESSION,
                seq=seq,
                head="0" * 64,
                tracks=[],
                gaps=[],
                segments=0,
                bytes=0,
                disk_free=10**10,
                state="recording",
                problem="",
                checkpoint_nonce="",
                time_ms=0,
            )
            await services.session.record_checkpoint(SESSION, said, "key", datetime.now(UTC))
            await asyncio.sleep(1)

    task = asyncio.create_task(speak())
    try:
        yield task
    finally:
        task.cancel()

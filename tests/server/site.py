"""A whole installation in this process: the real application, its people, a settable clock."""

import datetime as dt
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pyotp
from argon2 import PasswordHasher
from starlette.applications import Starlette

from server.app import create_app
from server.config import Config
from server.identity import codes, passwords
from server.identity.signing_in import add_factor
from server.keys import new_id
from server.services import Services
from server.store import accounts, people
from server.store.database import Connection, Database
from server.store.schema import upgrade

PASSWORD = "mat khau de thu 1"
# Cheap on purpose: hundreds of sign-ins, none of them of a real person.
passwords._hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
HASHED = passwords.hash_now(PASSWORD)
ORIGIN = "http://localhost:8000"


class Clock:
    def __init__(self) -> None:
        self.now = dt.datetime.now(dt.UTC).replace(microsecond=0)

    def __call__(self) -> dt.datetime:
        return self.now

    def forward(self, **more: float) -> None:
        self.now += dt.timedelta(**more)


class Browser:
    """One person's browser: keeps cookies and sends what a browser sends."""

    def __init__(self, site: "Site", address: str = "127.0.0.1") -> None:
        transport = httpx.ASGITransport(site.app, client=(address, 50000))
        self.http = httpx.AsyncClient(transport=transport, base_url=ORIGIN, timeout=30)
        self.csrf = ""

    async def __call__(
        self, method: str, path: str, body: Any = None, **more: Any
    ) -> httpx.Response:
        headers = {"Origin": ORIGIN, "X-CSRF": self.csrf} | more.pop("headers", {})
        if body is not None:
            more["json"] = body
        return await self.http.request(method, path, headers=headers, **more)

    async def ok(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        answer = await self(method, path, body, **more)
        assert answer.status_code == 200, answer.text
        return answer.json()


class Site:
    """`secrets` holds the authenticator secret of everybody that `person` made."""

    def __init__(self, folder: Path, database_url: str = "", **env: str) -> None:
        self.config = Config.load(
            {
                "CHIBO_DATA": str(folder),
                "CHIBO_DATABASE_URL": database_url,
                "LIVEKIT_API_KEY": "key",
                "LIVEKIT_API_SECRET": "s" * 40,
                "CHIBO_SERVICE_KEY": "r" * 40,
                "CHIBO_WEB_DIST": str(folder / "dist"),
                **env,
            }
        )
        self.clock = Clock()
        database = Database(self.config.database_url)
        upgrade(database)
        database.close()
        self.app: Starlette = create_app(self.config, self.clock)
        self.secrets: dict[str, str] = {}

    @property
    def services(self) -> Services:
        services: Services = self.app.state.services
        return services

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Site"]:
        async with self.app.router.lifespan_context(self.app):
            yield self

    def browser(self, address: str = "127.0.0.1") -> Browser:
        return Browser(self, address)

    async def person(self, phone: str, name: str, *roles: str, cell_id: str | None = None) -> str:
        """An account with password and authenticator app; its id."""
        secret = codes.new_secret()
        self.secrets[phone] = secret
        return await self.services.database.write(self._person, phone, name, roles, secret, cell_id)

    def _person(
        self, conn: Connection, phone: str, name: str, roles: Any, secret: str, cell_id: str | None
    ) -> str:
        now = self.clock() - dt.timedelta(days=1)
        known = people.account_by_phone(conn, phone)
        account_id = str(known["id"]) if known else new_id()
        if known is None:
            people.create_account(conn, account_id, phone, name, now)
        for role in roles:
            values = {"id": new_id(), "account_id": account_id, "role": role, "cell_id": cell_id}
            people.grant_role(conn, {**values, "granted_at": now})
        accounts.set_password(conn, account_id, HASHED)
        add_factor(
            conn, self.services.keys, account_id, new_id(), "totp", secret, now, confirmed=True
        )
        return account_id

    def code(self, phone: str) -> str:
        return pyotp.TOTP(self.secrets[phone]).at(self.clock())

    async def signed_in(self, phone: str, address: str = "127.0.0.1") -> Browser:
        """A browser with this person signed in; time moves on so that the next code is new."""
        browser = self.browser(address)
        await browser.ok("POST", "/api/sign-in/password", {"phone": phone, "password": PASSWORD})
        code = {"kind": "totp", "code": self.code(phone)}
        browser.csrf = (await browser.ok("POST", "/api/sign-in/factor", code))["csrf"]
        return browser

"""Calls to other installations over HTTP, signed; and what can go wrong with them."""

import json
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import httpx
from pydantic import ValidationError

from server.http.model import Model
from server.http.peers import signed_headers
from server.keys import Keyring

TIMEOUT = httpx.Timeout(30, connect=5)
M = TypeVar("M", bound=Model)


@dataclass(frozen=True, slots=True)
class To:
    """Where a request goes, and for whom it is signed: nobody else can use it."""

    installation: str
    url: str


class PeerAway(Exception):
    """Not reached, or not able to answer now: try again later."""


class PeerRefused(Exception):
    """The other side understood and said no; sending the same again would change nothing."""

    def __init__(self, status: int, code: str, params: Mapping[str, Any]) -> None:
        super().__init__(f"{status} {code}")
        self.status, self.code, self.params = status, code, params


class PeerClient:
    """Signs every request with the installation's key. One per process; close it."""

    def __init__(self, keys: Keyring, clock: Callable[[], datetime]) -> None:
        self.keys, self.clock = keys, clock
        # Proxies and .netrc of the machine must not see what goes between installations.
        self.http = httpx.AsyncClient(
            timeout=TIMEOUT, trust_env=False, verify=ssl.create_default_context()
        )

    async def post(self, to: To, path: str, body: bytes, kind: str, answer: type[M]) -> M:
        """Sends `body` of media type `kind`. Raises PeerAway or PeerRefused."""
        headers = {"content-type": kind, **self._signed(to, "POST", path, body)}
        return await self._call("POST", to, path, headers, body, answer)

    async def post_model(self, to: To, path: str, body: Model, answer: type[M]) -> M:
        data = body.model_dump_json(by_alias=True).encode()
        return await self.post(to, path, data, "application/json", answer)

    async def get(self, to: To, path: str, answer: type[M]) -> M:
        headers = self._signed(to, "GET", path, b"")
        return await self._call("GET", to, path, headers, None, answer)

    @asynccontextmanager
    async def stream(
        self, to: To, path: str, headers: Mapping[str, str]
    ) -> AsyncIterator[httpx.Response]:
        """A GET whose body is not read yet. Raises PeerAway when it cannot be reached."""
        signed = {**headers, **self._signed(to, "GET", path, b"")}
        try:
            async with self.http.stream("GET", to.url + path, headers=signed) as response:
                yield response
        except httpx.HTTPError as error:
            raise PeerAway(type(error).__name__) from error

    async def close(self) -> None:
        await self.http.aclose()

    def _signed(self, to: To, method: str, path: str, body: bytes) -> dict[str, str]:
        return signed_headers(self.keys, to.installation, method, path, body, self.clock())

    async def _call(
        self,
        method: str,
        to: To,
        path: str,
        headers: dict[str, str],
        body: bytes | None,
        answer: type[M],
    ) -> M:
        try:
            response = await self.http.request(method, to.url + path, headers=headers, content=body)
        except httpx.HTTPError as error:
            raise PeerAway(type(error).__name__) from error
        return checked(response, answer)


def checked(response: httpx.Response, answer: type[M]) -> M:
    """The answer as its model. Raises PeerRefused for a refusal, PeerAway for anything else."""
    if response.is_success:
        try:
            return answer.model_validate_json(response.content)
        except ValidationError as error:
            raise PeerAway("unreadable answer") from error
    try:
        problem = json.loads(response.content)
        code, params = str(problem["code"]), dict(problem.get("params") or {})
    except (ValueError, KeyError, TypeError):
        raise PeerAway(f"status {response.status_code}") from None
    if response.status_code in (408, 429) or response.status_code >= 500:
        raise PeerAway(f"status {response.status_code}")
    raise PeerRefused(response.status_code, code, params)

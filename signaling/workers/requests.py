"""HTTP/1.1 at the control process: heads and bodies from plain sockets, within bounds.

Only h11 parses; what a WebSocket's head was made of is kept, because a worker reads it again.
"""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

import h11

MAX_HEAD = 16 << 10  # bytes, as much as a single process takes
MAX_BODY = 1 << 20
CHUNK = 16 << 10
REQUEST_SECONDS = 10.0  # for a head, and again for a body
IDLE_SECONDS = 15.0  # that a connection may stay open for another request


class BadRequest(Exception):
    """Not HTTP, or more of it than we take; `status` answers it."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


@dataclass(frozen=True, slots=True)
class Request:
    """A request's head. `raw` is everything read of it so far."""

    method: str
    path: str
    query: dict[str, str] = field(repr=False)
    headers: dict[str, str] = field(repr=False)
    raw: bytes = field(repr=False)

    @property
    def upgrades(self) -> bool:
        return self.headers.get("upgrade", "").lower() == "websocket"

    @property
    def token(self) -> str:
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        return token.strip() if scheme.lower() == "bearer" else self.query.get("access_token", "")


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()


class Incoming:
    """The requests of one connection, one after the other."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD)
        self._raw = bytearray()
        self._first = True

    async def head(self) -> Request | None:
        """The next request; None when the client has no more. Raises BadRequest."""
        patience = REQUEST_SECONDS if self._first else IDLE_SECONDS
        self._first = False
        try:
            async with asyncio.timeout(patience):
                event = await self._next()
        except TimeoutError:
            if not self._raw:
                return None
            raise BadRequest(408, "the request did not come") from None
        if not isinstance(event, h11.Request):
            return None
        target = urlsplit(event.target.decode("ascii", "replace"))
        query = {name: values[0] for name, values in parse_qs(target.query).items()}
        headers = {name.decode("ascii"): value.decode("latin-1") for name, value in event.headers}
        return Request(event.method.decode("ascii"), target.path, query, headers, bytes(self._raw))

    async def body(self) -> bytes:
        """The rest of the request. Raises BadRequest."""
        body = bytearray()
        if self._http.they_are_waiting_for_100_continue:
            go = h11.InformationalResponse(status_code=100, headers=[])
            await self._send(self._http.send(go) or b"")
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                while isinstance(event := await self._next(), h11.Data):
                    body += event.data
                    if len(body) > MAX_BODY:
                        raise BadRequest(413, "the request is too large")
        except TimeoutError:
            raise BadRequest(408, "the request did not come") from None
        if not isinstance(event, h11.EndOfMessage):
            raise BadRequest(400, "the request ended early")
        return bytes(body)

    async def answer(self, answer: Answer) -> bool:
        """Sends it. Whether the connection can take another request."""
        headers = [
            ("Content-Length", str(len(answer.body))),
            ("Content-Type", answer.content_type),
            ("Access-Control-Allow-Origin", "*"),  # tokens never travel in cookies
            *answer.headers,
        ]
        if self._http.their_state is not h11.DONE:
            headers.append(("Connection", "close"))
        response = h11.Response(status_code=answer.status, headers=headers)
        parts = [self._http.send(response)]
        if answer.body:
            parts.append(self._http.send(h11.Data(data=answer.body)))
        parts.append(self._http.send(h11.EndOfMessage()))
        await self._send(b"".join(part or b"" for part in parts))
        if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
            return False
        self._http.start_next_cycle()
        self._raw.clear()
        self._raw += self._http.trailing_data[0]
        return True

    async def _next(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        loop = asyncio.get_running_loop()
        while True:
            try:
                event = self._http.next_event()
            except h11.RemoteProtocolError as error:
                raise BadRequest(error.error_status_hint, "the request does not parse") from None
            if event is not h11.NEED_DATA:
                return event
            data = await loop.sock_recv(self._sock, CHUNK)
            if len(self._raw) < MAX_HEAD + CHUNK:
                self._raw += data
            self._http.receive_data(data)

    async def _send(self, data: bytes) -> None:
        async with asyncio.timeout(REQUEST_SECONDS):
            await asyncio.get_running_loop().sock_sendall(self._sock, data)


async def ask(
    sock: socket.socket,
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes,
    seconds: float,
) -> Answer:
    """One request to a worker over `sock`, which is closed. Raises OSError or TimeoutError."""
    loop = asyncio.get_running_loop()
    http = h11.Connection(h11.CLIENT)
    lines = [("Host", "worker"), ("Connection", "close"), ("Content-Length", str(len(body)))]
    request = h11.Request(method=method, target=path, headers=[*lines, *headers.items()])
    out = [http.send(request)]
    if body:
        out.append(http.send(h11.Data(data=body)))
    out.append(http.send(h11.EndOfMessage()))
    status, content_type, answer = 0, "", bytearray()
    with sock:
        async with asyncio.timeout(seconds):
            await loop.sock_sendall(sock, b"".join(part or b"" for part in out))
            while True:
                try:
                    event = http.next_event()
                except h11.RemoteProtocolError as error:
                    raise ConnectionError(f"the worker broke off: {error}") from None
                if event is h11.NEED_DATA:
                    http.receive_data(await loop.sock_recv(sock, 1 << 16))
                elif isinstance(event, h11.Response):
                    status = event.status_code
                    content_type = dict(event.headers).get(b"content-type", b"").decode("latin-1")
                elif isinstance(event, h11.Data):
                    answer += event.data
                elif isinstance(event, h11.EndOfMessage):
                    return Answer(status, bytes(answer), content_type)
                elif isinstance(event, h11.ConnectionClosed):
                    raise ConnectionError("the worker broke off")

"""Connections that cost the load's side little: bare HTTP posts, and live sockets only counted."""

import asyncio
import base64
import json
import secrets
from dataclasses import dataclass
from typing import Any

from tests.server.session.town import SESSION, Person
from voting.signing import statement_hash

BEAT = b'{"kind":"beat","line":"good","microphone":false,"camera":false}'
BEAT_SECONDS = 4.0
AGAIN_SECONDS = 0.3
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10  # RFC 6455, section 5.2


class Statements:
    """A member's ballots, each naming the one before it."""

    def __init__(self, person: Person, motion: Any) -> None:
        self.person, self.motion = person, motion

    def next(self, choice: str) -> "Statement":
        body = self.person.ballot(self.motion, choice) | {"command_id": secrets.token_hex(8)}
        return Statement(self.person, choice, json.dumps(body).encode(), _subject(body))


def _subject(body: dict[str, Any]) -> str:
    return statement_hash(body["ballot"])


@dataclass(frozen=True)
class Statement:
    person: Person
    choice: str
    body: bytes
    subject: str


@dataclass
class Ballot:
    """A signed ballot, and the open connection that it will take."""

    member: str
    choice: str
    request: bytes
    subject: str
    line: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None

    @classmethod
    async def ready(cls, port: int, said: Statement) -> "Ballot":
        head = [f"POST /api/sessions/{SESSION}/commands/cast-ballot HTTP/1.1"]
        head += [f"Host: 127.0.0.1:{port}", "Content-Type: application/json", "Connection: close"]
        head += [f"{name}: {value}" for name, value in said.person.headers.items()]
        head += [f"Content-Length: {len(said.body)}", "", ""]
        request = "\r\n".join(head).encode() + said.body
        line = await asyncio.open_connection("127.0.0.1", port)
        return cls(said.person.id, said.choice, request, said.subject, line)


async def post(port: int, ballot: Ballot) -> dict[str, Any]:
    """The acknowledgement. Sends the same again, on a new connection, until there is one."""
    async with asyncio.timeout(60):
        while True:
            try:
                line, ballot.line = ballot.line, None
                reader, writer = line or await asyncio.open_connection("127.0.0.1", port)
                writer.write(ballot.request)
                answer = await reader.read()
                writer.close()
                head, _, body = answer.partition(b"\r\n\r\n")
                if head.startswith(b"HTTP/1.1 200"):
                    ack: dict[str, Any] = json.loads(body)
                    assert ack["subject"] == ballot.subject
                    return ack
                if head[9:12] not in (b"", b"503"):
                    raise AssertionError(answer.decode())
            except OSError:
                pass
            await asyncio.sleep(AGAIN_SECONDS)


class Listener(asyncio.Protocol):
    """A live socket that beats, answers pings, and counts what it is told."""

    def __init__(self, port: int, person: Person) -> None:
        self.port, self.person = port, person
        self.shown = asyncio.Event()
        self.bytes = self.messages = 0
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._open = self._ended = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._stay())

    def stop(self) -> None:
        self._ended = True
        if self._task:
            self._task.cancel()
        if self._transport:
            self._transport.abort()

    async def _stay(self) -> None:
        while True:
            if self._transport is None:
                try:
                    await asyncio.get_running_loop().create_connection(
                        lambda: self, "127.0.0.1", self.port
                    )
                except OSError:
                    await asyncio.sleep(AGAIN_SECONDS)
                    continue
            await asyncio.sleep(BEAT_SECONDS)
            if self._open:
                self._send(TEXT, BEAT)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport, self._open, self._buffer = transport, False, bytearray()
        headers = {
            "Host": f"127.0.0.1:{self.port}",
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": base64.b64encode(secrets.token_bytes(16)).decode(),
            "Sec-WebSocket-Extensions": "permessage-deflate",
            "Cookie": self.person.headers["Cookie"],
            "Origin": self.person.headers["Origin"],
        }
        lines = [f"GET /api/sessions/{SESSION}/live HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        transport.write("\r\n".join([*lines, "", ""]).encode())

    def connection_lost(self, _why: Exception | None) -> None:
        self._transport, self._open = None, False

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._open:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            if not self._buffer.startswith(b"HTTP/1.1 101"):
                raise AssertionError(bytes(self._buffer[:200]))
            del self._buffer[: end + 4]
            self._open = True
            self._send(TEXT, BEAT)
        while (length := self._frame()) is not None:
            del self._buffer[:length]

    def _frame(self) -> int | None:
        """Takes note of the first frame in the buffer; its length, None while it is not whole."""
        buffer = self._buffer
        if len(buffer) < 4:
            return None if len(buffer) < 2 or buffer[1] else self._note(buffer[0] & 15, 2, 0)
        size, head = buffer[1] & 127, 2
        if size >= 126:
            head = 4 if size == 126 else 10
            size = int.from_bytes(buffer[2:head])
        return self._note(buffer[0] & 15, head, size) if len(buffer) >= head + size else None

    def _note(self, kind: int, head: int, size: int) -> int:
        self.bytes += head + size
        if kind == PING:
            self._send(PONG, bytes(self._buffer[head : head + size]))
        elif kind in (0, TEXT):
            self.messages += 1
            self.shown.set()
        return head + size

    def _send(self, kind: int, payload: bytes) -> None:
        """Under the mask of zeros, which is one as good as any for what is no secret."""
        if self._transport:
            self._transport.write(bytes((0x80 | kind, 0x80 | len(payload), 0, 0, 0, 0)) + payload)

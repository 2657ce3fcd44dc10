"""A member without a screen: signs in, joins, checks in and votes over the public API.

The demo's synthetic members, the fault and load runs and the tests drive the application with it,
so it uses nothing that a browser could not.
"""

import asyncio
import contextlib
import json
import uuid
from collections.abc import AsyncIterator, Callable
from typing import Any, Self
from urllib.parse import urlsplit

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.typing import Origin

from server.session.patch import patched
from server.witnessing import HistoryChanged, Watch
from voting.ballot import Ballot
from voting.signing import PrivateKey, statement_hash, to_base64url

BEAT_SECONDS = 4.0
RETRY_SECONDS = 0.3


class ServerRefused(Exception):
    """The application said no: `status`, stable `code`, and the sentence a reader would see."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status, self.code, self.message = status, code, message


class Account:
    """A signed-in person. `host` is the name asked for when it is not that of `base_url`."""

    def __init__(self, base_url: str, host: str | None = None) -> None:
        self.base_url = base_url
        self.origin = f"http://{host}" if host else base_url
        headers = {"origin": self.origin} | ({"host": host} if host else {})
        self.http = httpx.AsyncClient(base_url=base_url, headers=headers, timeout=30)
        self.me: dict[str, Any] = {}

    async def sign_in(self, phone: str, password: str, code: Callable[[], str]) -> None:
        """`code()` gives the current one-time code of the second factor."""
        await self.post("/api/sign-in/password", phone=phone, password=password)
        self.me = await self.post("/api/sign-in/factor", kind="totp", code=code())

    async def get(self, path: str) -> Any:
        return _checked(await self.http.get(path))

    async def post(self, path: str, **body: Any) -> Any:
        """POSTs the keywords as JSON; none at all sends no body."""
        headers = {"x-csrf": self.me["csrf"]} if self.me else {}
        return _checked(await self.http.post(path, json=body or None, headers=headers))

    def cookies(self) -> str:
        return "; ".join(f"{each.name}={each.value}" for each in self.http.cookies.jar)

    async def close(self) -> None:
        await self.http.aclose()


def _checked(answer: httpx.Response) -> Any:
    if answer.is_success:
        return answer.json()
    try:
        problem = answer.json()
        raise ServerRefused(answer.status_code, problem["code"], problem["message"])
    except (ValueError, KeyError, TypeError):
        raise ServerRefused(answer.status_code, "unreadable", answer.text[:200]) from None


class HeadlessMember:
    """One device of one account in one session: device key, live view, signed acts."""

    def __init__(self, account: Account, session_id: str) -> None:
        self.account, self.session_id = account, session_id
        self.path = f"/api/sessions/{session_id}"
        self.key = PrivateKey.generate()
        self.view: dict[str, Any] = {}
        self.watch = Watch.of(session_id, account.me["installation"])
        self.broken: HistoryChanged | None = None  # nothing is signed or believed any more
        self.microphone = self.camera = False
        self._counter = 0
        self._previous: str | None = None
        self._changed = asyncio.Condition()
        self._task: asyncio.Task[None] | None = None

    @property
    def headers(self) -> list[dict[str, Any]]:
        """Every event header seen, in order, without repeats."""
        return self.watch.headers

    async def join(self) -> Self:
        """Opens the live socket and waits for the first view; then certifies the device key."""
        self._task = asyncio.create_task(self._live())
        await self.until(lambda view: bool(view), 20)
        await self.certify()
        return self

    async def certify(self) -> None:
        spki = to_base64url(self.key.public.spki)
        await self.account.post(f"{self.path}/device-keys", spki=spki, label="headless")

    async def leave(self) -> None:
        """Closes the socket without a word, as a phone that loses its line does."""
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def until(self, holds: Callable[[dict[str, Any]], bool], seconds: float) -> None:
        """Waits until the view satisfies `holds`.

        Raises TimeoutError with the stage seen; HistoryChanged when the log does not hold.
        """
        async with self._changed:
            try:
                met = self._changed.wait_for(lambda: self.broken or holds(self.view))
                await asyncio.wait_for(met, seconds)
            except TimeoutError:
                stage = self.view.get("stage", "no view")
                raise TimeoutError(f"not reached within {seconds} s; stage {stage}") from None
        self._unbroken()

    def _unbroken(self) -> None:
        if self.broken:
            raise self.broken

    async def command(self, name: str, **body: Any) -> dict[str, Any]:
        """Gives one command; the same `command_id` is used if the connection breaks.

        Raises HistoryChanged when the answer is not the installation's signed word.
        """
        self._unbroken()
        body.setdefault("command_id", uuid.uuid4().hex)
        for _ in range(40):
            try:
                ack = await self.account.post(f"{self.path}/commands/{name}", **body)
                assert isinstance(ack, dict)
                ballot = body.get("ballot")
                subject = statement_hash(ballot) if ballot else body["command_id"]
                self.watch.answered(ack, subject)
                return ack
            except (httpx.TransportError, ServerRefused) as error:
                if isinstance(error, ServerRefused) and error.status < 500:
                    raise
                await asyncio.sleep(RETRY_SECONDS)
        raise TimeoutError(f"{name} got no answer")

    async def check_in(self) -> dict[str, Any]:
        self._counter += 1
        head = self.view["head"]
        statement = {
            "purpose": "check-in",
            "installation": self.account.me["installation"]["id"],
            "session": self.session_id,
            "member": self.view["me"],
            "device": self.key.public.key_id,
            "counter": self._counter,
            "seen_seq": head["seq"],
            "seen_head": head["hash"],
        }
        return await self.command(
            "check-in", statement=statement, signature=self.key.sign(statement)
        )

    def ballot(self, choice: str, motion: dict[str, Any] | None = None) -> Ballot:
        """The next ballot this device would sign for the motion in view."""
        motion = motion or self.view["motion"]
        head = self.view["head"]
        return Ballot(
            installation=self.account.me["installation"]["id"],
            session=self.session_id,
            motion=motion["id"],
            motion_hash=motion["hash"],
            rule_version=motion["rule_version"],
            choice=choice,
            member=self.view["me"],
            device=self.key.public.key_id,
            counter=self._counter + 1,
            previous=self._previous,
            seen_seq=head["seq"],
            seen_head=head["hash"],
        )

    async def cast(self, ballot: Ballot, command_id: str | None = None) -> dict[str, Any]:
        """Sends a ballot; once acknowledged it is the one the next ballot refers to."""
        statement = ballot.to_statement()
        body = {"ballot": statement, "signature": self.key.sign(statement)}
        if command_id:
            body["command_id"] = command_id
        ack = await self.command("cast-ballot", **body)
        self._counter, self._previous = ballot.counter, ballot.ballot_hash
        return ack

    async def vote(self, choice: str) -> dict[str, Any]:
        return await self.cast(self.ballot(choice))

    async def _live(self) -> None:
        while True:
            try:
                async with self._connected() as socket, asyncio.TaskGroup() as group:
                    beats = group.create_task(self._beat(socket))
                    async for text in socket:
                        await self._take(json.loads(text))
                    beats.cancel()
            except* (OSError, WebSocketException):
                pass
            await asyncio.sleep(RETRY_SECONDS)

    @contextlib.asynccontextmanager
    async def _connected(self) -> AsyncIterator[ClientConnection]:
        origin = self.account.origin
        url = origin.replace("http", "ws", 1) + f"{self.path}/live"
        if self.headers:
            url += f"?after={self.headers[-1]['seq']}&hash={self.headers[-1]['hash']}"
        server = urlsplit(self.account.base_url)
        cookie = {"cookie": self.account.cookies()}
        async with connect(
            url,
            origin=Origin(origin),
            additional_headers=cookie,
            max_size=None,
            host=server.hostname,
            port=server.port,
        ) as socket:
            yield socket

    async def _beat(self, socket: ClientConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            while True:
                shown = {"microphone": self.microphone, "camera": self.camera}
                await socket.send(json.dumps({"kind": "beat", "line": "good", **shown}))
                await asyncio.sleep(BEAT_SECONDS)

    async def _take(self, message: dict[str, Any]) -> None:
        async with self._changed:
            match message["kind"]:
                case "snapshot":
                    self.view = message["view"]
                case "update":
                    self.view = patched(self.view, message["patch"])
                case "beat":
                    return
                case other:
                    raise ValueError(f"unknown live message {other}")
            try:
                self.watch.take(message["headers"], self.view["head"], self.view["witnessed"])
            except HistoryChanged as fault:
                self.broken = self.broken or fault
            self._changed.notify_all()

"""The control process: the public port, and the way from it to each room's worker.

A WebSocket's connection is handed over to the worker, so that none of its bytes pass here (unless
TLS has to be ended); RoomService, health and metrics are answered here with the workers' help.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import socket
import ssl
import time

from signaling import tokens
from signaling.config import MediaConfig
from signaling.errors import Denied, LocalError
from signaling.workers import metrics
from signaling.workers.crew import Crew
from signaling.workers.door import Door, linger
from signaling.workers.nursery import Nursery
from signaling.workers.requests import Answer, BadRequest, Incoming, Request
from signaling.workers.rooms import RoomService

log = logging.getLogger(__name__)

SOCKETS = ("/rtc", "/rtc/v1")
VALIDATE = ("/rtc/validate", "/rtc/v1/validate")
TWIRP = "/twirp/livekit.RoomService/"
PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"
PREFLIGHT = (("Access-Control-Allow-Methods", "*"), ("Access-Control-Allow-Headers", "*"))


def serve(config: MediaConfig, sockets: list[socket.socket], nursery: Nursery) -> None:
    """Serves until SIGTERM or SIGINT. Raises LocalError if no worker can start."""
    gc.freeze()
    gc.enable()
    try:
        asyncio.run(_serve(config, sockets, nursery))
    finally:
        nursery.close()


async def _serve(config: MediaConfig, sockets: list[socket.socket], nursery: Nursery) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    crew = Crew(config.workers, nursery)
    door = Door(Control(config, crew).attend, _tls(config))
    stopped = asyncio.create_task(stop.wait())
    started = asyncio.create_task(crew.start())
    await asyncio.wait((stopped, started), return_when=asyncio.FIRST_COMPLETED)
    accepting = []
    try:
        if started.done():
            started.result()
            accepting = [asyncio.create_task(door.accept(sock)) for sock in sockets]
            await stopped
    finally:
        for task in (started, stopped, *accepting):
            task.cancel()
        for sock in sockets:
            sock.close()
        door.close()
        await crew.stop()


def _tls(config: MediaConfig) -> ssl.SSLContext | None:
    if not config.tls_cert:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(config.tls_cert, config.tls_key)
    except (OSError, ssl.SSLError) as error:
        raise LocalError(f"cannot use the certificate: {error}") from error
    return context


class Control:
    """Attends to one connection after another's first requests."""

    def __init__(self, config: MediaConfig, crew: Crew) -> None:
        self._config, self._crew = config, crew
        self._keys = {config.api_key: config.api_secret}
        self._room_service = RoomService(crew, self._keys)

    async def attend(self, connection: socket.socket) -> None:
        """Answers requests until one is a socket for a worker, or there are no more."""
        incoming = Incoming(connection)
        with connection:
            try:
                while request := await incoming.head():
                    answer = await self._answer(request, incoming, connection)
                    if answer is None:
                        return
                    if not await incoming.answer(answer):
                        break
            except BadRequest as error:
                await incoming.answer(Answer(error.status, str(error).encode()))
            await linger(connection)

    async def _answer(
        self, request: Request, incoming: Incoming, connection: socket.socket
    ) -> Answer | None:
        """None if the connection is a worker's now."""
        path = request.path
        if request.method == "OPTIONS":
            return Answer(200, headers=PREFLIGHT)
        if path.startswith(TWIRP):
            return await self._room_service.answer(path[len(TWIRP) :], request, incoming)
        if path in SOCKETS and request.upgrades:
            return self._hand_over(request, connection)
        if request.method != "GET":
            return Answer(405, b"method not allowed")
        if path in VALIDATE:
            return self._validate(request)
        if path == "/healthz":
            serving = bool(self._crew.serving)
            return Answer(200, b"ok") if serving else Answer(503, b"no worker serves")
        if path == "/metrics":
            return Answer(200, (await self._metrics()).encode(), PROMETHEUS)
        return Answer(404, b"not found")

    def _hand_over(self, request: Request, connection: socket.socket) -> Answer | None:
        try:
            room = self._authorise(request.token)
            link = self._crew.place(room)
            if link is None:
                return Answer(503, b"no worker serves")
            link.hand_over(connection, request.raw)
        except Denied as error:
            return Answer(error.status, str(error).encode())
        except OSError:  # it has just died; the client comes again
            return Answer(503, b"the worker with this room cannot be reached")
        return None

    def _validate(self, request: Request) -> Answer:
        """Tells a client why its socket was refused."""
        try:
            room = self._authorise(request.token)
        except Denied as error:
            return Answer(error.status, str(error).encode())
        if not self._config.auto_create and self._crew.placement.owner(room) is None:
            return Answer(404, b"room does not exist")
        return Answer(200, b"success")

    def _authorise(self, token: str) -> str:
        """The room that the token's holder may join. Raises Denied."""
        grants = tokens.join_grants(token, self._keys, time.time())
        if self._crew.memory.revocations.cover(grants):
            raise Denied("token has been revoked")
        return grants.room

    async def _metrics(self) -> str:
        links = self._crew.serving
        answers = await asyncio.gather(
            *(link.ask("GET", "/metrics") for link in links), return_exceptions=True
        )
        pages = {
            link.index: answer.body.decode()
            for link, answer in zip(links, answers, strict=True)
            if isinstance(answer, Answer) and answer.status == 200
        }
        own = [
            ("chibo_media_workers", "Workers that serve", len(links)),
            ("chibo_media_placed_rooms", "Rooms that have a worker", len(self._crew.placement)),
            ("chibo_media_lost_workers", "Workers that ended by themselves", self._crew.restarts),
        ]
        return metrics.merged(pages) + "".join(metrics.gauge(*each) for each in own)

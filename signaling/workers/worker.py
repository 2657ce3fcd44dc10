"""One worker: today's engine, but its connections come from the control process."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from typing import cast

import uvicorn
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from signaling.app import create_app
from signaling.config import MediaConfig
from signaling.engine import Engine
from signaling.single import Server, uvicorn_config
from signaling.workers import channel
from signaling.workers.memory import Restored

log = logging.getLogger(__name__)


def worker_config(config: MediaConfig, index: int) -> MediaConfig:
    """The settings of one worker: its own media ports, and no TLS, which control ends."""
    return replace(
        config,
        udp_port=config.udp_port + index if config.udp_port else 0,
        tcp_port=config.tcp_port + index if config.tcp_port else 0,
        tls_cert="",
        tls_key="",
        workers=1,
        listen_fds=(),
    )


def work(config: MediaConfig, index: int, link: socket.socket) -> None:
    """Serves what comes over `link` until SIGTERM, or at once no more when control is gone."""
    own = worker_config(config, index)
    app = create_app(own)
    app.router.routes.append(Route("/load", load))
    WorkerServer(uvicorn_config(app, own), app.state.engine, link).run([])


class WorkerServer(Server):
    """A server without a port of its own."""

    def __init__(self, config: uvicorn.Config, engine: Engine, link: socket.socket) -> None:
        super().__init__(config, engine)
        self._link = link
        self._adopting: set[asyncio.Task[None]] = set()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        engine = self._engine
        self._link.setblocking(False)
        asyncio.get_running_loop().add_reader(self._link, self._on_messages)
        ready = channel.Ready(os.getpid(), time.process_time(), engine.udp_port, engine.tcp_port)
        self._link.send(ready.encode())

    def _on_messages(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                kind, body, connection = channel.receive(self._link)
                if kind == channel.CONNECTION and connection is not None:
                    task = asyncio.create_task(self._adopt(connection, body))
                    self._adopting.add(task)
                    task.add_done_callback(self._adopting.discard)
                elif kind == channel.RESTORE:
                    self._engine.restore(Restored.from_json(json.loads(body)))
                elif not kind:
                    os._exit(0)  # control is gone, and with it everybody's way to us
                else:
                    raise AssertionError(f"unknown message {kind!r}")

    async def _adopt(self, connection: socket.socket, first: bytes) -> None:
        """Serves a connection of which control has read the first bytes."""
        connection.setblocking(False)
        make = cast(Callable[..., asyncio.Protocol], self.config.http_protocol_class)
        protocol = make(
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        begin = protocol.connection_made

        def connection_made(transport: asyncio.BaseTransport) -> None:
            begin(transport)
            if first:  # before anything that comes by the connection itself
                protocol.data_received(first)

        protocol.connection_made = connection_made  # type: ignore[method-assign]
        try:
            await asyncio.get_running_loop().connect_accepted_socket(lambda: protocol, connection)
        except OSError:  # closed meanwhile
            connection.close()


async def load(request: Request) -> Response:
    """What control needs to know to place rooms and to forget those that have ended."""
    engine = cast(Engine, request.app.state.engine)
    return JSONResponse({"cpu": time.process_time(), "rooms": list(engine.rooms)})

"""The whole engine in one process: HTTP, WebSocket and media on one event loop."""

from __future__ import annotations

import gc
import socket

import uvicorn

from signaling.app import create_app
from signaling.config import MediaConfig
from signaling.engine import Engine

STOP_SECONDS = 1  # for requests under way; clients have been told to reconnect by then
MAX_FRAME = 1 << 20  # bytes of one signalling message


class Server(uvicorn.Server):
    """Says goodbye to clients before their sockets are closed, so that they come back at once."""

    def __init__(self, config: uvicorn.Config, engine: Engine) -> None:
        super().__init__(config)
        self._engine = engine

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self._engine.farewell()
        await super().shutdown(sockets)


def uvicorn_config(app: object, config: MediaConfig) -> uvicorn.Config:
    """How the app is served, by one process or by each of several workers."""
    return uvicorn.Config(
        app,  # type: ignore[arg-type]
        host=config.host,
        port=config.port,
        loop="uvloop",
        ws="websockets-sansio",
        ws_max_size=MAX_FRAME,
        ws_per_message_deflate=False,
        lifespan="on",
        access_log=False,  # its lines would hold tokens and addresses
        log_level="warning",
        ssl_certfile=config.tls_cert or None,
        ssl_keyfile=config.tls_key or None,
        timeout_graceful_shutdown=STOP_SECONDS,
    )


def server(config: MediaConfig) -> Server:
    """A configured server; media ports open in the application's lifespan, before it is ready."""
    app = create_app(config)
    return Server(uvicorn_config(app, config), app.state.engine)


def serve(config: MediaConfig, sockets: list[socket.socket]) -> None:
    """Serves on these sockets until SIGTERM or SIGINT."""
    made = server(config)
    gc.freeze()  # what was imported stays; it need not be looked through again and again
    gc.enable()
    made.run(sockets)

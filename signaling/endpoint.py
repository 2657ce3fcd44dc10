"""Runs the engine as a process: `chibo media` calls `run`."""

from __future__ import annotations

import uvicorn

from signaling.app import create_app
from signaling.config import MediaConfig

STOP_SECONDS = 1  # for requests under way; clients have been told to reconnect by then
MAX_FRAME = 1 << 20  # bytes of one signalling message


def server(config: MediaConfig) -> uvicorn.Server:
    """A configured server; media ports open in the application's lifespan, before it is ready."""
    return uvicorn.Server(
        uvicorn.Config(
            create_app(config),
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
    )


def run(config: MediaConfig) -> None:
    """Serves until SIGTERM or SIGINT, then stops within two seconds. Raises LocalError early."""
    server(config).run()

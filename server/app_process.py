"""Runs the application under uvicorn: `chibo app`."""

import uvicorn

from server.app import create_app
from server.config import Config

MAX_FRAME = 64 * 1024  # bytes; nothing a member's client sends on the live socket is larger
STOP_SECONDS = 2  # for requests under way; live sockets reconnect by themselves
PING_SECONDS = 10.0  # a line that is silent this long twice is gone


def run_app(config: Config) -> None:
    """Serves until SIGTERM or SIGINT. A lifespan that refuses to begin ends the process."""
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(config),
            host=config.host,
            port=config.port,
            loop="uvloop",
            ws="websockets-sansio",
            ws_max_size=MAX_FRAME,
            ws_ping_interval=PING_SECONDS,
            ws_ping_timeout=PING_SECONDS,
            lifespan="on",
            log_config=None,  # server.logs has set it up
            access_log=False,
            server_header=False,
            proxy_headers=bool(config.trusted_proxies),
            forwarded_allow_ips=config.trusted_proxies,
            ssl_certfile=config.tls_cert or None,
            ssl_keyfile=config.tls_key or None,
            timeout_graceful_shutdown=STOP_SECONDS,
        )
    )
    server.run()
    if not server.started:
        raise SystemExit(3)

"""Runs the engine as a process: `chibo media` calls `run`.

Nothing heavy is imported at the top: the signalling port is open, so that clients wait at it and
are not refused, while the rest is loaded.
"""

from __future__ import annotations

import gc
import socket

from signaling.config import MediaConfig
from signaling.errors import LocalError

BACKLOG = 2048  # connections that may wait while the engine starts or is started again


def run(config: MediaConfig) -> None:
    """Serves until SIGTERM or SIGINT, then stops within three seconds. Raises LocalError early."""
    sockets = listen(config)
    gc.disable()  # nothing is garbage yet, and looking for it takes a fifth of the start
    if config.workers == 1:
        from signaling.single import serve

        serve(config, sockets)
        return
    from signaling.workers.nursery import Nursery

    nursery = Nursery(config, sockets)  # loads the engine while we load the control process
    from signaling.workers.control import serve as control

    control(config, sockets, nursery)


def listen(config: MediaConfig) -> list[socket.socket]:
    """The signalling sockets: inherited from whoever started us, or opened. Raises LocalError."""
    try:
        if config.listen_fds:
            return [socket.socket(fileno=number) for number in config.listen_fds]
        return open_port(config.host, config.port)
    except OSError as error:
        raise LocalError(f"cannot open port {config.port}: {error.strerror}") from error


def open_port(host: str, port: int) -> list[socket.socket]:
    """A listening socket for each address of the host; `::` takes IPv4 too. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    return [
        socket.create_server(
            (str(address[0]), port),
            family=family,
            backlog=BACKLOG,
            dualstack_ipv6=address[0] == "::" and socket.has_dualstack_ipv6(),
        )
        for family, address in dict.fromkeys((info[0], info[4]) for info in found)
    ]

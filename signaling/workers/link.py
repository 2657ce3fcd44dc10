"""One worker as the control process holds it: its channel, and requests to it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import time
from collections.abc import Callable, Iterable

from signaling.workers import channel
from signaling.workers.memory import Restored
from signaling.workers.requests import Answer, ask

ANSWER_SECONDS = 5.0


class Link:
    """From fork to death, which `on_end` tells. Methods raise OSError when it is too late."""

    def __init__(
        self,
        index: int,
        sock: socket.socket,
        on_ready: Callable[[Link], None],
        on_end: Callable[[Link], None],
    ) -> None:
        self.index = index
        self.ready: channel.Ready | None = None
        self.heard = time.monotonic()
        self.cpu = 0.0  # seconds, when last heard
        self._sock = sock
        self._on_ready, self._on_end = on_ready, on_end
        asyncio.get_running_loop().add_reader(sock, self._on_message)

    def _on_message(self) -> None:
        try:
            data = self._sock.recv(channel.MAX_MESSAGE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self.ready = channel.Ready.decode(data)
            self.heard, self.cpu = time.monotonic(), self.ready.cpu
            self._on_ready(self)
        else:
            self.close()
            self._on_end(self)

    def close(self) -> None:
        if self._sock.fileno() >= 0:
            asyncio.get_running_loop().remove_reader(self._sock)
            self._sock.close()

    def hand_over(self, connection: socket.socket, first: bytes) -> None:
        """Gives the worker a connection of which `first` has been read, and closes it here."""
        channel.send(self._sock, channel.CONNECTION, first, connection.fileno())
        connection.close()

    def restore(self, parts: Iterable[Restored]) -> None:
        for part in parts:
            channel.send(self._sock, channel.RESTORE, json.dumps(part.to_json()).encode())

    async def ask(
        self, method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b""
    ) -> Answer:
        """One HTTP request. Raises OSError or TimeoutError."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        try:
            self.hand_over(theirs, b"")
        except OSError:
            ours.close()
            theirs.close()
            raise
        return await ask(ours, method, path, headers or {}, body, ANSWER_SECONDS)

    def tell(self, number: signal.Signals) -> None:
        if self.ready is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.ready.pid, number)

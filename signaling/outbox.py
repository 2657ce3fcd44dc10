"""The two ends of one signalling socket: what waits to be sent, and how much may come in."""

from __future__ import annotations

import asyncio

from livekit.protocol.rtc import SignalResponse

MAX_QUEUE = 4096  # messages waiting for a client that does not read
MESSAGE_BURST = 1000.0
MESSAGES_PER_SECOND = 100.0


class Outbox:
    """Messages on their way to one signalling socket; None at the end closes it."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.closed = False

    def send(self, message: SignalResponse) -> None:
        if self.closed:
            return
        if self.queue.qsize() > MAX_QUEUE:
            self.close()
            return
        self.queue.put_nowait(message.SerializeToString())

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self.queue.put_nowait(None)


class Budget:
    """Messages a client may send: bursts are natural when it joins, floods are not."""

    def __init__(self) -> None:
        self._left = MESSAGE_BURST
        self._at = 0.0

    def spend(self, now: float) -> bool:
        self._left = min(MESSAGE_BURST, self._left + (now - self._at) * MESSAGES_PER_SECOND) - 1
        self._at = now
        return self._left >= 0

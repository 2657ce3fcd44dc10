"""The headless client: stays in a room until stopped, coming back by itself when it is cut off."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

from signaling.client.assets import Asset
from signaling.client.connection import Connection
from signaling.client.errors import ConnectionLost, Expelled
from signaling.client.interface import ClientHandler
from signaling.client.publication import Publication
from signaling.client.transport import now_ns

log = logging.getLogger(__name__)

FIRST_RETRY = 0.1  # a killed engine is back within a second; we should not be what is slow
LAST_RETRY = 0.5


Token = str | Callable[[], str | Awaitable[str]]


class HeadlessClient:
    """`token` is a JWT, or a function (a coroutine function too) asked for a fresh one at each
    join, since tokens are short-lived; if it raises, the client tries again. All methods belong
    to the loop that called `start`."""

    def __init__(
        self,
        url: str,
        token: Token,
        handler: ClientHandler,
        *,
        auto_subscribe: bool = True,
    ) -> None:
        self._url, self._token, self._handler = url, token, handler
        self._auto_subscribe = auto_subscribe
        self._epoch_ns = now_ns()
        self._publications: list[Publication] = []
        self._connection: Connection | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begins joining in the background; the handler hears of success."""
        if self._task is None:
            self._task = asyncio.create_task(self._stay())

    def restart(self) -> None:
        """Tries again after the server sent this client away for good."""
        if self._task is not None and self._task.done():
            self._task = asyncio.create_task(self._stay())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    @property
    def connected(self) -> bool:
        return self._connection is not None and self._connection.joined

    def request_keyframe(self, track_sid: str) -> None:
        if self._connection and self._connection.subscriber:
            self._connection.subscriber.request_keyframe(track_sid)

    def publish_video(
        self, asset: Asset, *, source: str = "camera", muted: bool = False
    ) -> Publication:
        """Sends the asset's VP8 frames in a loop, now and after each reconnection."""
        return self._publish(asset, source, muted)

    def publish_audio(
        self, asset: Asset, *, source: str = "microphone", muted: bool = False
    ) -> Publication:
        """Sends the asset's Opus packets in a loop, now and after each reconnection."""
        return self._publish(asset, source, muted)

    def set_muted(self, publication: Publication, muted: bool) -> None:
        if self._connection and self._connection.publisher:
            self._connection.publisher.set_muted(publication, muted)
        else:
            publication.set_muted(muted)

    def _publish(self, asset: Asset, source: str, muted: bool) -> Publication:
        publication = Publication(asset, source, muted=muted)
        self._publications.append(publication)
        if self._connection and self._connection.publisher:
            self._connection.publisher.publish(publication)
        return publication

    async def _stay(self) -> None:
        delay = FIRST_RETRY
        while True:
            connection = self._connection = Connection(
                self._handler,
                self._publications,
                self._epoch_ns,
                auto_subscribe=self._auto_subscribe,
            )
            try:
                await connection.run(self._url, await self._fresh_token())
            except Expelled as error:
                self._connection = None
                self._handler.on_closed(str(error), True)
                return
            except ConnectionLost as error:
                reason = str(error)
            except Exception:
                log.exception("the client failed and will join again")
                reason = "internal error"
            self._connection = None
            if connection.joined:
                delay = FIRST_RETRY
                self._handler.on_closed(reason, False)
            await asyncio.sleep(delay)
            delay = min(delay * 1.5, LAST_RETRY)

    async def _fresh_token(self) -> str:
        if isinstance(self._token, str):
            return self._token
        given = self._token()
        return given if isinstance(given, str) else await given

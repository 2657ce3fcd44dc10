"""One life of a client's connection: join, serve the server's messages, notice its end."""

import asyncio
import json
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from livekit.protocol.models import DisconnectReason
from livekit.protocol.rtc import (
    JoinResponse,
    LeaveRequest,
    MuteTrackRequest,
    Ping,
    SignalRequest,
    SignalResponse,
    SignalTarget,
    TrickleRequest,
)
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, WebSocketException

from signaling.client import sdp
from signaling.client.errors import ConnectionLost, Expelled
from signaling.client.interface import ClientHandler
from signaling.client.publication import Publication
from signaling.client.publisher import Publisher
from signaling.client.roster import Roster
from signaling.client.subscriber import Subscriber

JOIN_WITHIN = 5.0
PING_EVERY = 3
SILENT_AFTER = 9.0  # three pings without any message
SENDER_REPORT_EVERY = 2
FINAL_REASONS = {DisconnectReason.DUPLICATE_IDENTITY, DisconnectReason.PARTICIPANT_REMOVED}


class Connection:
    """`run` joins and serves until the end, which it raises as ConnectionLost or Expelled."""

    def __init__(
        self,
        handler: ClientHandler,
        publications: Sequence[Publication],
        epoch_ns: int,
        *,
        auto_subscribe: bool,
    ) -> None:
        self._handler = handler
        self._publications = publications
        self._epoch_ns = epoch_ns
        self._auto_subscribe = auto_subscribe
        self._roster = Roster("")
        self._outbox: asyncio.Queue[SignalRequest] = asyncio.Queue()
        self._lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._heard = 0.0
        self.joined = False
        self.subscriber: Subscriber | None = None
        self.publisher: Publisher | None = None

    async def run(self, url: str, token: str) -> None:
        try:
            async with connect(
                self._address(url),
                additional_headers={"Authorization": f"Bearer {token}"},
                ping_interval=None,
                max_size=4 << 20,
                open_timeout=JOIN_WITHIN,
                close_timeout=1,
                proxy=None,
            ) as socket:
                await self._serve(socket)
        except (OSError, InvalidHandshake, WebSocketException, TimeoutError) as error:
            raise ConnectionLost(f"{type(error).__name__}: {error}") from error

    def fail(self, reason: str) -> None:
        if not self._lost.done():
            self._lost.set_result(reason)

    def _address(self, url: str) -> str:
        parts = urlsplit(url)
        scheme = {"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)
        query = urlencode(
            {"auto_subscribe": int(self._auto_subscribe), "protocol": 16, "adaptive_stream": 0}
        )
        return urlunsplit((scheme, parts.netloc, parts.path.rstrip("/") + "/rtc", query, ""))

    async def _serve(self, socket: ClientConnection) -> None:
        async with asyncio.timeout(JOIN_WITHIN):
            first = await self._next(socket)
        if first.WhichOneof("message") == "leave":
            self._leave(first.leave)
        if first.WhichOneof("message") != "join":
            raise ConnectionLost("the server did not begin with join")
        self._join(first.join, socket)
        tasks: list[asyncio.Future[Any]] = [
            asyncio.create_task(self._read(socket)),
            asyncio.create_task(self._write(socket)),
            asyncio.create_task(self._tick()),
        ]
        lost: asyncio.Future[Any] = self._lost
        try:
            await asyncio.wait([*tasks, lost], return_when=asyncio.FIRST_COMPLETED)
            if self._lost.done():
                raise ConnectionLost(self._lost.result())
            for task in tasks:
                if task.done():
                    task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._close(socket)

    async def _close(self, socket: ClientConnection) -> None:
        if not self._lost.done():
            self._lost.cancel()
        if self.subscriber:
            await self.subscriber.close()
        if self.publisher:
            await self.publisher.close()
        try:
            leave = LeaveRequest(reason=DisconnectReason.CLIENT_INITIATED)
            async with asyncio.timeout(0.5):
                await socket.send(SignalRequest(leave=leave).SerializeToString())
                await socket.close()
        except (OSError, WebSocketException, TimeoutError):
            return

    def _join(self, join: JoinResponse, socket: ClientConnection) -> None:
        host = str(socket.local_address[0])
        send = self._outbox.put_nowait
        self._roster = Roster(join.participant.sid)
        self._roster.update(join.other_participants)
        self.subscriber = Subscriber(host, self._handler, self._roster, send, self.fail)
        self.publisher = Publisher(host, self._epoch_ns, send, self.fail)
        self.joined = True
        self._handler.on_connected(join.room.sid)
        self._handler.on_participants(self._roster.participants())
        for publication in self._publications:
            self.publisher.publish(publication)

    async def _next(self, socket: ClientConnection) -> SignalResponse:
        data = await socket.recv(decode=False)
        self._heard = asyncio.get_running_loop().time()
        return SignalResponse.FromString(data)

    async def _read(self, socket: ClientConnection) -> None:
        while True:
            self._dispatch(await self._next(socket))

    async def _write(self, socket: ClientConnection) -> None:
        while True:
            request = await self._outbox.get()
            await socket.send(request.SerializeToString())

    async def _tick(self) -> None:
        assert self.subscriber is not None
        assert self.publisher is not None
        seconds = 0
        while True:
            await asyncio.sleep(1)
            seconds += 1
            self.subscriber.report()
            if seconds % SENDER_REPORT_EVERY == 0:
                self.publisher.report()
            if seconds % PING_EVERY == 0:
                ping = Ping(timestamp=time.time_ns() // 1_000_000)
                self._outbox.put_nowait(SignalRequest(ping_req=ping))
            if asyncio.get_running_loop().time() - self._heard > SILENT_AFTER:
                raise ConnectionLost("the server does not answer pings")

    def _dispatch(self, message: SignalResponse) -> None:
        assert self.subscriber is not None
        assert self.publisher is not None
        match message.WhichOneof("message"):
            case "offer":
                self.subscriber.offer(message.offer)
            case "answer":
                self.publisher.answer(message.answer)
            case "trickle":
                self._trickle(message.trickle)
            case "update":
                for sid, muted in self._roster.update(message.update.participants):
                    self._handler.on_track_muted(sid, muted)
                self._handler.on_participants(self._roster.participants())
                self.subscriber.refresh()
            case "track_published":
                published = message.track_published
                self.publisher.published(published.cid, published.track)
            case "mute":
                self._muted(message.mute)
            case "speakers_changed":
                self._handler.on_speakers(
                    [
                        (s.sid, s.level if s.active else 0.0)
                        for s in message.speakers_changed.speakers
                    ]
                )
            case "leave":
                self._leave(message.leave)
            case _:
                return  # the protocol grows; what is not for this client is not an error

    def _muted(self, mute: MuteTrackRequest) -> None:
        if self.publisher:
            self.publisher.muted_by_server(mute.sid, mute.muted)

    def _trickle(self, message: TrickleRequest) -> None:
        candidate = sdp.parse_candidate(json.loads(message.candidateInit).get("candidate", ""))
        if candidate is None or self.subscriber is None or self.publisher is None:
            return
        if message.target == SignalTarget.SUBSCRIBER:
            self.subscriber.trickle(candidate)
        else:
            self.publisher.trickle(candidate)

    def _leave(self, leave: LeaveRequest) -> None:
        reason = DisconnectReason.Name(leave.reason)
        if leave.reason in FINAL_REASONS:
            raise Expelled(reason)
        raise ConnectionLost(f"the server said goodbye: {reason}")

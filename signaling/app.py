"""The engine's HTTP face: signalling sockets, token checks, RoomService, health and metrics."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import cast

from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from signaling import twirp
from signaling.config import MediaConfig
from signaling.engine import Engine
from signaling.errors import Denied, MalformedMessage
from signaling.outbox import Outbox
from signaling.session import Session
from signaling.wire import join_parameters

SEND_TIMEOUT = 10.0  # seconds a client may take to read before its socket is given up


def create_app(config: MediaConfig) -> Starlette:
    """The ASGI application. Its lifespan opens and closes the media ports."""
    engine = Engine(config)

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        await engine.start()
        try:
            yield
        finally:
            await engine.stop()

    app = Starlette(
        routes=[
            WebSocketRoute("/rtc/v1", signal_single),
            WebSocketRoute("/rtc", signal_dual),
            Route("/rtc/v1/validate", validate),
            Route("/rtc/validate", validate),
            Route("/twirp/livekit.RoomService/{method}", twirp.endpoint, methods=["POST"]),
            Route("/healthz", healthz),
            Route("/metrics", metrics),
        ],
        # Tokens travel in query or header, never in cookies, so any origin may ask.
        middleware=[
            Middleware(
                CORSMiddleware, allow_origins=["*"], allow_methods=["*"], allow_headers=["*"]
            )
        ],
        lifespan=lifespan,
    )
    app.state.engine = engine
    return app


def _token(connection: Request | WebSocket) -> str:
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return token.strip()
    return str(connection.query_params.get("access_token", ""))


async def validate(request: Request) -> Response:
    """Tells a client why its socket was refused."""
    engine = cast(Engine, request.app.state.engine)
    try:
        engine.authorise_join(_token(request))
    except Denied as error:
        return PlainTextResponse(str(error), status_code=error.status)
    return PlainTextResponse("success")


async def signal_single(websocket: WebSocket) -> None:
    await _signal(websocket, single=True)


async def signal_dual(websocket: WebSocket) -> None:
    await _signal(websocket, single=False)


async def _signal(websocket: WebSocket, single: bool) -> None:
    engine = cast(Engine, websocket.app.state.engine)
    try:
        grants = engine.authorise_join(_token(websocket))
        parameters = join_parameters(websocket.query_params, single)
    except Denied as error:
        await _deny(websocket, str(error), error.status)
        return
    except MalformedMessage as error:
        await _deny(websocket, str(error), 400)
        return
    await websocket.accept()
    outbox = Outbox()
    writer = asyncio.create_task(_write(websocket, outbox))
    try:
        session = engine.connect(grants, parameters, outbox)
    except MalformedMessage:
        session = None
    if session is None:
        outbox.close()
        await writer
        return
    reader = asyncio.create_task(_read(websocket, engine, outbox, session))
    try:
        await asyncio.wait((reader, writer), return_when=asyncio.FIRST_COMPLETED)
    finally:
        outbox.close()
        reader.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await reader
        await writer
        engine.lost(session, outbox)


async def _read(websocket: WebSocket, engine: Engine, outbox: Outbox, session: Session) -> None:
    """Carries out requests until the client leaves, is replaced or goes away."""
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):
        while session.outbox is outbox:
            message = await websocket.receive()
            if message["type"] == "websocket.disconnect":
                return
            data = message.get("bytes")
            if data and not engine.receive(session, data):
                return


async def _write(websocket: WebSocket, outbox: Outbox) -> None:
    """Sends until the outbox ends, then closes the socket."""
    try:
        while (data := await outbox.queue.get()) is not None:
            async with asyncio.timeout(SEND_TIMEOUT):
                await websocket.send_bytes(data)
        await websocket.close()
    except (TimeoutError, WebSocketDisconnect, RuntimeError, OSError):
        outbox.closed = True


async def _deny(websocket: WebSocket, text: str, status: int) -> None:
    await websocket.send_denial_response(PlainTextResponse(text, status_code=status))


async def healthz(request: Request) -> Response:
    engine = cast(Engine, request.app.state.engine)
    return PlainTextResponse(
        "ok" if engine.udp_port else "starting", 200 if engine.udp_port else 503
    )


async def metrics(request: Request) -> Response:
    engine = cast(Engine, request.app.state.engine)
    registry = CollectorRegistry()
    sessions = [s for runtime in engine.rooms.values() for s in runtime.sessions.values()]
    peers = [peer for session in sessions for peer in session.peers]
    for name, text, value in (
        ("chibo_media_rooms", "Rooms that exist", len(engine.rooms)),
        ("chibo_media_participants", "Participants in all rooms", len(sessions)),
        ("chibo_media_tracks", "Tracks published now", sum(len(s.tracks) for s in sessions)),
        (
            "chibo_media_sent_bytes",
            "Bytes of media sent to the present participants",
            sum(peer.sent_bytes for peer in peers),
        ),
        (
            "chibo_media_rejected_packets",
            "Forged or replayed packets from the present participants",
            sum(peer.rejected for peer in peers),
        ),
    ):
        Gauge(name, text, registry=registry).set(value)
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

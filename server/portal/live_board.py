"""The officer's live board: sent whole whenever it changed."""

import asyncio
import contextlib

from starlette.websockets import WebSocket, WebSocketDisconnect

from server.http.authorise import authorise, principal_of
from server.http.call import Call
from server.http.errors import Refused
from server.portal.boards import current_board
from server.submission.models import CellBoard

LOOK = 1.0  # seconds between two looks at what was heard
CHECK_EVERY = 30.0  # seconds: is the sign-in still good
SIGNED_OUT = 4401  # close code: as HTTP 401


async def serve(call: Call, socket: WebSocket) -> None:
    """Sends the board at once and after each change, until the officer leaves or is signed out."""
    await socket.accept()
    parts = (_send(call, socket), _receive(socket), _keep(call, socket))
    tasks = [asyncio.create_task(part) for part in parts]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _send(call: Call, socket: WebSocket) -> None:
    sent: CellBoard | None = None
    while True:
        board = await current_board(call.services)
        if sent is None or board.tiles != sent.tiles or board.month != sent.month:
            with contextlib.suppress(WebSocketDisconnect, RuntimeError):
                await socket.send_text(board.model_dump_json())
            sent = board
        await asyncio.sleep(LOOK)


async def _receive(socket: WebSocket) -> None:
    """Nothing is expected; this ends when the other side goes."""
    with contextlib.suppress(WebSocketDisconnect):
        while True:
            await socket.receive_text()


async def _keep(call: Call, socket: WebSocket) -> None:
    services = call.services
    while True:
        await asyncio.sleep(CHECK_EVERY)
        now = services.clock()
        try:
            principal = await principal_of(services, socket, now)
            await authorise(services, call.route, call.path, principal, now)
        except Refused:
            with contextlib.suppress(RuntimeError):
                await socket.close(SIGNED_OUT)
            return

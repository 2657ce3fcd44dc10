"""The live socket: a snapshot, then log headers and patches; beats keep the lease alive."""

import asyncio
import contextlib
import time
from dataclasses import replace
from typing import Literal

from pydantic import TypeAdapter, ValidationError
from starlette.websockets import WebSocket, WebSocketDisconnect

from server.http.authorise import authorise, principal_of
from server.http.call import Call
from server.http.errors import Refused, Unavailable
from server.http.model import Model
from server.session.editions import Edition
from server.session.hub import Heard, Watch
from server.session.media import device_of
from server.session.service import SessionService
from server.session.state import Attendance, State
from server.session.surroundings import Viewer

BEAT_EVERY = 5.0  # seconds
RENEW_AT_MOST = 1.0  # seconds between leases written out of turn, however often a device flickers
SILENCE = 20.0  # seconds without a word from the device: the line is dead
SLOW_LINE = 0.02  # seconds: a send that took longer waited for the line and cost us nothing
CHECK_EVERY = 30.0  # seconds: is the sign-in still good, the member still admitted
REMOVED = 4403  # close codes: as HTTP 403
SIGNED_OUT = 4401  # and 401
GONE = 4408


class Beat(Model):
    kind: Literal["beat"]
    line: Literal["good", "fair", "poor", "none"] = "none"
    microphone: bool = False
    camera: bool = False


_BEAT = TypeAdapter(Beat)


async def serve(call: Call, socket: WebSocket, service: SessionService) -> None:
    """One device's live socket, from accepting to closing."""
    viewer = await service.viewer(call)
    await socket.accept()
    live = Live(call, socket, service, viewer)
    await live.run()


class Live:
    """Sends views as fast as the line takes them and never queues more than one message: a slow
    line skips editions."""

    def __init__(
        self, call: Call, socket: WebSocket, service: SessionService, viewer: Viewer
    ) -> None:
        self.call = call
        self.socket = socket
        self.service = service
        self.viewer = viewer
        self.session = call.path["session_id"]
        self.heard = Heard(time.monotonic())
        self.shown: Edition | None = None
        self.shown_as = viewer
        self.sending = asyncio.Lock()  # beats and updates share one socket

    async def run(self) -> None:
        device = device_of(self.viewer.sign_in_id or "")
        hub, person = self.service.hub, self.viewer.person
        with hub.watch(self.session) as watch:
            tasks = [
                asyncio.create_task(part)
                for part in (self._send(watch), self._receive(person, device), self._keep())
            ]
            try:
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    with contextlib.suppress(WebSocketDisconnect, RuntimeError):
                        task.result()
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                if person is not None:
                    hub.silent(self.session, person, device, self.heard)

    async def _receive(self, person: str | None, device: str) -> None:
        hub = self.service.hub
        if person is not None:
            await hub.heard(self.session, person, device, self.heard)
        written = time.monotonic()
        while True:
            message = await self.socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            try:
                beat = _BEAT.validate_json(message.get("text") or "")
            except ValidationError:
                continue  # a newer page may say more than we know
            told = (beat.line, beat.microphone, beat.camera)
            changed = told != (self.heard.line, self.heard.microphone, self.heard.camera)
            self.heard.line, self.heard.microphone, self.heard.camera = told
            self.heard.at = now = time.monotonic()
            at_once = changed and now - written >= RENEW_AT_MOST
            written = now if at_once else written
            if person is not None:
                await hub.heard(self.session, person, device, self.heard, renew=at_once)

    async def _keep(self) -> None:
        """Beats, and ends the socket of a dead line, a revoked sign-in or a removed member."""
        checked = time.monotonic()
        while True:
            await asyncio.sleep(BEAT_EVERY)
            now = time.monotonic()
            if now - self.heard.at > SILENCE:
                await self.socket.close(GONE)
                return
            if now - checked > CHECK_EVERY:
                checked = now
                if not await self._still_allowed():
                    await self.socket.close(SIGNED_OUT)
                    return
            await self._say('{"kind":"beat"}')

    async def _still_allowed(self) -> bool:
        services, route = self.call.services, self.call.route
        now = services.clock()
        try:
            principal = await principal_of(services, self.socket, now)
            principal = await authorise(services, route, self.call.path, principal, now)
        except Unavailable:
            return True  # nobody can be asked; asked again when the database is back
        except Refused:
            return False
        self.viewer = replace(self.viewer, factor_at=principal.factor_at)
        return True

    async def _send(self, watch: Watch) -> None:
        watch.dirty.set()
        while True:
            await watch.dirty.wait()
            watch.dirty.clear()
            edition = await self.service.screens.newest(self.session)
            if self._removed(edition.state):
                await self.socket.close(REMOVED)
                return
            await self._show(edition)

    def _removed(self, state: State) -> bool:
        member = state.member(self.viewer.person or "")
        return member is not None and member.attendance is Attendance.REMOVED

    async def _show(self, edition: Edition) -> None:
        with edition.working():
            if self.shown is None:
                message: str | None = self._snapshot(edition)
            else:
                message = edition.update(self.shown, self.viewer, self.shown_as)
        self.shown, self.shown_as = edition, self.viewer
        if message is not None:
            await self._say(message, edition)

    def _snapshot(self, edition: Edition) -> str:
        state = edition.state
        after = self.socket.query_params.get("after", "")
        since = int(after) if after.isdecimal() and len(after) < 10 else state.seq - 1
        # A device that has seen more than there is, or other lines, must be told the whole log
        # from where it stands: it finds the break itself, and never takes our word for it.
        first = max(0, min(since, state.seq - 1))
        if after and state.ledger.head_hash(since) != self.socket.query_params.get("hash"):
            first = 0
        return edition.snapshot(self.viewer, first, self.call.services.clock())

    async def _say(self, text: str, edition: Edition | None = None) -> None:
        async with self.sending:
            begun = time.perf_counter()
            await self.socket.send_text(text)
            took = time.perf_counter() - begun
            if edition is not None and took < SLOW_LINE:
                edition.cost += took

"""The live socket: a snapshot, then numbered events and patches; beats keep the lease alive."""

import asyncio
import contextlib
import json
import time
from dataclasses import replace
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError
from starlette.websockets import WebSocket, WebSocketDisconnect

from server.http.authorise import authorise, principal_of
from server.http.call import Call
from server.http.errors import Refused
from server.http.model import Model
from server.session.hub import Heard, Watch
from server.session.media import device_of
from server.session.models import SessionView
from server.session.service import SessionService
from server.session.signed import header_of
from server.session.state import Attendance, State
from server.session.surroundings import Viewer
from server.session.view import without_clock

COALESCE = 0.1  # seconds: at most ten updates a second on one socket
BEAT_EVERY = 5.0  # seconds
RENEW_AT_MOST = 1.0  # seconds between leases written out of turn, however often a device flickers
SILENCE = 20.0  # seconds without a word from the device: the line is dead
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
    """Sends views as fast as the line takes them and never queues more than one message."""

    def __init__(
        self, call: Call, socket: WebSocket, service: SessionService, viewer: Viewer
    ) -> None:
        self.call = call
        self.socket = socket
        self.service = service
        self.viewer = viewer
        self.session = call.path["session_id"]
        self.heard = Heard(time.monotonic())
        self.sent: SessionView | None = None
        self.sent_seq = 0
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
            await self._say({"kind": "beat"})

    async def _still_allowed(self) -> bool:
        services, route = self.call.services, self.call.route
        now = services.clock()
        try:
            principal = await principal_of(services, self.socket, now)
            principal = await authorise(services, route, self.call.path, principal, now)
        except Refused:
            return False
        self.viewer = replace(self.viewer, factor_at=principal.factor_at)
        return True

    async def _send(self, watch: Watch) -> None:
        watch.dirty.set()
        while True:
            await watch.dirty.wait()
            watch.dirty.clear()
            log = self.service.log
            state = log.cached(self.session) or await log.state(self.session)
            if self._removed(state):
                await self.socket.close(REMOVED)
                return
            await self._tell(state)
            await asyncio.sleep(COALESCE)

    def _removed(self, state: State) -> bool:
        member = state.member(self.viewer.person or "")
        return member is not None and member.attendance is Attendance.REMOVED

    async def _tell(self, state: State) -> None:
        now = self.call.services.clock()
        shown = await self.service.view_of(state, self.viewer, now)
        if self.sent is None:
            await self._snapshot(shown, state)
        else:
            patch = changes(self.sent, shown)
            if patch or state.seq != self.sent_seq:
                await self._say(
                    {
                        "kind": "update",
                        "headers": self._headers(self.sent_seq, state.seq),
                        "patch": patch,
                        "head": shown.head.model_dump(mode="json"),
                    }
                )
        self.sent, self.sent_seq = shown, state.seq

    async def _snapshot(self, shown: SessionView, state: State) -> None:
        after = self.socket.query_params.get("after", "")
        since = int(after) if after.isdecimal() and len(after) < 10 else state.seq - 1
        # A device that has seen more than there is, or other lines, must be told the whole log
        # from where it stands: it finds the break itself, and never takes our word for it.
        first = max(0, min(since, state.seq - 1))
        if after and state.ledger.head_hash(since) != self.socket.query_params.get("hash"):
            first = 0
        await self._say(
            {
                "kind": "snapshot",
                "view": shown.model_dump(mode="json", by_alias=True),
                "headers": self._headers(first, state.seq),
                "head": shown.head.model_dump(mode="json"),
            }
        )

    def _headers(self, after: int, until: int) -> list[dict[str, Any]]:
        lines = self.service.log.entries_now(self.session, after, until)
        return [header_of(line).model_dump() for line in lines]

    async def _say(self, message: dict[str, Any]) -> None:
        text = json.dumps(message, ensure_ascii=False, separators=(",", ":"))
        async with self.sending:
            await self.socket.send_text(text)


def changes(old: SessionView, new: SessionView) -> dict[str, Any]:
    """The view's fields that differ, whole; empty when only clocks have moved on.

    `now` comes along so that the reader's clock is set by every update.
    """
    still_old, still_new = without_clock(old), without_clock(new)
    names = [
        name
        for name in SessionView.model_fields
        if getattr(still_old, name) != getattr(still_new, name)
    ]
    if not names:
        return {}
    return new.model_dump(mode="json", by_alias=True, include={*names, "now"})

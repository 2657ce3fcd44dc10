"""RoomService at the control process: each call goes to the room's worker, or to all of them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from typing import Any

from google.protobuf.message import Message
from livekit.protocol import room as pb

from signaling import twirp
from signaling.errors import Refused
from signaling.twirp import PROTOBUF
from signaling.workers.crew import Crew
from signaling.workers.link import Link
from signaling.workers.requests import Answer, Incoming, Request

log = logging.getLogger(__name__)

REPEATABLE = ("CreateRoom", "ListParticipants", "GetParticipant")
PAUSE = 0.05  # seconds in which the end of a worker is noticed and another has its place


class RoomService:
    """Answers calls as one engine would, and keeps what must outlive a worker."""

    def __init__(self, crew: Crew, keys: Mapping[str, str]) -> None:
        self._crew, self._keys = crew, keys

    async def answer(self, name: str, request: Request, incoming: Incoming) -> Answer:
        """One call. Nothing of a body is read from a caller without a valid token."""
        is_json = twirp.asks_json(request.headers.get("content-type", ""))
        try:
            method = twirp.METHODS.get(name) if request.method == "POST" else None
            if method is None:
                raise Refused("bad_route", f"no method {name}")
            grants = twirp.authenticated(self._keys, request.headers.get("authorization", ""))
            call = twirp.parse(method.request, await incoming.body(), is_json)
            twirp.authorise(method, grants, call)
            bearer = request.headers["authorization"]
            if isinstance(call, pb.ListRoomsRequest):
                found: Message = await self._list_rooms(call, bearer)
            else:
                try:
                    answer = await self._at_worker(name, call, bearer)
                except OSError:
                    if name not in REPEATABLE:
                        raise
                    await asyncio.sleep(PAUSE)
                    answer = await self._at_worker(name, call, bearer)
                if name == "RemoveParticipant" and answer.status == 404:
                    self._note(name, call, None)  # one who is not there can be kept out, too
                if answer.status != 200:
                    return answer
                found = method.answer.FromString(answer.body)
                self._note(name, call, found)
            body, content_type = twirp.serialised(found, is_json)
            return Answer(200, body, content_type)
        except Refused as error:
            code, text = error.code, str(error)
        except (OSError, TimeoutError):
            code, text = "unavailable", "the worker with this room cannot be reached"
        return Answer(twirp.STATUS[code], twirp.error_body(code, text), twirp.JSON)

    async def _at_worker(self, name: str, call: Any, bearer: str) -> Answer:
        if isinstance(call, pb.CreateRoomRequest):
            fits = 0 < len(call.name) <= twirp.MAX_NAME
            link = self._crew.place(call.name) if fits else self._crew.of_room("")
        else:
            link = self._crew.of_room(call.room)
        if link is None:
            raise ConnectionError("no worker serves")
        return await self._ask(link, name, call, bearer)

    async def _ask(self, link: Link, name: str, call: Message, bearer: str) -> Answer:
        headers = {"Authorization": bearer, "Content-Type": PROTOBUF}
        path = f"/twirp/livekit.RoomService/{name}"
        return await link.ask("POST", path, headers, call.SerializeToString())

    async def _list_rooms(self, call: pb.ListRoomsRequest, bearer: str) -> Message:
        links = self._crew.usable
        if not links:
            raise ConnectionError("no worker serves")
        answers = await asyncio.gather(
            *(self._ask(link, "ListRooms", call, bearer) for link in links),
            return_exceptions=True,
        )
        merged = pb.ListRoomsResponse()
        for answer in answers:
            if isinstance(answer, OSError | TimeoutError):
                continue  # it has just died; its rooms are gone with it
            if isinstance(answer, BaseException):
                raise answer
            if answer.status == 200:
                merged.MergeFromString(answer.body)
        return merged

    def _note(self, name: str, call: Any, found: Any) -> None:
        """Keeps what a worker that takes the room over would have to know."""
        memory = self._crew.memory
        if name in ("CreateRoom", "UpdateRoomMetadata"):
            memory.created(found)
        elif name == "DeleteRoom":
            memory.forget(call.room)
        elif name == "UpdateParticipant" and call.HasField("permission"):
            memory.permissions.set(call.room, call.identity, time.time(), found.permission)
        elif name == "RemoveParticipant" and call.revoke_token_ts:
            memory.revocations.add(call.room, call.identity, float(call.revoke_token_ts))

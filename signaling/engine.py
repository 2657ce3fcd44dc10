"""All rooms of one process: joins and resumes, the media ports, the clock that drives them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time

from livekit.protocol.models import Codec as CodecInfo
from livekit.protocol.models import DisconnectReason, ParticipantInfo, ServerInfo, SpeakerInfo
from livekit.protocol.models import Room as RoomInfo
from livekit.protocol.rtc import (
    ICEServer,
    JoinResponse,
    LeaveRequest,
    ParticipantUpdate,
    ReconnectResponse,
    RoomUpdate,
    SignalResponse,
    SpeakersChanged,
)

from signaling import requests, tokens, turn
from signaling.config import MediaConfig
from signaling.errors import Denied, LocalError, MalformedMessage, Refused
from signaling.member import Member
from signaling.outbox import Outbox
from signaling.room import Room
from signaling.runtime import RoomRuntime
from signaling.session import Session
from signaling.sfu import addresses
from signaling.sfu.mux import Mux
from signaling.sfu.tcp import TcpServer
from signaling.standing import Permissions, Revocations
from signaling.tokens import Grants
from signaling.wire import JoinParameters, leave, new_id
from signaling.workers.memory import Restored

log = logging.getLogger(__name__)

VERSION = "1.13.5"  # the LiveKit server version whose behaviour clients may assume
PROTOCOL = 16
TICK = 0.05  # seconds between rounds of media upkeep
TOKEN_INTERVAL = 300.0  # seconds between token refreshes, LiveKit's default


class Engine:
    """Owns every room. `start` opens the media ports; `stop` sends clients away."""

    def __init__(self, config: MediaConfig) -> None:
        self.config = config
        self.keys = {config.api_key: config.api_secret}
        self.rooms: dict[str, RoomRuntime] = {}
        self.node_id = new_id("ND")
        self.udp_port = self.tcp_port = 0
        self._candidates: tuple[str, ...] = ()
        self._task: asyncio.Task[None] | None = None
        self._next_tokens = 0.0
        self.revocations = Revocations()
        self._permissions = Permissions()  # of rooms that another worker has lost

    def clock(self) -> float:
        return time.monotonic()

    async def start(self) -> None:
        """Binds UDP and TCP and starts the clock. Raises LocalError if a port is taken."""
        config = self.config
        self._mux = Mux(self.clock)
        self._tcp = TcpServer(self._mux, self.clock)
        try:
            where = addresses.plan(config.host, config.node_ips)
            self.udp_port = self._mux.bind(where.udp_host, config.udp_port, where.admitted)
            self.tcp_port = await self._tcp.bind(config.host, config.tcp_port)
        except OSError as error:
            self._mux.close()
            raise LocalError(f"cannot open the media ports: {error.strerror}") from error
        self._candidates = tuple(where.candidates(self.udp_port, self.tcp_port))
        self._next_tokens = self.clock() + TOKEN_INTERVAL
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Sends every client away and closes the ports."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await self.farewell()
        self._tcp.close()
        self._mux.close()

    async def farewell(self) -> None:
        """Tells every client that it must connect anew."""
        sessions = [s for runtime in self.rooms.values() for s in runtime.sessions.values()]
        for runtime in self.rooms.values():
            runtime.close(DisconnectReason.SERVER_SHUTDOWN)
        for session in sessions:
            await session.closed()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            now = self.clock()
            for runtime in list(self.rooms.values()):
                try:
                    runtime.tick(now)
                except Exception:
                    log.exception("a room's upkeep failed")
                if not runtime.sessions and now - runtime.empty_since > runtime.linger:
                    del self.rooms[runtime.name]
                    self._permissions.forget(runtime.name)
            if now >= self._next_tokens:
                self._next_tokens = now + TOKEN_INTERVAL
                for runtime in self.rooms.values():
                    for session in runtime.sessions.values():
                        self.refresh_token(session)

    # Rooms

    def create_room(
        self,
        name: str,
        metadata: str = "",
        empty_timeout: int = 0,
        departure_timeout: int = 0,
        max_participants: int = 0,
    ) -> RoomRuntime:
        """The room of that name, made if it is not there."""
        runtime = self.rooms.get(name)
        if runtime is not None:
            return runtime
        config = self.config
        now_ms = int(time.time() * 1000)
        info = RoomInfo(
            sid=new_id("RM"),
            name=name,
            metadata=metadata,
            empty_timeout=empty_timeout or config.empty_timeout,
            departure_timeout=departure_timeout or config.departure_timeout,
            max_participants=max_participants or config.max_participants,
            creation_time=now_ms // 1000,
            creation_time_ms=now_ms,
            enabled_codecs=self._codecs(),
        )
        room = Room(info, new_id, config.video_codecs, config.allow_encrypted_tracks)
        runtime = RoomRuntime(
            room,
            config,
            self.clock,
            self.refresh_token,
            info.empty_timeout,
            info.departure_timeout,
        )
        self.rooms[name] = runtime
        return runtime

    def restore(self, lost: Restored) -> None:
        """Takes over a part of what was decided about a room whose worker was lost."""
        made = lost.created
        if made is not None:
            self.create_room(
                made.name,
                made.metadata,
                made.empty_timeout,
                made.departure_timeout,
                made.max_participants,
            )
        for identity, changed, permission in lost.permissions:
            self._permissions.set(lost.room, identity, changed, permission)

    def delete_room(self, name: str) -> None:
        runtime = self.rooms.pop(name, None)
        if runtime is not None:
            self._permissions.forget(name)
            runtime.close(DisconnectReason.ROOM_DELETED)

    def _codecs(self) -> list[CodecInfo]:
        video = [f"video/{name.upper()}" for name in self.config.video_codecs]
        return [CodecInfo(mime=name) for name in ("audio/opus", "audio/red", *video)]

    def authorise_join(self, token: str) -> Grants:
        """The grants of a token that may join a room. Raises Denied."""
        grants = tokens.join_grants(token, self.keys, time.time())
        if self.revocations.cover(grants):
            raise Denied("token has been revoked")
        runtime = self.rooms.get(grants.room)
        if runtime is None and not self.config.auto_create:
            raise Denied("room does not exist", 404)
        return grants

    def find(self, room: str, identity: str) -> tuple[RoomRuntime, Member]:
        """A participant by identity. Raises Refused (not_found)."""
        runtime = self.rooms.get(room)
        member = runtime.state.by_identity(identity) if runtime is not None else None
        if runtime is None or member is None:
            raise Refused("not_found", "participant does not exist")
        return runtime, member

    # Joining

    def connect(self, grants: Grants, parameters: JoinParameters, outbox: Outbox) -> Session | None:
        """A socket has opened: a newcomer joins, or a participant resumes.

        None if a resume names nobody we know; then the client has been told to start over.
        """
        if parameters.reconnect:
            return self._resume(grants, parameters, outbox)
        return self._join(grants, parameters, outbox)

    def _join(self, grants: Grants, parameters: JoinParameters, outbox: Outbox) -> Session | None:
        runtime = self.create_room(grants.room)
        limit = runtime.state.info.max_participants
        present = runtime.state.by_identity(grants.identity) is not None
        if limit and not present and len(runtime.state.members) >= limit:
            outbox.send(leave(DisconnectReason.JOIN_FAILURE))
            return None
        now = self.clock()
        now_ms = int(time.time() * 1000)
        info = ParticipantInfo(
            sid=new_id("PA"),
            identity=grants.identity,
            name=grants.name,
            metadata=grants.metadata,
            attributes=dict(grants.attributes),
            state=ParticipantInfo.JOINING,
            joined_at=now_ms // 1000,
            joined_at_ms=now_ms,
            permission=self._permissions.of(grants),
        )
        if parameters.request is not None and info.permission.can_update_metadata:
            info.metadata = parameters.request.metadata or info.metadata
            info.attributes.update(dict(parameters.request.participant_attributes))
        member = Member(info, grants, parameters.auto_subscribe)
        session = Session(runtime, member, parameters.single, self._mux, self._candidates, now)
        effects = runtime.state.join(member)
        runtime.execute(effects)
        runtime.sessions[member.sid] = session
        session.attach(outbox)
        session.send(self._join_response(runtime, session))
        self.refresh_token(session)
        self._send_speakers(runtime, session)
        runtime.execute(runtime.state.enter(member.sid))
        if parameters.request is not None:
            for request in parameters.request.add_track_requests:
                runtime.execute(runtime.state.add_track(member.sid, request))
        if parameters.offer is not None:
            try:
                session.on_offer(parameters.offer)
            except MalformedMessage:
                runtime.remove(session, DisconnectReason.JOIN_FAILURE, LeaveRequest.DISCONNECT)
                return None
        if session.subscriber_primary:
            session.offer_now()
        return session

    def _join_response(self, runtime: RoomRuntime, session: Session) -> SignalResponse:
        return SignalResponse(
            join=JoinResponse(
                room=runtime.state.info,
                participant=session.member.info,
                other_participants=runtime.state.described_to(session.member),
                server_version=VERSION,
                server_info=self._server_info(),
                ice_servers=self._ice_servers(session),
                subscriber_primary=session.subscriber_primary,
                ping_interval=5,
                ping_timeout=15,
                fast_publish=session.member.permission.can_publish,
                enabled_publish_codecs=self._codecs(),
            )
        )

    def _server_info(self) -> ServerInfo:
        return ServerInfo(
            edition=ServerInfo.Standard, version=VERSION, protocol=PROTOCOL, node_id=self.node_id
        )

    def _ice_servers(self, session: Session) -> list[ICEServer]:
        config, identity = self.config, session.member.identity
        return turn.servers(config.turn_urls, config.turn_secret, identity, time.time())

    def _send_speakers(self, runtime: RoomRuntime, session: Session) -> None:
        speaking = runtime.speakers.current()
        if speaking:
            infos = [SpeakerInfo(sid=s.sid, level=s.level, active=True) for s in speaking]
            message = SpeakersChanged(speakers=infos)
            session.send(SignalResponse(speakers_changed=message))

    def _resume(self, grants: Grants, parameters: JoinParameters, outbox: Outbox) -> Session | None:
        runtime = self.rooms.get(grants.room)
        session = runtime.sessions.get(parameters.participant_sid) if runtime else None
        if runtime is None or session is None or session.member.identity != grants.identity:
            outbox.send(leave(DisconnectReason.STATE_MISMATCH, LeaveRequest.RECONNECT))
            return None
        session.attach(outbox)
        session.failed_at = None
        session.send(
            SignalResponse(
                reconnect=ReconnectResponse(
                    last_message_seq=session.last_sequence,
                    server_info=self._server_info(),
                    ice_servers=self._ice_servers(session),
                )
            )
        )
        everybody = [session.member.info, *runtime.state.described_to(session.member)]
        session.send(SignalResponse(update=ParticipantUpdate(participants=everybody)))
        session.send(SignalResponse(room_update=RoomUpdate(room=runtime.state.info)))
        self.refresh_token(session)
        runtime.forget_announced(session)
        if not session.single:
            session.offer_now(restart=True)
        return session

    def refresh_token(self, session: Session) -> None:
        """Sends a token that will still be good when the client has to resume."""
        grants = session.member.grants.with_permission(session.member.permission)
        config = self.config
        token = tokens.refresh(grants, config.api_key, config.api_secret, time.time())
        session.send(SignalResponse(refresh_token=token))

    def receive(self, session: Session, data: bytes) -> bool:
        """One frame from a client. Returns False if the socket is to be closed."""
        if session.room.sessions.get(session.sid) is not session:
            return False
        try:
            if not session.budget.spend(self.clock()):
                raise MalformedMessage("too many messages")
            return requests.dispatch(session, data, int(time.time() * 1000))
        except MalformedMessage as error:
            log.info("bad signalling message: %s", error)
        except Exception:
            log.exception("a signalling message could not be handled")
        session.room.remove(session, DisconnectReason.STATE_MISMATCH, LeaveRequest.RECONNECT)
        return False

    def lost(self, session: Session, outbox: Outbox) -> None:
        """The signalling socket is gone."""
        session.detach(outbox, self.clock())

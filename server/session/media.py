"""Tokens for the media engine, and the keeper that holds its rooms to what the session allows.

Speaks to the engine only through `livekit-api`, so that ours and LiveKit's are the same to it.
"""

import asyncio
import contextlib
import hashlib
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

import structlog
from livekit import api

from server.config import Config
from server.http.errors import NotFound
from server.session import events as e
from server.session.gathering import person_of
from server.session.law import Events
from server.session.log import SessionLog
from server.session.stages import ENDED
from server.session.state import Attendance, State
from server.store import sessions as store
from server.store.database import Database

TOKEN_LIFE = timedelta(seconds=60)
LIST_EVERY = 3.0  # seconds; a removed member's old token is good for no longer than this
LISTING_HOLDS = timedelta(seconds=6)  # older listings say nothing about who publishes
RECORDER = "recorder"  # identity of the hidden subscriber
ROOM = "room"  # identities of the meeting room's devices begin with this
RECORDER_LEAVES = timedelta(seconds=20)  # after the end, unless it says before that it is done
SOURCES = ["camera", "microphone", "screen_share", "screen_share_audio"]
_SOURCE_OF = {
    "microphone": api.TrackSource.MICROPHONE,
    "camera": api.TrackSource.CAMERA,
    "screen": api.TrackSource.SCREEN_SHARE,
}
log = structlog.get_logger()


def device_of(sign_in_id: str) -> str:
    """Eight characters that tell a person's devices apart and name none of them."""
    return hashlib.sha256(sign_in_id.encode()).hexdigest()[:8]


def member_token(config: Config, session_id: str, identity: str) -> str:
    """May send picture, sound and screen, see and hear all; nothing else."""
    grants = api.VideoGrants(
        room_join=True,
        room=session_id,
        can_publish=True,
        can_subscribe=True,
        can_publish_data=False,
        can_update_own_metadata=False,
        can_publish_sources=SOURCES,
    )
    return _token(config, identity, grants, TOKEN_LIFE)


def recorder_token(config: Config, session_id: str) -> str:
    """Sees and hears all, is seen by nobody, sends nothing."""
    grants = api.VideoGrants(
        room_join=True,
        room=session_id,
        can_publish=False,
        can_subscribe=True,
        can_publish_data=False,
        can_update_own_metadata=False,
        hidden=True,
        recorder=True,
    )
    return _token(config, RECORDER, grants, TOKEN_LIFE)


def _token(config: Config, identity: str, grants: api.VideoGrants, life: timedelta) -> str:
    token = api.AccessToken(config.livekit_api_key, config.livekit_api_secret.value)
    made: str = token.with_identity(identity).with_grants(grants).with_ttl(life).to_jwt()
    return made


def admitted(state: State, identity: str, rooms: set[str]) -> bool:
    """Whether whoever bears this identity may be in the session's media room now."""
    if identity == RECORDER:
        return True
    if state.stage in ENDED:
        return False
    person, _, device = identity.partition(".")
    if person == ROOM:
        return device in rooms
    member = state.member(person)
    return member is not None and member.attendance is not Attendance.REMOVED


class MediaKeeper:
    """Every few seconds: expels whoever is not admitted, closes rooms of ended sessions."""

    def __init__(
        self,
        config: Config,
        database: Database,
        log: SessionLog,
        clock: Callable[[], datetime],
        changed: Callable[[str | None], None],
    ) -> None:
        """`changed` is called with the session whose listing differs, None when the engine goes
        down or comes back."""
        self._changed = changed
        self._config = config
        self._database = database
        self._log = log
        self._clock = clock
        self._api: api.LiveKitAPI | None = None
        self._task: asyncio.Task[None] | None = None
        self._now = asyncio.Event()
        self._published: dict[str, tuple[datetime, frozenset[tuple[str, str]]]] = {}
        self._orders: list[tuple[str, str, str]] = []  # session, person, source to be muted
        self.down = False

    def start(self) -> None:
        if self._config.livekit_api_key:  # an upper committee's installation holds no sessions
            self._task = asyncio.create_task(self._run(), name="media-keeper")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        if self._api is not None:
            await self._api.aclose()
            self._api = None

    def switched_on(self, session_id: str) -> frozenset[tuple[str, str]]:
        """(person, camera|microphone) that send unmuted, by the last listing if it is fresh."""
        at, found = self._published.get(session_id, (None, frozenset[tuple[str, str]]()))
        fresh = at is not None and self._clock() - at <= LISTING_HOLDS
        return found if fresh else frozenset()

    def after(self, session_id: str, events: Events) -> None:
        """Carries out at once what these events ask of the engine."""
        for event in events:
            if isinstance(event, e.Muted):
                self._orders.append((session_id, event.person, event.source))
            if isinstance(event, e.Muted | e.Removed | e.Closed | e.Adjourned | e.Abandoned):
                self._now.set()

    async def _run(self) -> None:
        while True:
            self._now.clear()
            try:
                await self._look()
                self._reached(True, "")
            except Exception as error:  # the engine may be down; it is asked again
                self._reached(False, type(error).__name__)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._now.wait(), LIST_EVERY)

    def _reached(self, reached: bool, reason: str) -> None:
        if self.down is not reached:
            return
        self.down = not reached
        log.warning("media_engine", reached=reached, reason=reason)
        self._changed(None)

    async def _look(self) -> None:
        if self._api is None:
            self._api = api.LiveKitAPI(
                self._config.livekit_internal_url,
                self._config.livekit_api_key,
                self._config.livekit_api_secret.value,
                failover=False,
            )
        rooms = await self._api.room.list_rooms(api.ListRoomsRequest())
        names = {room.name for room in rooms.rooms}
        self._published = {s: v for s, v in self._published.items() if s in names}
        for name in names:
            with contextlib.suppress(NotFound):  # rooms of other applications are left alone
                await self._keep(self._api, name, await self._log.state(name))

    async def _keep(self, engine: api.LiveKitAPI, session_id: str, state: State) -> None:
        if state.stage in ENDED and self._recorder_done(state):
            await engine.room.delete_room(api.DeleteRoomRequest(room=session_id))
            return
        listed = await engine.room.list_participants(api.ListParticipantsRequest(room=session_id))
        paired = await self._database.read(store.paired_rooms, session_id)
        for person in listed.participants:
            if not admitted(state, person.identity, paired):
                who = api.RoomParticipantIdentity(room=session_id, identity=person.identity)
                await engine.room.remove_participant(who)
        sending = frozenset(
            (person_of(p.identity), source)
            for p in listed.participants
            for track in p.tracks
            if not track.muted and (source := _switch(track.source))
        )
        before = self._published.get(session_id)
        self._published[session_id] = (self._clock(), sending)
        if before is None or before[1] != sending:
            self._changed(session_id)
        await self._mute(engine, session_id, listed.participants)

    def _recorder_done(self, state: State) -> bool:
        ended = state.ended_at
        late = ended is not None and self._clock() - ended > RECORDER_LEAVES
        return state.recording_finished or late

    async def _mute(
        self, engine: api.LiveKitAPI, session_id: str, listed: Iterable[api.ParticipantInfo]
    ) -> None:
        mine = [order for order in self._orders if order[0] == session_id]
        for _, person, source in mine:
            for participant in listed:
                if person_of(participant.identity) != person:
                    continue
                for track in participant.tracks:
                    if track.source == _SOURCE_OF[source] and not track.muted:
                        await engine.room.mute_published_track(
                            api.MuteRoomTrackRequest(
                                room=session_id,
                                identity=participant.identity,
                                track_sid=track.sid,
                                muted=True,
                            )
                        )
        self._orders = [order for order in self._orders if order not in mine]


def _switch(source: int) -> str:
    """The switch that a track source belongs to; empty for a shared screen."""
    if source == api.TrackSource.CAMERA:
        return "camera"
    return "microphone" if source == api.TrackSource.MICROPHONE else ""

"""A room at work: its state machine, the sessions in it, and the execution of effects."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from livekit.protocol.models import (
    ConnectionQuality,
    DisconnectReason,
    SpeakerInfo,
)
from livekit.protocol.rtc import (
    ConnectionQualityInfo,
    ConnectionQualityUpdate,
    LeaveRequest,
    SignalResponse,
    SpeakersChanged,
)

from signaling.config import MediaConfig
from signaling.dynacast import Dynacast, announcement
from signaling.effects import (
    Deliver,
    Effect,
    Expel,
    RefreshToken,
    Send,
    SetMuted,
    StopTrack,
    Subscribe,
    Unsubscribe,
)
from signaling.room import Room
from signaling.session import Session
from signaling.sfu.speakers import Speaker, Speakers

log = logging.getLogger(__name__)

QUALITY_INTERVAL = 0.5  # seconds between looks at what layers are wanted
CONNECTION_INTERVAL = 5.0
GOOD_LOSS, POOR_LOSS = 0.02, 0.08


class RoomRuntime:
    """Executes a room's effects on its sessions. Lives on the event loop."""

    def __init__(
        self,
        state: Room,
        config: MediaConfig,
        clock: Callable[[], float],
        refresh_token: Callable[[Session], None],
        empty_timeout: float,
        departure_timeout: float,
    ) -> None:
        self.state = state
        self.config = config
        self.clock = clock
        self.sessions: dict[str, Session] = {}
        self.speakers = Speakers()
        self.empty_since = clock()
        self.linger = empty_timeout
        self._departure_timeout = departure_timeout
        self._refresh_token = refresh_token
        self._next_quality = self._next_connection = 0.0
        self._dynacast = Dynacast()
        self._qualities: dict[str, ConnectionQuality] = {}

    @property
    def name(self) -> str:
        return self.state.info.name

    def owner_of(self, track_sid: str) -> str:
        for member in self.state.members.values():
            if track_sid in member.publications:
                return member.sid
        return ""

    def execute(self, effects: Iterable[Effect]) -> None:
        """Carries out what the room decided, in order."""
        for effect in effects:
            session = self.sessions.get(effect.sid)
            if session is None:
                continue
            match effect:
                case Send():
                    session.send(effect.message)
                case Subscribe():
                    publisher = self.sessions.get(effect.publisher)
                    if publisher is not None:
                        session.subscribe(publisher, effect.track_sid)
                case Unsubscribe():
                    session.unsubscribe(effect.track_sid)
                case StopTrack():
                    session.stop_track(effect.track_sid)
                    self._dynacast.forget(effect.track_sid)
                case SetMuted():
                    track = session.tracks.get(effect.track_sid)
                    if track is not None:
                        track.set_muted(effect.muted, self.clock())
                case Deliver():
                    session.deliver(effect.channel, effect.data)
                case RefreshToken():
                    self._refresh_token(session)
                case Expel():
                    del self.sessions[effect.sid]
                    self.speakers.forget(effect.sid)
                    session.dismiss(effect.reason)
                    self._note_departure()
                case _:
                    raise AssertionError(f"unknown effect {effect!r}")

    def remove(
        self,
        session: Session,
        reason: DisconnectReason,
        action: LeaveRequest.Action | None = None,
    ) -> None:
        """Takes a participant out. With `action` it is told; without, it has gone by itself."""
        if self.sessions.get(session.sid) is not session:
            return
        effects = self.state.leave(session.sid, reason)
        del self.sessions[session.sid]
        self.speakers.forget(session.sid)
        self._qualities.pop(session.sid, None)
        if action is None:
            session.close()
        else:
            session.dismiss(reason, action)
        self.execute(effects)
        self._note_departure()

    def _note_departure(self) -> None:
        if not self.sessions:
            self.empty_since = self.clock()
            self.linger = self._departure_timeout

    def close(self, reason: DisconnectReason) -> None:
        for session in list(self.sessions.values()):
            action = (
                LeaveRequest.RECONNECT
                if reason == DisconnectReason.SERVER_SHUTDOWN
                else LeaveRequest.DISCONNECT
            )
            self.remove(session, reason, action)

    def tick(self, now: float) -> None:
        """Every 50 ms: media upkeep, timeouts, announcements that come with time."""
        for session in list(self.sessions.values()):
            reason = session.tick(now)
            if reason is not None:
                log.info("session ended", extra={"reason": DisconnectReason.Name(reason)})
                self.remove(session, reason, LeaveRequest.RECONNECT)
        changed = self.speakers.changes(now)
        if changed:
            self._announce_speakers(changed)
        if now >= self._next_quality:
            self._next_quality = now + QUALITY_INTERVAL
            self._announce_wanted(now)
        if now >= self._next_connection:
            self._next_connection = now + CONNECTION_INTERVAL
            self._announce_connections(now)

    def _announce_speakers(self, speakers: list[Speaker]) -> None:
        infos = [SpeakerInfo(sid=s.sid, level=s.level, active=s.active) for s in speakers]
        message = SignalResponse(speakers_changed=SpeakersChanged(speakers=infos))
        talking = (self.sessions.get(speaker.sid) for speaker in self.speakers.current())
        tracks = frozenset(sid for session in talking if session for sid in session.tracks)
        for session in self.sessions.values():
            session.send(message)
            session.downlink.speaking(tracks)

    def plan_quality(self) -> None:
        """A wish changed: look at once whether a layer has to be switched on."""
        self._next_quality = 0.0

    def _announce_wanted(self, now: float) -> None:
        """Tells publishers which layers somebody takes; fewer only after a while (dynacast)."""
        for publisher in self.sessions.values():
            for track_sid, track in publisher.tracks.items():
                if track.kind != "video":
                    continue
                wishes = (
                    other.downlink.wanted(track_sid)
                    for other in self.sessions.values()
                    if other is not publisher
                )
                top = self._dynacast.look(track_sid, wishes, now)
                if top is not None:
                    layers = len(track.layers)
                    publisher.send(announcement(track_sid, track.codec, top, layers))

    def forget_announced(self, session: Session) -> None:
        """After a resume the client may have missed what was announced."""
        for track_sid in session.tracks:
            self._dynacast.forget(track_sid)

    def _announce_connections(self, now: float) -> None:
        changed = []
        for sid, session in self.sessions.items():
            loss = session.loss()
            quality = ConnectionQuality.EXCELLENT
            if session.detached_at is not None:
                quality = ConnectionQuality.LOST
            elif loss > POOR_LOSS:
                quality = ConnectionQuality.POOR
            elif loss > GOOD_LOSS:
                quality = ConnectionQuality.GOOD
            if self._qualities.get(sid) != quality and session.primary.connected:
                self._qualities[sid] = quality
                score = {2: 5.0, 1: 4.0, 0: 2.0, 3: 0.0}[quality]
                changed.append(
                    ConnectionQualityInfo(participant_sid=sid, quality=quality, score=score)
                )
        for session in self.sessions.values():
            mine = [
                info
                for info in changed
                if info.participant_sid == session.sid
                or not self.state.members[info.participant_sid].hidden
            ]
            if mine:
                update = ConnectionQualityUpdate(updates=mine)
                session.send(SignalResponse(connection_quality=update))

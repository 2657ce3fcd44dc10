"""A room as a pure state machine: commands in, effects out; no sockets, clock or randomness.

Effects are in the order in which they must happen: a track is announced before it is subscribed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from livekit.protocol.models import (
    DataPacket,
    DisconnectReason,
    Encryption,
    ParticipantInfo,
    ParticipantPermission,
    ParticipantTracks,
    TrackInfo,
    TrackType,
)
from livekit.protocol.models import Room as RoomInfo
from livekit.protocol.rtc import (
    AddTrackRequest,
    MuteTrackRequest,
    ParticipantUpdate,
    RequestResponse,
    RoomUpdate,
    SignalResponse,
    SubscriptionPermission,
    SubscriptionPermissionUpdate,
    TrackPublishedResponse,
    TrackUnpublishedResponse,
    UpdateParticipantMetadata,
)

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
from signaling.member import Member, Publication, State

MAX_METADATA = 64_000  # bytes, LiveKit's limit for metadata and attributes together
MAX_TRACKS = 32  # publications of one participant
RELIABLE, LOSSY = "_reliable", "_lossy"


class Room:
    """Participants and their tracks. Every method returns what must now happen."""

    def __init__(
        self,
        info: RoomInfo,
        new_id: Callable[[str], str],
        video_codecs: tuple[str, ...],
        allow_encrypted: bool = False,
    ) -> None:
        self.info = info
        self.members: dict[str, Member] = {}
        self._new_id = new_id
        self._video_codecs = video_codecs
        self._allow_encrypted = allow_encrypted

    def by_identity(self, identity: str) -> Member | None:
        for member in self.members.values():
            if member.identity == identity:
                return member
        return None

    def _visible(self) -> list[Member]:
        return [member for member in self.members.values() if not member.hidden]

    def _others(self, sid: str) -> list[Member]:
        return [member for member in self.members.values() if member.sid != sid]

    # People

    def join(self, member: Member) -> list[Effect]:
        """Adds a participant; one with the same identity has to go."""
        effects: list[Effect] = []
        old = self.by_identity(member.identity)
        if old is not None:
            effects += self.leave(old.sid, DisconnectReason.DUPLICATE_IDENTITY)
            effects.append(Expel(old.sid, DisconnectReason.DUPLICATE_IDENTITY))
        member.move(State.JOINED)
        self.members[member.sid] = member
        return effects + self._count()

    def described_to(self, member: Member) -> list[ParticipantInfo]:
        """The other participants, as a newcomer must know them."""
        return [other.info for other in self._visible() if other.sid != member.sid]

    def enter(self, sid: str) -> list[Effect]:
        """The newcomer has been told about the room: it takes the tracks that are there."""
        return self._subscribe_all(self.members[sid])

    def activate(self, sid: str) -> list[Effect]:
        """The participant's media connection stands: others may see it."""
        member = self.members.get(sid)
        if member is None or not member.move(State.ACTIVE):
            return []
        return self._announce(member)

    def leave(
        self, sid: str, reason: DisconnectReason = DisconnectReason.UNKNOWN_REASON
    ) -> list[Effect]:
        """Removes a participant and tells the others."""
        member = self.members.pop(sid, None)
        if member is None:
            return []
        effects: list[Effect] = []
        for publication in list(member.publications.values()):
            effects += self._end(member, publication)
        member.move(State.DISCONNECTED)
        member.info.disconnect_reason = reason
        member.refresh_info()
        if not member.hidden:
            effects += self._update(self.members.values(), [member.info])
        return effects + self._count()

    def _count(self) -> list[Effect]:
        """Keeps the room's counters; tells everybody when recording begins or ends."""
        visible = self._visible()
        self.info.num_participants = len(visible)
        self.info.num_publishers = sum(member.info.is_publisher for member in visible)
        recording = any(member.permission.recorder for member in self.members.values())
        if recording == self.info.active_recording:
            return []
        self.info.active_recording = recording
        return self._room_update()

    def _room_update(self) -> list[Effect]:
        message = SignalResponse(room_update=RoomUpdate(room=self.info))
        return [Send(sid, message) for sid in self.members]

    def _update(
        self, receivers: Iterable[Member], infos: Iterable[ParticipantInfo]
    ) -> list[Effect]:
        message = SignalResponse(update=ParticipantUpdate(participants=infos))
        return [Send(member.sid, message) for member in receivers]

    def _announce(self, member: Member) -> list[Effect]:
        """Tells everybody who may know it how the participant is now."""
        member.refresh_info()
        receivers = [member] if member.hidden else list(self.members.values())
        return self._update(receivers, [member.info]) + self._count()

    def set_room_metadata(self, metadata: str) -> list[Effect]:
        self.info.metadata = metadata
        return self._room_update()

    def update_member(
        self,
        sid: str,
        *,
        name: str = "",
        metadata: str = "",
        attributes: dict[str, str] | None = None,
        permission: ParticipantPermission | None = None,
    ) -> list[Effect]:
        """Changes what is given. Lost rights end tracks and subscriptions at once."""
        member = self.members[sid]
        info = member.info
        if name:
            info.name = name
        if metadata:
            info.metadata = metadata
        for key, value in (attributes or {}).items():
            if value:
                info.attributes[key] = value
            else:
                info.attributes.pop(key, None)
        effects: list[Effect] = []
        if permission is not None:
            was_hidden = member.hidden
            info.permission.CopyFrom(permission)
            # A participant cannot be made a recorder, nor be hidden or shown, after it has joined.
            info.permission.hidden = was_hidden
            info.permission.recorder = member.grants.permission.recorder
            for publication in list(member.publications.values()):
                if not member.may_publish(publication.info.source):
                    effects += self._revoke(member, publication)
        effects = self._announce(member) + effects
        if permission is not None:
            effects.append(RefreshToken(sid))
            effects += self._subscribe_all(member)
        return effects

    def _revoke(self, member: Member, publication: Publication) -> list[Effect]:
        sid = publication.info.sid
        effects = self._end(member, publication)
        gone = SignalResponse(track_unpublished=TrackUnpublishedResponse(track_sid=sid))
        effects.append(Send(member.sid, gone))
        return effects

    def own_metadata(self, sid: str, request: UpdateParticipantMetadata) -> list[Effect]:
        """A participant changes its own name, metadata or attributes, if it may."""
        member = self.members[sid]
        size = len(request.metadata.encode()) + sum(
            len(k.encode()) + len(v.encode()) for k, v in request.attributes.items()
        )
        if not member.permission.can_update_metadata:
            reason, text = (
                RequestResponse.NOT_ALLOWED,
                "does not have permission to update own metadata",
            )
        elif size > MAX_METADATA:
            reason, text = RequestResponse.LIMIT_EXCEEDED, "metadata is too long"
        else:
            reason, text = RequestResponse.OK, ""
        response = RequestResponse(
            request_id=request.request_id, reason=reason, message=text, update_metadata=request
        )
        effects: list[Effect] = [Send(sid, SignalResponse(request_response=response))]
        if reason == RequestResponse.OK:
            effects += self.update_member(
                sid,
                name=request.name,
                metadata=request.metadata,
                attributes=dict(request.attributes),
            )
        return effects

    # Tracks

    def add_track(self, sid: str, request: AddTrackRequest) -> list[Effect]:
        """A participant wants to publish: it gets a track sid, or hears why not."""
        member = self.members[sid]
        refusal = self._refusal(member, request)
        if refusal:
            response = RequestResponse(
                reason=RequestResponse.NOT_ALLOWED, message=refusal, add_track=request
            )
            return [Send(sid, SignalResponse(request_response=response))]
        known = next((p for p in member.publications.values() if p.cid == request.cid), None)
        if known is None:
            info = self._track_info(request)
            known = Publication(info, request.cid)
            member.publications[info.sid] = known
        answer = TrackPublishedResponse(cid=request.cid, track=known.info)
        return [Send(sid, SignalResponse(track_published=answer))]

    def _refusal(self, member: Member, request: AddTrackRequest) -> str:
        if not member.may_publish(request.source):
            return "does not have permission to publish this source"
        if request.encryption != Encryption.NONE and not self._allow_encrypted:
            return "encrypted tracks cannot be recorded and are refused"
        if request.type not in (TrackType.AUDIO, TrackType.VIDEO) or not request.cid:
            return "not a media track"
        if len(member.publications) >= MAX_TRACKS:
            return "too many tracks"
        return ""

    def _track_info(self, request: AddTrackRequest) -> TrackInfo:
        info = TrackInfo(
            sid=self._new_id("TR"),
            type=request.type,
            name=request.name,
            muted=request.muted,
            width=request.width,
            height=request.height,
            simulcast=len(request.layers) > 1,
            disable_dtx=request.disable_dtx,
            source=request.source,
            layers=request.layers,
            mime_type=self._mime_type(request),
            stereo=request.stereo,
            disable_red=request.disable_red,
            encryption=request.encryption,
            stream=request.stream,
            audio_features=request.audio_features,
        )
        codec = info.codecs.add(mime_type=info.mime_type, cid=request.cid)
        codec.layers.extend(request.layers)
        return info

    def _mime_type(self, request: AddTrackRequest) -> str:
        if request.type == TrackType.AUDIO:
            return "audio/opus"
        wanted = [item.codec.lower() for item in request.simulcast_codecs]
        fitting = [name for name in wanted if name in self._video_codecs]
        return "video/" + (fitting or self._video_codecs)[0].upper()

    def track_live(self, sid: str, track_sid: str, mid: str) -> list[Effect]:
        """The track's section is negotiated: others see it and take it."""
        member = self.members.get(sid)
        publication = member.publications.get(track_sid) if member else None
        if member is None or publication is None or publication.live:
            return []
        publication.live = True
        publication.info.mid = mid
        publication.info.codecs[0].mid = mid
        effects = self._announce(member)
        for other in self._others(sid):
            effects += self._subscribe(other, member, publication)
        return effects

    def unpublish(self, sid: str, track_sid: str) -> list[Effect]:
        """The publisher stopped a track by itself; no message to it, it knows."""
        member = self.members.get(sid)
        publication = member.publications.get(track_sid) if member else None
        if member is None or publication is None:
            return []
        effects = self._end(member, publication)
        return effects + self._announce(member)

    def _end(self, member: Member, publication: Publication) -> list[Effect]:
        track_sid = publication.info.sid
        del member.publications[track_sid]
        effects: list[Effect] = []
        for other in self._others(member.sid):
            other.choices.pop(track_sid, None)
            other.denied.discard(track_sid)
            if track_sid in other.subscribed:
                other.subscribed.discard(track_sid)
                effects.append(Unsubscribe(other.sid, track_sid))
        effects.append(StopTrack(member.sid, track_sid))
        return effects

    def mute(self, sid: str, track_sid: str, muted: bool, by_server: bool = False) -> list[Effect]:
        """Mutes or unmutes; when the server does it, the publisher is told to comply."""
        member = self.members.get(sid)
        publication = member.publications.get(track_sid) if member else None
        if member is None or publication is None:
            return []
        effects: list[Effect] = []
        if by_server:
            order = MuteTrackRequest(sid=track_sid, muted=muted)
            effects.append(Send(sid, SignalResponse(mute=order)))
        if publication.info.muted != muted:
            publication.info.muted = muted
            effects.append(SetMuted(sid, track_sid, muted))
            if publication.live:
                effects += self._announce(member)
        return effects

    # Subscriptions

    def _subscribe_all(self, member: Member) -> list[Effect]:
        effects: list[Effect] = []
        for publisher in self._others(member.sid):
            for publication in publisher.publications.values():
                effects += self._subscribe(member, publisher, publication)
        return effects

    def _subscribe(
        self, member: Member, publisher: Member, publication: Publication
    ) -> list[Effect]:
        """Brings one subscription into agreement with rights and wishes."""
        track_sid = publication.info.sid
        if not publication.live:
            return []
        effects: list[Effect] = []
        allowed = publisher.lets_see(member, track_sid)
        if allowed == (track_sid in member.denied):
            (member.denied.discard if allowed else member.denied.add)(track_sid)
            update = SubscriptionPermissionUpdate(
                participant_sid=publisher.sid, track_sid=track_sid, allowed=allowed
            )
            message = SignalResponse(subscription_permission_update=update)
            effects.append(Send(member.sid, message))
        wanted = (
            allowed
            and member.permission.can_subscribe
            and member.choices.get(track_sid, member.auto_subscribe)
        )
        if wanted and track_sid not in member.subscribed:
            member.subscribed.add(track_sid)
            effects.append(Subscribe(member.sid, publisher.sid, track_sid))
        elif not wanted and track_sid in member.subscribed:
            member.subscribed.discard(track_sid)
            effects.append(Unsubscribe(member.sid, track_sid))
        return effects

    def choose(
        self,
        sid: str,
        subscribe: bool,
        track_sids: Iterable[str],
        participant_tracks: Iterable[ParticipantTracks] = (),
    ) -> list[Effect]:
        """A participant takes or drops tracks by choice; repeating a choice changes nothing."""
        member = self.members[sid]
        wanted = {*track_sids, *(t for group in participant_tracks for t in group.track_sids)}
        effects: list[Effect] = []
        for publisher in self._others(sid):
            for track_sid, publication in publisher.publications.items():
                if track_sid in wanted:
                    member.choices[track_sid] = subscribe
                    effects += self._subscribe(member, publisher, publication)
        return effects

    def restrict(self, sid: str, rules: SubscriptionPermission) -> list[Effect]:
        """A publisher says who may take its tracks."""
        publisher = self.members[sid]
        publisher.track_permissions = rules
        effects: list[Effect] = []
        for member in self._others(sid):
            for publication in publisher.publications.values():
                effects += self._subscribe(member, publisher, publication)
        return effects

    # Data

    def data(self, sid: str, channel: str, packet: DataPacket) -> list[Effect]:
        """A participant's data packet: stamped with its sender and passed on, if it may send."""
        member = self.members.get(sid)
        if member is None or not member.permission.can_publish_data:
            return []
        packet.participant_sid = "" if member.hidden else sid
        packet.participant_identity = "" if member.hidden else member.identity
        if packet.HasField("user"):
            packet.user.participant_sid = packet.participant_sid
            packet.user.participant_identity = packet.participant_identity
        return self.deliver(channel, packet, exclude=sid)

    def deliver(self, channel: str, packet: DataPacket, exclude: str = "") -> list[Effect]:
        """Sends a data packet to those it names, or to all."""
        identities = {*packet.destination_identities, *packet.user.destination_identities}
        sids = set(packet.user.destination_sids)
        data = packet.SerializeToString()
        everybody = not identities and not sids
        return [
            Deliver(member.sid, channel, data)
            for member in self._others(exclude)
            if everybody or member.identity in identities or member.sid in sids
        ]

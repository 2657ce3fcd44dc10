"""One participant's live connection: signalling queue, transports, and what flows over them."""

from __future__ import annotations

import asyncio
import logging
import secrets
from dataclasses import replace
from typing import TYPE_CHECKING

from google.protobuf.message import DecodeError
from livekit.protocol.models import (
    DataPacket,
    DisconnectReason,
    SubscriptionError,
    TrackInfo,
    TrackType,
    VideoQuality,
)
from livekit.protocol.rtc import (
    LeaveRequest,
    MediaSectionsRequirement,
    SessionDescription,
    SignalResponse,
    StreamState,
    StreamStateInfo,
    StreamStateUpdate,
    SubscriptionResponse,
    UpdateTrackSettings,
)

from signaling.errors import MalformedMessage
from signaling.member import Member, Publication
from signaling.negotiation import Answerer, Bound, Local, Published, Received, Sent
from signaling.offerer import Offerer
from signaling.outbox import Budget, Outbox
from signaling.sfu import rtcp, sdp
from signaling.sfu.downlink import Downlink, Wish
from signaling.sfu.mux import Mux
from signaling.sfu.peer import Peer
from signaling.sfu.tracks import UpTrack
from signaling.sfu.uplink import Source, Uplink
from signaling.wire import leave

if TYPE_CHECKING:
    from signaling.runtime import RoomRuntime

log = logging.getLogger(__name__)

RID_ORDER = {"q": 0, "h": 1, "f": 2, "2": 0, "1": 1, "0": 2}
CHANNELS = ("_reliable", "_lossy")
JOIN_TIMEOUT = 60.0  # seconds from joining to a standing media connection
REPAIR_TIME = 5.0  # seconds a client may take to resume after its media connection has failed


class Session:
    """The edge of one participant: executes what the room decides, reports what the client does."""

    def __init__(
        self,
        room: RoomRuntime,
        member: Member,
        single: bool,
        mux: Mux,
        candidates: tuple[str, ...],
        now: float,
    ) -> None:
        self.room = room
        self.member = member
        self.single = single
        self.outbox: Outbox | None = None
        self.joined_at = now
        self.detached_at: float | None = None
        self.failed_at: float | None = None
        self.last_sequence = 0
        self.budget = Budget()
        self.tracks: dict[str, UpTrack] = {}
        self._mids: dict[str, str] = {}
        self._received: list[Received] = []
        self._extensions: dict[str, int] = {}
        self._candidates = candidates
        self._remote_ufrag: dict[Peer, str] = {}
        self._flush_planned = False
        self._closing: asyncio.Task[None] | None = None
        self._answerer = Answerer(secrets.randbits(62))
        self._offerer = Offerer(secrets.randbits(62))
        self.publisher = self._new_peer(mux)
        self.subscriber = self.publisher if single else self._new_peer(mux)
        self._uplink = Uplink(self.publisher.ssrc, self.publisher.send_rtcp, self.publisher.native)
        self.downlink = Downlink(self.subscriber.send_rtp, self.subscriber.send_rtcp)
        self.downlink.on_paused = self._on_paused
        self.downlink.unlimited = member.permission.recorder
        self.publisher.on_rtp = self._uplink.on_rtp

    @property
    def sid(self) -> str:
        return self.member.sid

    @property
    def primary(self) -> Peer:
        """The transport whose connection makes the participant active."""
        return self.subscriber if self.subscriber_primary else self.publisher

    @property
    def subscriber_primary(self) -> bool:
        return not self.single and self.member.grants.permission.can_subscribe

    @property
    def peers(self) -> tuple[Peer, ...]:
        return (self.publisher,) if self.single else (self.publisher, self.subscriber)

    def _new_peer(self, mux: Mux) -> Peer:
        peer = Peer(mux)
        peer.on_rtcp = self._on_rtcp
        peer.on_message = self._on_message
        peer.on_connected = lambda: self._on_connected(peer)
        peer.on_closed = lambda: self._on_failed(peer)
        return peer

    # Signalling socket

    def attach(self, outbox: Outbox) -> None:
        if self.outbox is not None:
            self.outbox.close()
        self.outbox = outbox
        self.detached_at = None

    def detach(self, outbox: Outbox, now: float) -> None:
        """The socket is gone; the participant stays for a while, so that it can resume."""
        if self.outbox is outbox:
            self.outbox = None
            self.detached_at = now

    def send(self, message: SignalResponse) -> None:
        if self.outbox is not None:
            self.outbox.send(message)

    def dismiss(
        self,
        reason: DisconnectReason,
        action: LeaveRequest.Action = LeaveRequest.DISCONNECT,
    ) -> None:
        """Says why it is over, then frees everything."""
        self.send(leave(reason, action))
        self.close()

    def close(self) -> None:
        if self._closing is not None:
            return
        if self.outbox is not None:
            self.outbox.close()
            self.outbox = None
        self.downlink.close()
        for track in self.tracks.values():
            track.close()
        self.tracks.clear()
        self._closing = asyncio.create_task(self._close_peers())

    async def _close_peers(self) -> None:
        for peer in self.peers:
            await peer.close()

    async def closed(self) -> None:
        if self._closing is not None:
            await self._closing

    # Negotiation

    def _local(self, peer: Peer) -> Local:
        return Local(peer.ice.ufrag, peer.ice.password, peer.fingerprint, self._candidates)

    def on_offer(self, message: SessionDescription) -> None:
        """Answers the client's offer. Raises MalformedMessage."""
        offer = sdp.parse(message.sdp)
        peer = self.publisher
        first = next((s for s in offer.sections if s.ufrag and s.fingerprints), None)
        if first is None:
            raise MalformedMessage("offer has no transport")
        before = self._remote_ufrag.get(peer)
        if before is not None and before != first.ufrag:
            peer.restart_ice()
        self._remote_ufrag[peer] = first.ufrag
        answer = self._answerer.answer(offer, self._resolve, self._local(peer))
        self._received = list(answer.received)
        self._extensions = answer.extensions
        self._configure_uplink()
        if any(s.kind == "application" and s.port for s in offer.sections):
            peer.enable_data()
        self.send(
            SignalResponse(
                answer=SessionDescription(
                    type="answer",
                    sdp=answer.text,
                    id=message.id,
                    mid_to_track_id=answer.tracks_by_mid,
                )
            )
        )
        peer.start(first.fingerprints, client=first.setup == "passive")
        self._bind(answer.bound, answer.unsupported)
        gone = set(self.tracks) - {item.track_sid for item in answer.received}
        for track_sid in gone:
            self.room.execute(self.room.state.unpublish(self.sid, track_sid))
        self._go_live()
        self._plan_flush()

    def _go_live(self) -> None:
        for item in self._received:
            if item.track_sid:
                self.room.execute(self.room.state.track_live(self.sid, item.track_sid, item.mid))

    def claim_sections(self) -> None:
        """After `add_track`: an offer that overtook it may already have brought the section."""
        claimed = False
        for index, item in enumerate(self._received):
            if not item.track_sid:
                published = self._resolve(item.kind, item.mid, item.cid)
                if published is not None and published.track_sid:
                    self._received[index] = replace(item, track_sid=published.track_sid)
                    claimed = True
        if claimed:
            self._configure_uplink()
            self._go_live()

    def _resolve(self, kind: str, mid: str, cid: str) -> Published | None:
        """The publication that a sending section of the client carries."""
        publications = self.member.publications
        found = next((p for p in publications.values() if p.cid == cid), None)
        if found is None:
            known = publications.get(self._mids.get(mid, ""))
            # Firefox writes its own track ids: take the first one waiting, as LiveKit does.
            found = known or next(
                (p for p in publications.values() if not p.live and _kind(p.info) == kind), None
            )
        if found is None or _kind(found.info) != kind:
            return self._unclaimed(kind)
        self._mids[mid] = found.info.sid
        info = found.info
        codec = info.mime_type.partition("/")[2].lower()
        red = kind == "audio" and not info.disable_red
        return Published(info.sid, codec, not info.disable_dtx, info.stereo, red)

    def _unclaimed(self, kind: str) -> Published | None:
        """Accepts a section before its `add_track`; its packets are dropped until that comes."""
        if not self.member.permission.can_publish or self.member.hidden:
            return None
        return Published("", "opus" if kind == "audio" else self.room.config.video_codecs[0])

    def _configure_uplink(self) -> None:
        sources = []
        for item in self._received:
            publication = self.member.publications.get(item.track_sid)
            if publication is None:  # not claimed yet, or ended by the server
                continue
            track = self.tracks.get(item.track_sid) or self._new_track(item, publication)
            if item.red is not None:
                track.take_red(item.red, item.codec.payload_type)
            sources.append(
                Source(
                    item.mid,
                    track,
                    item.codec.payload_type,
                    item.rtx,
                    list(item.ssrcs),
                    item.repairs,
                )
            )
        self._uplink.configure(sources, self._extensions)

    def _new_track(self, item: Received, publication: Publication) -> UpTrack:
        rids = sorted(item.rids, key=lambda rid: RID_ORDER.get(rid, 3))
        track = UpTrack(
            item.track_sid, item.kind, item.codec.name, item.codec.fmtp, item.codec.clock, rids
        )
        track.muted = publication.info.muted
        codec = "opus" if item.kind == "audio" else track.codec.upper()
        publication.info.mime_type = f"{item.kind}/{codec}"
        if item.kind == "audio":
            speakers, sid = self.room.speakers, self.sid
            track.on_level = lambda level, now: speakers.level(sid, level)
        self.tracks[item.track_sid] = track
        return track

    def _bind(self, bound: tuple[Bound, ...], unsupported: tuple[str, ...]) -> None:
        for item in bound:
            self.downlink.bind(
                item.track_sid, item.payload_type, item.extensions, item.redundant, item.rtx
            )
        for track_sid in unsupported:
            self.downlink.remove(track_sid)
            response = SubscriptionResponse(
                track_sid=track_sid, err=SubscriptionError.SE_CODEC_UNSUPPORTED
            )
            self.send(SignalResponse(subscription_response=response))
        if bound:
            self.downlink.choose(self.room.clock())

    def on_answer(self, message: SessionDescription) -> None:
        """The client's answer to our offer in dual mode. Raises MalformedMessage."""
        if self.single or message.id not in (0, self._offerer.version):
            return
        answer = sdp.parse(message.sdp)
        first = next((s for s in answer.sections if s.fingerprints), None)
        if first is None:
            raise MalformedMessage("answer has no transport")
        self._remote_ufrag[self.subscriber] = first.ufrag
        self.subscriber.enable_data()
        # A pion client answers setup:passive to an ICE-lite offer; then we are the DTLS client.
        self.subscriber.start(
            first.fingerprints, client=first.setup == "passive", channels=CHANNELS
        )
        bound, unsupported = self._offerer.answered(answer)
        for track_sid in unsupported:
            self._offerer.remove(track_sid)
        self._bind(tuple(bound), tuple(unsupported))
        self._plan_flush()

    def offer_now(self, restart: bool = False) -> None:
        """Dual mode: offers at once, with new ICE credentials after a resume."""
        if restart and self.subscriber.started:
            self.subscriber.restart_ice()
        offer = self._offerer.offer(self._local(self.subscriber))
        self.send(
            SignalResponse(
                offer=SessionDescription(
                    type="offer",
                    sdp=offer.text,
                    id=self._offerer.version,
                    mid_to_track_id=offer.tracks_by_mid,
                )
            )
        )

    def _plan_flush(self) -> None:
        """One renegotiation for all changes of this turn of the event loop."""
        if not self._flush_planned:
            self._flush_planned = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        self._flush_planned = False
        if self._closing is not None:
            return
        if not self.single:
            if self._offerer.dirty and not self._offerer.outstanding:
                self.offer_now()
            return
        needed = self._answerer.requirement()
        if needed is not None:
            requirement = MediaSectionsRequirement(num_audios=needed[0], num_videos=needed[1])
            self.send(SignalResponse(media_sections_requirement=requirement))

    # Media

    def subscribe(self, publisher: Session, track_sid: str) -> None:
        track = publisher.tracks.get(track_sid)
        publication = publisher.member.publications.get(track_sid)
        if track is None or publication is None:
            return
        info = publication.info
        layers = sorted(info.layers, key=lambda layer: layer.quality)
        sizes = tuple((layer.width, layer.height) for layer in layers)
        down = self.downlink.add(track, sizes)
        sent = Sent(
            track_sid,
            track.kind,
            track.codec,
            track.fmtp,
            down.ssrc,
            f"{publisher.sid}|{info.stream or track_sid}",
            publisher.sid,
            track.red.inner if track.red is not None else 0,
            down.rtx_ssrc,
        )
        if self.single:
            self._answerer.add(sent)
        else:
            self._offerer.add(sent)
        self._plan_flush()

    def unsubscribe(self, track_sid: str) -> None:
        self.downlink.remove(track_sid)
        if self.single:
            self._answerer.remove(track_sid)
        else:
            self._offerer.remove(track_sid)
        self._plan_flush()

    def stop_track(self, track_sid: str) -> None:
        track = self.tracks.pop(track_sid, None)
        if track is not None:
            track.close()
        self.room.speakers.forget(self.sid)

    def on_track_setting(self, settings: UpdateTrackSettings) -> None:
        wish = Wish(
            settings.disabled or settings.quality == VideoQuality.OFF,
            None if settings.width else settings.quality,
            settings.width,
            settings.height,
            settings.priority,
            settings.fps,
        )
        for track_sid in settings.track_sids:
            self.downlink.wish(track_sid, wish)
        self.downlink.choose(self.room.clock())
        self.room.plan_quality()

    def _on_paused(self, track_sid: str, paused: bool) -> None:
        state = StreamState.PAUSED if paused else StreamState.ACTIVE
        owner = self.room.owner_of(track_sid)
        info = StreamStateInfo(participant_sid=owner, track_sid=track_sid, state=state)
        self.send(SignalResponse(stream_state_update=StreamStateUpdate(stream_states=[info])))

    def _on_rtcp(self, data: bytes, now: float) -> None:
        for item in rtcp.parse(data):
            if isinstance(item, rtcp.SenderReport):
                self._uplink.on_sender_report(item, now)
            else:
                self.downlink.on_rtcp(item, now)

    def _on_message(self, label: str, data: bytes) -> None:
        if label not in CHANNELS:
            return
        try:
            packet = DataPacket.FromString(data)
        except DecodeError:
            return
        if packet.sequence:
            self.last_sequence = packet.sequence
        self.room.execute(self.room.state.data(self.sid, label, packet))

    def deliver(self, channel: str, data: bytes) -> None:
        self.subscriber.send_message(channel, data)

    # Life

    def _on_connected(self, peer: Peer) -> None:
        if peer is self.primary:
            self.room.execute(self.room.state.activate(self.sid))
        if peer is self.subscriber:
            self.downlink.ready = True
            self.downlink.choose(self.room.clock())

    def _on_failed(self, peer: Peer) -> None:
        if self._closing is None:
            self.failed_at = self.room.clock()

    def loss(self) -> float:
        """The worst loss on any stream from or to this client, as a fraction."""
        return max([self.downlink.worst_loss, *(t.loss for t in self._uplink.tracks)])

    def tick(self, now: float) -> DisconnectReason | None:
        """Every 50 ms. Returns why the session has to end, if it has to."""
        self._uplink.tick(now, self.downlink.round_trip)
        self.downlink.tick(now)
        grace = self.room.config.resume_grace
        if self.detached_at is not None and now - self.detached_at > grace:
            return DisconnectReason.SIGNAL_CLOSE
        if self.failed_at is not None and (
            self.detached_at is not None or now - self.failed_at > REPAIR_TIME
        ):
            return DisconnectReason.MEDIA_FAILURE
        if any(peer.ice.expired(now) for peer in self.peers):
            return DisconnectReason.CONNECTION_TIMEOUT
        if not self.primary.connected and now - self.joined_at > JOIN_TIMEOUT:
            return DisconnectReason.JOIN_FAILURE
        return None


def _kind(info: TrackInfo) -> str:
    return "audio" if info.type == TrackType.AUDIO else "video"

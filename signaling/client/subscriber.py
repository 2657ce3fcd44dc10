"""The subscriber connection: answers the server's offers, hands over packets, asks for repairs."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from livekit.protocol.models import VideoQuality
from livekit.protocol.rtc import SessionDescription, SignalRequest, UpdateTrackSettings

from signaling.client import rtcp, sdp
from signaling.client.errors import ConnectionLost
from signaling.client.interface import ClientHandler, RemoteTrack
from signaling.client.receiver import NACK_AGAIN_NS, StreamReceiver
from signaling.client.roster import Roster, source_name, track_kind
from signaling.client.transport import MediaTransport, now_ns

CLOCK_RATES = {"audio": 48000, "video": 90000}
MIMES = {"audio": "audio/opus", "video": "video/vp8"}
PLI_AT_MOST_EVERY_NS = 300_000_000
BLOCKS_PER_REPORT = 31
OWN_SSRC = 1


@dataclass(slots=True)
class _Stream:
    track: RemoteTrack
    receiver: StreamReceiver
    asked_keyframe_ns: int = 0
    given_up: int = 0


class Subscriber:
    """Owns one media transport, created with the first offer."""

    def __init__(
        self,
        host: str,
        handler: ClientHandler,
        roster: Roster,
        send: Callable[[SignalRequest], None],
        on_lost: Callable[[str], None],
    ) -> None:
        self._host, self._handler, self._roster = host, handler, roster
        self._send, self._on_lost = send, on_lost
        self._transport: MediaTransport | None = None
        self._ufrag = ""
        self._version = 1
        self._offered: dict[str, tuple[int, int]] = {}  # track sid: ssrc, level extension id
        self._streams: dict[int, _Stream] = {}
        self._early: list[sdp.Candidate] = []
        self._nack_timer: asyncio.TimerHandle | None = None
        self._connecting: asyncio.Task[None] | None = None

    def offer(self, message: SessionDescription) -> None:
        """Answers; raises ConnectionLost if the server restarts ICE, for which we rejoin."""
        description = sdp.parse(message.sdp)
        ufrag = description.attribute("ice-ufrag")
        if self._transport is not None and ufrag != self._ufrag:
            raise ConnectionLost("the server restarted ICE")
        first = self._transport is None
        transport = self._transport or self._open(description, ufrag)
        for section in description.sections:
            for candidate in section.candidates:
                transport.add_candidate(candidate)
        self._version += 1
        answer = sdp.answer(description, transport.local, self._version)
        self._send(
            SignalRequest(answer=SessionDescription(type="answer", sdp=answer, id=message.id))
        )
        if first:
            self._connecting = asyncio.create_task(
                self._connect(transport, description.attribute("fingerprint"))
            )
        self._offered = dict(_offered_tracks(description, message.mid_to_track_id))
        self.refresh()

    def trickle(self, candidate: sdp.Candidate) -> None:
        if self._transport is None:
            self._early.append(candidate)
        else:
            self._transport.add_candidate(candidate)

    def refresh(self) -> None:
        """Brings the streams in line with what is offered and who is known to publish it."""
        for ssrc, stream in list(self._streams.items()):
            offered = self._offered.get(stream.track.sid)
            if offered is None or offered[0] != ssrc:
                del self._streams[ssrc]
                self._handler.on_track_ended(stream.track)
        for sid, (ssrc, level_id) in self._offered.items():
            published = self._roster.track(sid)
            if ssrc in self._streams or published is None:
                continue
            kind = track_kind(published.info)
            track = RemoteTrack(
                sid,
                kind,
                source_name(published.info.source),
                published.participant.identity,
                published.participant.sid,
                MIMES[kind],
                ssrc,
                published.info.muted,
                level_id,
            )
            self._streams[ssrc] = _Stream(track, StreamReceiver(ssrc, CLOCK_RATES[kind]))
            if kind == "video":
                settings = UpdateTrackSettings(track_sids=[sid], quality=VideoQuality.HIGH)
                self._send(SignalRequest(track_setting=settings))
            self._handler.on_track(track)
            self.request_keyframe(sid)

    def request_keyframe(self, track_sid: str) -> None:
        now = now_ns()
        for stream in self._streams.values():
            if stream.track.sid == track_sid and stream.track.kind == "video":
                self._picture_loss(stream, now)

    def report(self) -> None:
        """Receiver reports on all streams; call once a second."""
        if self._transport is None or not self._streams:
            return
        now = now_ns()
        blocks = [s.receiver.report_block(now) for s in self._streams.values()]
        for at in range(0, len(blocks), BLOCKS_PER_REPORT):
            packet = rtcp.receiver_report(OWN_SSRC, blocks[at : at + BLOCKS_PER_REPORT])
            self._transport.send_rtcp(packet + rtcp.source_description(OWN_SSRC, "subscriber"))

    async def close(self) -> None:
        if self._connecting:
            self._connecting.cancel()
        if self._nack_timer:
            self._nack_timer.cancel()
        for stream in self._streams.values():
            self._handler.on_track_ended(stream.track)
        self._streams.clear()
        if self._transport is not None:
            await self._transport.close()

    def _open(self, description: sdp.Description, ufrag: str) -> MediaTransport:
        self._ufrag = ufrag
        self._transport = MediaTransport(
            self._host,
            controlling=description.is_lite,
            on_rtp=self._rtp,
            on_rtcp=self._rtcp,
            on_lost=self._on_lost,
        )
        for candidate in self._early:
            self._transport.add_candidate(candidate)
        password = description.attribute("ice-pwd")
        self._transport.set_remote(ufrag, password, lite=description.is_lite)
        return self._transport

    async def _connect(self, transport: MediaTransport, fingerprint: str) -> None:
        try:
            await transport.connect(fingerprint, dtls_client=True)
        except ConnectionLost as error:
            self._on_lost(str(error))
            return
        for stream in self._streams.values():
            self._picture_loss(stream, now_ns())

    def _rtp(self, data: bytes, arrival_ns: int) -> None:
        stream = self._streams.get(int.from_bytes(data[8:12]))
        if stream is None:
            return
        receiver = stream.receiver
        receiver.received_packet(int.from_bytes(data[2:4]), int.from_bytes(data[4:8]), arrival_ns)
        if receiver.waiting and self._nack_timer is None:
            self._nack()
        self._handler.on_rtp(stream.track, data, arrival_ns)

    def _rtcp(self, data: bytes, arrival_ns: int) -> None:
        for message in rtcp.parse(data):
            if isinstance(message, rtcp.SenderReport):
                stream = self._streams.get(message.ssrc)
                if stream is not None:
                    stream.receiver.sender_report(message.ntp, arrival_ns)
                    self._handler.on_sender_report(
                        stream.track, message.ntp, message.rtp, arrival_ns
                    )

    def _nack(self) -> None:
        self._nack_timer = None
        assert self._transport is not None
        now = now_ns()
        waiting = False
        for stream in self._streams.values():
            receiver = stream.receiver
            due = receiver.due_nacks(now)
            if due:
                self._transport.send_rtcp(rtcp.nack(OWN_SSRC, receiver.ssrc, due))
            if receiver.given_up > stream.given_up:
                stream.given_up = receiver.given_up
                self._picture_loss(stream, now)
            waiting = waiting or receiver.waiting
        if waiting:
            delay = NACK_AGAIN_NS / 4e9  # holes seen since the last round should not wait long
            self._nack_timer = asyncio.get_running_loop().call_later(delay, self._nack)

    def _picture_loss(self, stream: _Stream, now: int) -> None:
        if self._transport is None or not self._transport.connected:
            return
        if stream.track.kind == "video" and now - stream.asked_keyframe_ns > PLI_AT_MOST_EVERY_NS:
            stream.asked_keyframe_ns = now
            self._transport.send_rtcp(rtcp.picture_loss(OWN_SSRC, stream.track.ssrc))


def _offered_tracks(
    description: sdp.Description, mid_to_track_id: Mapping[str, str]
) -> list[tuple[str, tuple[int, int]]]:
    found = []
    for section in description.sections:
        ssrc = section.media_ssrc()
        sends = section.direction in ("sendrecv", "sendonly") and section.port != 0
        # LiveKit drops a section's mid from the map when its track has gone.
        sid = mid_to_track_id.get(section.mid, "" if mid_to_track_id else section.track_id)
        if sends and ssrc is not None and sid and section.payload_type() is not None:
            found.append((sid, (ssrc, section.extensions.get(sdp.AUDIO_LEVEL, 0))))
    return found

"""The publisher connection: offers the client's publications and sends their packets in time."""

import asyncio
from collections.abc import Callable

from livekit.protocol.models import Encryption, TrackInfo, TrackType, VideoLayer, VideoQuality
from livekit.protocol.rtc import (
    AddTrackRequest,
    MuteTrackRequest,
    SessionDescription,
    SignalRequest,
)

from signaling.client import rtcp, sdp
from signaling.client.errors import ConnectionLost
from signaling.client.publication import Publication
from signaling.client.roster import SOURCE_VALUES
from signaling.client.transport import MediaTransport, now_ns


class Publisher:
    """Owns one media transport, created when the first publication has been accepted.

    `epoch_ns` is the client's media epoch on the clock of `transport.now_ns`."""

    def __init__(
        self,
        host: str,
        epoch_ns: int,
        send: Callable[[SignalRequest], None],
        on_lost: Callable[[str], None],
    ) -> None:
        self._host, self._epoch_ns, self._send, self._on_lost = host, epoch_ns, send, on_lost
        self._transport: MediaTransport | None = None
        self._asked: dict[str, Publication] = {}
        self._offered: list[Publication] = []
        self._early: list[sdp.Candidate] = []
        self._version = 0
        self._awaiting_answer = False
        self._connecting: asyncio.Task[None] | None = None
        self._pumps: dict[str, asyncio.TimerHandle] = {}

    def publish(self, publication: Publication) -> None:
        publication.restart()
        self._asked[publication.cid] = publication
        asset = publication.asset
        video = asset.kind == "video"
        request = AddTrackRequest(
            cid=publication.cid,
            name=publication.source,
            type=TrackType.VIDEO if video else TrackType.AUDIO,
            source=SOURCE_VALUES[publication.source],
            muted=publication.muted,
            disable_red=True,
            encryption=Encryption.Type.NONE,
        )
        if video:
            request.width, request.height = asset.width, asset.height
            layer = VideoLayer(quality=VideoQuality.HIGH, width=asset.width, height=asset.height)
            request.layers.append(layer)
        self._send(SignalRequest(add_track=request))

    def published(self, cid: str, track: TrackInfo) -> None:
        """The server has accepted a track: offer it."""
        publication = self._asked.pop(cid, None)
        if publication is None:
            return
        publication.sid = track.sid
        self._offered.append(publication)
        self._offer()

    def answer(self, message: SessionDescription) -> None:
        description = sdp.parse(message.sdp)
        transport = self._transport
        if transport is None:
            raise ConnectionLost("an answer without an offer")
        for section in description.sections:
            for candidate in section.candidates:
                transport.add_candidate(candidate)
        self._awaiting_answer = False
        if self._connecting is None:
            for candidate in self._early:
                transport.add_candidate(candidate)
            ufrag = description.attribute("ice-ufrag")
            lite = description.is_lite
            transport.set_remote(ufrag, description.attribute("ice-pwd"), lite=lite)
            self._connecting = asyncio.create_task(
                self._connect(
                    transport,
                    description.attribute("fingerprint"),
                    dtls_client=description.attribute("setup") == "passive",
                )
            )
        if len(description.sections) < len(self._offered):
            self._offer()
        self._start_pumps()

    def trickle(self, candidate: sdp.Candidate) -> None:
        if self._connecting is None:
            self._early.append(candidate)
        elif self._transport is not None:
            self._transport.add_candidate(candidate)

    def set_muted(self, publication: Publication, muted: bool) -> None:
        publication.set_muted(muted)
        if publication.sid:
            mute = MuteTrackRequest(sid=publication.sid, muted=muted)
            self._send(SignalRequest(mute=mute))
        if publication in self._offered and publication.cid in self._pumps:
            self._pumps.pop(publication.cid).cancel()
        self._start_pumps()

    def muted_by_server(self, sid: str, muted: bool) -> None:
        """The chair may mute; nobody but the member unmutes."""
        for publication in self._offered:
            if publication.sid == sid and muted:
                publication.set_muted(True)

    def report(self) -> None:
        """Sender reports on all tracks; call every few seconds."""
        if self._transport is None:
            return
        now = now_ns()
        ntp, media = rtcp.ntp_from_ns(now), (now - self._epoch_ns) / 1e9
        for publication in self._offered:
            if publication.packets:
                packet = rtcp.sender_report(publication.sender_report(media, ntp))
                cname = rtcp.source_description(publication.ssrc, "publisher")
                self._transport.send_rtcp(packet + cname)

    async def close(self) -> None:
        if self._connecting:
            self._connecting.cancel()
        for handle in self._pumps.values():
            handle.cancel()
        if self._transport is not None:
            await self._transport.close()

    def _offer(self) -> None:
        if self._awaiting_answer:
            return
        if self._transport is None:
            self._transport = MediaTransport(
                self._host,
                controlling=True,
                on_rtp=lambda data, arrival_ns: None,
                on_rtcp=self._rtcp,
                on_lost=self._on_lost,
            )
        self._awaiting_answer = True
        self._version += 1
        tracks = [
            sdp.Outgoing(str(mid), p.asset.kind, p.cid, p.ssrc)
            for mid, p in enumerate(self._offered)
        ]
        text = sdp.offer(tracks, self._transport.local, self._version)
        offer = SessionDescription(type="offer", sdp=text, id=self._version)
        self._send(SignalRequest(offer=offer))

    async def _connect(
        self, transport: MediaTransport, fingerprint: str, *, dtls_client: bool
    ) -> None:
        try:
            await transport.connect(fingerprint, dtls_client=dtls_client)
        except ConnectionLost as error:
            self._on_lost(str(error))
            return
        self._start_pumps()
        self.report()

    def _start_pumps(self) -> None:
        if self._transport is None or not self._transport.connected:
            return
        for publication in self._offered:
            if publication.cid not in self._pumps:
                self._pump(publication)

    def _pump(self, publication: Publication) -> None:
        self._pumps.pop(publication.cid, None)
        assert self._transport is not None
        fresh = publication.packets == 0
        packets, again = publication.due((now_ns() - self._epoch_ns) / 1e9)
        for packet in packets:
            self._transport.send_rtp(packet)
        if fresh and packets:
            self.report()
        if again is not None:
            delay = max(0.0, again - (now_ns() - self._epoch_ns) / 1e9)
            loop = asyncio.get_running_loop()
            self._pumps[publication.cid] = loop.call_later(delay, self._pump, publication)

    def _rtcp(self, data: bytes, arrival_ns: int) -> None:
        for message in rtcp.parse(data):
            if isinstance(message, rtcp.Nack) and self._transport is not None:
                for publication in self._offered:
                    if publication.ssrc == message.ssrc:
                        for packet in map(publication.resend, message.lost):
                            if packet is not None:
                                self._transport.send_rtp(packet)

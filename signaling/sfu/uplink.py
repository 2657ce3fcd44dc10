"""What one client sends: finds the layer of each packet, repairs loss, reports back."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from signaling.sfu import rtcp, rtp
from signaling.sfu.native import NativeTransport
from signaling.sfu.tracks import Layer, UpTrack
from signaling.sfu.twcc import Arrivals

REPORT_INTERVAL = 1.0  # seconds between receiver reports
MAX_SSRCS = 256  # per client; the largest page sends a dozen


@dataclass(slots=True)
class Source:
    """One negotiated sending section of the client."""

    mid: str
    track: UpTrack
    payload_type: int
    rtx_payload_type: int | None
    ssrcs: list[int] = field(default_factory=list)
    repairs: dict[int, int] = field(default_factory=dict)


class Uplink:
    """Demultiplexes and repairs the media of one transport.

    With `native` the packets that come in order are handled there; `on_rtp` gets the others.
    """

    def __init__(
        self,
        ssrc: int,
        send_rtcp: Callable[[bytes], None],
        native: NativeTransport | None = None,
    ) -> None:
        self._ssrc = ssrc
        self._send = send_rtcp
        self._native = native
        self._sources: dict[str, Source] = {}
        self._by_ssrc: dict[int, tuple[Layer, Source]] = {}
        self._ids: dict[str, int] = {}
        self._twcc = 0
        self._level = 0
        self._arrivals = Arrivals()
        self._last_ssrc = 0
        self._next_report = 0.0

    def configure(self, sources: Iterable[Source], extensions: dict[str, int]) -> None:
        """Takes over the outcome of a negotiation; learned streams of kept tracks stay."""
        self._sources = {source.mid: source for source in sources}
        self._ids = extensions
        self._twcc = extensions.get(rtp.TRANSPORT_CC, 0)
        self._level = extensions.get(rtp.AUDIO_LEVEL, 0)
        tracks = {id(source.track): source for source in self._sources.values()}
        self._by_ssrc = {
            ssrc: (layer, tracks[id(layer.track)])
            for ssrc, (layer, _) in self._by_ssrc.items()
            if id(layer.track) in tracks
        }
        for source in self._sources.values():
            source.track.extension_ids = extensions
            source.track.kick = self.request_keyframes
            if len(source.track.layers) == 1:
                self._assign(source)
        self._expect()

    def _expect(self) -> None:
        """Tells native code which streams it may handle."""
        if self._native is not None:
            streams = [
                (ssrc, source.payload_type, layer.relay)
                for ssrc, (layer, source) in self._by_ssrc.items()
                if layer.ssrc == ssrc and source.track.red is None  # both forms are made in Python
            ]
            self._native.expect(streams, self._twcc, self._level)

    def _collect(self, now: float) -> None:
        """Catches up with what native code has received."""
        if self._native is None:
            return
        self._last_ssrc, arrivals = self._native.take_arrivals()
        for number, at in arrivals:
            self._arrivals.add(number, at)
        for source in self._sources.values():
            if source.track.kind == "audio":
                for level in source.track.layers[0].relay.take_levels():
                    if source.track.on_level is not None:
                        source.track.on_level(level, now)

    def _assign(self, source: Source) -> None:
        """Streams announced by SSRC; never used with simulcast, where Firefox lists them too."""
        layer = source.track.layers[0]
        for ssrc in source.ssrcs:
            if ssrc not in self._by_ssrc:
                self._by_ssrc[ssrc] = (layer, source)
                if ssrc not in source.repairs and layer.ssrc is None:
                    layer.reset(ssrc)

    @property
    def tracks(self) -> list[UpTrack]:
        return [source.track for source in self._sources.values()]

    def on_rtp(self, data: bytes, now: float) -> None:
        packet = rtp.parse(data)
        if packet is None:
            return
        extensions = packet.extensions
        if self._twcc and (number := extensions.get(self._twcc)) and len(number) == 2:
            self._arrivals.add(number[0] << 8 | number[1], now)
            self._last_ssrc = packet.ssrc
            if self._native is not None:
                self._native.state.last_ssrc = packet.ssrc
        known = self._by_ssrc.get(packet.ssrc) or self._learn(packet)
        if known is None:
            return
        layer, source = known
        if source.track.closed:
            return
        red = source.track.red
        is_red = red is not None and packet.payload_type == red.payload_type
        if packet.payload_type != source.payload_type and not is_red:
            if packet.payload_type != source.rtx_payload_type or layer.ssrc is None:
                return
            original = rtp.unwrap_rtx(packet, layer.ssrc, source.payload_type)
            if original is None:
                return
            packet = original
        elif packet.ssrc != layer.ssrc:
            layer.reset(packet.ssrc)
            self._expect()
        track = source.track
        if (
            self._level
            and track.on_level is not None
            and not track.muted
            and (level := extensions.get(self._level))
        ):
            track.on_level(level[0] & 0x7F, now)
        if red is not None:
            red.receive(packet, now)
        else:
            layer.receive(packet, now)

    def _learn(self, packet: rtp.Packet) -> tuple[Layer, Source] | None:
        """Finds the layer of an unknown SSRC by its header extensions, else by payload type."""
        source = self._sources.get(self._text(packet, rtp.MID))
        if source is None:
            if rtp.MID in self._ids:
                return None
            fitting = [
                other
                for other in self._sources.values()
                if packet.payload_type in (other.payload_type, other.rtx_payload_type)
                or (other.track.red and packet.payload_type == other.track.red.payload_type)
            ]
            if len(fitting) != 1:
                return None
            source = fitting[0]
        is_rtx = packet.payload_type == source.rtx_payload_type
        rid = self._text(packet, rtp.REPAIRED_RID if is_rtx else rtp.RID)
        layers = source.track.layers
        layer = layers[0] if len(layers) == 1 else source.track.layer(rid)
        if layer is None or len(self._by_ssrc) >= MAX_SSRCS:
            return None
        self._by_ssrc[packet.ssrc] = (layer, source)
        return layer, source

    def _text(self, packet: rtp.Packet, uri: str) -> str:
        value = packet.extensions.get(self._ids.get(uri, 0), b"")
        return value.decode("ascii", "replace")

    def on_sender_report(self, report: rtcp.SenderReport, now: float) -> None:
        known = self._by_ssrc.get(report.ssrc)
        if known is not None and known[0].ssrc == report.ssrc:
            known[0].on_sender_report(report, now)
            red = known[0].track.red
            if red is not None:
                red.whole.on_sender_report(report, now)

    def request_keyframes(self, now: float) -> None:
        """Asks for the keyframes that somebody waits for and that are due."""
        for source in self._sources.values():
            for layer in source.track.layers:
                if layer.ssrc is not None and layer.keyframe_due(now):
                    self._send(rtcp.pli(self._ssrc, layer.ssrc))

    def tick(self, now: float, round_trip: float) -> None:
        """Feedback, repair requests, keyframe requests and reports; called every 50 ms."""
        self._collect(now)
        for body in self._arrivals.feedback():
            self._send(rtcp.transport_feedback(self._ssrc, self._last_ssrc, body))
        for source in self._sources.values():
            for layer in source.track.layers:
                if layer.ssrc is not None and len(layer.missing):
                    seqs = layer.missing.due(now, round_trip)
                    if seqs:
                        wire = [seq & 0xFFFF for seq in seqs]
                        self._send(rtcp.nack(self._ssrc, layer.ssrc, wire))
        self.request_keyframes(now)
        if now >= self._next_report:
            self._next_report = now + REPORT_INTERVAL
            self._report(now)

    def _report(self, now: float) -> None:
        blocks = [
            block
            for source in self._sources.values()
            for layer in source.track.layers
            if (block := layer.report_block(now)) is not None
        ]
        for at in range(0, len(blocks), 31):
            self._send(rtcp.receiver_report(self._ssrc, blocks[at : at + 31]))

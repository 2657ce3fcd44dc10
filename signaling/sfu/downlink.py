"""What one client receives: its down tracks, their feedback, and the choice of layers."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from signaling.sfu import rtcp, twcc
from signaling.sfu.allocator import Demand, LayerState, allocate
from signaling.sfu.bandwidth import Estimator
from signaling.sfu.downtrack import DownTrack
from signaling.sfu.sent import SentLog
from signaling.sfu.tracks import UpTrack

CHOOSE_INTERVAL = 0.2  # seconds between looks at liveness and bandwidth
OFF = -1


@dataclass(slots=True)
class Wish:
    """What the subscriber asked for: `quality` 0..2 or the size of its picture in pixels."""

    disabled: bool = False
    quality: int | None = None
    width: int = 0
    height: int = 0
    priority: int = 0


@dataclass(slots=True)
class _Entry:
    down: DownTrack
    wish: Wish
    sizes: tuple[tuple[int, int], ...]
    paused: bool = False


class Downlink:
    """The tracks of one subscriber. `on_paused(track_sid, paused)` reports lack of bandwidth.

    `unlimited` is for recorders: a gap in the record is worse than a lost packet. Until the
    transport is `ready` no layer is taken: its keyframe would be lost, and the next one is half a
    second away.
    """

    def __init__(self, send: Callable[[bytes], None], send_rtcp: Callable[[bytes], None]) -> None:
        self._send = send
        self._send_rtcp = send_rtcp
        self._entries: dict[str, _Entry] = {}
        self._by_ssrc: dict[int, DownTrack] = {}
        self._log = SentLog()
        self._estimator = Estimator()
        self._next_choice = 0.0
        self._octets = 0
        self._octets_at = 0.0
        self._sending = 0.0
        self.acknowledged = 0  # bytes that the client has reported to have arrived
        self.unlimited = False
        self.ready = False
        self.on_paused: Callable[[str, bool], None] = lambda track_sid, paused: None

    def add(self, source: UpTrack, sizes: tuple[tuple[int, int], ...]) -> DownTrack:
        """Prepares a track; nothing flows until `bind`. `sizes` are its layers' dimensions."""
        ssrc = secrets.randbits(31) + 1
        down = DownTrack(source, ssrc, self._send, self._send_rtcp, self._log)
        self._entries[source.sid] = _Entry(down, Wish(), sizes)
        self._by_ssrc[ssrc] = down
        return down

    def get(self, track_sid: str) -> DownTrack | None:
        entry = self._entries.get(track_sid)
        return entry.down if entry is not None else None

    def remove(self, track_sid: str) -> None:
        entry = self._entries.pop(track_sid, None)
        if entry is not None:
            self._by_ssrc.pop(entry.down.ssrc, None)
            entry.down.close()

    def bind(self, track_sid: str, payload_type: int, extensions: dict[str, int]) -> None:
        entry = self._entries.get(track_sid)
        if entry is not None and not entry.down.bound:
            entry.down.bind(payload_type, extensions)
            self._next_choice = 0.0

    def wish(self, track_sid: str, wish: Wish) -> None:
        entry = self._entries.get(track_sid)
        if entry is not None:
            entry.wish = wish
            self._next_choice = 0.0

    def wanted(self, track_sid: str) -> int:
        """The index of the layer wished for, OFF if none."""
        entry = self._entries.get(track_sid)
        if entry is None or entry.wish.disabled:
            return OFF
        layers, wish = entry.down.source.layers, entry.wish
        top = len(layers) - 1
        if wish.width and wish.height and len(entry.sizes) == len(layers):
            area = wish.width * wish.height
            for index, (width, height) in enumerate(entry.sizes):
                # 0.9: a tile a few pixels larger than a layer does not justify the next one.
                if width * height >= 0.9 * area:
                    return index
            return top
        return top if wish.quality is None else min(top, wish.quality)

    def on_rtcp(self, item: rtcp.Item, now: float) -> None:
        match item:
            case rtcp.Report():
                down = self._by_ssrc.get(item.ssrc)
                if down is not None:
                    down.on_report(item, now)
                    if down.source.kind == "video":
                        self._estimator.on_loss(item.lost, self._sending, now)
            case rtcp.Nack():
                down = self._by_ssrc.get(item.ssrc)
                if down is not None:
                    down.on_nack(item.seqs)
            case rtcp.KeyframeRequest():
                down = self._by_ssrc.get(item.ssrc)
                if down is not None:
                    down.on_keyframe_request()
                    down.source.kick(now)
            case rtcp.Estimate():
                self._estimator.on_estimate(item.bitrate, self._sending, now)
            case rtcp.TransportFeedback():
                feedback = twcc.decode(item.body[8:])
                if feedback is not None:
                    outcomes = self._log.outcomes(feedback)
                    self.acknowledged += sum(o.size for o in outcomes if o.arrived is not None)
            case rtcp.SenderReport():
                pass
            case _:
                raise AssertionError(f"unknown feedback {item!r}")

    def tick(self, now: float) -> None:
        for entry in self._entries.values():
            entry.down.tick()
        if now - self._octets_at >= 1.0:
            octets = sum(entry.down.octets for entry in self._entries.values())
            self._sending = max(0, octets - self._octets) * 8 / max(1.0, now - self._octets_at)
            self._octets, self._octets_at = octets, now
        if now >= self._next_choice:
            self._next_choice = now + CHOOSE_INTERVAL
            self._estimator.tick(now)
            self.choose(now)

    def choose(self, now: float) -> None:
        """Aims every bound track at the layer it should now have."""
        if not self.ready:
            return
        demands = []
        audio = 0.0
        for track_sid, entry in self._entries.items():
            down = entry.down
            if not down.bound:
                continue
            if down.source.kind == "audio":
                layer = down.source.layers[0]
                down.aim(None if entry.wish.disabled else layer)
                if not entry.wish.disabled and not down.source.muted and layer.alive(now):
                    audio += layer.bitrate
                continue
            wanted = self.wanted(track_sid)
            layers = [LayerState(la.alive(now), la.bitrate) for la in down.source.layers]
            demands.append(
                Demand(track_sid, layers, None if wanted == OFF else wanted, entry.wish.priority)
            )
        limit = None if self.unlimited else self._estimator.limit
        chosen = allocate(demands, limit, audio)
        for demand in demands:
            entry = self._entries[demand.track_sid]
            index = chosen[demand.track_sid]
            paused = index is None and demand.wanted is not None
            if paused != entry.paused:
                entry.paused = paused
                self.on_paused(demand.track_sid, paused)
            down = entry.down
            before = down.target
            down.aim(None if index is None else down.source.layers[index])
            if down.target is not None and down.target is not before:
                down.source.kick(now)

    @property
    def worst_loss(self) -> float:
        return max((entry.down.loss for entry in self._entries.values()), default=0.0)

    @property
    def round_trip(self) -> float:
        return max((entry.down.round_trip for entry in self._entries.values()), default=0.0)

    def close(self) -> None:
        for track_sid in list(self._entries):
            self.remove(track_sid)

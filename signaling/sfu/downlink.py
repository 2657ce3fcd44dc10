"""What one client receives: its down tracks, their feedback, and the choice of layers."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Set
from dataclasses import dataclass, field

from signaling.sfu import rtcp, twcc
from signaling.sfu.allocator import Demand, LayerState, Option, allocate, options, rate
from signaling.sfu.bandwidth import Estimator
from signaling.sfu.congestion import LineEstimator
from signaling.sfu.downtrack import DownTrack
from signaling.sfu.pacing import Pacer
from signaling.sfu.sent import OVERHEAD, SentLog
from signaling.sfu.temporal import ALL
from signaling.sfu.tracks import UpTrack

CHOOSE_INTERVAL = 0.1  # seconds between looks at liveness and bandwidth
# Weight of a layer's newest rate at each of these looks. A camera that hesitates for a moment must
# not make its large layer look cheap.
RISE, FALL = 0.3, 0.02
AUDIO_HEADERS = (20 + OVERHEAD) * 8 * 50  # bit/s of headers at fifty packets a second
TOO_MUCH = 1.3  # times the budget, above which a layer is stopped before the smaller one has come
MEASURED = 1000  # packets after which it is surely known what temporal layers a stream has
GUESSED_SHARES = (0.5, 0.7, 1.0)
TELL_PAUSED = 1.0  # seconds a picture must be paused before the client is told
OFF = -1


@dataclass(slots=True)
class Wish:
    """What the subscriber asked for: `quality` 0..2 or the size of its picture in pixels.

    `frames` is the wished frame rate, 0 for all.
    """

    disabled: bool = False
    quality: int | None = None
    width: int = 0
    height: int = 0
    priority: int = 0
    frames: int = 0


@dataclass(slots=True)
class _Entry:
    down: DownTrack
    wish: Wish
    sizes: tuple[tuple[int, int], ...]
    paused: bool = False  # as the client was told
    short_since: float | None = None  # since when there has been no bandwidth for it
    shown: Option | None = None
    rates: list[float] = field(default_factory=list)  # of each layer, smoothed


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
        self._ssrcs: set[int] = set()
        self._log = SentLog()
        self._line = LineEstimator()
        self._reported = Estimator()  # for clients without transport-wide feedback
        self._pacer = Pacer()
        self._speaking: Set[str] = frozenset()
        self._next_choice = 0.0
        self._octets = 0
        self._octets_at = 0.0
        self._sending = 0.0
        self._counted = self._log.counter[0]
        self._need = 0.0
        self.unlimited = False
        self.ready = False
        self.on_paused: Callable[[str, bool], None] = lambda track_sid, paused: None

    def add(self, source: UpTrack, sizes: tuple[tuple[int, int], ...]) -> DownTrack:
        """Prepares a track; nothing flows until `bind`. `sizes` are its layers' dimensions."""
        ssrc = self._fresh_ssrc()
        rtx_ssrc = self._fresh_ssrc() if source.kind == "video" else 0
        down = DownTrack(source, ssrc, self._send, self._send_rtcp, self._log, rtx_ssrc)
        self._entries[source.sid] = _Entry(down, Wish(), sizes)
        self._by_ssrc[ssrc] = down
        return down

    def _fresh_ssrc(self) -> int:
        """One never used on this transport: its numbers begin anew under the same key."""
        while True:
            ssrc = secrets.randbits(31) + 1
            if ssrc not in self._ssrcs:
                self._ssrcs.add(ssrc)
                return ssrc

    def get(self, track_sid: str) -> DownTrack | None:
        entry = self._entries.get(track_sid)
        return entry.down if entry is not None else None

    def remove(self, track_sid: str) -> None:
        entry = self._entries.pop(track_sid, None)
        if entry is not None:
            self._by_ssrc.pop(entry.down.ssrc, None)
            entry.down.close()

    def bind(
        self,
        track_sid: str,
        payload_type: int,
        extensions: dict[str, int],
        redundant: bool = False,
        rtx: int | None = None,
    ) -> None:
        """Begins sending under the negotiated numbers; `rtx` is the payload type of repeats."""
        entry = self._entries.get(track_sid)
        if entry is not None and not entry.down.bound:
            entry.down.bind(payload_type, extensions, redundant, rtx)
            self._next_choice = 0.0

    def wish(self, track_sid: str, wish: Wish) -> None:
        entry = self._entries.get(track_sid)
        if entry is not None:
            entry.wish = wish
            self._next_choice = 0.0

    def speaking(self, track_sids: Set[str]) -> None:
        """The tracks of those who speak: served before the others when bandwidth is short."""
        self._speaking = track_sids

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
                    if down.source.kind == "video" and not self._line.trusted(now):
                        self._reported.on_loss(item.lost, self._sending, now)
            case rtcp.Nack():
                down = self._by_ssrc.get(item.ssrc)
                if down is not None:
                    down.on_nack(item.seqs, now)
            case rtcp.KeyframeRequest():
                down = self._by_ssrc.get(item.ssrc)
                if down is not None:
                    down.on_keyframe_request()
                    down.source.kick(now)
            case rtcp.Estimate():
                self._reported.on_estimate(item.bitrate, self._sending, now)
            case rtcp.TransportFeedback():
                feedback = twcc.decode(item.body[8:])
                if feedback is not None:
                    self._line.on_outcomes(self._log.outcomes(feedback), now)
            case rtcp.SenderReport():
                pass
            case _:
                raise AssertionError(f"unknown feedback {item!r}")

    def tick(self, now: float) -> None:
        """Every 50 ms."""
        for entry in self._entries.values():
            entry.down.tick()
        if now - self._octets_at >= 1.0:
            octets = sum(entry.down.octets for entry in self._entries.values())
            self._sending = max(0, octets - self._octets) * 8 / max(1.0, now - self._octets_at)
            self._octets, self._octets_at = octets, now
        self._pacer.run(now)
        following = self._log.counter[0]
        self._line.tick(following - self._counted, now)
        self._counted = following
        if self.ready and not self.unlimited:
            self._try_for_more(now)
        if now >= self._next_choice:
            self._next_choice = now + CHOOSE_INTERVAL
            self._reported.tick(now)
            self.choose(now)

    def _try_for_more(self, now: float) -> None:
        """Runs the probe of the line, if one is due."""
        line, log = self._line, self._log
        if line.probe is None:
            target = line.probe_due(self._need, now)
            if target is None:
                return
            line.begin_probe(target, log.counter[0], now)
        probe = line.probe
        if probe is None or probe.finish(log.counter[0], now):
            return
        missing = probe.due(log.octets_since(probe.first), now)
        for entry in self._entries.values():
            if missing > 0 and entry.down.bound and entry.down.source.kind == "video":
                missing -= entry.down.pad(missing, now)

    def budget(self, now: float) -> float | None:
        """bit/s to divide, None if nothing says that the line is narrow."""
        if self.unlimited:
            return None
        return self._line.budget if self._line.trusted(now) else self._reported.limit

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
                layer = down.sound
                down.aim(None if entry.wish.disabled else layer)
                if not entry.wish.disabled and not down.source.muted and layer.alive(now):
                    # A silent microphone sends few packets, and few headers with them.
                    audio += layer.bitrate + min(AUDIO_HEADERS, layer.bitrate)
            elif (wanted := self.wanted(track_sid)) == OFF:
                self._show(track_sid, entry, None, None, now)
            else:
                demands.append(self._demand(track_sid, entry, wanted, now))
        budget = self.budget(now)
        self._pacer.rate = budget
        if budget is None:
            self._pacer.run(now)  # before anything newer goes out
        self._need = audio + sum(demand.options[-1].cost for demand in demands)
        chosen = allocate(demands, budget, audio)
        for demand in demands:
            entry = self._entries[demand.track_sid]
            index = chosen[demand.track_sid]
            self._note_paused(demand.track_sid, entry, index is None, now)
            option = None if index is None else demand.options[index]
            self._show(demand.track_sid, entry, option, budget, now)

    def _demand(self, track_sid: str, entry: _Entry, wanted: int, now: float) -> Demand:
        source, wish = entry.down.source, entry.wish
        fresh = [la.bitrate for la in source.layers]
        if len(entry.rates) != len(fresh):
            entry.rates = fresh
        entry.rates = [
            old + (RISE if new > old else FALL) * (new - old) if old and new else new
            for old, new in zip(entry.rates, fresh, strict=True)
        ]
        layers = [
            LayerState(la.alive(now), smoothed)
            for la, smoothed in zip(source.layers, entry.rates, strict=True)
        ]
        if source.muted:
            return Demand(track_sid, [Option(min(wanted, len(layers) - 1), ALL, 0.0)])
        temporal = entry.down.temporal
        level = temporal.level_for(wish.frames) if wish.frames else ALL
        if self._line.lossy and not self.unlimited:
            wanted = 0
        shares = temporal.shares
        # What browsers send in layers; on a narrow line nothing might ever begin without it.
        simulcast = source.codec == "vp8" and len(layers) > 1
        guessed = simulcast and len(shares) == 1 and entry.down.packets < MEASURED
        if guessed:
            shares = GUESSED_SHARES
        found = options(layers, wanted, shares, level, guessed)
        shown = entry.shown
        current = None
        if shown is not None:
            better = [(option.layer, option.temporal) for option in found]
            held = (shown.layer, shown.temporal)
            current = max((i for i, pair in enumerate(better) if pair <= held), default=None)
        priority = (wish.priority, int(track_sid in self._speaking))
        area = wish.width * wish.height or (entry.sizes[wanted][0] if entry.sizes else 0)
        return Demand(track_sid, found, current, priority, area)

    def _note_paused(self, track_sid: str, entry: _Entry, short: bool, now: float) -> None:
        if not short:
            entry.short_since = None
        elif entry.short_since is None:
            entry.short_since = now
        since = entry.short_since
        paused = since is not None and now - since >= TELL_PAUSED
        if paused != entry.paused:
            entry.paused = paused
            self.on_paused(track_sid, paused)

    def _show(
        self,
        track_sid: str,
        entry: _Entry,
        option: Option | None,
        budget: float | None,
        now: float,
    ) -> None:
        down = entry.down
        if option is None and entry.wish.disabled:
            self._note_paused(track_sid, entry, False, now)
        entry.shown = option
        before = down.target
        down.pacer = self._pacer if budget is not None else None
        if option is None:
            down.aim(None)
            return
        down.temporal.wanted = option.temporal
        layer = down.source.layers[option.layer]
        current = down.current
        at_once = (
            budget is not None
            and current is not None
            and current.index > option.layer
            and rate(LayerState(True, current.bitrate), current.index) > TOO_MUCH * budget
        )
        down.aim(layer, at_once)
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

"""One track on its way to segments: order, validate, cut, date, and say what is missing.

Pure: packets, reports and the time go in, effects for the disk and for the client come out."""

from dataclasses import dataclass

from recording import journal, opus
from recording.journal import SegmentHead, Unit
from recording.reorder import Lost, ReorderBuffer
from recording.timing import LeastOffset, TrackClock
from recording.vp8 import PictureAssembler
from recording.webm import RATES, last_unit_ticks
from signaling.client import rtcp, rtp
from signaling.client.interface import RemoteTrack

SEGMENT_NS = 10_000_000_000
STALL_NS = 5_000_000_000
ASK_FOR_CUT_NS = 3_000_000_000  # LiveKit repairs no loss between a request and its keyframe
MUTED_QUIET_NS = 1_500_000_000  # LiveKit sends a second of silence after a mute
JUMP_NS = 2_000_000_000  # time within a segment should run on; a longer pause begins another
GAP_NS = 100_000_000  # shorter holes are only counted as lost packets
MS = 1_000_000


@dataclass(frozen=True, slots=True)
class Gap:
    """Media that should have been recorded and was not."""

    from_ms: int
    to_ms: int
    reason: str


@dataclass(frozen=True, slots=True)
class Begin:
    """`first` is the segment's first frame, on which a picture's others depend."""

    head: SegmentHead
    first: bytes


@dataclass(frozen=True, slots=True)
class Append:
    """Journal bytes of the open segment; on disk they make the track good until `until_ns`."""

    head: SegmentHead
    data: bytes
    until_ns: int


@dataclass(frozen=True, slots=True)
class Close:
    """`why` is cut, muted, ended, stalled, disconnected or stopped."""

    head: SegmentHead
    start_ns: int
    last_ticks: int
    packets: int
    lost: int
    gaps: tuple[Gap, ...]
    why: str


@dataclass(frozen=True, slots=True)
class WantKeyframe:
    pass


Effect = Begin | Append | Close | WantKeyframe | Gap


@dataclass(slots=True)
class _Open:
    head: SegmentHead
    first: Unit
    last: Unit
    previous: Unit | None
    packets: int
    lost: int
    gaps: list[Gap]


class TrackRecorder:
    """`index` is the number of the track's next segment."""

    def __init__(self, track: RemoteTrack, publisher: LeastOffset, index: int, now_ns: int) -> None:
        self.track = track
        self.muted = track.muted
        self.state = "waiting"
        self.packets = 0
        self.lost = 0
        self._rate = RATES[track.kind]
        self._index = index
        self._reorder = ReorderBuffer()
        self._pictures = PictureAssembler()
        self._ticks = rtp.Unwrapper(32)
        self._clock = TrackClock(self._rate, publisher)
        self._open: _Open | None = None
        self._size = (0, 0)
        self._heard_ns = now_ns
        self._hole: str | None = None  # why media is missing since `_covered_ns`
        self._covered_ns = 0
        self._asked_ns = 0
        self._lost_in_segment = 0
        self._new_packets = 0  # received for the segment, not yet counted there
        self._loudest = rtp.SILENT

    def take_level(self) -> int:
        """The loudest RFC 6464 level (-dBov) since the last call; 127 if none was sent."""
        level, self._loudest = self._loudest, rtp.SILENT
        return level

    @property
    def next_index(self) -> int:
        return self._index

    def packet(self, data: bytes, arrival_ns: int) -> list[Effect]:
        parsed = rtp.parse(data, self.track.level_id)
        if parsed is None:
            return []
        self._heard_ns = arrival_ns
        if parsed.level is not None:
            self._loudest = min(self._loudest, parsed.level)
        effects: list[Effect] = []
        for item in self._reorder.push(parsed, arrival_ns):
            effects += self._in_order(item, arrival_ns)
        return effects

    def sender_report(self, ntp: int, rtp_time: int) -> None:
        self._clock.report(rtcp.ns_from_ntp(ntp), self._ticks.widen(rtp_time))

    def set_muted(self, muted: bool, now_ns: int) -> list[Effect]:
        if muted == self.muted:
            return []
        self.muted = muted
        self._heard_ns = now_ns
        self._hole = None
        if muted:
            self.state = "muted"
            return []
        self.state = "recording" if self._open else "waiting"
        return [WantKeyframe()] if self.track.kind == "video" else []

    def tick(self, now_ns: int) -> list[Effect]:
        """Gives up lost packets, asks for keyframes, notices silence; call each second."""
        effects: list[Effect] = []
        for item in self._reorder.expire(now_ns):
            effects += self._in_order(item, now_ns)
        if self.muted:
            # What still comes is recorded: a track that says it is muted may not be.
            if now_ns - self._heard_ns > MUTED_QUIET_NS:
                effects += self._close("muted")
            return effects
        if now_ns - self._heard_ns > STALL_NS and self.state == "recording":
            effects += self._close("stalled")
            self._hole = "no-media"
            self.state = "stalled"
        if self.track.kind == "video" and self._wants_keyframe(now_ns):
            effects.append(WantKeyframe())
        return effects

    def end(self, why: str, now_ns: int) -> list[Effect]:
        """The track is over, or the recorder stops following it."""
        effects = self._drain(now_ns) + self._close(why)
        self.state = "ended"
        return effects

    def _wants_keyframe(self, now_ns: int) -> bool:
        if self._pictures.broken:
            return True
        if not self._needs_cut() or now_ns - self._asked_ns < ASK_FOR_CUT_NS:
            return False
        self._asked_ns = now_ns
        return True

    def _drain(self, now_ns: int) -> list[Effect]:
        effects: list[Effect] = []
        for item in self._reorder.flush():
            effects += self._in_order(item, now_ns)
        return effects

    def _in_order(self, item: rtp.RtpPacket | Lost, now_ns: int) -> list[Effect]:
        if isinstance(item, Lost):
            self.lost += item.packets
            self._lost_in_segment += item.packets
            self._hole = self._hole or "loss"
        else:
            self.packets += 1
            self._new_packets += 1
        effects: list[Effect] = []
        if self.track.kind == "audio":
            if isinstance(item, rtp.RtpPacket) and opus.samples(item.payload):
                ticks = self._ticks.widen(item.timestamp)
                effects += self._write(Unit(ticks, now_ns, True, item.payload), (0, 0))
            return effects
        whole_before = not self._pictures.broken
        for picture in self._pictures.feed(item):
            header = picture.header
            ticks = self._ticks.widen(picture.timestamp)
            size = (header.width, header.height) if header.key else self._size
            effects += self._write(Unit(ticks, now_ns, header.key, picture.data), size)
        if self._pictures.broken and whole_before and not self.muted:
            self._hole = self._hole or "loss"
            effects.append(WantKeyframe())
        return effects

    def _write(self, unit: Unit, size: tuple[int, int]) -> list[Effect]:
        self._clock.arrived(unit.ticks, unit.arrival_ns)
        effects: list[Effect] = []
        if self._open is not None and self._repeats(unit):
            return []
        if self._open is not None and self._must_cut(unit, size):
            effects += self._close("cut", None if self._jumps(unit) else unit)
        if self._open is None:
            if not unit.key:  # only after a stall: the next keyframe begins the segment
                return [*effects, WantKeyframe()]
            effects += self._begin(unit, size)
        assert self._open is not None
        self._open.packets += self._new_packets
        self._new_packets = 0
        utc = self._clock.utc_ns(unit.ticks)
        effects += self._fill_hole(utc)
        if unit is not self._open.first:
            self._open.previous, self._open.last = self._open.last, unit
        if not self.muted:
            self.state = "recording"
        self._covered_ns = utc
        data = journal.unit_bytes(unit)
        if self._clock.by_report and unit.key:
            data += journal.clock_bytes(unit.ticks, utc)
        effects.append(Append(self._open.head, data, utc))
        return effects

    def _fill_hole(self, utc: int) -> list[Effect]:
        hole, self._hole = self._hole, None
        if hole is None or not self._covered_ns or utc - self._covered_ns < GAP_NS:
            return []
        gap = Gap(self._covered_ns // MS, utc // MS, hole)
        assert self._open is not None
        self._open.gaps.append(gap)
        return [gap]

    def _begin(self, unit: Unit, size: tuple[int, int]) -> list[Effect]:
        track = self.track
        head = SegmentHead(
            track.sid,
            self._index,
            track.kind,
            track.participant_identity,
            track.source,
            size[0],
            size[1],
        )
        self._index += 1
        self._size = size
        self._open = _Open(head, unit, unit, None, 0, self._lost_in_segment, [])
        self._lost_in_segment = 0
        return [Begin(head, unit.data)]

    def _close(self, why: str, successor: Unit | None = None) -> list[Effect]:
        segment, self._open = self._open, None
        if segment is None:
            return []
        if successor is not None:
            last_ticks = successor.ticks - segment.last.ticks
        else:
            recent = [u for u in (segment.previous, segment.last) if u is not None]
            last_ticks = last_unit_ticks(segment.head, recent)
        lost, self._lost_in_segment = segment.lost + self._lost_in_segment, 0
        start = self._clock.utc_ns(segment.first.ticks)
        return [
            Close(segment.head, start, last_ticks, segment.packets, lost, tuple(segment.gaps), why)
        ]

    def _must_cut(self, unit: Unit, size: tuple[int, int]) -> bool:
        if self._jumps(unit):
            return True
        return unit.key and (self._needs_cut(unit) or size != self._size)

    def _needs_cut(self, unit: Unit | None = None) -> bool:
        if self._open is None:
            return False
        until = (unit or self._open.last).ticks
        return (until - self._open.first.ticks) * 1_000_000_000 >= SEGMENT_NS * self._rate

    def _ahead_ns(self, unit: Unit) -> int:
        assert self._open is not None
        return (unit.ticks - self._open.last.ticks) * 1_000_000_000 // self._rate

    def _jumps(self, unit: Unit) -> bool:
        return abs(self._ahead_ns(unit)) > JUMP_NS

    def _repeats(self, unit: Unit) -> bool:
        return -JUMP_NS <= self._ahead_ns(unit) <= 0

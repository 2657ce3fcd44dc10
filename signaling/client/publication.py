"""A track made of a pre-encoded asset: which packets it sends at which moment.

Pure: the time goes in, packets come out. Times are seconds since the client's media epoch, one
for all its tracks, so that picture and sound stay together."""

import secrets
from bisect import bisect_left
from collections import OrderedDict

from signaling.client import rtp, sdp
from signaling.client.assets import Asset
from signaling.client.rtcp import SenderReport

RESEND = 256  # packets kept for retransmission
SILENCE_FIRST = 5  # LiveKit announces a track only once a packet has come, muted or not
OPUS_SILENCE = b"\xf8\xff\xfe"


class Publication:
    """One published track; it survives reconnections, each of which calls `restart`."""

    def __init__(self, asset: Asset, source: str, *, muted: bool) -> None:
        self.asset, self.source, self.muted = asset, source, muted
        self.cid = secrets.token_hex(8)
        self.sid = ""
        self.ssrc = 0
        self.packets = 0
        self.octets = 0
        self._times = [f.time for f in asset.frames]
        self._base = secrets.randbits(31)
        self._sequence = secrets.randbits(15)
        self._picture_id = secrets.randbits(14)
        self._index: int | None = None
        self._lap = 0
        self._silence_left = 0
        self._sent: OrderedDict[int, bytes] = OrderedDict()
        self.restart()

    def restart(self) -> None:
        """A new stream for a new connection."""
        self.ssrc = secrets.randbits(31) | 1
        self.sid = ""
        self.packets = self.octets = 0
        self._index = None
        self._silence_left = SILENCE_FIRST if self.muted and self.asset.kind == "audio" else 0
        self._sent.clear()

    def set_muted(self, muted: bool) -> None:
        self.muted = muted
        self._index = None

    def due(self, now: float) -> tuple[list[bytes], float | None]:
        """Packets to send at `now`, and when to call again (None: not before an unmute)."""
        if self._silence_left:
            self._silence_left -= 1
            stamp = self._base + int(now * self.asset.clock_rate)
            return [self._packet(stamp, True, OPUS_SILENCE, rtp.SILENT)], now + 0.02
        if self.muted:
            return [], None
        if self._index is None:
            self._seek(now)
        packets: list[bytes] = []
        assert self._index is not None
        while (at := self._due_at()) <= now:
            packets += self._frame(self._index)
            self._index += 1
            if self._index == len(self.asset.frames):
                self._index = 0
                self._lap += 1
        return packets, at

    def sender_report(self, now: float, ntp: int) -> SenderReport:
        stamp = (self._base + int(now * self.asset.clock_rate)) & 0xFFFFFFFF
        return SenderReport(self.ssrc, ntp, stamp, self.packets, self.octets)

    def resend(self, sequence: int) -> bytes | None:
        return self._sent.get(sequence)

    def _seek(self, now: float) -> None:
        units = int(now * self.asset.clock_rate)
        self._lap, within = divmod(units, self.asset.duration)
        index = bisect_left(self._times, within)
        while index < len(self._times) and not self.asset.frames[index].key:
            index += 1
        if index == len(self._times):
            index = 0
            self._lap += 1
        self._index = index

    def _due_at(self) -> float:
        assert self._index is not None
        units = self._lap * self.asset.duration + self._times[self._index]
        return units / self.asset.clock_rate

    def _frame(self, index: int) -> list[bytes]:
        frame = self.asset.frames[index]
        stamp = self._base + self._lap * self.asset.duration + frame.time
        if self.asset.kind == "audio":
            return [self._packet(stamp, False, frame.data, frame.level)]
        self._picture_id = (self._picture_id + 1) & 0x7FFF
        pieces = rtp.split_vp8(frame.data, self._picture_id)
        return [self._packet(stamp, last, piece, None) for piece, last in pieces]

    def _packet(self, stamp: int, marker: bool, payload: bytes, level: int | None) -> bytes:
        self._sequence = (self._sequence + 1) & 0xFFFF
        number = sdp.CODECS[self.asset.kind][0]
        extension = None if level is None else (sdp.LEVEL_ID, level)
        packet = rtp.build(number, self._sequence, stamp, self.ssrc, marker, payload, extension)
        self.packets += 1
        self.octets += len(payload)
        self._sent[self._sequence] = packet
        if len(self._sent) > RESEND:
            self._sent.popitem(last=False)
        return packet

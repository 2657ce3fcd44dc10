"""RTCP (RFC 3550 §6, RFC 4585, RFC 5104, REMB): parsed into small values and built from them."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

SR, RR, SDES, BYE, RTPFB, PSFB = 200, 201, 202, 203, 205, 206
NACK, TWCC = 1, 15
PLI, FIR, AFB = 1, 4, 15


@dataclass(frozen=True, slots=True)
class SenderReport:
    """`ntp` is the 64-bit NTP time, `rtp` the timestamp of that same instant."""

    ssrc: int
    ntp: int
    rtp: int


@dataclass(frozen=True, slots=True)
class Report:
    """One reception report block; `lost` is a fraction of 1, `delay` is DLSR in seconds."""

    ssrc: int
    lost: float
    total_lost: int
    jitter: int
    last_report: int
    delay: float


@dataclass(frozen=True, slots=True)
class Nack:
    ssrc: int
    seqs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class KeyframeRequest:
    """PLI or FIR."""

    ssrc: int


@dataclass(frozen=True, slots=True)
class Estimate:
    """REMB: what the receiver believes it can take, in bit/s."""

    bitrate: int


@dataclass(frozen=True, slots=True)
class TransportFeedback:
    """Transport-wide congestion feedback, left undecoded."""

    body: bytes


Item = SenderReport | Report | Nack | KeyframeRequest | Estimate | TransportFeedback


def parse(data: bytes) -> Iterator[Item]:
    """Yields what a compound packet says; stops quietly at the first malformed part."""
    at = 0
    while at + 4 <= len(data):
        first, kind, words = struct.unpack_from("!BBH", data, at)
        end = at + 4 + 4 * words
        if first >> 6 != 2 or end > len(data):
            return
        body = data[at + 4 : end]
        count = first & 31
        if kind == SR and len(body) >= 24:
            ssrc, ntp, rtp = struct.unpack_from("!IQI", body)
            yield SenderReport(ssrc, ntp, rtp)
            yield from _reports(body, 24, count)
        elif kind == RR and len(body) >= 4:
            yield from _reports(body, 4, count)
        elif kind == RTPFB and len(body) >= 8:
            if count == NACK:
                yield _nack(body)
            elif count == TWCC:
                yield TransportFeedback(body)
        elif kind == PSFB and len(body) >= 8:
            yield from _payload_feedback(count, body)
        at = end


def _reports(body: bytes, at: int, count: int) -> Iterator[Report]:
    for _ in range(count):
        if at + 24 > len(body):
            return
        ssrc, loss, _highest, jitter, last, delay = struct.unpack_from("!IIIIII", body, at)
        total = loss & 0xFFFFFF
        if total & 0x800000:
            total -= 1 << 24
        yield Report(ssrc, (loss >> 24) / 256, total, jitter, last, delay / 65536)
        at += 24


def _nack(body: bytes) -> Nack:
    (ssrc,) = struct.unpack_from("!I", body, 4)
    seqs: list[int] = []
    for at in range(8, len(body) - 3, 4):
        first, mask = struct.unpack_from("!HH", body, at)
        seqs.append(first)
        seqs.extend((first + bit + 1) & 0xFFFF for bit in range(16) if mask >> bit & 1)
    return Nack(ssrc, tuple(seqs))


def _payload_feedback(count: int, body: bytes) -> Iterator[Item]:
    if count == PLI:
        yield KeyframeRequest(struct.unpack_from("!I", body, 4)[0])
    elif count == FIR:
        for at in range(8, len(body) - 7, 8):
            yield KeyframeRequest(struct.unpack_from("!I", body, at)[0])
    elif count == AFB and body[8:12] == b"REMB" and len(body) >= 16:
        high, low = struct.unpack_from("!BH", body, 13)
        yield Estimate((high & 3) << 16 << (high >> 2) | low << (high >> 2))


def _packet(count: int, kind: int, body: bytes) -> bytes:
    return struct.pack("!BBH", 0x80 | count, kind, len(body) // 4) + body


def pli(sender: int, ssrc: int) -> bytes:
    return _packet(PLI, PSFB, struct.pack("!II", sender, ssrc))


def remb(sender: int, bitrate: int, ssrcs: Iterable[int]) -> bytes:
    exponent = max(0, bitrate.bit_length() - 18)
    mantissa = bitrate >> exponent
    ids = list(ssrcs)
    head = struct.pack("!BBH", len(ids), exponent << 2 | mantissa >> 16, mantissa & 0xFFFF)
    tail = b"".join(struct.pack("!I", ssrc) for ssrc in ids)
    return _packet(AFB, PSFB, struct.pack("!II", sender, 0) + b"REMB" + head + tail)


def nack(sender: int, ssrc: int, seqs: Iterable[int]) -> bytes:
    """A generic NACK for 16-bit sequence numbers given in ascending (wrapping) order."""
    body = struct.pack("!II", sender, ssrc)
    first, mask = -1, 0
    for seq in seqs:
        distance = (seq - first) & 0xFFFF
        if first >= 0 and 1 <= distance <= 16:
            mask |= 1 << distance - 1
            continue
        if first >= 0:
            body += struct.pack("!HH", first, mask)
        first, mask = seq, 0
    if first >= 0:
        body += struct.pack("!HH", first, mask)
    return _packet(NACK, RTPFB, body)


def sender_report(ssrc: int, ntp: int, rtp: int, packets: int, octets: int) -> bytes:
    body = struct.pack("!IQIII", ssrc, ntp, rtp, packets & 0xFFFFFFFF, octets & 0xFFFFFFFF)
    return _packet(0, SR, body)


def receiver_report(sender: int, blocks: Iterable[bytes]) -> bytes:
    """A receiver report of up to 31 blocks made by `report_block`."""
    parts = list(blocks)
    return _packet(len(parts), RR, struct.pack("!I", sender) + b"".join(parts))


def report_block(
    ssrc: int, lost: float, total_lost: int, highest: int, jitter: int, last: int, delay: float
) -> bytes:
    fraction = min(255, max(0, int(lost * 256)))
    total = max(-0x800000, min(0x7FFFFF, total_lost)) & 0xFFFFFF
    dlsr = min(0xFFFFFFFF, max(0, int(delay * 65536)))
    return struct.pack(
        "!IIIIII", ssrc, fraction << 24 | total, highest & 0xFFFFFFFF, jitter, last, dlsr
    )


def transport_feedback(sender: int, ssrc: int, body: bytes) -> bytes:
    return _packet(TWCC, RTPFB, struct.pack("!II", sender, ssrc) + body)

"""RTCP as this client needs it: reports, NACK and PLI, to and from bytes (RFC 3550, RFC 4585)."""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

SR, RR, SDES, BYE, RTPFB, PSFB = 200, 201, 202, 203, 205, 206
NTP_EPOCH_OFFSET = 2_208_988_800  # seconds from 1900 to 1970


@dataclass(frozen=True, slots=True)
class SenderReport:
    ssrc: int
    ntp: int  # 64-bit NTP timestamp
    rtp: int
    packets: int = 0
    octets: int = 0


@dataclass(frozen=True, slots=True)
class ReportBlock:
    ssrc: int
    fraction_lost: int
    lost: int
    highest: int
    jitter: int
    last_sr: int
    delay_since_sr: int


@dataclass(frozen=True, slots=True)
class ReceiverReport:
    ssrc: int
    blocks: tuple[ReportBlock, ...]


@dataclass(frozen=True, slots=True)
class Nack:
    sender: int
    ssrc: int
    lost: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PictureLoss:
    sender: int
    ssrc: int


@dataclass(frozen=True, slots=True)
class Bye:
    ssrcs: tuple[int, ...]


RtcpMessage = SenderReport | ReceiverReport | Nack | PictureLoss | Bye


def ntp_from_ns(ns: int) -> int:
    """64-bit NTP time of Unix nanoseconds."""
    seconds, rest = divmod(ns, 1_000_000_000)
    return ((seconds + NTP_EPOCH_OFFSET) << 32) | ((rest << 32) // 1_000_000_000)


def ns_from_ntp(ntp: int) -> int:
    """Unix nanoseconds of a 64-bit NTP time."""
    return ((ntp >> 32) - NTP_EPOCH_OFFSET) * 1_000_000_000 + (
        (ntp & 0xFFFFFFFF) * 1_000_000_000 >> 32
    )


def parse(data: bytes) -> Iterator[RtcpMessage]:
    """Messages of a compound packet; unknown types are skipped, a torn rest ends the walk."""
    at = 0
    while at + 4 <= len(data):
        first, kind, words = struct.unpack_from("!BBH", data, at)
        end = at + 4 + words * 4
        if first >> 6 != 2 or end > len(data):
            return
        body = data[at + 4 : end]
        count = first & 0x1F
        at = end
        message = _message(kind, count, body)
        if message is not None:
            yield message


def _message(kind: int, count: int, body: bytes) -> RtcpMessage | None:
    if kind == SR and len(body) >= 24:
        return SenderReport(*struct.unpack_from("!IQIII", body))
    if kind == RR and len(body) >= 4 + 24 * count:
        blocks = tuple(_block(body, 4 + 24 * i) for i in range(count))
        return ReceiverReport(int.from_bytes(body[:4]), blocks)
    if kind == BYE and len(body) >= 4 * count:
        return Bye(struct.unpack_from(f"!{count}I", body))
    if kind == RTPFB and count == 1 and len(body) >= 8:
        sender, ssrc = struct.unpack_from("!II", body)
        return Nack(sender, ssrc, tuple(_nack_numbers(body[8:])))
    if kind == PSFB and count == 1 and len(body) >= 8:
        return PictureLoss(*struct.unpack_from("!II", body))
    return None


def _block(body: bytes, at: int) -> ReportBlock:
    ssrc, lost, highest, jitter, lsr, dlsr = struct.unpack_from("!IIIIII", body, at)
    cumulative = lost & 0xFFFFFF
    if cumulative & 0x800000:
        cumulative -= 1 << 24
    return ReportBlock(ssrc, lost >> 24, cumulative, highest, jitter, lsr, dlsr)


def _nack_numbers(fci: bytes) -> Iterator[int]:
    for pid, mask in struct.iter_unpack("!HH", fci[: len(fci) // 4 * 4]):
        yield pid
        for bit in range(16):
            if mask >> bit & 1:
                yield (pid + bit + 1) & 0xFFFF


def _packet(count: int, kind: int, body: bytes) -> bytes:
    return struct.pack("!BBH", 0x80 | count, kind, len(body) // 4) + body


def sender_report(report: SenderReport) -> bytes:
    return _packet(
        0,
        SR,
        struct.pack("!IQIII", report.ssrc, report.ntp, report.rtp, report.packets, report.octets),
    )


def receiver_report(ssrc: int, blocks: Iterable[ReportBlock]) -> bytes:
    """At most 31 blocks fit one packet; the caller splits."""
    packed = [
        struct.pack(
            "!IIIIII",
            b.ssrc,
            b.fraction_lost << 24 | (b.lost & 0xFFFFFF),
            b.highest & 0xFFFFFFFF,
            b.jitter,
            b.last_sr,
            b.delay_since_sr,
        )
        for b in blocks
    ]
    return _packet(len(packed), RR, struct.pack("!I", ssrc) + b"".join(packed))


def source_description(ssrc: int, cname: str) -> bytes:
    name = cname.encode()[:255]
    chunk = struct.pack("!IBB", ssrc, 1, len(name)) + name
    return _packet(1, SDES, chunk + bytes(4 - len(chunk) % 4))


def picture_loss(sender: int, ssrc: int) -> bytes:
    return _packet(1, PSFB, struct.pack("!II", sender, ssrc))


def nack(sender: int, ssrc: int, lost: Iterable[int]) -> bytes:
    """Generic NACK (RFC 4585 §6.2.1) of 16-bit sequence numbers in rising order."""
    pairs: list[tuple[int, int]] = []
    for number in lost:
        if pairs:
            pid, mask = pairs[-1]
            ahead = (number - pid) & 0xFFFF
            if 1 <= ahead <= 16:
                pairs[-1] = (pid, mask | 1 << (ahead - 1))
                continue
        pairs.append((number, 0))
    fci = b"".join(struct.pack("!HH", *pair) for pair in pairs)
    return _packet(1, RTPFB, struct.pack("!II", sender, ssrc) + fci)

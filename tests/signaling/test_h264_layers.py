"""H.264 through the forwarding path: a real decoder gets a clean picture at each layer change."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import av
import numpy as np
import pytest

from signaling.sfu import rtp
from signaling.sfu.downtrack import DownTrack
from signaling.sfu.sent import SentLog
from signaling.sfu.tracks import UpTrack

pytestmark = pytest.mark.usefixtures("media_path")

FU = 1000  # bytes of a NAL unit above which it is sent in fragments


def encoded(width: int, height: int, frames: int) -> list[list[bytes]]:
    """NAL units of each access unit of a moving picture; a keyframe every fifth frame."""
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.time_base = Fraction(1, 10)
    encoder.options = {"tune": "zerolatency", "x264-params": "keyint=5:scenecut=0:bframes=0"}
    units = []
    for index in range(frames):
        picture = np.random.default_rng(index).integers(0, 255, (height, width, 3), dtype=np.uint8)
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts = index
        data = b"".join(bytes(packet) for packet in encoder.encode(frame))
        units.append([unit.rstrip(b"\0") for unit in data.split(b"\0\0\1") if unit.strip(b"\0")])
    return units


def payloads(units: list[bytes]) -> Iterator[bytes]:
    """RFC 6184 payloads as Chromium sends them: parameter sets in a STAP-A, slices in FU-As."""
    small = [unit for unit in units if unit[0] & 31 in (7, 8)]
    if small:
        yield b"\x78" + b"".join(len(unit).to_bytes(2, "big") + unit for unit in small)
    for unit in units:
        if unit in small:
            continue
        if len(unit) <= FU:
            yield unit
            continue
        pieces = [unit[at : at + FU] for at in range(1, len(unit), FU)]
        for index, piece in enumerate(pieces):
            edge = 0x80 if index == 0 else 0x40 if index == len(pieces) - 1 else 0
            yield bytes((unit[0] & 0xE0 | 28, edge | unit[0] & 31)) + piece


def decoded_sizes(packets: list[rtp.Packet]) -> list[tuple[int, int]]:
    """Sizes of the pictures a decoder makes of the packets; it raises for what is broken."""
    decoder = av.CodecContext.create("h264", "r")
    decoder.options = {"err_detect": "explode"}
    sizes, stream = [], b""
    for packet in packets:
        kind = packet.payload[0] & 31
        if kind == 24:
            at = 1
            while at < len(packet.payload):
                size = int.from_bytes(packet.payload[at : at + 2], "big")
                stream += b"\0\0\0\1" + packet.payload[at + 2 : at + 2 + size]
                at += 2 + size
        elif kind == 28:
            head, state = packet.payload[:2]
            if state & 0x80:
                stream += b"\0\0\0\1" + bytes((head & 0xE0 | state & 31,))
            stream += packet.payload[2:]
        else:
            stream += b"\0\0\0\1" + packet.payload
        if packet.marker:
            for frame in decoder.decode(av.Packet(stream)):  # type: ignore[attr-defined]
                sizes.append((frame.width, frame.height))
            stream = b""
    return sizes


def test_the_decoder_gets_each_layer_from_its_parameter_sets_on() -> None:
    fmtp = "packetization-mode=1;profile-level-id=42e01f"
    track = UpTrack("TR_1", "video", "h264", fmtp, 90000, ["q", "h"])
    sizes = {0: (160, 90), 1: (320, 180)}
    streams = {index: encoded(*size, 60) for index, size in sizes.items()}
    wire: list[bytes] = []
    down = DownTrack(track, 4242, wire.append, lambda data: None, SentLog())
    down.bind(102, {})
    seqs = {0: 100, 1: 40_000}
    for index in sizes:
        track.layers[index].reset(1000 + index)
    changes = {0: 0, 17: 1, 33: 0, 48: 1}
    for number in range(60):
        if number in changes:
            down.aim(track.layers[changes[number]])
        for index, layer in enumerate(track.layers):
            pieces = list(payloads(streams[index][number]))
            for at, payload in enumerate(pieces):
                marker = 0x80 if at == len(pieces) - 1 else 0
                packet = rtp.Packet(
                    102, marker, seqs[index], number * 9000, 1000 + index, {}, payload
                )
                seqs[index] += 1
                layer.receive(packet, number / 10)
    sent = [packet for data in wire if (packet := rtp.parse(data)) is not None]
    numbers = [packet.seq for packet in sent]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    found = decoded_sizes(sent)
    # Each change comes at the first keyframe (every fifth frame) after it was asked for. On the way
    # up the small picture of that moment has gone out before the large one came.
    assert found == [sizes[0]] * 21 + [sizes[1]] * 15 + [sizes[0]] * 16 + [sizes[1]] * 10

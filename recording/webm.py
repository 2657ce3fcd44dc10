"""Writes one track's frames, untranscoded, as a WebM file that browsers play and seek."""

import io
from collections.abc import Sequence
from fractions import Fraction
from functools import cache

import av

from recording.errors import BadSegment
from recording.journal import SegmentHead, Unit
from recording.opus import is_stereo, samples

RATES = {"audio": 48_000, "video": 90_000}


def mux(head: SegmentHead, units: Sequence[Unit], last_ticks: int) -> bytes:
    """The file's bytes; `last_ticks` is the length of the last unit. Times begin at 0.
    Raises BadSegment if there is nothing to write or the muxer refuses."""
    if not units:
        raise BadSegment(f"{head.track}: no frames")
    sink = io.BytesIO()
    try:
        with av.open(sink, "w", format="webm") as out:
            if head.kind == "video":
                stream = out.add_mux_stream("vp8", width=head.width, height=head.height)
                _write(out, stream, head, units, last_ticks)
            else:
                with av.open(io.BytesIO(_opus_template(_channels(units))), "r") as template:
                    stream = out.add_stream_from_template(template.streams.audio[0])
                    _write(out, stream, head, units, last_ticks)
    except av.FFmpegError as error:
        raise BadSegment(f"{head.track}: {error}") from error
    return sink.getvalue()


def last_unit_ticks(head: SegmentHead, units: Sequence[Unit]) -> int:
    """How long the last unit probably lasts, when its successor is not known."""
    if head.kind == "audio":
        return samples(units[-1].data) or 960
    if len(units) > 1:
        return min(units[-1].ticks - units[-2].ticks, RATES["video"])
    return RATES["video"] // 30


def _write(
    out: av.container.OutputContainer,
    stream: av.stream.Stream,
    head: SegmentHead,
    units: Sequence[Unit],
    last_ticks: int,
) -> None:
    base = Fraction(1, RATES[head.kind])
    start = units[0].ticks
    for n, unit in enumerate(units):
        packet = av.Packet(unit.data)
        packet.stream = stream
        packet.time_base = base
        packet.pts = packet.dts = unit.ticks - start
        following = units[n + 1].ticks - unit.ticks if n + 1 < len(units) else last_ticks
        packet.duration = following
        packet.is_keyframe = unit.key
        out.mux(packet)


def _channels(units: Sequence[Unit]) -> int:
    return 2 if any(is_stereo(unit.data) for unit in units) else 1


@cache
def _opus_template(channels: int) -> bytes:
    """A tiny WebM whose Opus head promises no pre-skip, since a segment begins mid-stream."""
    layout = "mono" if channels == 1 else "stereo"
    sink = io.BytesIO()
    with av.open(sink, "w", format="webm") as out:
        stream = out.add_stream("libopus", rate=RATES["audio"], layout=layout)
        silence = av.AudioFrame(format="s16", layout=layout, samples=960)
        silence.sample_rate, silence.pts = RATES["audio"], 0
        for plane in silence.planes:
            plane.update(bytes(plane.buffer_size))
        for packet in [*stream.encode(silence), *stream.encode(None)]:
            out.mux(packet)
    data = bytearray(sink.getvalue())
    pre_skip = data.index(b"OpusHead") + 10  # RFC 7845 §5.1
    data[pre_skip : pre_skip + 2] = b"\0\0"
    delay = data.index(b"\x56\xaa")  # the element CodecDelay
    length = data[delay + 2] & 0x7F
    data[delay + 3 : delay + 3 + length] = bytes(length)
    return bytes(data)


def decodes(head: SegmentHead, keyframe: bytes) -> bool:
    """Whether a picture's keyframe really is a picture of the size it says."""
    context = av.CodecContext.create("vp8", "r")
    try:
        frames = context.decode(av.Packet(keyframe))
    except av.FFmpegError:
        return False
    return [(frame.width, frame.height) for frame in frames] == [(head.width, head.height)]

"""Pre-encoded pictures and sound: a file of length-prefixed frames with their times.

Layout: the line `chibo-media 1`, one line of JSON (kind, clock_rate, duration, width, height),
then for each frame a header `!IIBB` (bytes of data, time in clock units, 1 for a keyframe,
audio level in -dBov) and its data. `recording.synthetic` makes such files."""

import json
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from signaling.client.interface import Kind

MAGIC = b"chibo-media 1\n"
_HEADER = struct.Struct("!IIBB")


@dataclass(frozen=True, slots=True)
class Frame:
    """One VP8 frame or one Opus packet, `time` in units of the asset's clock."""

    time: int
    key: bool
    level: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Asset:
    """A loop of `duration` clock units."""

    kind: Kind
    clock_rate: int
    duration: int
    width: int
    height: int
    frames: tuple[Frame, ...]


def read(path: Path) -> Asset:
    """Raises ValueError if the file is not such an asset or is torn."""
    data = path.read_bytes()
    if not data.startswith(MAGIC):
        raise ValueError(f"{path} is no media asset")
    at = data.index(b"\n", len(MAGIC))
    head = json.loads(data[len(MAGIC) : at])
    at += 1
    frames = []
    while at < len(data):
        if at + _HEADER.size > len(data):
            raise ValueError(f"{path} is torn")
        length, time, key, level = _HEADER.unpack_from(data, at)
        at += _HEADER.size
        if at + length > len(data):
            raise ValueError(f"{path} is torn")
        frames.append(Frame(time, bool(key), level, data[at : at + length]))
        at += length
    if not frames or not frames[0].key:
        raise ValueError(f"{path} does not begin with a keyframe")
    return Asset(
        head["kind"],
        head["clock_rate"],
        head["duration"],
        head["width"],
        head["height"],
        tuple(frames),
    )


def write(path: Path, asset: Asset) -> None:
    head = {
        "kind": asset.kind,
        "clock_rate": asset.clock_rate,
        "duration": asset.duration,
        "width": asset.width,
        "height": asset.height,
    }
    path.write_bytes(MAGIC + json.dumps(head).encode() + b"\n" + b"".join(_packed(asset.frames)))


def _packed(frames: Iterable[Frame]) -> Iterable[bytes]:
    for frame in frames:
        yield _HEADER.pack(len(frame.data), frame.time, frame.key, frame.level) + frame.data

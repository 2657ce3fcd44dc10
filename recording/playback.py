"""What a player needs to know of a recording: tracks, segments, gaps and speech on one clock."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from recording import manifest
from recording.manifest import Record

CONTENT_TYPE = {"video": "video/webm", "audio": "audio/webm"}


@dataclass(frozen=True, slots=True)
class PlaybackSegment:
    """A WebM file that begins at 0 and belongs at `start_ms` (Unix, recorder's clock)."""

    index: int
    start_ms: int
    duration_ms: int
    bytes: int
    width: int
    height: int
    sealed: bool


@dataclass(frozen=True, slots=True)
class PlaybackTrack:
    """One published track; somebody who came back has further tracks."""

    track: str
    participant: str
    source: str
    kind: str
    segments: tuple[PlaybackSegment, ...]

    @property
    def content_type(self) -> str:
        return CONTENT_TYPE[self.kind]


@dataclass(frozen=True, slots=True)
class PlaybackGap:
    """`track` is empty when everything was missing."""

    track: str
    from_ms: int
    to_ms: int
    reason: str


@dataclass(frozen=True, slots=True)
class PlaybackSpeech:
    participant: str
    from_ms: int
    to_ms: int
    level: float


@dataclass(frozen=True, slots=True)
class Timeline:
    start_ms: int
    end_ms: int
    tracks: tuple[PlaybackTrack, ...]
    gaps: tuple[PlaybackGap, ...]
    speech: tuple[PlaybackSpeech, ...]
    ended: bool


def timeline(directory: Path) -> Timeline:
    """Raises BadManifest if the manifest is missing or its chain broken."""
    return timeline_of(manifest.read(directory)[0])


def timeline_of(records: Iterable[Record]) -> Timeline:
    """The timeline that a manifest's records tell. Pure."""
    segments: dict[str, list[Record]] = {}
    gaps: list[PlaybackGap] = []
    speech: list[PlaybackSpeech] = []
    ended = False
    for record in records:
        ended = record["type"] == "end"
        match record["type"]:
            case "segment":
                segments.setdefault(record["track"], []).append(record)
            case "gap":
                gaps.append(
                    PlaybackGap(
                        record["track"], record["from_ms"], record["to_ms"], record["reason"]
                    )
                )
            case "speech":
                speech.append(
                    PlaybackSpeech(
                        record["participant"],
                        record["from_ms"],
                        record["to_ms"],
                        record["level"],
                    )
                )
            case "begin" | "resume" | "pause" | "end":
                continue
            case other:
                raise AssertionError(f"unknown record {other}")
    tracks = tuple(_track(track, found) for track, found in segments.items())
    spans = [s for track in tracks for s in track.segments]
    return Timeline(
        min((s.start_ms for s in spans), default=0),
        max((s.start_ms + s.duration_ms for s in spans), default=0),
        tuple(sorted(tracks, key=lambda t: t.segments[0].start_ms)),
        tuple(sorted(gaps, key=lambda g: g.from_ms)),
        tuple(sorted(speech, key=lambda s: s.from_ms)),
        ended,
    )


def segment_path(directory: Path, track: str, index: int) -> Path | None:
    """The file of a segment that the manifest knows; None if it knows no such."""
    for record in manifest.read(directory)[0]:
        if (record["type"], record.get("track"), record.get("index")) == (
            "segment",
            track,
            index,
        ):
            return directory / str(record["file"])
    return None


def _track(track: str, records: list[Record]) -> PlaybackTrack:
    records.sort(key=lambda r: r["index"])
    first = records[0]
    return PlaybackTrack(
        track,
        first["participant"],
        first["source"],
        first["kind"],
        tuple(
            PlaybackSegment(
                r["index"],
                r["start_utc_ms"],
                r["duration_ms"],
                r["bytes"],
                r["width"],
                r["height"],
                r["file"].endswith(".age"),
            )
            for r in records
        ),
    )

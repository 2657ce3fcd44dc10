"""One picture for a recording, from its widest camera or screen segment, by ffmpeg."""

from pathlib import Path

import ffmpeg

from recording.errors import BadSegment
from recording.playback import segment_path, timeline

WIDTH = 480


def thumbnail(directory: Path, target: Path, at_ms: int | None = None) -> bool:
    """Writes a JPEG of what was shown around `at_ms` (middle of the recording if None).
    False if the recording has no picture. Raises BadSegment if ffmpeg cannot read it."""
    line = timeline(directory)
    wanted = (line.start_ms + line.end_ms) // 2 if at_ms is None else at_ms
    shown = [
        (abs(s.start_ms + s.duration_ms // 2 - wanted), -s.width, track.track, s)
        for track in line.tracks
        if track.kind == "video"
        for s in track.segments
        if not s.sealed
    ]
    if not shown:
        return False
    _, _, track, segment = min(shown, key=lambda choice: choice[:3])
    source = segment_path(directory, track, segment.index)
    seek = min(max(wanted - segment.start_ms, 0), segment.duration_ms // 2) / 1000
    try:
        (
            ffmpeg.input(str(source), ss=seek)
            .filter("scale", WIDTH, -2)
            .output(str(target), vframes=1, **{"q:v": 4})
            .overwrite_output()
            .run(quiet=True)
        )
    except ffmpeg.Error as error:
        raise BadSegment(f"{source}: ffmpeg failed") from error
    return True

"""Recordings on disk: read through the manifest only, so that no path is ever a stranger's."""

import asyncio
import re
import tempfile
from functools import lru_cache
from pathlib import Path

from starlette.responses import FileResponse, Response

from recording import playback
from recording.errors import RecordingError
from recording.manifest import NAME as MANIFEST
from recording.playback import Timeline
from recording.thumbnail import thumbnail
from server.blobs import BlobMissing
from server.http.errors import NotFound
from server.recordings.models import Recording
from server.recordings.timeline import THUMBNAIL, recording_of, segment_name
from server.recordings.unsealing import Opened, opened, read_identity, require_key
from server.services import Services

_SESSION = re.compile(r"[a-z0-9]{1,40}")
# Private: an intermediate or the disk of a borrowed machine must not keep a session's pictures.
_HEADERS = {"Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff"}


async def build_recording(services: Services, session_id: str, base: str = "") -> Recording:
    """The session's recording as players take it, its files under `base`.

    Raises NotFound when nothing of it is on disk, or it is sealed and no key is here; Conflict
    when the key here does not open it.
    """
    directory = directory_of(services, session_id)
    timeline = await asyncio.to_thread(_timeline, directory)
    key = services.config.recording_identity_file
    await asyncio.to_thread(require_key, directory, timeline, key)
    state = await services.session.state(session_id)
    base = base or f"/api/sessions/{session_id}/recording"
    return recording_of(state, timeline, base)


async def open_recording_file(services: Services, session_id: str, file: str) -> Response:
    """One file that `build_recording` names, in whole or in the ranges that the request asks for.

    The response reads the Range header itself. Raises NotFound for any other name.
    """
    directory = directory_of(services, session_id)
    timeline = await asyncio.to_thread(_timeline, directory)
    if file == THUMBNAIL:
        return await _thumbnail(services, session_id, directory, timeline)
    for track in timeline.tracks:
        for segment in track.segments:
            if segment_name(track.track, segment.index) == file:
                path = await asyncio.to_thread(_segment, directory, track.track, segment.index)
                if segment.sealed:
                    identity = read_identity(services.config.recording_identity_file)
                    data = await asyncio.to_thread(opened, path, identity)
                    return Opened(data, headers=_HEADERS, media_type=track.content_type)
                return FileResponse(path, headers=_HEADERS, media_type=track.content_type)
    raise NotFound()


def directory_of(services: Services, session_id: str) -> Path:
    """Where the recorder keeps that session. Raises NotFound for what is no session's id."""
    if not _SESSION.fullmatch(session_id):
        raise NotFound()
    return services.config.recording_dir / session_id


def _timeline(directory: Path) -> Timeline:
    manifest = directory / MANIFEST
    try:
        found = manifest.stat()
        timeline = _read(directory, found.st_mtime_ns, found.st_size)
    except (OSError, RecordingError):
        raise NotFound("no_recording") from None
    if not timeline.tracks:
        raise NotFound("no_recording")
    return timeline


@lru_cache(maxsize=16)
def _read(directory: Path, _changed: int, _size: int) -> Timeline:
    """A player asks for hundreds of files of one recording; the manifest is read once."""
    return playback.timeline(directory)


def _segment(directory: Path, track: str, index: int) -> Path:
    path = playback.segment_path(directory, track, index)
    if path is None or not path.resolve().is_relative_to(directory.resolve()):
        raise NotFound()
    if not path.is_file():
        raise NotFound("recording_damaged")
    return path


async def _thumbnail(
    services: Services, session_id: str, directory: Path, timeline: Timeline
) -> Response:
    """Made by ffmpeg at the first asking, then kept; only of a recording that has ended."""
    blob = f"thumbnail/{session_id}.jpg"
    try:
        picture = await services.blobs.get(blob)
    except BlobMissing:
        made = await asyncio.to_thread(_draw, directory) if timeline.ended else None
        if made is None:
            raise NotFound() from None
        await services.blobs.put(blob, made)
        picture = made
    return Response(picture, headers=_HEADERS, media_type="image/jpeg")


def _draw(directory: Path) -> bytes | None:
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / THUMBNAIL
        try:
            return target.read_bytes() if thumbnail(directory, target) else None
        except (RecordingError, OSError):
            return None

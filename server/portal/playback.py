"""Recordings stay at the cell's installation; officers see them through ours."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from server.http.call import Call
from server.http.errors import NotFound, Unavailable
from server.recordings.models import Recording
from server.store.database import RowMapping
from server.submission.client import PeerAway, PeerClient, PeerRefused, To

# What a player needs of the other side's answer; nothing else of it reaches the officer's browser.
PASSED = ("content-type", "content-length", "content-range", "accept-ranges", "etag")
MEDIA = ("video/", "audio/", "image/")


async def recording(call: Call, row: RowMapping) -> Recording:
    """The recording's tracks and timeline, its files under this officer's own address."""
    path = f"/api/peer/sessions/{row['session_id']}/recording"
    client = PeerClient(call.services.keys, call.services.clock)
    try:
        found = await client.get(To(row["peer_id"], row["url"]), path, Recording)
    except PeerAway:
        raise Unavailable("cell_away") from None
    except PeerRefused:
        raise NotFound("no_recording") from None
    finally:
        await client.close()
    base = f"/api/officer/sessions/{row['session_id']}/recording"
    return relocated(found, base)


def relocated(found: Recording, base: str) -> Recording:
    """The same with every address under `base`: only the last part of theirs is believed."""

    def own(url: str) -> str:
        return f"{base}/{quote(url.rpartition('/')[2], safe='')}"

    tracks = [
        track.model_copy(
            update={"segments": [s.model_copy(update={"url": own(s.url)}) for s in track.segments]}
        )
        for track in found.tracks
    ]
    thumbnail = own(found.thumbnail) if found.thumbnail else None
    return found.model_copy(update={"tracks": tracks, "thumbnail": thumbnail})


async def recording_file(call: Call, row: RowMapping) -> Response:
    """One file, or the range of it that the player asks for, passed on as it arrives."""
    assert isinstance(call.request, Request)
    file = quote(call.path["file"], safe="")
    path = f"/api/peer/sessions/{row['session_id']}/recording/{file}"
    to = To(row["peer_id"], row["url"])
    asked = call.request.headers.get("range")
    client = PeerClient(call.services.keys, call.services.clock)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(client.close)
        try:
            response = await stack.enter_async_context(
                client.stream(to, path, {"range": asked} if asked else {})
            )
        except PeerAway:
            raise Unavailable("cell_away") from None
        kind = response.headers.get("content-type", "")
        if response.status_code not in (200, 206, 416) or not kind.startswith(MEDIA):
            raise NotFound("no_recording")
        headers = {name: response.headers[name] for name in PASSED if name in response.headers}
        headers["Cache-Control"] = "private, no-store"
        held = stack.pop_all()

        async def body() -> AsyncIterator[bytes]:
            async with held:
                async for chunk in response.aiter_raw():
                    yield chunk

        return StreamingResponse(body(), response.status_code, headers)
    raise AssertionError("unreachable")

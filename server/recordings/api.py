"""Handlers of the recordings routes."""

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from server.http.call import Call
from server.http.errors import Conflict
from server.http.model import Done
from server.recordings import models as m
from server.recordings.files import build_recording, open_recording_file
from server.recordings.statements import Posted, enrolled_key, require_news, require_signature
from server.recordings.verdict import session_verdict
from server.session import events as e
from server.session.media import recorder_token
from server.store import recordings as store
from server.store import sessions


async def list_jobs(call: Call) -> m.RecorderJobs:
    """Sessions from the first arrival to the end, each with a fresh token for a hidden subscriber.

    The nonce changes when a vote opens and closes: the recorder then states at once where it is.
    """
    services = call.services
    jobs = []
    for session_id in await services.database.read(sessions.running):
        state = await services.session.state(session_id)
        jobs.append(
            m.RecorderJob(
                session_id=session_id,
                room=session_id,
                livekit_url=services.config.livekit_internal_url.replace("http", "ws", 1),
                token=recorder_token(services.config, session_id),
                started_at=state.waiting_at or state.time,
                checkpoint_nonce=state.recorder.nonce,
                recipient=services.config.recording_recipient,
            )
        )
    return m.RecorderJobs(jobs=jobs)


async def take_checkpoint(call: Call) -> Done:
    """Keeps the signed statement as posted and lets the session law draw its conclusions.

    A statement no newer than the last one is not taken: replayed, it would vouch for a recorder
    that has stopped since.
    """
    posted = await _signed(call)
    services, said, now = call.services, call.body, call.now
    last = await services.database.read(sessions.last_checkpoint, said.session_id)
    if last is not None and last["body"].encode() == posted.body:
        return Done()
    require_news(said.time_ms, None if last is None else last["body"], now)
    await services.session.record_checkpoint(
        said.session_id, said, posted.key_id, now, posted.body, posted.signature
    )
    await services.database.write(store.begin, said.session_id, now)
    return Done()


async def finish(call: Call) -> Done:
    """The recorder has closed its files. Told again, it changes nothing."""
    await _signed(call)
    told: m.RecordingFinished = call.body
    values = told.model_dump(exclude={"session_id"})
    await call.services.session.note_system(
        told.session_id, e.RecordingFinished.TYPE, values, call.now
    )
    await call.services.database.write(store.finish, told.session_id, values, call.now)
    return Done()


async def show_recording(call: Call) -> m.Recording:
    return await build_recording(call.services, call.path["session_id"])


async def read_file(call: Call) -> Response:
    return await open_recording_file(call.services, call.path["session_id"], call.path["file"])


async def show_verdict(call: Call) -> m.Verdict:
    return await session_verdict(call.services, call.path["session_id"], call.now)


async def _signed(call: Call) -> Posted:
    """The body as posted, once its signature is found right and its session is known."""
    assert isinstance(call.request, Request)
    posted = Posted(
        await call.request.body(),
        call.request.headers.get("x-key-id", ""),
        call.request.headers.get("x-signature", ""),
    )
    key = await asyncio.to_thread(enrolled_key, call.services.config.recorder_spki_file)
    require_signature(key, posted)
    stage = await call.services.database.read(sessions.stage, call.body.session_id)
    if stage in (None, "draft"):
        raise Conflict("not_being_recorded")
    return posted

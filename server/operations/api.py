"""Handlers that operators and their machines call."""

import asyncio
from datetime import timedelta
from urllib.parse import urlsplit

from starlette.responses import JSONResponse, Response

from server.http.call import Call
from server.http.errors import Unavailable
from server.http.openapi import document
from server.store import counts, heartbeats
from server.store.schema import SchemaBehind, require_current

COUNTED = {
    "sign_ins": "Sign-ins that have not ended.",
    "sessions_running": "Sessions that are open now.",
    "events": "Events in all logs.",
    "outbox_waiting": "Deliveries to other installations that are not acknowledged yet.",
}
RECORDER_SILENCE = timedelta(seconds=5)  # it asks every second
STORAGE_EVERY = timedelta(seconds=15)
STORAGE_WORDS = {"disk_full": "full", "storage_refused": "refused"}
TIMEOUT = 2.0  # seconds; a probe must never wait longer than its caller


async def healthz(_call: Call) -> Response:
    """This process answers. Nothing else is asked, so that a slow database restarts nobody."""
    return JSONResponse({"status": "ok"})


async def readyz(call: Call) -> Response:
    """Whether a session could be held now: database, schema, media server. 503 if not."""
    needed = {"database": await _database(call), "media": await _media(call)}
    ready = all(word == "ok" for word in needed.values())
    # Known by other means than this process alone, so their absence takes no instance away.
    checks = needed | {
        "storage": await _storage(call),
        "recorder": _recorder(call),
        "worker": await _worker(call),
    }
    status = "ok" if ready else "not ready"
    return JSONResponse({"status": status, "checks": checks}, 200 if ready else 503)


async def metrics(call: Call) -> Response:
    services = call.services
    for name, count in (await services.database.read(counts.all_counts, call.now)).items():
        services.measures.gauge(name, COUNTED[name], count)
    return Response(services.measures.page(), media_type="text/plain; version=0.0.4")


async def openapi(_call: Call) -> Response:
    from server.routes import ROUTES  # the table names this handler, so it cannot come earlier

    return JSONResponse(document(ROUTES, "chibo", "1"))


async def _database(call: Call) -> str:
    try:
        async with asyncio.timeout(TIMEOUT):
            await call.services.database.read(require_current)
    except SchemaBehind:
        return "old schema"
    except Exception:
        return "away"
    return "ok"


async def _storage(call: Call) -> str:
    """Papers and reports need it; a session goes on without. Looked at now and then, not always:
    looking writes a file."""
    measures = call.services.measures
    if measures.storage and call.now - measures.storage[0] < STORAGE_EVERY:
        return measures.storage[1]
    word = "ok"
    try:
        async with asyncio.timeout(TIMEOUT):
            await call.services.blobs.check()
    except Unavailable as refusal:
        word = STORAGE_WORDS.get(refusal.code, "away")
    except TimeoutError:
        word = "away"
    measures.storage = (call.now, word)
    return word


def _recorder(call: Call) -> str:
    seen = call.services.measures.recorder_seen
    return "ok" if seen and call.now - seen < RECORDER_SILENCE else "away"


async def _worker(call: Call) -> str:
    try:
        alive = await call.services.database.read(heartbeats.any_alive, "worker", call.now)
    except Exception:
        return "unknown"
    return "ok" if alive else "away"


async def _media(call: Call) -> str:
    """A cell's installation needs the media server; whether its port takes connections."""
    config = call.services.config
    if config.installation_kind != "cell":
        return "ok"
    parts = urlsplit(config.livekit_internal_url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        async with asyncio.timeout(TIMEOUT):
            _, writer = await asyncio.open_connection(parts.hostname, port)
    except (OSError, TimeoutError):
        return "away"
    writer.close()
    return "ok"

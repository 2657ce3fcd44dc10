"""Handlers between installations, and of the page where an administrator enrols them."""

import secrets

from starlette.requests import Request
from starlette.responses import Response

from server.http.call import Call
from server.http.errors import BadInput, NotFound
from server.http.model import Done
from server.recordings.files import build_recording, open_recording_file
from server.recordings.models import Recording
from server.store import submission as store
from server.submission import enrolment, inbox
from server.submission.models import (
    Countersignature,
    EnrolmentCode,
    Peer,
    PeerCard,
    Peers,
    ReportReceipt,
    ReportStatus,
)
from voting.signing import from_base64url


async def list_peers(call: Call) -> Peers:
    rows = await call.services.database.read(store.peers)
    ours = enrolment.fingerprint(call.services.keys.seal.public.spki)
    return Peers(ours=ours, peers=[_shown(row) for row in rows])


async def make_code(call: Call) -> EnrolmentCode:
    """A code for the other side's administrator; it ends the one made before."""
    services = call.services
    code = enrolment.new_code(secrets.token_bytes(enrolment.CODE_BYTES))
    expires_at = call.now + enrolment.CODE_LIFE
    await services.database.write(store.put_code, enrolment.code_hash(code), expires_at)
    return EnrolmentCode(
        code=code,
        fingerprint=enrolment.fingerprint(services.keys.seal.public.spki),
        expires_at=expires_at,
    )


async def enrol(call: Call) -> Peer:
    peer_id = await enrolment.introduce(call.services, call.body.url, call.body.code, call.now)
    return await _peer(call, peer_id)


async def confirm(call: Call) -> Peer:
    """The administrator has compared the fingerprint with what the other side reads out."""
    await call.services.database.write(store.confirm_peer, call.path["peer_id"], call.now)
    return await _peer(call, call.path["peer_id"])


async def accept_enrolment(call: Call) -> PeerCard:
    return await enrolment.welcome(call.services, call.body, call.now)


async def _peer(call: Call, peer_id: str) -> Peer:
    row = await call.services.database.read(store.peer_by_id, peer_id)
    if row is None:
        raise NotFound
    return _shown(row)


def _shown(row: object) -> Peer:
    fields = dict(row)  # type: ignore[call-overload]
    confirmed = fields.pop("confirmed_at") is not None
    spki = from_base64url(fields.pop("spki"))
    return Peer(**fields, fingerprint=enrolment.fingerprint(spki), confirmed=confirmed)


async def take_schedule(call: Call) -> Done:
    await inbox.take_schedule(call.services, _sender(call), call.body, call.now)
    return Done()


async def take_running(call: Call) -> Countersignature:
    return await inbox.take_running(call.services, _sender(call), call.body, call.now)


async def take_report(call: Call) -> ReportReceipt:
    assert isinstance(call.request, Request)
    data = await call.request.body()
    return await inbox.take_report(call.services, _sender(call), data, call.now)


async def show_report_status(call: Call) -> ReportStatus:
    return await inbox.report_status(call.services, _sender(call), call.path["session_id"])


def _sender(call: Call) -> str:
    assert call.principal.peer_id is not None
    return call.principal.peer_id


async def take_note(call: Call) -> Done:
    """An event of the worker; only the application appends to a log."""
    note = call.body
    try:
        await call.services.session.note_system(note.session_id, note.type, note.data, call.now)
    except (ValueError, KeyError):
        raise BadInput("bad_fields", fields="data") from None
    return Done()


async def peer_recording(call: Call) -> Recording:
    """For the upper committee's officers, whose installation asks for them."""
    await _require_committee(call)
    return await build_recording(call.services, call.path["session_id"])


async def peer_recording_file(call: Call) -> Response:
    await _require_committee(call)
    return await open_recording_file(call.services, call.path["session_id"], call.path["file"])


async def _require_committee(call: Call) -> None:
    """Other installations that may send here may still not look in here."""
    row = await call.services.database.read(store.peer_by_id, _sender(call))
    if row is None or row["kind"] != "committee":
        raise NotFound

"""Handlers of the session routes."""

from datetime import timedelta

from starlette.websockets import WebSocket

from server.http.call import Call
from server.http.routing import As
from server.session import hall
from server.session import live as live_socket
from server.session import models as m
from server.session.decide_opening import waiting_opens_at
from server.session.law import Case, check_role
from server.session.media import device_of, member_token
from server.session.refusal import Refused
from server.session.service import Unlawful, lawful
from server.session.signed import header_of
from server.session.stages import ENDED, Stage
from server.store import sessions as store

PAIRING_LIFE = timedelta(minutes=10)


async def show_view(call: Call) -> m.SessionView:
    session = call.services.session
    return await session.view(call.path["session_id"], await session.viewer(call), call.now)


async def live(call: Call, socket: WebSocket) -> None:
    await live_socket.serve(call, socket, call.services.session)


async def show_chain(call: Call) -> m.ChainView:
    """All headers; the entry at `seen_seq` of any ballot must be among them."""
    session, session_id = call.services.session, call.path["session_id"]
    lines = await session.log.entries(session_id)
    state = await session.state(session_id)
    return m.ChainView(
        installation=state.convened.installation,
        session=session_id,
        headers=[header_of(line) for line in lines[: state.seq]],
        head=session.head(state),
    )


async def certify_device(call: Call) -> m.DeviceCertificate:
    return await call.services.session.certify(call)


async def give_command(call: Call) -> m.Ack:
    return await call.services.session.give(call)


async def media_token(call: Call) -> m.MediaToken:
    session, session_id = call.services.session, call.path["session_id"]
    person = await session.person(call)
    state = await session.state(session_id)
    early = state.stage is Stage.CONVENED and call.now < waiting_opens_at(state)
    if state.stage in ENDED or early:
        raise Unlawful(Refused("media_not_open"))
    identity = f"{person}.{device_of(call.principal.sign_in_id or '')}"
    return _media(call, session_id, identity)


def _media(call: Call, session_id: str, identity: str) -> m.MediaToken:
    config = call.services.config
    token = member_token(config, session_id, identity)
    return m.MediaToken(url=config.livekit_url, token=token, ice_servers=[])


async def pair_room(call: Call) -> m.RoomPairing:
    """A one-time code that makes a device the meeting room's camera and microphone."""
    services, session_id = call.services, call.path["session_id"]
    person = await services.session.person(call)
    state = await services.session.state(session_id)
    with lawful():
        check_role(As.CHAIR_OR_SECRETARY, Case(state, None, person, call.now))
        if state.convened.mode != "hybrid":
            raise Refused("no_meeting_room")
        if state.stage in ENDED:
            raise Refused("media_not_open")
    device = services.new_id()
    code = f"{int(services.keys.mac('pairing', device.encode())[:12], 16) % 10**8:08d}"
    expires = call.now + PAIRING_LIFE
    row = {
        "id": device,
        "session_id": session_id,
        "code_hash": hall.code_hash(code),
        "expires_at": expires,
    }
    await services.database.write(store.add_pairing, row)
    return m.RoomPairing(code=f"{code[:4]} {code[4:]}", expires_at=expires)


async def join_as_room(call: Call) -> m.RoomDevice:
    return await hall.pair(call)


async def show_room(call: Call) -> m.RoomDevice:
    return await hall.screen(call)

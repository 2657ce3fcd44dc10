"""The meeting room's own device: a place with a screen, no name and no vote.

A code typed once pairs it; from then on it asks with the key it was given, so that a reload or a
power cut in the room needs nobody to pair it again while the session is held.
"""

import hashlib
import hmac
import io

import segno

from server.http.call import Call
from server.identity import throttling as slow
from server.identity.me import source_of
from server.keys import Keyring
from server.session import models as m
from server.session.gathering import ROOM_CODE_STEP, room_code
from server.session.media import ROOM, member_token
from server.session.refusal import Refused
from server.session.service import Unlawful
from server.session.stages import COUNTED, ENDED
from server.store import sessions as store


def code_hash(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()


async def pair(call: Call) -> m.RoomDevice:
    """Whoever types a valid code is the room's device. Uses the code up; guesses are slowed."""
    services = call.services
    tries = [slow.key(services.keys, slow.LINK, "pairing", source_of(call.request))]
    await services.database.write(slow.attempt, tries, call.now)
    code = "".join(c for c in call.body.code if c.isdecimal())
    row = await services.database.write(store.use_pairing, code_hash(code), call.now)
    if row is None:
        raise Unlawful(Refused("pairing_code_wrong"))
    await services.database.write(slow.succeeded, tries, call.now)
    return await _screen(call, row["id"], row["session_id"])


async def screen(call: Call) -> m.RoomDevice:
    """What a paired device shows now, with a fresh token for its camera and microphone."""
    device, _, mac = call.body.key.partition(".")
    keys = call.services.keys
    if not hmac.compare_digest(mac.encode(), _mac(keys, device).encode()):
        raise Unlawful(Refused("pairing_code_wrong"))
    session_id = await call.services.database.read(store.paired_session, device)
    if session_id is None:
        raise Unlawful(Refused("pairing_code_wrong"))
    return await _screen(call, device, session_id)


async def _screen(call: Call, device: str, session_id: str) -> m.RoomDevice:
    services, config = call.services, call.services.config
    state = await services.session.state(session_id)
    if state.stage in ENDED:
        raise Unlawful(Refused("media_not_open"))
    code, picture = None, ""
    if state.stage in COUNTED:
        code = room_code(services.keys, session_id, call.now)
        picture = _qr(f"{config.public_url}/phien/{session_id}/phong?ma={code}")
    return m.RoomDevice(
        key=f"{device}.{_mac(services.keys, device)}",
        media=m.MediaToken(
            url=config.livekit_url,
            token=member_token(config, session_id, f"{ROOM}.{device}"),
            ice_servers=[],
        ),
        session=session_id,
        cell_name=state.convened.cell_name,
        title=state.convened.title,
        stage=state.stage.value,
        code=code,
        code_seconds_left=ROOM_CODE_STEP - int(call.now.timestamp()) % ROOM_CODE_STEP,
        qr_svg=picture,
    )


def _mac(keys: Keyring, device: str) -> str:
    return keys.mac("room-device", device.encode())


def _qr(url: str) -> str:
    picture = io.BytesIO()
    segno.make(url, error="m").save(picture, kind="svg", border=2, xmldecl=False, svgns=True)
    return picture.getvalue().decode()

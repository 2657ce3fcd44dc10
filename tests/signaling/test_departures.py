"""Participants who go without saying so: others are told, and nothing of them stays."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from livekit import api
from livekit.protocol.models import DisconnectReason, ParticipantInfo
from livekit.protocol.rtc import SignalResponse

from signaling.config import MediaConfig
from signaling.engine import Engine
from signaling.outbox import Outbox
from signaling.session import JOIN_TIMEOUT, Session
from signaling.sfu.ice import CONSENT
from signaling.wire import JoinParameters

KEY, SECRET = "key", "a-secret-for-tests-of-32-bytes-or-more"


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    made = Engine(MediaConfig(KEY, SECRET, udp_port=0, tcp_port=0))
    await made.start()
    yield made
    await made.stop()


def joined(engine: Engine, identity: str) -> tuple[Session, Outbox]:
    video = api.VideoGrants(room_join=True, room="r")
    token = api.AccessToken(KEY, SECRET).with_identity(identity).with_grants(video).to_jwt()
    outbox = Outbox()
    session = engine.connect(engine.authorise_join(token), JoinParameters(single=True), outbox)
    assert session is not None
    return session, outbox


def heard(outbox: Outbox) -> list[SignalResponse]:
    messages = []
    while not outbox.queue.empty():
        data = outbox.queue.get_nowait()
        if data is not None:
            messages.append(SignalResponse.FromString(data))
    return messages


def farewells(outbox: Outbox) -> list[ParticipantInfo]:
    return [
        info
        for message in heard(outbox)
        for info in message.update.participants
        if info.state == ParticipantInfo.DISCONNECTED
    ]


@pytest.mark.parametrize("cause", ["consent", "signalling", "never connected"])
async def test_who_has_gone_silent_is_taken_out_and_the_others_are_told(
    engine: Engine, cause: str
) -> None:
    (silent, silent_box), (_, witness) = joined(engine, "lan"), joined(engine, "minh")
    runtime, now = engine.rooms["r"], engine.clock()
    runtime.state.activate(silent.sid)
    heard(witness)
    expected = DisconnectReason.CONNECTION_TIMEOUT
    match cause:
        case "consent":
            silent.publisher.ice.last_check = now
            after = CONSENT
        case "signalling":
            silent.detach(silent_box, now)
            expected, after = DisconnectReason.SIGNAL_CLOSE, engine.config.resume_grace
        case _:
            expected, after = DisconnectReason.JOIN_FAILURE, JOIN_TIMEOUT
    for session in runtime.sessions.values():
        if session is not silent:  # whoever stays has a connection that stands
            session.publisher.connected = True
    runtime.tick(now + after - 0.5)
    assert farewells(witness) == []
    runtime.tick(now + after + 0.5)
    (info,) = farewells(witness)
    assert (info.identity, info.disconnect_reason) == ("lan", expected)
    assert silent.sid not in runtime.sessions
    if cause != "signalling":
        leave = heard(silent_box)[-1].leave
        assert leave.action == leave.RECONNECT  # it may come back by itself
    await silent.closed()

"""Clients that send nonsense over a real socket: they lose their connection, others keep theirs."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator

import pytest
import uvicorn
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from livekit import api
from livekit.protocol.models import TrackType
from livekit.protocol.rtc import (
    AddTrackRequest,
    MuteTrackRequest,
    SessionDescription,
    SignalRequest,
    SignalResponse,
    UpdateSubscription,
    UpdateTrackSettings,
)
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from signaling.config import MediaConfig
from signaling.engine import Engine
from signaling.outbox import Outbox
from signaling.single import server
from signaling.wire import JoinParameters

pytestmark = pytest.mark.usefixtures("media_path")

KEY, SECRET = "key", "a-secret-for-tests-of-32-bytes-or-more"


@pytest.fixture
async def url() -> AsyncIterator[str]:
    config = MediaConfig(KEY, SECRET, port=0, udp_port=0, tcp_port=0)
    running = server(config)
    running.config.loop = "none"
    running.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    task = asyncio.create_task(running._serve())
    for _ in range(1000):
        if running.started:
            break
        await asyncio.sleep(0.01)
    yield f"ws://127.0.0.1:{running.servers[0].sockets[0].getsockname()[1]}"
    running.should_exit = True
    await task


def token(identity: str = "lan") -> str:
    grants = api.VideoGrants(room_join=True, room="r")
    return api.AccessToken(KEY, SECRET).with_identity(identity).with_grants(grants).to_jwt()


async def join(url: str, identity: str) -> ClientConnection:
    return await connect(f"{url}/rtc?access_token={token(identity)}", max_size=None)


async def hear(socket: ClientConnection, kind: str, seconds: float = 3) -> SignalResponse:
    async with asyncio.timeout(seconds):
        while True:
            message = SignalResponse.FromString(bytes(await socket.recv(decode=False)))
            if message.WhichOneof("message") == kind:
                return message


async def closed(socket: ClientConnection, seconds: float = 3) -> None:
    async with asyncio.timeout(seconds):
        async for _ in socket:
            pass


async def test_the_first_message_is_join_and_a_ping_is_answered(url: str) -> None:
    async with await join(url, "lan") as socket:
        first = SignalResponse.FromString(bytes(await socket.recv(decode=False)))
        assert first.join.participant.identity == "lan"
        await socket.send(SignalRequest(ping=1).SerializeToString())
        await hear(socket, "pong")


@pytest.mark.parametrize("path", ["/rtc", "/rtc/v1"])
async def test_without_a_token_there_is_no_socket(url: str, path: str) -> None:
    for query in ("", "?access_token=nonsense"):
        with pytest.raises(InvalidStatus) as caught:
            await connect(url + path + query)
        assert caught.value.response.status_code == 401


async def test_an_unreadable_join_request_is_refused(url: str) -> None:
    with pytest.raises(InvalidStatus) as caught:
        await connect(f"{url}/rtc/v1?access_token={token()}&join_request=%FF%FE")
    assert caught.value.response.status_code == 400


async def test_a_resume_of_somebody_unknown_is_told_to_start_over(url: str) -> None:
    query = f"access_token={token()}&reconnect=1&sid=PA_gone"
    async with connect(f"{url}/rtc?{query}") as socket:
        first = SignalResponse.FromString(bytes(await socket.recv(decode=False)))
        assert first.leave.action == first.leave.RECONNECT
        await closed(socket)


async def test_bytes_that_are_no_message_end_the_connection_of_their_sender_only(
    url: str,
) -> None:
    async with await join(url, "minh") as witness, await join(url, "lan") as socket:
        await socket.send(b"\xff\xff\xff\xff")
        await closed(socket)
        await witness.send(SignalRequest(ping=1).SerializeToString())
        await hear(witness, "pong")


async def test_a_bad_offer_ends_the_connection_of_its_sender_only(url: str) -> None:
    async with await join(url, "minh") as witness:
        for text in ("", "v=0", "m=audio 9 X 0\na=mid:0", "m=" + "x" * 1000, "a=mid:0\n" * 999):
            async with await join(url, "lan") as socket:
                offer = SignalRequest(offer=SessionDescription(type="offer", sdp=text))
                await socket.send(offer.SerializeToString())
                await closed(socket)
        await witness.send(SignalRequest(ping=1).SerializeToString())
        await hear(witness, "pong")


async def test_a_flood_of_messages_ends_the_connection(url: str) -> None:
    async with await join(url, "lan") as socket:
        message = SignalRequest(mute=MuteTrackRequest(sid="TR_x", muted=True)).SerializeToString()
        with contextlib.suppress(ConnectionClosed):
            for _ in range(5000):
                await socket.send(message)
        await closed(socket)


requests = st.one_of(
    st.builds(
        lambda cid, kind, source: SignalRequest(
            add_track=AddTrackRequest(cid=cid, type=kind, source=source)
        ),
        st.text(max_size=5),
        st.sampled_from([TrackType.AUDIO, TrackType.VIDEO, TrackType.DATA]),
        st.integers(0, 4),
    ),
    st.builds(
        lambda sid, muted: SignalRequest(mute=MuteTrackRequest(sid=sid, muted=muted)),
        st.text(max_size=5),
        st.booleans(),
    ),
    st.builds(
        lambda sids, on: SignalRequest(
            subscription=UpdateSubscription(track_sids=sids, subscribe=on)
        ),
        st.lists(st.text(max_size=5), max_size=3),
        st.booleans(),
    ),
    st.builds(
        lambda sids, quality, width: SignalRequest(
            track_setting=UpdateTrackSettings(track_sids=sids, quality=quality, width=width)
        ),
        st.lists(st.text(max_size=5), max_size=3),
        st.integers(0, 3),
        st.integers(0, 2**32 - 1),
    ),
    st.builds(
        lambda text, number: SignalRequest(
            answer=SessionDescription(type="answer", sdp=text, id=number)
        ),
        st.text(max_size=40),
        st.integers(0, 3),
    ),
    st.binary(max_size=60),
)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(messages=st.lists(requests, max_size=12))
def test_any_messages_leave_the_engine_standing(messages: list[SignalRequest | bytes]) -> None:
    """Straight into the engine, without a socket: no exception may come out of it."""

    async def run() -> None:
        engine = Engine(MediaConfig(KEY, SECRET, udp_port=0, tcp_port=0))
        await engine.start()
        try:
            grants = engine.authorise_join(token())
            session = engine.connect(grants, JoinParameters(single=False), Outbox())
            assert session is not None
            for message in messages:
                data = message if isinstance(message, bytes) else message.SerializeToString()
                engine.receive(session, data)
            for runtime in engine.rooms.values():
                runtime.tick(time.monotonic())
        finally:
            await engine.stop()

    asyncio.run(run())


async def test_noise_at_the_media_ports_changes_nothing(url: str) -> None:
    chance = random.Random(1)
    async with await join(url, "lan") as socket:
        join_message = await hear(socket, "join")
        offer = await hear(socket, "offer")
        candidate = next(
            line for line in offer.offer.sdp.splitlines() if line.startswith("a=candidate")
        )
        port = int(candidate.split()[5])
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(
            asyncio.DatagramProtocol, remote_addr=("127.0.0.1", port)
        )
        for _ in range(2000):
            transport.sendto(chance.randbytes(chance.randrange(1, 200)))
        transport.close()
        await socket.send(SignalRequest(ping=1).SerializeToString())
        await hear(socket, "pong")
        assert join_message.join.room.name == "r"


def test_the_server_is_configured_to_log_nothing_about_requests() -> None:
    config = server(MediaConfig(KEY, SECRET, port=0, udp_port=0, tcp_port=0)).config
    assert isinstance(config, uvicorn.Config)
    assert config.access_log is False


OFFER = """v=0
o=- 1 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0
m=audio 9 UDP/TLS/RTP/SAVPF 111
c=IN IP4 0.0.0.0
a=mid:0
a=ice-ufrag:abcd
a=ice-pwd:abcdefghijklmnopqrstuvwx
a=fingerprint:sha-256 AA:BB
a=setup:actpass
a=sendonly
a=msid:s mic
a=rtpmap:111 opus/48000/2
"""


@pytest.mark.parametrize("first", ["add_track", "offer"])
async def test_a_track_is_published_whichever_of_its_two_messages_comes_first(
    url: str, first: str
) -> None:
    add = SignalRequest(add_track=AddTrackRequest(cid="mic", type=TrackType.AUDIO))
    offer = SignalRequest(offer=SessionDescription(type="offer", sdp=OFFER))
    async with await join(url, "minh") as witness, await join(url, "lan") as socket:
        for message in (add, offer) if first == "add_track" else (offer, add):
            await socket.send(message.SerializeToString())
        update = await hear(witness, "update")
        (info,) = update.update.participants
        assert info.identity == "lan"
        assert [track.mime_type for track in info.tracks] == ["audio/opus"]

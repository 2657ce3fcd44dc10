"""Seeded damage to everything a client can send: no crash, no hang, nothing that grows."""

from __future__ import annotations

import asyncio
import os
import random
import socket
import time
import tracemalloc
from collections.abc import AsyncIterator, Callable, Iterator

import httpx
import jwt
import pytest
from google.protobuf import json_format
from google.protobuf.message import Message
from livekit import api
from livekit.protocol.models import DataPacket, TrackType, UserPacket
from livekit.protocol.rtc import (
    AddTrackRequest,
    MuteTrackRequest,
    SessionDescription,
    SignalRequest,
    SubscriptionPermission,
    SyncState,
    UpdateParticipantMetadata,
    UpdateSubscription,
    UpdateTrackSettings,
)

from signaling.app import create_app
from signaling.config import MediaConfig
from signaling.engine import Engine
from signaling.outbox import Outbox
from signaling.session import Session
from signaling.sfu import rtcp, rtp, stun
from signaling.sfu.mux import Mux
from signaling.sfu.tcp import MAX_UNKNOWN, TcpServer
from signaling.sfu.tracks import UpTrack
from signaling.sfu.uplink import MAX_SSRCS, Source, Uplink
from signaling.twirp import METHODS, STATUS
from signaling.wire import JoinParameters
from tests.signaling.test_hostile_clients import OFFER
from tests.signaling.test_peer import Wire, connect, until

pytestmark = pytest.mark.usefixtures("media_path")

KEY, SECRET = "key", "a-secret-for-tests-of-32-bytes-or-more"
SEEDS = (1, 2, 3)


def damaged(data: bytes, chance: random.Random) -> bytes:
    """The data with a few bytes flipped, cut out, repeated, or put in."""
    found = bytearray(data)
    for _ in range(chance.randrange(1, 6)):
        at = chance.randrange(len(found) + 1)
        match chance.randrange(5):
            case 0 if at < len(found):
                found[at] ^= 1 << chance.randrange(8)
            case 1:
                del found[at : at + chance.randrange(1, 9)]
            case 2:
                found[at:at] = found[at : at + chance.randrange(1, 40)]
            case 3:
                found[at:at] = chance.randbytes(chance.randrange(1, 9))
            case _:
                del found[at:]
    return bytes(found)


def flipped(check: bytes, chance: random.Random) -> bytes:
    """One bit changed in what the signature of a check covers."""
    at = chance.randrange(20, 40)
    return check[:at] + bytes((check[at] ^ 1 << chance.randrange(8),)) + check[at + 1 :]


def token(grants: api.VideoGrants, identity: str = "lan") -> str:
    return api.AccessToken(KEY, SECRET).with_identity(identity).with_grants(grants).to_jwt()


JOIN = api.VideoGrants(room_join=True, room="r")
ADMIN = api.VideoGrants(room_list=True, room_create=True, room_admin=True, room="r")


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    made = Engine(MediaConfig(KEY, SECRET, udp_port=0, tcp_port=0))
    await made.start()
    yield made
    await made.stop()


def joined(engine: Engine, identity: str, single: bool = False) -> Session:
    grants = engine.authorise_join(token(JOIN, identity))
    session = engine.connect(grants, JoinParameters(single=single), Outbox())
    assert session is not None
    return session


def requests() -> list[SignalRequest]:
    """One of each that has something in it to get wrong."""
    offer = SessionDescription(type="offer", sdp=OFFER, id=1)
    return [
        SignalRequest(offer=offer),
        SignalRequest(answer=SessionDescription(type="answer", sdp=OFFER, id=1)),
        SignalRequest(add_track=AddTrackRequest(cid="mic", type=TrackType.AUDIO, name="m")),
        SignalRequest(mute=MuteTrackRequest(sid="TR_x", muted=True)),
        SignalRequest(subscription=UpdateSubscription(track_sids=["TR_x"], subscribe=True)),
        SignalRequest(
            track_setting=UpdateTrackSettings(track_sids=["TR_x"], width=320, height=180)
        ),
        SignalRequest(subscription_permission=SubscriptionPermission(all_participants=False)),
        SignalRequest(
            update_metadata=UpdateParticipantMetadata(metadata="m", attributes={"a": "b"})
        ),
        SignalRequest(sync_state=SyncState(offer=offer)),
        SignalRequest(ping=1),
    ]


@pytest.mark.parametrize("seed", SEEDS)
async def test_damaged_signalling_ends_its_sender_at_most(engine: Engine, seed: int) -> None:
    """Protobuf and SDP: hundreds of damaged messages; the engine keeps nothing of them."""
    chance = random.Random(seed)
    witness = joined(engine, "witness")
    whole = [request.SerializeToString() for request in requests()]
    began = time.process_time()
    for _ in range(300):
        session = joined(engine, "lan", chance.random() < 0.5)
        for _ in range(chance.randrange(1, 6)):
            data = chance.choice(whole)
            if not engine.receive(
                session, damaged(data, chance) if chance.random() < 0.8 else data
            ):
                break
    for runtime in engine.rooms.values():
        runtime.tick(engine.clock())
    assert engine.receive(witness, SignalRequest(ping=1).SerializeToString())
    assert set(engine.rooms["r"].state.members) <= {witness.sid, session.sid}
    assert time.process_time() - began < 60  # a guard against a message that costs seconds


@pytest.mark.parametrize("seed", SEEDS)
async def test_damaged_offers_of_a_real_browser_are_answered_or_refused(
    engine: Engine, seed: int
) -> None:
    chance = random.Random(seed)
    for _ in range(200):
        session = joined(engine, "lan", single=True)
        text = damaged(OFFER.encode(), chance).decode("latin-1")
        request = SignalRequest(offer=SessionDescription(type="offer", sdp=text, id=1))
        engine.receive(session, request.SerializeToString())
    assert len(engine.rooms["r"].sessions) <= 1


@pytest.mark.parametrize("seed", SEEDS)
async def test_damaged_data_packets_never_reach_anybody_with_a_false_name(
    engine: Engine, seed: int
) -> None:
    chance = random.Random(seed)
    sender, other = joined(engine, "lan"), joined(engine, "minh")
    got: list[bytes] = []
    other.deliver = lambda channel, data: got.append(data)  # type: ignore[method-assign]
    packet = DataPacket(
        participant_identity="chair",
        user=UserPacket(participant_identity="chair", payload=b"I close the session"),
    ).SerializeToString()
    for _ in range(500):
        sender._on_message("_reliable", damaged(packet, chance))
    assert got
    for data in got:
        delivered = DataPacket.FromString(data)
        assert delivered.participant_identity == "lan"
        assert delivered.user.participant_identity in ("", "lan")


def bodies() -> Iterator[tuple[str, Message]]:
    for name, method in METHODS.items():
        message = method.request()
        for field in ("room", "name", "identity", "track_sid", "metadata"):
            if field in message.DESCRIPTOR.fields_by_name:
                setattr(message, field, "r")
        yield name, message


@pytest.mark.parametrize("seed", SEEDS)
async def test_damaged_twirp_calls_get_a_twirp_error_and_never_an_internal_one(seed: int) -> None:
    chance = random.Random(seed)
    transport = httpx.ASGITransport(create_app(MediaConfig(KEY, SECRET)))
    bearer = {"Authorization": f"Bearer {token(ADMIN)}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://engine") as client:
        for name, message in bodies():
            forms = {
                "application/protobuf": message.SerializeToString() or b"\x0a\x01r",
                "application/json": json_format.MessageToJson(message).encode(),
            }
            for kind, body in forms.items():
                for _ in range(25):
                    answer = await client.post(
                        f"/twirp/livekit.RoomService/{name}",
                        content=damaged(body, chance),
                        headers={**bearer, "Content-Type": kind},
                    )
                    if answer.status_code != 200:
                        code = answer.json()["code"]
                        assert answer.status_code == STATUS[code]
                        assert code != "internal", answer.text
        deep = b"[" * 100_000
        answer = await client.post(
            "/twirp/livekit.RoomService/ListRooms",
            content=deep,
            headers={**bearer, "Content-Type": "application/json"},
        )
        assert answer.json()["code"] == "malformed"


def tampered(good: str) -> str:
    head, body, signature = good.split(".")
    claims = jwt.decode(good, options={"verify_signature": False}) | {"sub": "chair"}
    forged = jwt.encode(claims, "x" * 32, algorithm="HS256").split(".")[1]
    assert forged != body
    return f"{head}.{forged}.{signature}"


def wrong_tokens() -> dict[str, str]:
    video = {"room": "r", "roomJoin": True, "roomAdmin": True, "roomCreate": True, "roomList": True}
    claims = {"iss": KEY, "sub": "lan", "exp": time.time() + 600, "video": video}
    return {
        "none": "",
        "nonsense": "a.b.c",
        "expired": jwt.encode(claims | {"exp": time.time() - 60}, SECRET),
        "not yet valid": jwt.encode(claims | {"nbf": time.time() + 600}, SECRET),
        "no expiry": jwt.encode({k: v for k, v in claims.items() if k != "exp"}, SECRET),
        "another's secret": jwt.encode(claims, "another-secret-of-32-bytes-or-more!!"),
        "another's key": jwt.encode(claims | {"iss": "other"}, SECRET),
        "no signature": jwt.encode(claims, None, algorithm="none"),
        "changed afterwards": tampered(jwt.encode(claims, SECRET)),
    }


@pytest.mark.parametrize("kind", wrong_tokens())
async def test_a_wrong_token_gets_nothing_anywhere(kind: str) -> None:
    app = create_app(MediaConfig(KEY, SECRET))
    wrong = wrong_tokens()[kind]
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://engine"
    ) as client:
        for path in ("/rtc/validate", "/rtc/v1/validate"):
            answer = await client.get(path, params={"access_token": wrong})
            assert answer.status_code == 401
        for name, message in bodies():
            answer = await client.post(
                f"/twirp/livekit.RoomService/{name}",
                content=message.SerializeToString(),
                headers={"Authorization": f"Bearer {wrong}"},
            )
            assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    assert not app.state.engine.rooms


async def test_grants_for_one_room_open_no_other() -> None:
    app = create_app(MediaConfig(KEY, SECRET))
    foreign = token(api.VideoGrants(room_admin=True, room_join=True, room="elsewhere"))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://engine"
    ) as client:
        for name, message in bodies():
            answer = await client.post(
                f"/twirp/livekit.RoomService/{name}",
                content=message.SerializeToString(),
                headers={"Authorization": f"Bearer {foreign}"},
            )
            assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied"), name
    assert not app.state.engine.rooms


@pytest.mark.parametrize("seed", SEEDS)
async def test_damaged_dtls_records_neither_crash_nor_queue_up(seed: int) -> None:
    """Between the records of a handshake, and afterwards between media."""
    chance = random.Random(seed)

    def meddle(wire: Wire) -> Callable[[bytes], bool]:
        def lose(data: bytes) -> bool:
            # Only from application data on: before it DTLS has no key to tell damage by.
            if data[0] == 23:
                for _ in range(3):
                    wire.receiver.ice.on_record(damaged(data, chance)[:1400] or b"\x17")
            return False

        return lose

    server, client, to_client, to_server = await connect(channels=("_reliable",))
    to_client.lose, to_server.lose = meddle(to_client), meddle(to_server)
    got: list[bytes] = []
    media: list[bytes] = []
    client.on_message = lambda label, data: got.append(data)
    client.on_rtp = lambda data, now: media.append(data)
    await until(lambda: "_reliable" in server._channels)
    for number in range(20):
        server.send_message("_reliable", b"%d" % number)
        for first in (20, 22, 23, 63):
            client.ice.on_record(bytes((first,)) + chance.randbytes(chance.randrange(0, 200)))
        for _ in range(5):
            noise = bytes((0x80 | chance.randrange(64),)) + chance.randbytes(chance.randrange(90))
            if client.ice.on_media is not None:
                client.ice.on_media(noise, time.monotonic())
        server.send_rtp(rtp.build(rtp.Packet(96, 0, number, number, 5, {}, b"picture")))
        await asyncio.sleep(0.01)
    await until(lambda: len(media) == 20 and len(got) == 20)
    assert got == [b"%d" % number for number in range(20)]
    assert client.connected
    assert server.connected
    assert client.rejected > 0
    for peer in (server, client):
        assert peer.failures == 0
        await peer.close()


@pytest.mark.parametrize("seed", SEEDS)
def test_damaged_rtp_and_rtcp_leave_the_tables_small(seed: int) -> None:
    """From a client inside: its packets are authentic, but make no sense."""
    chance = random.Random(seed)
    uplink = Uplink(1, lambda data: None)
    video = UpTrack("TR_v", "video", "vp8", "", 90000, ["q", "h", "f"])
    audio = UpTrack("TR_a", "audio", "opus", "", 48000, [])
    audio.take_red(63, 111)
    ids = {rtp.MID: 4, rtp.RID: 5, rtp.REPAIRED_RID: 6, rtp.TRANSPORT_CC: 3, rtp.AUDIO_LEVEL: 1}
    uplink.configure([Source("0", video, 96, 97), Source("1", audio, 111, None, [7])], ids)
    now = 0.0
    for number in range(4000):
        now += 0.001
        mid, kind = chance.choice(((b"0", 96), (b"0", 97), (b"1", 111), (b"1", 63)))
        extensions = {4: mid, 5: chance.choice((b"q", b"h", b"f")), 3: number.to_bytes(2, "big")}
        packet = rtp.Packet(
            kind, 0, chance.randrange(1 << 16), number, chance.randrange(400), extensions, b"\x10xy"
        )
        uplink.on_rtp(damaged(rtp.build(packet), chance), now)
        report = rtcp.sender_report(chance.randrange(400), number << 32, number, 1, 1)
        for item in rtcp.parse(damaged(report, chance)):
            if isinstance(item, rtcp.SenderReport):
                uplink.on_sender_report(item, now)
        if number % 50 == 0:
            uplink.tick(now, 0.05)
    assert len(uplink._by_ssrc) <= MAX_SSRCS
    assert all(len(layer.missing) <= 250 for layer in (*video.layers, *audio.layers))


@pytest.mark.parametrize("seed", SEEDS)
async def test_a_flood_of_strangers_costs_little_time_and_no_memory(seed: int) -> None:
    """What a stranger's datagram costs, measured beside the check of a client that belongs here."""
    chance = random.Random(seed)
    mux = Mux(time.monotonic)
    port = mux.bind("127.0.0.1", 0)
    agent = mux.new_agent()
    good = [stun.request(f"{agent.ufrag}:c", agent.password, os.urandom(12)) for _ in range(64)]
    forged = [
        chance.choice(
            (
                lambda: stun.request(f"{agent.ufrag}:c", "wrong", chance.randbytes(12)),
                lambda: stun.request(f"u{chance.randrange(99)}:c", "x", chance.randbytes(12)),
                lambda: flipped(good[0], chance),
                lambda: b"\x80" + chance.randbytes(chance.randrange(1200)),
                lambda: b"\x16" + chance.randbytes(chance.randrange(1200)),
                lambda: chance.randbytes(chance.randrange(1, 1400)),
            )
        )()
        for _ in range(512)
    ]

    async def cost(datagrams: list[bytes], rounds: int) -> float:
        """Seconds of CPU per datagram, sending included."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind(("127.0.0.1", 0))
            began = time.process_time()
            for _ in range(rounds):
                for at in range(0, len(datagrams), 64):
                    for data in datagrams[at : at + 64]:
                        sock.sendto(data, ("127.0.0.1", port))
                    await asyncio.sleep(0)
            return (time.process_time() - began) / rounds / len(datagrams)

    authentic = await cost(good, 16)
    await cost(forged, 2)
    known = len(mux._by_address)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    strangers = await cost(forged, 1)
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 64_000
    assert len(mux._by_address) == known
    strangers = await cost(forged, 8)
    assert strangers < 4 * authentic
    mux.close()


async def test_strangers_on_tcp_wait_in_a_short_queue_and_are_closed() -> None:
    mux = Mux(time.monotonic)
    server = TcpServer(mux, time.monotonic)
    port = await server.bind("127.0.0.1", 0)
    opened = [await asyncio.open_connection("127.0.0.1", port) for _ in range(MAX_UNKNOWN + 20)]
    await until(lambda: len(server.unknown) == MAX_UNKNOWN)
    await asyncio.sleep(0.1)
    assert len(server.links) == MAX_UNKNOWN
    noise = random.Random(1)
    for _, writer in opened:
        writer.write(b"\x00\x20" + b"\x80" + noise.randbytes(31))
    await until(lambda: not server.links)
    for _, writer in opened:
        writer.close()
    server.close()
    mux.close()

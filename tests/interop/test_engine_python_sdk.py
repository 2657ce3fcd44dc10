"""The LiveKit Python SDK (single-connection mode) against our engine, with real frames."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from engine_rig import EngineProcess, running_engine, token
from sdk_rig import Counter, Speaker, Watcher, until

from recording import synthetic
from signaling.client import assets
from signaling.client.client import HeadlessClient


@pytest.fixture(scope="module")
def engine() -> Iterator[EngineProcess]:
    with running_engine() as process:
        yield process


async def test_early_and_late_joiners_see_and_hear_each_other(engine: EngineProcess) -> None:
    lan, minh, late = Speaker(), Speaker(), Watcher()
    await lan.room.connect(engine.url, token("lan", "three"))
    await minh.room.connect(engine.url, token("minh", "three"))
    await lan.publish()
    await minh.publish()
    await until(lambda: lan.frames.get("minh", 0) > 5 and minh.frames.get("lan", 0) > 5)
    await late.room.connect(engine.url, token("late", "three"))
    for name in ("lan", "minh"):
        await until(lambda name=name: late.frames.get(name, 0) > 5)
        await until(lambda name=name: late.loudness.get(name, 0) > 2000)
    for member in (lan, minh, late):
        await member.close()


async def test_twenty_five_participants_get_twelve_pictures_each(
    engine: EngineProcess, tmp_path: Path
) -> None:
    synthetic.portrait(tmp_path / "card", "Lan", 120, seconds=2)
    card = assets.read(tmp_path / "card")
    counters = [Counter() for _ in range(23)]
    clients = []
    for index, counter in enumerate(counters):
        client = HeadlessClient(engine.url, token(f"m{index}", "full"), counter)
        if index < 12:
            client.publish_video(card)
        clients.append(client)
    early, late = Watcher(), Watcher()
    await early.room.connect(engine.url, token("early", "full"))
    for client in clients:
        await client.start()
    publishers = {f"m{index}" for index in range(12)}
    for index, counter in enumerate(counters):
        others = publishers - {f"m{index}"}
        await until(lambda c=counter, o=others: all(c.packets.get(who, 0) > 5 for who in o))
    await late.room.connect(engine.url, token("late", "full"))
    for watcher in (early, late):
        await until(lambda w=watcher: all(w.frames.get(who, 0) > 2 for who in publishers))
    for client in clients:
        await client.stop()
    await early.close()
    await late.close()


async def test_a_hidden_recorder_is_seen_by_nobody_and_gets_restricted_tracks(
    engine: EngineProcess,
) -> None:
    lan, minh, recorder = Speaker(), Watcher(), Watcher()
    await lan.room.connect(engine.url, token("lan", "record"))
    lan.room.local_participant.set_track_subscription_permissions(
        allow_all_participants=False, participant_permissions=[]
    )
    await minh.room.connect(engine.url, token("minh", "record"))
    await recorder.room.connect(
        engine.url, token("rec", "record", hidden=True, recorder=True, can_publish=False)
    )
    await lan.publish()
    await until(lambda: recorder.frames.get("lan", 0) > 3 and recorder.loudness.get("lan"))
    assert "rec" not in lan.room.remote_participants
    assert not minh.subscribed
    for member in (lan, minh, recorder):
        await member.close()

"""The live socket and the commands, against the real application."""

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import jwt
import pytest
from websockets.exceptions import InvalidStatus

from server.app import build_services
from server.config import Config
from server.verify.command import verify
from tests.server.session.town import (
    SESSION,
    Person,
    application,
    heard,
    persons,
    recorder,
    settings,
    settle,
)
from voting.signing import PublicKey, from_base64url, statement_hash

Town = dict[str, Person]


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    config = Config.load(settings(tmp_path))
    tokens = await settle(config)
    services = build_services(config)
    async with application(config) as address, persons(services, tokens, address) as people:
        with recorder(services):
            yield people
    services.database.close()


def chained(headers: list[dict[str, Any]]) -> None:
    """Consecutive, linked, each with the hash of its own fields."""
    for before, after in pairwise(headers):
        assert after["seq"] == before["seq"] + 1
        assert after["prev"] == before["hash"]
    for header in headers:
        covered = {name: value for name, value in header.items() if name != "hash"}
        assert statement_hash({"session": SESSION, **covered}) == header["hash"]


async def stage_of(person: Person, stage: str) -> dict[str, Any]:
    for _ in range(100):
        if (view := await person.view())["stage"] == stage:
            return view
        await asyncio.sleep(0.05)
    raise TimeoutError(stage)


async def test_a_vote_goes_from_the_waiting_room_to_its_result_over_the_wire(
    town: Town, tmp_path: Path
):
    chair, others = town["p01"], [town[p] for p in ("p02", "p03", "p04")]
    async with chair.live() as first, others[0].live(), others[1].live(), others[2].live():
        snapshot = await heard(first, "snapshot")
        assert snapshot["view"]["me"] == "p01"
        await stage_of(chair, "waiting")
        await chair.give("open")
        await chair.give("name-secretary", person="p03")
        await chair.give("start-roll-call")
        for person in (chair, *others):
            await person.certify()
            await person.view()
            await person.give("check-in", **person.check_in())
        await chair.give("finish-roll-call")
        await chair.give("approve-agenda")
        await chair.give("start-item", item="i1")
        await chair.give("finish-item", item="i1")
        await chair.give("start-item", item="i2")
        await chair.give("open-vote", motion="m1")
        for person in (chair, *others):
            motion = (await person.view())["motion"]
            await person.give("cast-ballot", **person.ballot(motion, "approve"))
        await chair.give("close-vote", motion="m1")
        await chair.give("announce", motion="m1")
        async with asyncio.timeout(5):
            while True:
                update = await heard(first, "update")
                motion = update["patch"].get("motion") or {}
                if motion.get("state") == "announced":
                    break
        assert motion["arithmetic"] == "4/5, cần 3: thông qua"
        assert update["patch"]["now"]
        await chair.give("finish-item", item="i2")
        await chair.give("postpone-item", item="i3", reason="Thiếu hồ sơ")
        await chair.give("conclude", text="Thực hiện nghị quyết.")
        await chair.give("read-minutes")
        await chair.give("agree-minutes", minutes_hash=(await chair.view())["minutes_hash"])
        await chair.give("close")
    view = await others[0].view()
    assert (view["stage"], view["delivery"]["state"]) == ("closed", "drafting")
    export = await chair.http.get(
        f"http://{chair.address}/api/sessions/{SESSION}/export", headers=chair.headers
    )
    (tmp_path / "export.zip").write_bytes(export.content)
    findings = verify(tmp_path / "export.zip")
    assert findings.intact, findings.first_break
    told = [finding.sentence for finding in findings.found]
    assert "4 phiếu có chữ ký đúng; 1 kết quả kiểm lại khớp." in told


async def test_an_ack_is_signed_over_the_line_that_it_names_and_repeats_exactly(town: Town):
    chair = town["p01"]
    async with chair.live() as socket:
        await heard(socket, "snapshot")
        await stage_of(chair, "waiting")
        first = await chair.give("allow-chat", allowed=True, command_id="command-1")
        again = await chair.give("allow-chat", allowed=True, command_id="command-1")
        await chair.give("allow-chat", allowed=False, command_id="command-2")
        late = await chair.give("allow-chat", allowed=True, command_id="command-1")
        assert (first["seq"], first["hash"]) == (again["seq"], again["hash"])
        assert (late["seq"], late["hash"]) == (first["seq"], first["hash"])
        assert not (await chair.view())["chat_allowed"]
    statement = {"purpose": "ack", "session": SESSION}
    statement |= {name: first[name] for name in ("seq", "hash", "subject")}
    statement["time"] = first["time"].replace("000Z", "Z")
    key = PublicKey.from_spki(from_base64url(chair.seal))
    assert key.verify(statement, first["signature"])


async def test_a_reader_who_returns_gets_exactly_the_lines_it_missed(town: Town):
    chair = town["p01"]
    async with chair.live() as socket:
        seen = (await heard(socket, "snapshot"))["headers"]
        await stage_of(chair, "waiting")
        await chair.give("allow-chat", allowed=True)
        while seen[-1]["seq"] < (await chair.view())["head"]["seq"]:
            seen += (await heard(socket, "update"))["headers"]
    chained(seen)
    await chair.give("allow-chat", allowed=False)
    await chair.give("allow-chat", allowed=True)
    last = (seen[-1]["seq"], seen[-1]["hash"])
    async with chair.live(after=last) as socket:
        missed = (await heard(socket, "snapshot"))["headers"]
    chained(seen + missed)
    assert len(missed) == 2


async def test_a_reader_with_another_history_is_given_the_whole_log(town: Town):
    async with town["p01"].live(after=(1, "f" * 64)) as socket:
        headers = (await heard(socket, "snapshot"))["headers"]
    assert headers[0]["seq"] == 1
    chained(headers)


async def test_nothing_is_sent_while_nothing_changes(town: Town):
    async with town["p01"].live() as socket:
        await heard(socket, "snapshot")
        await stage_of(town["p01"], "waiting")
        # The join and the gathering after it may still be told; then nothing is left to say.
        updates = 0
        try:
            while updates < 5:
                await heard(socket, "update", patience=2.5)
                updates += 1
        except TimeoutError:
            pass
    assert updates <= 2


async def test_a_removed_member_is_cut_off_and_stays_out(town: Town):
    chair, removed = town["p01"], town["p05"]
    async with chair.live() as one, removed.live() as socket:
        await heard(one, "snapshot")
        await heard(socket, "snapshot")
        await stage_of(chair, "waiting")
        await chair.give("remove", person="p05", reason="Gây rối trật tự")
        async with asyncio.timeout(5):
            await socket.wait_closed()
        assert socket.close_code == 4403
    with pytest.raises(InvalidStatus) as refusal:
        async with removed.live():
            pass
    assert refusal.value.response.status_code == 403
    for path in ("commands/ask-floor", "media-token"):
        response = await removed.post(path, {"command_id": "command-9"})
        assert response.status_code == 403


async def test_the_law_answers_409_with_a_sentence_the_sum_and_the_remedy(town: Town):
    chair = town["p01"]
    async with chair.live() as socket:
        await heard(socket, "snapshot")
        await stage_of(chair, "waiting")
        await chair.give("open")
        response = await chair.post("commands/start-roll-call", {"command_id": "command-1"})
    problem = response.json()
    assert response.status_code == 409
    assert problem["code"] == "no_secretary"
    assert problem["message"] == "Chưa cử thư ký buổi họp. Cử thư ký trước rồi làm tiếp."
    assert problem["params"]["remedy"] == "Cử thư ký trước rồi làm tiếp."
    wrong = await town["p02"].post("commands/start-roll-call", {"command_id": "command-2"})
    assert wrong.status_code == 403


async def test_a_media_token_lasts_a_minute_and_allows_no_more_than_sound_and_picture(town: Town):
    response = await town["p02"].post("media-token", {})
    claims = jwt.decode(response.json()["token"], options={"verify_signature": False})
    assert claims["sub"].startswith("p02.")
    assert claims["exp"] - claims["nbf"] == 60
    video = claims["video"]
    assert video["room"] == SESSION
    assert video["canPublishData"] is False
    assert video["canPublishSources"] == [
        "camera",
        "microphone",
        "screen_share",
        "screen_share_audio",
    ]
    assert not video.get("hidden")
    assert not video.get("roomAdmin")


async def test_the_room_is_paired_by_a_code_used_once(town: Town):
    assert (await town["p02"].post("room-pairing", {})).status_code == 403
    code = (await town["p01"].post("room-pairing", {})).json()["code"]
    address, http = town["p01"].address, town["p01"].http
    url, origin = f"http://{address}/api/room-device", {"Origin": f"http://{address}"}
    first = await http.post(url, json={"code": code}, headers=origin)
    again = await http.post(url, json={"code": code}, headers=origin)
    assert first.status_code == 200
    assert again.status_code == 409


async def test_the_rooms_device_comes_back_with_its_key_and_nobody_elses(town: Town):
    code = (await town["p01"].post("room-pairing", {})).json()["code"]
    address, http = town["p01"].address, town["p01"].http
    url, origin = f"http://{address}/api/room-device", {"Origin": f"http://{address}"}
    paired = (await http.post(url, json={"code": code}, headers=origin)).json()
    back = await http.post(f"{url}/screen", json={"key": paired["key"]}, headers=origin)
    assert back.status_code == 200
    claims = jwt.decode(back.json()["media"]["token"], options={"verify_signature": False})
    assert claims["sub"].startswith("room.")
    device, _, mac = paired["key"].partition(".")
    for wrong in (f"{device}.{'0' * len(mac)}", f"other.{mac}", "", "room"):
        refused = await http.post(f"{url}/screen", json={"key": wrong}, headers=origin)
        assert refused.status_code == 409


async def test_junk_on_the_socket_is_passed_over(town: Town):
    async with town["p01"].live() as socket:
        await heard(socket, "snapshot")
        for junk in ("", "{", "[]", '{"kind":"vote"}', b"\x00\xff", "x" * 10_000):
            await socket.send(junk)
        await socket.send('{"kind":"beat","line":"poor","microphone":true,"camera":false}')
        async with asyncio.timeout(10):
            while True:
                people = (await heard(socket, "update"))["patch"].get("people") or {}
                told = people.get("set", {}).get("p01", {})
                if told.get("line") == "poor":
                    break
    assert told["microphone"]

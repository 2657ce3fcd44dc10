"""The upper committee keeps each device key as it is told, and compares at the submission."""

import json
from dataclasses import replace
from typing import Any

import pytest

from server.store import key_directory as directory
from server.store.database import Connection
from server.store.tables import key_directory
from server.submission.directory import Told, findings
from server.verify.chain import read_log
from server.verify.findings import Findings
from tests.server.session.meeting import Meeting, meeting
from tests.server.submission.installations import SESSION, Installation, meeting_of, ok
from tests.server.submission.test_delivery import closed, deliver, package_of
from tests.server.submission.test_witness import say, told
from voting.signing import canonical_bytes

Pair = tuple[Installation, Installation]


async def keys(committee: Installation) -> list[tuple[str, str]]:
    rows = await committee.services.database.read(directory.keys_of, "installation1", SESSION)
    return [(row["person"], row["key_id"]) for row in rows]


async def test_keys_are_kept_as_they_are_told_and_once(pair: Pair):
    cell_side, committee = pair
    m = meeting_of(cell_side).gather().open().roll_call()
    certified = [(p, key.key_id) for p, key in m.keys.items()]
    ok(await say(cell_side, committee, told(m, 0)))
    ok(await say(cell_side, committee, told(m, 0)))
    assert sorted(await keys(committee)) == sorted(certified)
    m.certify("p02")
    ok(await say(cell_side, committee, told(m, m.state.seq - 1)))
    assert (await keys(committee))[-1] == ("p02", m.keys["p02"].key_id)


async def test_a_key_that_is_kept_back_or_is_not_what_its_line_covers_is_refused(pair: Pair):
    cell_side, committee = pair
    m = meeting_of(cell_side).gather().open().roll_call()
    body = told(m, 0)
    other = json.loads(body.keys[0].body)
    other["data"]["key_id"] = "0" * 16
    swapped = body.keys[0].model_copy(update={"body": canonical_bytes(other).decode()})
    for wrong in (body.keys[1:], [swapped, *body.keys[1:]]):
        refused = await say(cell_side, committee, body.model_copy(update={"keys": wrong}))
        assert (refused.status_code, refused.json()["code"]) == (400, "peer_keys")
        assert refused.json()["params"]["seq"] == body.keys[0].seq
    assert await keys(committee) == []


async def test_the_officer_reads_whether_the_delivered_keys_are_those_told(pair: Pair):
    cell_side, committee = pair
    m = closed(cell_side)
    ok(await say(cell_side, committee, told(m, 0)))
    ok(await deliver(cell_side, committee, package_of(cell_side, m)))
    path = f"/api/officer/sessions/{SESSION}/verdict"
    async with await committee.officer() as officer:
        sentences = [one["sentence"] for one in ok(await officer.get(path))["checks"]]
        assert "6 khóa máy khớp với danh bạ khóa mà máy này đã ghi trong lúc họp." in sentences

        def another(conn: Connection) -> None:
            row = key_directory.c.person == "p02"
            conn.execute(key_directory.update().where(row).values(key_id="0" * 16))

        await committee.services.database.write(another)
        found = ok(await officer.get(path))
    assert not found["intact"]
    broken = [one["sentence"] for one in found["checks"] if one["level"] == "broken"]
    assert len(broken) == 1
    assert "khác với khóa đã báo lên đây trong lúc họp" in broken[0]


# ---- each difference, named


def compared(m: Meeting, change: Any = None, elsewhere: frozenset[str] = frozenset()) -> list[str]:
    rows = ({**x.header(), "hash": x.hash, "salt": x.salt, "body": x.body} for x in m.entries)
    log = read_log([canonical_bytes(row) for row in rows], Findings())
    known = [
        Told(line.seq, line.type, line.data["person"], line.data["key_id"], line.data["spki"])
        for line in log
        if line.type == "device-certified" and line.data
    ]
    return [
        f"{x.level}: {x.sentence}"
        for x in findings(log, change(known) if change else known, elsewhere)
    ]


@pytest.fixture
def held() -> Meeting:
    return meeting().gather().open().roll_call()


def test_a_second_key_of_a_member_is_a_finding_with_its_line(held: Meeting):
    held.certify("p03")
    said = compared(held)
    assert said[0].startswith("ok: ")
    assert said[1].startswith("note: Đồng chí Đảng viên 03 dùng 2 khóa máy")
    assert f"(dòng {held.state.seq})" in said[1]


def test_a_key_told_but_not_in_the_log_and_one_in_the_log_but_not_told(held: Meeting):
    extra = Told(2, "device-certified", "p01", "f" * 16, "")
    assert "broken: Khóa máy ở dòng 2 khác" in compared(held, lambda known: [*known, extra])[0]
    said = compared(held, lambda known: known[1:])
    assert [one.partition(":")[0] for one in said] == ["ok", "note"]
    assert compared(held, lambda known: [])[0].startswith("note: 6 khóa máy chỉ biết khi nhận")


def test_a_key_of_two_members_or_of_another_session(held: Meeting):
    key = held.keys["p02"]
    assert "đã từng dùng ở phiên họp khác" in compared(held, None, frozenset({key.key_id}))[0]
    certified = next(x.logged().event for x in held.entries if x.type == "device-certified")
    held.append([replace(certified, person="p05")], "p05")
    assert "cũng là khóa của đồng chí Đảng viên 01" in compared(held)[0]

"""The upper committee follows a running session and countersigns heads that extend the last."""

from datetime import UTC, datetime

import pytest

from server.keys import Keyring
from server.session.fold import fold
from server.store import submission as store
from server.store.database import Connection
from server.store.tables import followed, followed_header
from server.submission import statements
from server.submission.links import BadHeaders, check_links
from server.submission.models import Countersignature, RunningBody
from server.submission.running import header_of, keys_of, running_body
from server.submission.witness import BadCountersignature
from server.worker import Worker
from tests.server.session.meeting import Meeting, at_vote, meeting
from tests.server.submission.installations import Installation, meeting_of, ok, signed_post, until
from voting.signing import PrivateKey, PublicKey, statement_hash

Pair = tuple[Installation, Installation]


def told(m: Meeting, after: int, until: int | None = None) -> RunningBody:
    headers = [header_of(entry) for entry in m.entries]
    state = fold("s1", [entry.logged() for entry in m.entries[:until]])
    assert state
    return running_body(state, headers, keys_of(m.entries), after, until)


async def say(cell_side: Installation, committee: Installation, body: RunningBody):
    data = body.model_dump_json().encode()
    return await signed_post(cell_side, committee, "/api/peer/running", data)


async def test_a_countersigned_head_enters_the_log_and_the_board(pair: Pair):
    cell_side, committee = pair
    m = meeting_of(cell_side).gather().open().roll_call().to_items().item("i1")
    await cell_side.hold(m)
    async with cell_side.worker():
        found = (await until(lambda: cell_side.events("head-witnessed")))[0].event
    assert m.state.ledger.head_hash(found.seq) == found.head or found.seq > m.state.seq
    async with await cell_side.officer("administrator") as administrator:
        peers = ok(await administrator.get("/api/admin/peers"))["peers"]
    assert peers[0]["key_id"] == found.key_id
    async with await committee.officer() as officer:
        tile = ok(await officer.get("/api/officer/board"))["tiles"][0]
    assert (tile["state"], tile["item"]) == ("in_session", "1. Kết quả tháng 11")
    assert tile["base"] == 5


async def test_an_outage_is_made_up_for_without_a_hole(pair: Pair):
    cell_side, committee = pair
    m = meeting_of(cell_side).gather().open().roll_call()
    ok(await say(cell_side, committee, told(m, 0, 5)))
    await committee.stop()
    await cell_side.hold(m.to_items())
    async with cell_side.worker() as worker:
        await until(lambda: committee_away(worker))
        await committee.start()
        assert await until(lambda: cell_side.events("head-witnessed"))
    async with await committee.officer() as officer:
        assert ok(await officer.get("/api/officer/board"))["tiles"][0]["stage"] == "items"


async def committee_away(worker) -> bool:
    return bool(worker.witness.followers and worker.witness.followers["s1"].due_at)


async def test_a_committee_that_lost_lines_gets_them_again(pair: Pair):
    cell_side, committee = pair
    m = meeting_of(cell_side).gather().open().roll_call()
    await cell_side.hold(m)
    async with cell_side.worker() as worker:
        await until(lambda: cell_side.events("head-witnessed"))
        await committee.services.database.write(forget)
        refused = await say(cell_side, committee, told(m, 5))
        assert (refused.status_code, refused.json()["code"]) == (409, "headers_missing")
        assert refused.json()["params"]["seq"] == 0
        worker.witness.followers["s1"].due_at = None

        async def all_known() -> bool:
            row = await committee.services.database.read(store.followed_row, "installation1", "s1")
            return row is not None and row["seq"] >= m.state.seq

        assert await until(all_known)


def forget(conn: Connection) -> None:
    """As after a restored backup."""
    conn.execute(followed_header.delete())
    conn.execute(followed.delete())


async def test_a_head_that_does_not_extend_the_last_one_is_refused(pair: Pair):
    cell_side, committee = pair
    one = meeting_of(cell_side).gather().open()
    other = meeting_of(cell_side).gather("p02", "p03").open()
    answer = ok(await say(cell_side, committee, told(one, 0)))
    assert answer["seq"] == one.state.seq
    for body in (told(other, 0), told(other, one.state.seq - 3)):
        refused = await say(cell_side, committee, body)
        assert (refused.status_code, refused.json()["code"]) == (409, "history_differs")
    shorter = told(one, 0, 4)
    assert ok(await say(cell_side, committee, shorter))["seq"] == 4
    on = told(one.roll_call(), answer["seq"])
    assert ok(await say(cell_side, committee, on))["seq"] == one.state.seq


async def test_the_countersignature_is_over_session_line_and_head(pair: Pair):
    cell_side, committee = pair
    m = meeting_of(cell_side).gather()
    answer = ok(await say(cell_side, committee, told(m, 0)))
    key = committee.services.keys.seal.public
    assert answer["key_id"] == key.key_id
    at = datetime.fromisoformat(answer["received_at"]).astimezone(UTC)
    said = {
        "purpose": "countersignature",
        "session": "s1",
        "seq": m.state.seq,
        "head": m.state.head,
        "received_at": at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z",
    }
    assert PublicKey.from_spki(key.spki).verify(said, answer["signature"])


async def test_a_countersignature_by_another_key_never_enters_the_log(pair: Pair):
    cell_side, committee = pair
    m = meeting_of(cell_side).gather()
    await cell_side.hold(m)
    object.__setattr__(committee.services.keys, "seal", PrivateKey.generate())
    worker = Worker(cell_side.services, lambda: 0.0)
    with pytest.raises(BadCountersignature):
        await worker.witness.send("s1")
    keys = committee.services.keys
    object.__setattr__(keys, "seal", Keyring.open(committee.config.keys_dir).seal)
    answer = Countersignature(**ok(await say(cell_side, committee, told(m, 0))))
    elsewhere = statements.countersignature("s1", answer.seq, "0" * 64, answer.received_at)

    async def forged(*_: object) -> Countersignature:
        return answer.model_copy(update={"signature": keys.seal.sign(elsewhere)})

    worker.client.post_model = forged  # type: ignore[method-assign]
    with pytest.raises(BadCountersignature):
        await worker.witness.send("s1")
    assert await cell_side.events("head-witnessed") == []
    await worker.client.close()
    await worker.app.close()


def test_links_are_checked_one_by_one(simple_headers: list[dict]):
    check_links("s1", simple_headers)
    check_links("s1", simple_headers[3:])
    for change in ({"actor": "p09"}, {"hash": "0" * 64}, {"seq": 9}, {"more": 1}, {"prev": "x"}):
        wrong = [dict(header) for header in simple_headers]
        wrong[4] |= change
        with pytest.raises(BadHeaders) as caught:
            check_links("s1", wrong)
        assert caught.value.seq == 5
    relinked = [dict(header) for header in simple_headers]
    relinked[4]["actor"] = "p09"
    del relinked[4]["hash"]
    relinked[4]["hash"] = statement_hash(relinked[4])
    with pytest.raises(BadHeaders) as caught:
        check_links("s1", relinked)
    assert caught.value.seq == 6
    with pytest.raises(BadHeaders):
        check_links("s2", simple_headers)


@pytest.fixture
def simple_headers() -> list[dict]:
    return [header_of(entry) for entry in meeting().gather().entries]


def test_the_message_carries_counts_and_no_names():
    m = at_vote().voted(p01="approve", p02="approve", p03="approve")
    body = told(m, 0)
    text = body.model_dump_json()
    assert "Đảng viên" not in text
    assert body.results == [
        {
            "title": "Thông qua Nghị quyết tháng 12",
            "arithmetic": m.state.motions["m1"].result.sentence_vi,
            "passed": True,
        }
    ]
    assert (body.seq, body.head) == (m.state.seq, m.state.head)

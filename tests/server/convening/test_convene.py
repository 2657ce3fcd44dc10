import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from server.http.errors import BadInput, Conflict, NotFound
from server.session import events as e
from server.store import convening as store
from server.store import tables
from tests.server.conftest import NOW, Desk
from tests.server.convening.conftest import SESSION, STARTS, Cell, draft_body
from voting.rules import rules_at


class Log:
    """Stands before the session's log: remembers what it was given, and can break down."""

    def __init__(self, real: Any) -> None:
        self.real = real
        self.given: list[tuple[str, e.Convened, str]] = []
        self.broken = False
        self.dies = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    async def convene(
        self, session_id: str, convened: e.Convened, actor: str, now: datetime
    ) -> None:
        if self.broken:
            raise ConnectionError
        await self.real.convene(session_id, convened, actor, now)
        self.given.append((session_id, convened, actor))
        if self.dies:
            raise ConnectionError


@pytest.fixture
def log(desk: Desk) -> Log:
    log = Log(desk.services.session)
    object.__setattr__(desk.services, "session", log)
    return log


async def convene(cell: Cell, session_id: str) -> Any:
    return await cell.desk("POST", SESSION + "/convene", session_id=session_id)


async def refused(cell: Cell, session_id: str) -> str:
    with pytest.raises(Conflict) as refusal:
        await convene(cell, session_id)
    shown = await cell.desk("GET", SESSION, session_id=session_id)
    assert refusal.value.message == "Chưa triệu tập được. " + " ".join(shown.obstacles)
    assert shown.stage == "draft"
    assert shown.summons == []
    return refusal.value.message


async def test_convening_summons_every_member_and_begins_the_log(cell: Cell, log: Log) -> None:
    await cell.authorise()
    draft = await cell.draft()
    assert (draft.obstacles, draft.eligible, draft.authorised) == ([], True, True)
    shown = await convene(cell, draft.id)
    assert (shown.stage, len(shown.summons), shown.i_lead) == ("convened", 7, True)
    [(session_id, first, actor)] = log.given
    assert (session_id, actor, first.chair, first.deputy) == (draft.id, "p01", "p01", "p02")
    assert [line.id for line in first.roster] == [f"p{n:02d}" for n in range(1, 8)]
    assert [line.title for line in first.roster[:3]] == ["Bí thư", "Phó Bí thư", ""]
    assert [line.official for line in first.roster].count(False) == 1
    assert first.eligibility.sentence.startswith("4 trên 7 đồng chí")
    assert first.authorisation.number == "12-CV/ĐU"
    assert first.rules == rules_at(STARTS.date()).to_data()
    assert [item.motion for item in first.items] == [None, "Thông qua nghị quyết tháng 11."]
    assert first.seal_key == cell.desk.services.keys.seal.key_id
    state = await log.real.state(draft.id)
    assert (state.seq, state.stage, state.convened) == (1, "convened", first)
    with pytest.raises(Conflict):
        await convene(cell, draft.id)


async def test_documents_stand_in_the_log_by_their_hash(cell: Cell, log: Log, pdf: Any) -> None:
    await cell.authorise()
    draft = await cell.draft()
    made = await cell.upload(draft.id, pdf(1))
    await convene(cell, draft.id)
    [line] = log.given[0][1].documents
    assert (line.id, line.sha256, line.pages) == (made.id, made.sha256, 1)
    for act in (
        cell.desk("PUT", SESSION, draft_body(), session_id=draft.id),
        cell.desk(
            "DELETE",
            SESSION + "/documents/{document_id}",
            session_id=draft.id,
            document_id=made.id,
        ),
    ):
        with pytest.raises(Conflict) as refusal:
            await act
        assert refusal.value.code == "already_convened"


async def test_a_document_after_the_convening_enters_the_log_before_it_is_shown(
    cell: Cell, pdf: Any
) -> None:
    await cell.authorise()
    draft = await cell.draft()
    await convene(cell, draft.id)
    made = await cell.upload(draft.id, pdf(1), item_id=draft.items[0].id)
    cell.desk.now = STARTS - timedelta(hours=2)
    with pytest.raises(Conflict) as refusal:
        await cell.upload(draft.id, pdf(1))
    assert refusal.value.code == "late_reason_needed"
    late = await cell.upload(draft.id, pdf(1), late_reason="Cấp trên vừa gửi")
    session = cell.desk.services.session
    state = await session.state(draft.id)
    assert [(d.id, d.sha256, d.late_reason) for d in state.added] == [
        (made.id, made.sha256, None),
        (late.id, late.sha256, "Cấp trên vừa gửi"),
    ]
    cell.become(3)
    shown = await cell.desk("GET", SESSION, session_id=draft.id)
    assert [d.id for d in shown.documents] == [made.id, late.id]


async def test_a_running_session_takes_no_documents(cell: Cell, pdf: Any) -> None:
    await cell.authorise()
    draft = await cell.draft()
    await convene(cell, draft.id)
    running = {"stage": "open"}
    await cell.desk.services.database.write(store.change_session, draft.id, running)
    with pytest.raises(Conflict) as refusal:
        await cell.upload(draft.id, pdf(1))
    assert refusal.value.code == "too_late_to_upload"
    assert (await cell.desk.services.session.state(draft.id)).added == ()
    assert not list(cell.desk.services.blobs.names())  # type: ignore[attr-defined]


async def test_exactly_one_half_may_not_convene(cell: Cell, log: Log) -> None:
    await cell.authorise()
    await cell.change(5, exempt=True)
    draft = await cell.draft()
    assert "3 trên 6 đồng chí" in await refused(cell, draft.id)
    assert log.given == []


@pytest.mark.parametrize(
    ("dates", "allowed"),
    [
        ({"date": "2026-01-05", "valid_until": "2026-11-05"}, True),
        ({"date": "2026-01-05", "valid_until": "2026-11-04"}, False),
    ],
)
async def test_the_authorisation_must_hold_on_the_day_itself(
    cell: Cell, log: Log, dates: dict[str, str], allowed: bool
) -> None:
    await cell.authorise(**dates)
    draft = await cell.draft(starts_at="2026-11-05T23:30:00+07:00")
    if allowed:
        assert (await convene(cell, draft.id)).stage == "convened"
    else:
        assert "còn hiệu lực vào ngày 05/11/2026" in await refused(cell, draft.id)


async def test_every_obstacle_is_named_at_once(cell: Cell, log: Log) -> None:
    for n in range(2, 6):
        await cell.change(n, kind="probationary", circumstance="none")
    draft = await cell.draft(items=[], starts_at=(NOW - timedelta(hours=1)).isoformat())
    message = await refused(cell, draft.id)
    for part in (
        "đã qua",
        "chưa có nội dung",
        "chưa đủ điều kiện",
        "Chưa có văn bản",
        "cần ít nhất 3",
    ):
        assert part in message
    assert len((await cell.desk("GET", SESSION, session_id=draft.id)).obstacles) == 5


async def test_a_cell_without_a_leader_has_nobody_to_chair(cell: Cell, log: Log) -> None:
    await cell.authorise()
    draft = await cell.draft()
    for n in (0, 1):
        path = "/api/members/{member_id}/roles"
        await cell.desk("PUT", path, {"roles": []}, member_id=cell.members[n].id)
    assert "chủ trì" in await refused(cell, draft.id)


async def test_a_document_that_became_late_needs_a_reason(cell: Cell, log: Log, pdf: Any) -> None:
    await cell.authorise()
    draft = await cell.draft()
    await cell.upload(draft.id, pdf(1))
    sooner = draft_body(starts_at=(NOW + timedelta(hours=20)).isoformat())
    await cell.desk("PUT", SESSION, sooner, session_id=draft.id)
    assert "Dự thảo nghị quyết" in await refused(cell, draft.id)


async def test_suspended_and_detained_members_stand_on_the_roster_but_are_not_summoned(
    cell: Cell, log: Log
) -> None:
    await cell.authorise()
    await cell.change(2, suspended=True)
    await cell.change(3, detained=True)
    draft = await cell.draft()
    shown = await convene(cell, draft.id)
    summoned = {s.member_id for s in shown.summons}
    assert summoned == {m.id for n, m in enumerate(cell.members) if n not in (2, 3)}
    assert shown.not_summoned == [
        f"{cell.members[2].name}: đang bị đình chỉ sinh hoạt.",
        f"{cell.members[3].name}: đang bị khởi tố, truy tố hoặc tạm giam.",
    ]
    lines = {line.member_id: line for line in log.given[0][1].roster}
    assert lines[cell.members[2].id].suspended
    assert lines[cell.members[3].id].prosecuted
    rows = await cell.desk.services.database.read(store.summonses, draft.id)
    assert all(lines[row["member_id"]].id == row["person"] for row in rows)


async def test_each_confirmed_upper_committee_is_sent_the_schedule(cell: Cell, log: Log) -> None:
    def peers(conn: Any) -> None:
        for name, kind, confirmed in (
            ("a", "committee", NOW),
            ("b", "committee", None),
            ("c", "cell", NOW),
        ):
            conn.execute(
                tables.peer.insert().values(
                    id=name, kind=kind, key_id=name, enrolled_at=NOW, confirmed_at=confirmed
                )
            )

    await cell.desk.services.database.write(peers)
    await cell.authorise()
    draft = await cell.draft()
    await convene(cell, draft.id)

    def queued(conn: Any) -> list[Any]:
        return list(conn.execute(tables.outbox.select()).mappings())

    [row] = await cell.desk.services.database.read(queued)
    assert (row["peer_id"], row["kind"], row["state"]) == ("a", "schedule", "waiting")
    message = json.loads(row["body"])
    assert (message["session_id"], message["stage"]) == (draft.id, "convened")
    assert "name" not in message


async def test_an_interrupted_convening_is_finished_by_asking_again(cell: Cell, log: Log) -> None:
    await cell.authorise()
    draft = await cell.draft()
    log.broken = True
    with pytest.raises(ConnectionError):
        await convene(cell, draft.id)
    cell.become(2)
    assert (await cell.desk("GET", "/api/sessions")).sessions == []
    cell.become(0)
    log.broken = False
    assert len((await convene(cell, draft.id)).summons) == 7


async def test_a_log_that_already_begins_is_not_begun_twice(cell: Cell, log: Log) -> None:
    await cell.authorise()
    draft = await cell.draft()
    log.dies = True
    with pytest.raises(ConnectionError):
        await convene(cell, draft.id)
    log.dies = False
    assert (await convene(cell, draft.id)).stage == "convened"
    assert len(log.given) == 1


async def test_members_see_sessions_once_convened_and_their_own_summons(
    cell: Cell, log: Log, pdf: Any
) -> None:
    await cell.authorise()
    draft = await cell.draft()
    document = await cell.upload(draft.id, pdf(2))
    cell.become(4)
    assert (await cell.desk("GET", "/api/sessions")).sessions == []
    cell.become(0)
    [mine] = (await cell.desk("GET", "/api/sessions")).sessions
    assert (mine.stage, mine.i_chair, mine.documents_read) == ("draft", True, 0)
    await convene(cell, draft.id)
    cell.become(4)
    [listed] = (await cell.desk("GET", "/api/sessions")).sessions
    assert (listed.i_chair, listed.documents, listed.documents_read) == (False, 1, 0)
    where = {"session_id": draft.id, "document_id": document.id}
    path = SESSION + "/documents/{document_id}/read"
    await cell.desk("POST", path, {"page": 1}, **where)
    assert (await cell.desk("GET", "/api/sessions")).sessions[0].documents_read == 0
    await cell.desk("POST", path, {"page": 2}, **where)
    assert (await cell.desk("GET", "/api/sessions")).sessions[0].documents_read == 1
    cell.desk.now = NOW + timedelta(hours=1)
    shown = await cell.desk("GET", SESSION, session_id=draft.id)
    [own] = shown.summons
    assert (own.member_id, own.seen_at) == (cell.members[4].id, cell.desk.now)
    assert (shown.i_lead, shown.obstacles) == (False, [])
    cell.become(0)
    seen = (await cell.desk("GET", SESSION, session_id=draft.id)).summons
    assert sum(s.seen_at is not None for s in seen) == 2


async def test_replies_are_kept_and_absence_takes_a_reason(cell: Cell, log: Log) -> None:
    await cell.authorise()
    draft = await cell.draft()
    with pytest.raises(Conflict):
        await cell.desk("POST", SESSION + "/reply", {"coming": True}, session_id=draft.id)
    await convene(cell, draft.id)
    cell.become(3)
    reply = SESSION + "/reply"
    with pytest.raises(BadInput):
        await cell.desk("POST", reply, {"coming": False}, session_id=draft.id)
    absent = {"coming": False, "reason": "Đi khám bệnh"}
    await cell.desk("POST", reply, absent, session_id=draft.id)
    [own] = (await cell.desk("GET", SESSION, session_id=draft.id)).summons
    assert (own.reply, own.reason) == ("absent", "Đi khám bệnh")
    await cell.desk("POST", reply, {"coming": True}, session_id=draft.id)
    [own] = (await cell.desk("GET", SESSION, session_id=draft.id)).summons
    assert (own.reply, own.reason) == ("coming", "")
    running = {"stage": "items"}
    await cell.desk.services.database.write(store.change_session, draft.id, running)
    with pytest.raises(Conflict):
        await cell.desk("POST", reply, {"coming": True}, session_id=draft.id)


@pytest.mark.parametrize(
    ("decision", "why"),
    [
        ("discipline", "Nguồn: mặc định thận trọng"),
        ("elect_committee", "Bầu cử không tiến hành trực tuyến."),
        ("classify_member", "phải bỏ phiếu kín"),
        ("made_up", "Chưa có quy định"),
    ],
)
@pytest.mark.parametrize("mode", ["online", "hybrid"])
async def test_what_the_rules_bar_online_is_refused_with_its_source(
    cell: Cell, decision: str, why: str, mode: str
) -> None:
    item = {
        "kind": "vote",
        "title": "Nội dung",
        "minutes": 5,
        "motion": "Thông qua.",
        "decision": decision,
    }
    with pytest.raises(Conflict) as refusal:
        await cell.draft(items=[item], mode=mode)
    assert why in refusal.value.message
    assert "Nội dung 1" in refusal.value.message


@pytest.mark.parametrize(
    "more",
    [
        {"title": " x "},
        {"place": ""},
        {"starts_at": "2026-11-05T12:00:00"},
        {"items": [{"kind": "vote", "title": "Biểu quyết", "minutes": 5}]},
        {"items": [{"kind": "report", "title": "Báo cáo", "minutes": 0}]},
        {"items": [{"kind": "report", "title": "Báo cáo", "minutes": 5, "id": "another"}]},
        {"items": [{"kind": "report", "title": "Báo cáo", "minutes": 5}] * 41},
    ],
)
async def test_an_incomplete_draft_is_refused(cell: Cell, more: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        await cell.draft(**more)
    assert (await cell.desk("GET", "/api/sessions")).sessions == []


async def test_a_changed_draft_keeps_the_ids_of_its_items(cell: Cell) -> None:
    draft = await cell.draft()
    items = [item.model_dump(exclude={"number"}) for item in reversed(draft.items)]
    body = draft_body(items=[*items, {"kind": "discussion", "title": "Thảo luận", "minutes": 20}])
    changed = await cell.desk("PUT", SESSION, body, session_id=draft.id)
    assert [i.id for i in changed.items[:2]] == [draft.items[1].id, draft.items[0].id]
    assert [i.number for i in changed.items] == [1, 2, 3]
    with pytest.raises(NotFound):
        await cell.desk("PUT", SESSION, body, session_id="nothing")


async def test_what_comes_first_stands_first_and_what_is_over_last(cell: Cell) -> None:
    ids = []
    for day, stage in ((5, "convened"), (3, "closed"), (4, "closed"), (2, "items")):
        draft = await cell.draft(starts_at=f"2026-12-0{day}T12:00:00Z")
        change = cell.desk.services.database.write
        await change(store.change_session, draft.id, {"stage": stage})
        ids.append(draft.id)
    listed = (await cell.desk("GET", "/api/sessions")).sessions
    assert [s.id for s in listed] == [ids[3], ids[0], ids[2], ids[1]]

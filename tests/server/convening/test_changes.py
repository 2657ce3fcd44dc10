"""After the convening: another hour, no session after all, papers taken back or replaced."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from server.http.errors import BadInput, Conflict, NotFound, Refused
from server.session.export import _log_line
from server.store import accounts, tables
from server.store import convening as store
from server.store import events as event_store
from server.verify.chain import read_log
from server.verify.findings import Findings
from server.verify.session import read_session
from tests.server.conftest import NOW
from tests.server.convening.conftest import SESSION, STARTS, Cell
from voting.signing import canonical_bytes

LATER = STARTS + timedelta(days=7)
PAPER = SESSION + "/documents/{document_id}"
Make = Callable[..., bytes]


@pytest.fixture
async def held(cell: Cell) -> str:
    """A convened session, to which member 3 has answered."""
    await cell.desk.services.database.write(a_committee)
    await cell.authorise()
    draft = await cell.draft()
    await cell.desk("POST", SESSION + "/convene", session_id=draft.id)
    cell.become(3)
    await cell.desk("GET", SESSION, session_id=draft.id)
    await cell.desk("POST", SESSION + "/reply", {"coming": True}, session_id=draft.id)
    cell.become(0)
    return str(draft.id)


def a_committee(conn: Any) -> None:
    peer = {"id": "xã", "kind": "committee", "key_id": "k", "enrolled_at": NOW}
    conn.execute(tables.peer.insert().values(**peer, confirmed_at=NOW))


async def move(cell: Cell, session_id: str, to: datetime = LATER, **more: Any) -> Any:
    body = {"starts_at": to.isoformat(), "place": "Trực tuyến", "reason": "Bão số 12"} | more
    return await cell.desk("POST", SESSION + "/reschedule", body, session_id=session_id)


async def cancel(cell: Cell, session_id: str, reason: str = "Bão số 12") -> Any:
    return await cell.desk("POST", SESSION + "/cancel", {"reason": reason}, session_id=session_id)


async def told(cell: Cell, n: int) -> list[str]:
    """What member n reads on their next screen."""
    before = cell.desk.principal
    cell.become(n)
    notices = (await cell.desk("GET", "/api/me/notices")).notices
    cell.desk.principal = before
    return [notice.text for notice in notices]


async def to_committee(cell: Cell) -> list[dict[str, Any]]:
    def queued(conn: Any) -> list[str]:
        return list(
            conn.execute(tables.outbox.select().with_only_columns(tables.outbox.c.body)).scalars()
        )

    return [json.loads(body) for body in await cell.desk.services.database.read(queued)]


async def log_of(cell: Cell, session_id: str) -> list[str]:
    """Types of the log's lines, after the independent verifier has found nothing wrong in it."""
    entries = await cell.desk.services.database.read(event_store.entries_after, session_id, 0)
    findings = Findings()
    log = read_log([canonical_bytes(_log_line(entry)) for entry in entries], findings)
    assert read_session(log, findings) is not None
    assert findings.intact, findings.found
    return [entry.type for entry in entries]


async def test_another_hour_summons_everybody_anew(cell: Cell, held: str) -> None:
    cell.desk.now = NOW + timedelta(hours=5)
    shown = await move(cell, held)
    assert (shown.starts_at, shown.place, shown.stage) == (LATER, "Trực tuyến", "convened")
    [moved] = shown.rescheduled
    assert (moved.starts_at, moved.reason) == (STARTS, "Bão số 12")
    assert moved.by == cell.members[0].name
    assert {(s.reply, s.seen_at, s.sent_at) for s in shown.summons} == {
        ("none", None, cell.desk.now)
    }
    for n in range(1, 7):
        [text] = await told(cell, n)
        assert "Bão số 12" in text
        assert "12/11/2026" in text
    assert await told(cell, 0) == []  # who did it knows
    assert await log_of(cell, held) == ["convened", "rescheduled"]
    state = await cell.desk.services.session.state(held)
    assert (state.starts_at, state.place) == (LATER, "Trực tuyến")
    first, second = await to_committee(cell)
    assert (first["seq"], second["seq"], second["stage"]) == (1, 2, "convened")
    assert datetime.fromisoformat(second["starts_at"]) == LATER
    cell.become(3)
    [listed] = (await cell.desk("GET", "/api/sessions")).sessions
    assert (listed.starts_at, listed.place) == (LATER, "Trực tuyến")


async def test_the_same_hour_again_tells_nobody(cell: Cell, held: str) -> None:
    place = (await cell.desk("GET", SESSION, session_id=held)).place
    assert (await move(cell, held, STARTS, place=place)).rescheduled == []
    assert await told(cell, 3) == []


@pytest.mark.parametrize(
    ("to", "more", "code"),
    [
        (NOW - timedelta(hours=1), {}, "rescheduled_to_the_past"),
        (LATER, {"reason": " "}, "bad_reason"),
        (LATER, {"place": ""}, "bad_place"),
        (datetime(2027, 2, 1, 12, tzinfo=STARTS.tzinfo), {}, "cannot_reschedule"),
    ],
)
async def test_an_hour_that_cannot_be_is_refused(
    cell: Cell, held: str, to: datetime, more: dict[str, Any], code: str
) -> None:
    with pytest.raises(Refused) as refusal:
        await move(cell, held, to, **more)
    assert refusal.value.code == code
    if code == "cannot_reschedule":  # the authorisation ends with the year
        assert "01/02/2027" in refusal.value.message
    assert await log_of(cell, held) == ["convened"]
    assert await told(cell, 3) == []


async def test_papers_that_would_become_late_hold_the_hour(
    cell: Cell, held: str, pdf: Make
) -> None:
    await cell.upload(held, pdf(1))
    with pytest.raises(Conflict) as refusal:
        await move(cell, held, NOW + timedelta(hours=20))
    assert "Dự thảo nghị quyết" in refusal.value.message


async def test_a_roster_that_changed_asks_for_a_new_convening(cell: Cell, held: str) -> None:
    await cell.change(4, suspended=True)
    name = cell.members[4].name
    shown = await cell.desk("GET", SESSION, session_id=held)
    assert shown.roster_changed == [name]
    with pytest.raises(Conflict) as refusal:
        await move(cell, held)
    assert name in refusal.value.message
    assert (await cancel(cell, held)).cancelled


async def test_once_people_gather_the_hour_stands(cell: Cell, held: str) -> None:
    session = cell.desk.services.session
    cell.desk.now = STARTS - timedelta(minutes=20)
    await session.log.append(
        held, "system", None, cell.desk.now, lambda state, _: system_presence(state, cell.desk.now)
    )
    with pytest.raises(Refused) as refusal:
        await move(cell, held)
    assert refusal.value.code == "gathered_already"
    assert (await cancel(cell, held)).stage == "abandoned"


def system_presence(state: Any, now: datetime) -> Any:
    from server.session.decide_system import presence

    return presence(state, frozenset({"p03"}), now)


async def test_a_cancelled_session_is_over_and_everybody_knows_why(cell: Cell, held: str) -> None:
    shown = await cancel(cell, held)
    assert (shown.stage, shown.cancelled, shown.end_reason) == ("abandoned", True, "Bão số 12")
    [text] = await told(cell, 6)
    assert "không họp nữa" in text
    assert "Bão số 12" in text
    assert (await to_committee(cell))[-1]["stage"] == "abandoned"
    assert await log_of(cell, held) == ["convened", "abandoned"]
    for again in (cancel(cell, held), move(cell, held)):
        with pytest.raises(Refused) as refusal:
            await again
        assert refusal.value.code == "ended"
    cell.become(3)
    [listed] = (await cell.desk("GET", "/api/sessions")).sessions
    assert listed.cancelled
    with pytest.raises(Conflict):
        await cell.desk("POST", SESSION + "/reply", {"coming": True}, session_id=held)


async def test_a_draft_is_edited_not_moved(cell: Cell) -> None:
    draft = await cell.draft()
    for act in (move(cell, draft.id), cancel(cell, draft.id)):
        with pytest.raises(Conflict) as refusal:
            await act
        assert refusal.value.code == "not_convened"


async def test_adjourning_in_the_room_tells_those_who_are_not_there(cell: Cell, held: str) -> None:
    body = {"command_id": "a-command-1", "reason": "Mất điện", "until": LATER.isoformat()}
    await cell.desk("POST", SESSION + "/commands/adjourn", body, session_id=held)
    [text] = await told(cell, 5)
    assert "Mất điện" in text
    assert "12/11/2026" in text
    assert (await to_committee(cell))[-1]["stage"] == "adjourned"


async def test_a_withdrawn_paper_is_gone_and_leaves_its_trace(
    cell: Cell, held: str, pdf: Make
) -> None:
    made = await cell.upload(held, pdf(2))
    where = {"session_id": held, "document_id": made.id}
    with pytest.raises(BadInput):
        await cell.desk("POST", PAPER + "/withdraw", {"reason": ""}, **where)
    shown = await cell.desk("POST", PAPER + "/withdraw", {"reason": "Nhầm bản"}, **where)
    assert shown.documents == []
    [gone] = shown.withdrawn
    assert (gone.sha256, gone.reason, gone.replaced_by) == (made.sha256, "Nhầm bản", None)
    assert not list(cell.desk.services.blobs.names())  # type: ignore[attr-defined]
    [text] = await told(cell, 4)
    assert "thu hồi" in text
    assert made.name in text
    cell.become(4)
    for path in (PAPER + "/file", PAPER + "/pages/{page}"):
        with pytest.raises(NotFound):
            await cell.desk("GET", path, **where, page="1")
    [trace] = (await cell.desk("GET", SESSION, session_id=held)).withdrawn
    assert trace == gone
    assert await log_of(cell, held) == ["convened", "document-added", "document-withdrawn"]
    cell.become(0)
    with pytest.raises(NotFound):
        await cell.desk("POST", PAPER + "/withdraw", {"reason": "Nhầm bản"}, **where)


async def test_a_replacement_obeys_the_day_before_and_names_its_reasons(
    cell: Cell, held: str, pdf: Make
) -> None:
    old = await cell.upload(held, pdf(1))
    cell.desk.now = STARTS - timedelta(hours=3)
    replacing = {"replaces": old.id, "reason": "Sai số liệu"}
    for fields, code in (
        ({"replaces": old.id}, "bad_reason"),
        (replacing, "late_reason_needed"),
        ({**replacing, "replaces": "khong-co", "late_reason": "Mới có"}, "not_found"),
    ):
        with pytest.raises(Refused) as refusal:
            await cell.upload(held, pdf(3), **fields)
        assert refusal.value.code == code
    new = await cell.upload(held, pdf(3), **replacing, late_reason="Số liệu vừa có")
    shown = await cell.desk("GET", SESSION, session_id=held)
    assert [(d.id, d.late_reason) for d in shown.documents] == [(new.id, "Số liệu vừa có")]
    [gone] = shown.withdrawn
    assert (gone.id, gone.replaced_by, gone.reason) == (old.id, new.id, "Sai số liệu")
    names = set(cell.desk.services.blobs.names())  # type: ignore[attr-defined]
    assert names
    assert all(new.id in name for name in names)
    [text] = await told(cell, 2)
    assert "thay bằng bản khác" in text
    state = await cell.desk.services.session.state(held)
    assert [d.id for d in state.documents] == [new.id]
    assert (await log_of(cell, held))[-2:] == ["document-added", "document-withdrawn"]


async def test_nothing_changes_once_the_session_is_open(cell: Cell, held: str, pdf: Make) -> None:
    """The log decides, whatever the list's copy of it says."""
    made = await cell.upload(held, pdf(1))
    session = cell.desk.services.session
    cell.desk.now = STARTS

    def opened(_state: Any, _now: datetime) -> Any:
        from server.session import events as e

        return [e.WaitingOpened(), e.Opened("", 0, "", "")]

    await session.log.append(held, "p01", None, STARTS, opened)
    for act in (
        move(cell, held),
        cancel(cell, held),
        cell.desk(
            "POST",
            PAPER + "/withdraw",
            {"reason": "Nhầm bản"},
            session_id=held,
            document_id=made.id,
        ),
    ):
        with pytest.raises(Refused) as refusal:
            await act
        assert refusal.value.code == "opened_already"


async def test_if_the_notices_cannot_be_written_nothing_is_moved(
    cell: Cell, held: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(accounts, "notify", broken)
    with pytest.raises(OSError, match="disk full"):
        await move(cell, held)
    monkeypatch.undo()
    assert await log_of(cell, held) == ["convened"]
    rows = await cell.desk.services.database.read(store.summonses, held)
    assert {row["reply"] for row in rows} == {"none", "coming"}

"""What an officer sees and does: live board, dossier, verdict, return, and who may not."""

import json
import time

import httpx
from websockets.asyncio.client import connect

from server.blobs import LocalBlobs
from server.keys import Keyring, new_id
from server.reports.bundle import packed, seal, unpacked
from server.services import Services
from server.store import submission as store
from server.store.database import Connection
from server.store.tables import account, member, role
from tests.server.session.meeting import Meeting
from tests.server.submission.installations import (
    SESSION,
    Installation,
    meeting_of,
    ok,
    signed_post,
    until,
)
from tests.server.submission.test_witness import say, told

Pair = tuple[Installation, Installation]


def closed(cell_side: Installation) -> Meeting:
    m = meeting_of(cell_side).gather().open().roll_call().to_items().to_vote()
    return m.voted(p01="approve", p02="approve", p03="approve").to_close()


async def delivered(pair: Pair, m: Meeting | None = None, witnessed: bool = True) -> Meeting:
    """A report at the committee, whose head it had followed."""
    cell_side, committee = pair
    m = m or closed(cell_side)
    if witnessed:
        ok(await say(cell_side, committee, told(m, 0)))
    key = Keyring.open(cell_side.config.keys_dir).seal
    data = packed(seal(SESSION, m.entries, key), key.public.spki)
    ok(await signed_post(cell_side, committee, "/api/peer/reports", data))
    return m


def sentences(verdict: dict) -> str:
    return " ".join(check["sentence"] for check in verdict["checks"])


async def get_verdict(committee: Installation) -> dict:
    async with await committee.officer() as officer:
        return ok(await officer.get(f"/api/officer/sessions/{SESSION}/verdict"))


async def test_the_live_board_shows_what_was_heard_within_two_seconds(pair: Pair):
    cell_side, committee = pair
    officer = await committee.officer()
    cookies = "; ".join(f"{c.name}={c.value}" for c in officer.cookies.jar)
    url = committee.url.replace("http", "ws") + "/api/officer/live"
    headers = {"cookie": cookies}
    async with officer, connect(url, origin=committee.url, additional_headers=headers) as socket:  # type: ignore[arg-type]
        first = json.loads(await socket.recv())
        assert [tile["state"] for tile in first["tiles"]] == ["idle"]
        m = meeting_of(cell_side).gather().open()
        began = time.monotonic()
        ok(await say(cell_side, committee, told(m, 0)))
        second = json.loads(await socket.recv())
        assert time.monotonic() - began < 2
        assert [tile["state"] for tile in second["tiles"]] == ["in_session"]


async def test_the_dossier_has_the_documents_as_they_were_sealed(pair: Pair):
    m = await delivered(pair)
    async with await pair[1].officer() as officer:
        dossier = ok(await officer.get(f"/api/officer/sessions/{SESSION}"))
        assert (dossier["title"], dossier["state"]) == (m.state.convened.title, "received")
        assert dossier["report"]["official"] == 5
        for document in dossier["documents"]:
            file = await officer.get(document["url"])
            assert file.is_success, document
            assert len(file.content) > 100
        page = await officer.get(f"/api/officer/sessions/{SESSION}/documents/minutes.html")
        assert page.headers["content-security-policy"].startswith("default-src 'none'")
        gone = await officer.get(f"/api/officer/sessions/{SESSION}/documents/manifest.json")
        assert gone.status_code == 404


async def test_the_verdict_of_an_untouched_dossier_is_intact(pair: Pair):
    m = await delivered(pair)
    verdict = await get_verdict(pair[1])
    assert verdict["intact"], sentences(verdict)
    assert f"{m.state.seq} dòng" in sentences(verdict)


async def test_the_verdict_says_when_nothing_was_heard_during_the_session(pair: Pair):
    await delivered(pair, witnessed=False)
    verdict = await get_verdict(pair[1])
    assert verdict["intact"]
    assert verdict["notes"] >= 1


async def test_a_history_written_anew_is_named_by_its_line(pair: Pair):
    cell_side, committee = pair
    other = meeting_of(cell_side).gather("p01", "p02", "p03").open().roll_call()
    ok(await say(cell_side, committee, told(other, 0)))
    await delivered(pair, witnessed=False)
    verdict = await get_verdict(committee)
    assert not verdict["intact"]
    assert "Dòng 6 của sổ khác" in sentences(verdict)


async def test_a_file_altered_in_our_store_is_named(pair: Pair):
    await delivered(pair)
    services: Services = pair[1].services  # type: ignore[assignment]
    row = await services.database.read(store.received, SESSION)
    assert isinstance(services.blobs, LocalBlobs)
    data = await services.blobs.get(row["blob"])
    package = unpacked(data)
    lines = package.files["log.jsonl"].replace("Đảng viên 03".encode(), "Đảng viên 33".encode())
    package.files["log.jsonl"] = lines
    spki = Keyring.open(pair[0].config.keys_dir).seal.public.spki
    await services.blobs.put(row["blob"], packed(package, spki))
    verdict = await get_verdict(pair[1])
    assert not verdict["intact"]
    assert "log.jsonl" in sentences(verdict)


async def test_a_returned_dossier_is_told_to_the_cells_leaders(pair: Pair):
    cell_side, committee = pair
    await cell_side.hold(closed(cell_side))
    services = cell_side.services
    assert services
    secretary = new_id()

    def write(conn: Connection) -> None:
        now = services.clock()
        held = {"id": secretary, "phone": "0912345678", "name": "Bí thư", "created_at": now}
        conn.execute(account.insert().values(**held))
        seat = {"id": new_id(), "cell_id": "cell1", "account_id": secretary, "name": "Bí thư"}
        conn.execute(
            member.insert().values(**seat, phone="0912345678", kind="official", created_at=now)
        )
        office = {"id": new_id(), "account_id": secretary, "role": "secretary"}
        conn.execute(role.insert().values(**office, cell_id="cell1", granted_at=now))

    await services.database.write(write)
    async with cell_side.worker() as worker, await committee.officer() as officer:
        await until(lambda: cell_side.events("report-received"))
        path = f"/api/officer/sessions/{SESSION}/review"
        note = {"accept": False, "note": "Thiếu chữ ký"}
        assert ok(await officer.post(path, json=note))["state"] == "returned"
        await worker._reviews()
        await worker._reviews()
        from server.store import accounts

        told_to = await services.database.read(accounts.unseen_notices, secretary)
        assert [(row["code"], row["params"]["note"]) for row in told_to] == [
            ("report_returned", "Thiếu chữ ký")
        ]
        assert ok(await officer.get("/api/officer/board"))["tiles"][0]["state"] == "returned"
        ok(await officer.post(path, json={"accept": True}))
        final = await officer.post(path, json=note)
        assert (final.status_code, final.json()["code"]) == (409, "already_accepted")


async def test_only_officers_come_in(pair: Pair):
    await delivered(pair)
    committee = pair[1]
    paths = ("/api/officer/board", f"/api/officer/sessions/{SESSION}")
    async with await committee.officer("administrator") as somebody:
        assert {(await somebody.get(path)).status_code for path in paths} == {403}
    async with httpx.AsyncClient(base_url=committee.url) as nobody:
        assert {(await nobody.get(path)).status_code for path in paths} == {401}
    async with await committee.officer() as officer:
        assert (await officer.get("/api/officer/sessions/unknown")).status_code == 404

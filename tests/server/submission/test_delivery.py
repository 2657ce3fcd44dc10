"""From the close of a session to the upper committee's signed receipt, over real HTTP."""

import io
import json
import time
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from server.keys import Keyring
from server.reports.bundle import packed, seal, unpacked
from server.session.events import SYSTEM, UPPER, ReportReviewed, ReportSealed
from server.session.times import to_text
from server.store import submission as store
from server.submission import statements
from server.submission.delivery import (
    FIRST_DELAY,
    LONGEST_DELAY,
    BadReceipt,
    check_receipt,
    delay,
)
from server.submission.inbox import take_schedule
from server.submission.models import ReportReceipt, ScheduleBody
from server.submission.witness import EVERY
from tests.server.session.meeting import START, Meeting
from tests.server.submission.installations import (
    SESSION,
    Installation,
    introduce,
    meeting_of,
    ok,
    signed_post,
    until,
)
from voting.signing import PrivateKey, PublicKey, canonical_bytes, from_base64url, to_base64url

Pair = tuple[Installation, Installation]


def closed(cell_side: Installation, conclusion: str = "") -> Meeting:
    meeting = meeting_of(cell_side).gather().open().roll_call().to_items().to_vote()
    meeting.voted(p01="approve", p02="approve", p03="approve", p04="disapprove")
    if conclusion:
        meeting.give("p03", "note", item="i2", text=conclusion, kind="task")
    return meeting.to_close()


def package_of(cell_side: Installation, meeting: Meeting, key: PrivateKey | None = None) -> bytes:
    key = key or Keyring.open(cell_side.config.keys_dir).seal
    return packed(seal(SESSION, meeting.entries, key), key.public.spki)


async def deliver(cell_side: Installation, committee: Installation, data: bytes) -> httpx.Response:
    return await signed_post(cell_side, committee, "/api/peer/reports", data)


async def test_the_report_of_a_closed_session_is_acknowledged_within_five_seconds(pair: Pair):
    cell_side, _ = pair
    async with cell_side.worker():
        began = time.monotonic()
        await cell_side.hold(closed(cell_side))
        received = await until(lambda: cell_side.events("report-received"))
        took = time.monotonic() - began
    print(f"close to receipt in the log: {took:.2f} s")
    assert took < 5
    event = received[0].event
    assert (event.number, event.committee) == ("BN 0001", "Đảng ủy xã Thử")
    assert (await cell_side.events("report-sealed"))[0].event.sha256 == event.sha256
    said = {
        "purpose": "report-receipt",
        "session": SESSION,
        "sha256": event.sha256,
        "number": "BN 0001",
        "committee": "Đảng ủy xã Thử",
        "received_at": event.received_at,
    }
    peer = await cell_side.services.database.read(store.committee)
    assert PublicKey.from_spki(from_base64url(peer["spki"])).verify(said, event.signature)


async def test_nothing_is_lost_while_the_committee_is_away(pair: Pair):
    cell_side, committee = pair
    await committee.stop()
    async with cell_side.worker():
        await cell_side.hold(closed(cell_side))

        async def failed_twice():
            message = await cell_side.services.database.read(store.report_message, SESSION)
            return message if message and message["attempts"] >= 2 else None

        message = await until(failed_twice)
        assert message["state"] == "waiting"
        assert "chưa trả lời" in message["error"]
        await committee.start()
        assert await until(lambda: cell_side.events("report-received"))


async def test_a_new_worker_takes_up_what_a_killed_one_left(pair: Pair):
    cell_side, _ = pair
    await cell_side.hold(closed(cell_side))
    async with cell_side.worker() as worker:
        await worker.deliverer.advance(SESSION)
    assert len(await cell_side.events("report-sealed")) == 1
    async with cell_side.worker():
        await until(lambda: cell_side.events("report-received"))
    assert len(await cell_side.events("report-sealed")) == 1


async def test_the_same_report_twice_gets_the_same_receipt(pair: Pair):
    cell_side, committee = pair
    data = package_of(cell_side, closed(cell_side))
    first = ok(await deliver(cell_side, committee, data))
    assert ok(await deliver(cell_side, committee, data)) == first


async def test_another_report_for_the_session_needs_the_first_to_be_returned(pair: Pair):
    cell_side, committee = pair
    meeting = closed(cell_side)
    first = package_of(cell_side, meeting)
    ok(await deliver(cell_side, committee, first))
    digest, note = unpacked(first).sha256, "Thiếu phần giao việc"
    meeting.append([ReportSealed(digest, (), "", "")], SYSTEM)
    meeting.append([ReportReviewed(digest, "returned", note, to_text(START), "", "")], UPPER)
    second = package_of(cell_side, meeting.give("p03", "correct-report", text="Đã giao việc"))
    refused = await deliver(cell_side, committee, second)
    assert (refused.status_code, refused.json()["code"]) == (409, "report_differs")
    async with await committee.officer() as officer:
        path = f"/api/officer/sessions/{SESSION}/review"
        short = await officer.post(path, json={"accept": False})
        assert short.json()["code"] == "return_without_note"
        ok(await officer.post(path, json={"accept": False, "note": note}))
        receipt = ok(await deliver(cell_side, committee, second))
        assert receipt["number"] == "BN 0002"
        assert ok(await officer.get(f"/api/officer/sessions/{SESSION}"))["state"] == "received"


def altered(data: bytes, name: str, change: bytes) -> bytes:
    """The package with one file replaced."""
    source, target = zipfile.ZipFile(io.BytesIO(data)), io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as made:
        for each in source.namelist():
            made.writestr(each, change if each == name else source.read(each))
        if name not in source.namelist():
            made.writestr(name, change)
    return target.getvalue()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("minutes.pdf", "file:minutes.pdf"),
        ("log.jsonl", "file:log.jsonl"),
        ("manifest.json", "seal"),
        ("../etc/passwd", "names"),
    ],
)
async def test_an_altered_package_is_refused_by_the_name_of_what_was_altered(
    pair: Pair, name: str, reason: str
):
    cell_side, committee = pair
    data = altered(package_of(cell_side, closed(cell_side)), name, b"{}")
    refused = await deliver(cell_side, committee, data)
    assert refused.status_code == 400
    assert refused.json()["params"]["reason"] == reason


async def test_a_report_sealed_by_another_key_is_refused(pair: Pair):
    cell_side, committee = pair
    forged = package_of(cell_side, closed(cell_side), PrivateKey.generate())
    assert (await deliver(cell_side, committee, forged)).json()["params"]["reason"] == "seal"
    assert (await deliver(cell_side, committee, b"no zip")).json()["params"]["reason"] == "not_zip"


async def test_a_request_is_taken_once_fresh_and_by_the_enrolled_key_only(pair: Pair):
    cell_side, committee = pair
    path = "/api/peer/schedule"
    body = canonical_bytes(
        {
            "session_id": SESSION,
            "cell_id": "cell1",
            "cell_name": "Chi bộ bản Thử",
            "title": "Sinh hoạt",
            "starts_at": "2026-12-03T12:30:00Z",
            "stage": "convened",
        }
    )
    forged = PrivateKey.generate().sign({"purpose": "peer-request"})
    for change in (
        {"X-Signature": forged},
        {"X-Time": "2026-01-01T00:00:00+00:00"},
        {"X-Peer": "somebody"},
        {"X-Nonce": "0" * 16},
    ):
        refused = await signed_post(cell_side, committee, path, body, **change)
        assert refused.status_code == 401, change
    keep = {"X-Nonce": "", "X-Time": "", "X-Signature": ""}
    first = await signed_post(cell_side, committee, path, body)
    assert first.is_success
    keep = {name: first.request.headers[name] for name in keep}
    again = await signed_post(cell_side, committee, path, body, **keep)
    assert (again.status_code, again.json()["code"]) == (401, "peer_replayed")


async def test_a_report_captured_on_its_way_to_one_committee_is_refused_by_another(
    pair: Pair, tmp_path: Path
):
    cell_side, committee = pair
    other = Installation.prepare(tmp_path / "other", "committee", "Đảng ủy xã Khác")
    await other.start()
    try:
        await introduce(cell_side, other)
        data = package_of(cell_side, closed(cell_side))
        captured = (await deliver(cell_side, committee, data)).request
        names = ("X-Peer", "X-Receiver", "X-Key-Id", "X-Time", "X-Nonce", "X-Signature")
        headers = {name: captured.headers[name] for name in names}
        ours = other.services.keys.installation_id
        async with httpx.AsyncClient() as http:
            for change, code in (({}, "peer_receiver"), ({"X-Receiver": ours}, "peer_signature")):
                url = other.url + "/api/peer/reports"
                refused = await http.post(url, content=data, headers=headers | change)
                assert (refused.status_code, refused.json()["code"]) == (401, code)
        assert await other.services.database.read(store.received, SESSION) is None
    finally:
        await other.stop()


async def test_a_receipt_signed_by_another_or_for_another_report_is_no_receipt(pair: Pair):
    cell_side, committee = pair
    data = package_of(cell_side, closed(cell_side))
    receipt = ReportReceipt(**ok(await deliver(cell_side, committee, data)))
    key = committee.services.keys.seal
    row = {
        "session_id": SESSION,
        "sha256": receipt.sha256,
        "spki": to_base64url(key.public.spki),
    }
    check_receipt(receipt, row)
    said = statements.receipt(SESSION, receipt.sha256, "BN 0001", "Đảng ủy xã Thử", START)
    for wrong in (
        receipt.model_copy(update={"number": "BN 0002"}),
        receipt.model_copy(update={"signature": PrivateKey.generate().sign(said)}),
        receipt.model_copy(update={"sha256": "0" * 64}),
    ):
        with pytest.raises(BadReceipt):
            check_receipt(wrong, row)
    with pytest.raises(BadReceipt):
        check_receipt(receipt, row | {"sha256": "0" * 64})


def test_retries_double_from_one_second_to_five_minutes():
    assert [delay(n, 0.5) for n in range(4)] == [FIRST_DELAY, 2, 4, 8]
    assert delay(50, 0.5) == LONGEST_DELAY
    assert delay(0, 0.0) < delay(0, 1.0)
    assert EVERY.total_seconds() == 10


async def test_a_convened_session_stands_on_the_board_as_due(pair: Pair):
    cell_side, committee = pair
    await cell_side.hold(meeting_of(cell_side))
    now = cell_side.services.clock()
    body = {
        "session_id": SESSION,
        "cell_id": "cell1",
        "cell_name": "Chi bộ bản Thử",
        "title": "Sinh hoạt thường kỳ tháng 12",
        "starts_at": (now + timedelta(days=3)).isoformat(),
        "stage": "convened",
    }
    message = {
        "id": "message1",
        "peer_id": committee.services.keys.installation_id,
        "kind": "schedule",
        "session_id": SESSION,
        "body": json.dumps(body),
        "sha256": "",
        "state": "waiting",
        "created_at": now,
        "next_try_at": now,
    }
    await cell_side.services.database.write(store.put_message, message)
    async with cell_side.worker(), await committee.officer() as officer:

        async def due() -> bool:
            tiles = ok(await officer.get("/api/officer/board"))["tiles"]
            return [tile["state"] for tile in tiles] == ["due"]

        assert await until(due)


async def test_of_schedule_messages_the_one_of_the_later_line_wins(pair: Pair):
    """They may arrive in any order, and none undoes what the running session has told."""
    cell_side, committee = pair
    now = committee.services.clock()
    peer_id = cell_side.services.keys.installation_id
    body = ScheduleBody(
        session_id=SESSION,
        cell_id="cell1",
        cell_name="Chi bộ bản Thử",
        title="Sinh hoạt",
        starts_at=now + timedelta(days=3),
        stage="convened",
    )

    async def told(**more: Any) -> tuple[Any, str]:
        await take_schedule(committee.services, peer_id, body.model_copy(update=more), now)
        row = await committee.services.database.read(store.followed_row, peer_id, SESSION)
        assert row is not None
        return row["starts_at"], row["stage"]

    later = now + timedelta(days=9)
    assert await told() == (body.starts_at, "convened")
    assert await told(seq=4, starts_at=later) == (later, "convened")
    assert await told(seq=2, starts_at=now) == (later, "convened")
    assert await told(seq=5, stage="abandoned", starts_at=later) == (later, "abandoned")
    opened = {"peer_id": peer_id, "session_id": SESSION, "status": {"opened": True}}
    await committee.services.database.write(store.put_followed, {**opened, "stage": "items"})
    assert await told(seq=9, starts_at=now) == (later, "items")

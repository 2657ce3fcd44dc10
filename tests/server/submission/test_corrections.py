"""A returned report is answered by an addendum: a new version, and nothing sealed is changed."""

import io
import zipfile
from typing import Any

import pytest

from server.reports.bundle import unpacked
from server.session import events as e
from server.session.times import from_text
from server.store import submission as store
from server.submission import statements
from server.verify.command import verify
from tests.server.session.meeting import Meeting
from tests.server.submission.installations import SESSION, Installation, ok, until
from tests.server.submission.test_delivery import closed, deliver, package_of
from voting.signing import PublicKey, from_base64url

Pair = tuple[Installation, Installation]
REVIEW = f"/api/officer/sessions/{SESSION}/review"
DOSSIER = f"/api/officer/sessions/{SESSION}"
NOTE = "Thiếu phần giao việc cho đồng chí phụ trách"
TEXT = "Giao đồng chí Đảng viên 03 rà soát danh sách, xong trước ngày 20."


def sealed(m: Meeting) -> Meeting:
    m.append([e.ReportSealed("a" * 64, (), "", "")], e.SYSTEM)
    return m


def returned(m: Meeting, sha256: str = "a" * 64, at: str = "2026-12-04T01:00:00.000Z") -> Meeting:
    m.append([e.ReportReviewed(sha256, "returned", NOTE, at, "", "")], e.UPPER)
    return m


# ---- the law


def test_only_a_returned_report_is_corrected_once_by_chair_or_secretary(pair: Pair):
    m = sealed(closed(pair[0]))
    assert m.refused("p01", "correct-report", text=TEXT).code == "report_not_returned"
    assert "correct-report" not in m.view("p01").may
    returned(m)
    assert m.view("p01").delivery.review.asks
    assert "correct-report" in m.view("p03").may
    assert m.refused("p04", "correct-report", text=TEXT).code == "not_chair_or_secretary"
    assert m.refused("p01", "correct-report", text="  ").code == "text_missing"
    minutes = m.state.minutes_text
    m.give("p03", "correct-report", text=TEXT)
    assert m.refused("p01", "correct-report", text=TEXT).code == "report_not_returned"
    made = m.view("p01").delivery.corrections
    assert [(c.version, c.by, c.text, c.reason) for c in made] == [
        (2, m.state.name("p03"), TEXT, NOTE)
    ]
    assert m.state.minutes_text == minutes


# ---- between two installations


async def corrected(cell_side: Installation) -> None:
    """The secretary writes the addendum, at the end of the log as it now is."""
    entries = await cell_side.events("report-reviewed")
    review = entries[-1].event
    text = e.ReportCorrected(2, review.sha256, TEXT)

    def decided(state: Any, _now: Any) -> list[Any]:
        return [text]

    log = cell_side.services.session.log
    await log.append(SESSION, "p03", None, cell_side.services.clock(), decided)


async def test_a_returned_report_comes_back_as_a_second_version_beside_the_first(
    pair: Pair, tmp_path
):
    cell_side, committee = pair
    meeting = closed(cell_side)
    await cell_side.hold(meeting)
    async with cell_side.worker() as worker, await committee.officer() as officer:
        await until(lambda: cell_side.events("report-received"))
        first = ok(await officer.get(DOSSIER))
        assert (first["version"], first["former"]) == (1, [])
        ok(await officer.post(REVIEW, json={"accept": False, "note": NOTE}))
        await worker._reviews()
        review = (await cell_side.events("report-reviewed"))[0].event
        key = (await cell_side.services.database.read(store.committee))["spki"]
        said = statements.review(
            SESSION, first["sha256"], "returned", NOTE, from_text(review.reviewed_at)
        )
        assert PublicKey.from_spki(from_base64url(key)).verify(said, review.signature)
        await corrected(cell_side)

        async def twice() -> bool:
            return len(await cell_side.events("report-received")) == 2

        await until(twice, 30)
        dossier = ok(await officer.get(DOSSIER))
        assert (dossier["version"], dossier["state"]) == (2, "received")
        assert [c["text"] for c in dossier["corrections"]] == [TEXT]
        (former,) = dossier["former"]
        assert (former["sha256"], former["review_note"]) == (first["sha256"], NOTE)
        assert "Thêm tệp addendum.pdf." in former["differences"]
        same = next(line for line in former["differences"] if line.startswith("Giữ nguyên"))
        assert all(name in same for name in ("minutes.pdf", "report.pdf", "minutes-read.txt"))
        for address in (f"{DOSSIER}/versions/1/minutes.pdf", f"{DOSSIER}/documents/addendum.pdf"):
            assert (await officer.get(address)).content.startswith(b"%PDF")
        assert (await officer.get(f"{DOSSIER}/versions/1/addendum.pdf")).status_code == 404
        assert (await officer.get(f"{DOSSIER}/versions/3/minutes.pdf")).status_code == 404
        found = ok(await officer.get(f"{DOSSIER}/verdict"))
        assert [c["sentence"] for c in found["checks"] if c["level"] == "broken"] == []
        sealed_two = [x.event.sha256 for x in await cell_side.events("report-sealed")]
        assert sealed_two == [first["sha256"], dossier["sha256"]]
    path = tmp_path / "report.zip"
    blob = (await cell_side.services.database.read(store.report_message, SESSION))["blob"]
    path.write_bytes(await cell_side.services.blobs.get(blob))
    findings = verify(path)
    assert findings.intact, findings.first_break


async def test_a_return_gives_no_leave_to_tell_another_history(pair: Pair):
    cell_side, committee = pair
    m = closed(cell_side)
    first = package_of(cell_side, m)
    ok(await deliver(cell_side, committee, first))
    async with await committee.officer() as officer:
        ok(await officer.post(REVIEW, json={"accept": False, "note": NOTE}))
    other = package_of(cell_side, closed(cell_side, "rà soát danh sách"))
    refused = await deliver(cell_side, committee, other)
    assert (refused.status_code, refused.json()["code"]) == (409, "report_differs")
    digest = unpacked(first).sha256
    elsewhere = closed(cell_side, "rà soát danh sách")
    elsewhere.append([e.ReportSealed(digest, (), "", "")], e.SYSTEM)
    returned(elsewhere, digest).give("p03", "correct-report", text=TEXT)
    refused = await deliver(cell_side, committee, package_of(cell_side, elsewhere))
    assert (refused.status_code, refused.json()["code"]) == (409, "report_log_differs")


@pytest.mark.parametrize("version", [1, 3])
async def test_the_verifier_names_a_version_that_the_log_does_not_tell(
    pair: Pair, tmp_path, version: int
):
    cell_side, _ = pair
    m = returned(sealed(closed(cell_side)))
    m.append([e.ReportCorrected(version, "a" * 64, TEXT)], "p03")
    path = tmp_path / "report.zip"
    path.write_bytes(package_of(cell_side, m))
    assert zipfile.ZipFile(io.BytesIO(path.read_bytes())).testzip() is None
    told = [f.sentence for f in verify(path).found if f.level == "broken"]
    assert any("đánh số bản không liên tục" in sentence for sentence in told)

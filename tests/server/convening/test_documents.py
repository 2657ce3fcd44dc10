import hashlib
from collections.abc import Callable
from datetime import timedelta

import pytest

from server.http.errors import BadInput, Conflict, NotFound
from tests.server.convening.conftest import SESSION, STARTS, Cell

Make = Callable[..., bytes]
DOCUMENT = SESSION + "/documents/{document_id}"


async def test_an_uploaded_pdf_is_listed_shown_page_by_page_and_given_back(
    cell: Cell, pdf: Make
) -> None:
    session, data = await cell.draft(), pdf(2)
    item = session.items[1].id
    made = await cell.upload(session.id, data, item_id=item)
    assert (made.name, made.pages, made.size) == ("Dự thảo nghị quyết", 2, len(data))
    assert (made.sha256, made.item_id) == (hashlib.sha256(data).hexdigest(), item)
    where = {"session_id": session.id, "document_id": made.id}
    page = await cell.desk("GET", DOCUMENT + "/pages/{page}", **where, page="2")
    assert page.media_type == "image/webp"
    assert bytes(page.body)[8:12] == b"WEBP"
    for beyond in ("0", "3", "-1", "x", "1.webp", "²"):
        with pytest.raises(NotFound):
            await cell.desk("GET", DOCUMENT + "/pages/{page}", **where, page=beyond)
    file = await cell.desk("GET", DOCUMENT + "/file", **where)
    assert b"".join([bytes(chunk) async for chunk in file.body_iterator]) == data
    assert file.headers["content-disposition"].startswith("attachment; ")
    assert "D%E1%BB%B1%20th%E1%BA%A3o" in file.headers["content-disposition"]
    assert file.headers["x-content-type-options"] == "nosniff"


async def test_a_document_belongs_to_its_session_alone(cell: Cell, pdf: Make) -> None:
    one, other = await cell.draft(), await cell.draft(title="Sinh hoạt chuyên đề")
    made = await cell.upload(one.id, pdf(1))
    where = {"session_id": other.id, "document_id": made.id}
    with pytest.raises(NotFound):
        await cell.desk("GET", DOCUMENT + "/file", **where)
    with pytest.raises(NotFound):
        await cell.desk("DELETE", DOCUMENT, **where)
    with pytest.raises(BadInput):
        await cell.upload(other.id, pdf(1), item_id=one.items[0].id)


@pytest.mark.parametrize(
    ("filename", "name"),
    [
        (r"C:\Users\an\Báo cáo.PDF", "Báo cáo"),
        ("../../etc/passwd", "passwd"),
        ("a\x00b\u202egpj.pdf", "a b gpj"),
        (".pdf", "Tài liệu"),
        ("x" * 300 + ".pdf", "x" * 120),
    ],
)
async def test_the_name_is_only_a_name(cell: Cell, pdf: Make, filename: str, name: str) -> None:
    session = await cell.draft()
    assert (await cell.upload(session.id, pdf(1), filename=filename)).name == name


async def test_what_is_refused_leaves_nothing_behind(cell: Cell, pdf: Make) -> None:
    session = await cell.draft()
    with pytest.raises(BadInput):
        await cell.upload(session.id, b"%PDF-1.7 broken")
    for content_type, body in (
        ("multipart/form-data; boundary=x", b"--x\r\nbroken"),
        ("multipart/form-data", b""),
        ("application/json", b"{}"),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\ntext\r\n--x--\r\n',
        ),
    ):
        with pytest.raises(BadInput):
            await cell.post_form(session.id, content_type, body)
    with pytest.raises(BadInput):
        await cell.upload(session.id, pdf(1), surprise="1")
    shown = await cell.desk("GET", SESSION, session_id=session.id)
    assert shown.documents == []
    assert not list(cell.desk.services.blobs.names())  # type: ignore[attr-defined]


async def test_a_late_document_needs_a_reason(cell: Cell, pdf: Make) -> None:
    session = await cell.draft()
    cell.desk.now = STARTS - timedelta(days=1)
    assert (await cell.upload(session.id, pdf(1))).late_reason is None
    cell.desk.now = STARTS - timedelta(hours=23, minutes=59)
    with pytest.raises(Conflict) as refusal:
        await cell.upload(session.id, pdf(1))
    assert "ít nhất 1 ngày" in refusal.value.message
    late = await cell.upload(session.id, pdf(1), late_reason="Cấp trên vừa gửi văn bản")
    assert late.late_reason == "Cấp trên vừa gửi văn bản"


async def test_a_removed_document_is_gone_with_its_pictures(cell: Cell, pdf: Make) -> None:
    session = await cell.draft()
    made = await cell.upload(session.id, pdf(2))
    where = {"session_id": session.id, "document_id": made.id}
    await cell.desk("POST", DOCUMENT + "/read", {"page": 1}, **where)
    await cell.desk("DELETE", DOCUMENT, **where)
    assert not list(cell.desk.services.blobs.names())  # type: ignore[attr-defined]
    with pytest.raises(NotFound):
        await cell.desk("GET", DOCUMENT + "/file", **where)


async def test_the_read_mark_is_the_furthest_page_reached(cell: Cell, pdf: Make) -> None:
    session = await cell.draft()
    made = await cell.upload(session.id, pdf(3))
    where = {"session_id": session.id, "document_id": made.id}
    for page in (2, 1):
        await cell.desk("POST", DOCUMENT + "/read", {"page": page}, **where)
    cell.become(1)
    await cell.desk("POST", DOCUMENT + "/read", {"page": 3}, **where)
    with pytest.raises(BadInput):
        await cell.desk("POST", DOCUMENT + "/read", {"page": 4}, **where)
    seen = {}
    for n in (0, 1, 2):
        cell.become(n)
        shown = (await cell.desk("GET", SESSION, session_id=session.id)).documents[0]
        seen[n] = (shown.my_last_page, shown.readers)
    assert seen == {0: (2, 2), 1: (3, 2), 2: (0, 2)}


async def test_documents_of_a_dropped_item_stay_with_the_session(cell: Cell, pdf: Make) -> None:
    session = await cell.draft()
    kept = await cell.upload(session.id, pdf(1), item_id=session.items[0].id)
    dropped = await cell.upload(session.id, pdf(1), item_id=session.items[1].id)
    body = session.model_dump(mode="json", include={"title", "starts_at", "place", "mode"})
    items = [session.items[0].model_dump(exclude={"number"})]
    changed = await cell.desk("PUT", SESSION, body | {"items": items}, session_id=session.id)
    found = {d.id: d.item_id for d in changed.documents}
    assert found == {kept.id: session.items[0].id, dropped.id: None}

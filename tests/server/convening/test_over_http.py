"""People and convening as browsers meet them: the real application, its checks and its limits."""

from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.server.site import ORIGIN, Browser, Site

HEADER = "họ tên;điện thoại;loại;hoàn cảnh\n"
NAMES = ("Lò Văn An", "Vi Thị Bình", "Hà Văn Cường", "Tòng Thị Dung", "Quàng Văn Giang")


@pytest.fixture
async def site(tmp_path: Path, database_url: str) -> AsyncIterator[Site]:
    """On SQLite, and again on PostgreSQL."""
    async with Site(tmp_path, database_url).running() as site:
        yield site


@pytest.fixture
async def administrator(site: Site) -> Browser:
    await site.person("0911000000", "Quản trị", "administrator")
    return await site.signed_in("0911000000")


async def a_cell(site: Site, administrator: Browser) -> tuple[str, Browser, Browser]:
    """A cell of five from a spreadsheet; its id, its secretary and a member, signed in."""
    body = {"name": "Chi bộ bản Phiêng Lót", "committee": "Đảng ủy xã Mường Tha"}
    cell = await administrator.ok("POST", "/api/cells", body)
    rows = [f"{name};091200000{n};chính thức;lam xa\n" for n, name in enumerate(NAMES)]
    path = f"/api/cells/{cell['id']}/members"
    loaded = await administrator.ok("POST", path + "/csv", {"text": HEADER + "".join(rows)})
    assert loaded["written"] == 5
    members = (await administrator.ok("GET", path))["members"]
    ids = {member["name"]: member["id"] for member in members}
    roles = f"/api/members/{ids['Lò Văn An']}/roles"
    await administrator.ok("PUT", roles, {"roles": ["secretary"]})
    for n in (0, 1):
        await site.person(f"091200000{n}", NAMES[n])
    secretary = await site.signed_in("0912000000")
    return cell["id"], secretary, await site.signed_in("0912000001")


async def a_draft(site: Site, secretary: Browser, cell_id: str) -> str:
    now = site.clock()
    authorisation = {
        "issuer": "Đảng ủy xã Mường Tha",
        "number": "12-CV/ĐU",
        "date": (now - timedelta(days=30)).date().isoformat(),
        "valid_until": (now + timedelta(days=30)).date().isoformat(),
    }
    await secretary.ok("POST", f"/api/cells/{cell_id}/authorisations", authorisation)
    body = {
        "title": "Sinh hoạt thường kỳ",
        "starts_at": (now + timedelta(days=3)).isoformat(),
        "place": "Trực tuyến",
        "mode": "online",
        "items": [{"kind": "report", "title": "Báo cáo tháng", "minutes": 15}],
    }
    made = await secretary.ok("POST", f"/api/cells/{cell_id}/sessions", body)
    return str(made["id"])


async def send(browser: Browser, session_id: str, data: bytes, **fields: str) -> httpx.Response:
    return await browser.http.post(
        f"/api/sessions/{session_id}/documents",
        files={"file": ("Báo cáo.pdf", data, "application/pdf")},
        data=fields,
        headers={"Origin": ORIGIN, "X-CSRF": browser.csrf},
    )


async def test_from_an_empty_server_to_a_convened_session(
    site: Site, administrator: Browser, pdf: Callable[..., bytes]
) -> None:
    cell_id, secretary, member = await a_cell(site, administrator)
    session_id = await a_draft(site, secretary, cell_id)
    path = f"/api/sessions/{session_id}"
    assert (await member("GET", path)).status_code == 404
    assert (await secretary("GET", path)).json()["obstacles"] == []
    sent = await send(secretary, session_id, pdf(2))
    assert sent.status_code == 200, sent.text
    document = f"{path}/documents/{sent.json()['id']}"
    assert (await member("GET", f"{document}/file")).status_code == 404
    assert (await member("POST", f"{path}/convene")).status_code == 404
    shown = await secretary.ok("POST", f"{path}/convene")
    assert (shown["stage"], len(shown["summons"])) == ("convened", 5)
    page = await member("GET", f"{document}/pages/2")
    assert (page.headers["content-type"], page.content[8:12]) == ("image/webp", b"WEBP")
    await member.ok("POST", f"{document}/read", {"page": 2})
    await member.ok("POST", f"{path}/reply", {"coming": True})
    [listed] = (await member.ok("GET", "/api/sessions"))["sessions"]
    assert (listed["documents"], listed["documents_read"]) == (1, 1)
    assert (await member("POST", f"{path}/convene")).status_code == 403
    assert (await send(member, session_id, pdf(1))).status_code == 403
    view = await member.ok("GET", f"{path}/view")
    assert (view["stage"], len(view["people"]), view["me"]) == ("convened", 5, "p02")
    withdraw = {"reason": "Nhầm bản"}
    assert (await member("POST", f"{document}/withdraw", withdraw)).status_code == 403
    shown = await secretary.ok("POST", f"{document}/withdraw", withdraw)
    assert (shown["documents"], len(shown["withdrawn"])) == ([], 1)
    later = (site.clock() + timedelta(days=10)).isoformat()
    move = {"starts_at": later, "place": "Trực tuyến", "reason": "Bão"}
    assert (await member("POST", f"{path}/reschedule", move)).status_code == 403
    await secretary.ok("POST", f"{path}/reschedule", move)
    [listed] = (await member.ok("GET", "/api/sessions"))["sessions"]
    assert datetime.fromisoformat(listed["starts_at"]) == datetime.fromisoformat(later)
    assert (await member.ok("GET", f"{path}/view"))["documents"] == []
    assert (await member("POST", f"{path}/cancel", {"reason": "Bão"})).status_code == 403
    assert (await secretary.ok("POST", f"{path}/cancel", {"reason": "Bão"}))["cancelled"]
    notices = (await member.ok("GET", "/api/me/notices"))["notices"]
    told = " ".join(notice["text"] for notice in notices)
    assert len(notices) == 3
    assert all(words in told for words in ("thu hồi", "dời từ", "không họp nữa"))


async def test_bad_uploads_get_a_sentence_and_change_nothing(
    site: Site, administrator: Browser
) -> None:
    cell_id, secretary, _ = await a_cell(site, administrator)
    session_id = await a_draft(site, secretary, cell_id)

    async def refusal(answer: httpx.Response) -> tuple[int, str]:
        problem: dict[str, Any] = answer.json()
        assert problem["message"].endswith(".")
        return answer.status_code, problem["code"]

    path = f"/api/sessions/{session_id}/documents"
    assert await refusal(await send(secretary, session_id, b"no pdf")) == (400, "pdf_not")
    half = await send(secretary, session_id, b"%PDF-1.7\n1 0 obj")
    assert await refusal(half) == (400, "pdf_broken")
    assert await refusal(await secretary("POST", path, {})) == (400, "file_missing")
    huge = await secretary.http.post(
        path,
        content=bytes(65 * 1024 * 1024),
        headers={"Origin": ORIGIN, "X-CSRF": secretary.csrf, "Content-Type": "multipart/form-data"},
    )
    assert await refusal(huge) == (413, "too_large")
    without = await secretary.http.post(path, files={"file": ("a.pdf", b"%PDF-")})
    assert without.status_code == 403
    assert (await secretary.ok("GET", f"/api/sessions/{session_id}"))["documents"] == []


async def test_a_suspended_member_has_no_way_in(site: Site, administrator: Browser) -> None:
    cell_id, secretary, member = await a_cell(site, administrator)
    members = (await secretary.ok("GET", f"/api/cells/{cell_id}/members"))["members"]
    row = next(m for m in members if m["name"] == NAMES[1])
    kept = {k: row[k] for k in ("name", "phone", "kind", "circumstance")}
    await secretary.ok("PUT", f"/api/members/{row['id']}", {**kept, "suspended": True})
    session_id = await a_draft(site, secretary, cell_id)
    await secretary.ok("POST", f"/api/sessions/{session_id}/convene")
    for suffix in ("", "/view"):
        assert (await member("GET", f"/api/sessions/{session_id}{suffix}")).status_code == 404
    assert (await member.ok("GET", "/api/sessions"))["sessions"] == []


async def test_only_leaders_and_administrators_touch_the_roster(
    site: Site, administrator: Browser
) -> None:
    cell_id, secretary, member = await a_cell(site, administrator)
    path = f"/api/cells/{cell_id}"
    text = {"text": HEADER + "Cà Văn Hặc;0913000000;ct;\n"}
    assert (await member("POST", f"{path}/members/csv", text)).status_code == 403
    assert (await member("GET", f"{path}/members")).status_code == 403
    assert (await secretary("PUT", path, {"name": "Khác", "committee": "Khác"})).status_code == 403
    roles = {"roles": ["administrator"]}
    row = (await secretary.ok("GET", f"{path}/members"))["members"][0]
    assert (await secretary("PUT", f"/api/members/{row['id']}/roles", roles)).status_code == 403
    assert (await secretary.ok("POST", f"{path}/members/csv", text))["written"] == 1
    assert (await secretary("GET", "/api/admin/audit")).status_code == 403
    lines = (await administrator.ok("GET", "/api/admin/audit"))["lines"]
    assert (lines[0]["who"], lines[0]["action"]) == (NAMES[0], "member.import")

"""Fills the demo: accounts straight into the database, all else over the public API."""

import asyncio
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import httpx
import pyotp
import structlog
import typst

from server.config import Config
from server.demo_people import PEOPLE, Fictional
from server.headless import Account, ServerRefused
from server.identity import codes
from server.identity.passwords import hash_now
from server.identity.signing_in import add_factor, secret_of
from server.keys import Keyring, new_id
from server.store import accounts, factors, people
from server.store.database import Connection, Database

VIETNAM = timezone(timedelta(hours=7))
CELL = {"name": "Chi bộ bản Nà Lúa", "committee": "Đảng ủy xã Mường Tha", "code": "MT-07"}
OVER = ("closed", "abandoned", "adjourned")
log = structlog.get_logger()

DOCUMENTS = {
    "Báo cáo kết quả tháng trước": """
= Báo cáo kết quả thực hiện nhiệm vụ tháng trước
_Tài liệu hư cấu, chỉ để chạy thử._

Chi bộ đã hoàn thành 9 trên 10 nhiệm vụ đề ra. Việc chưa xong là sửa mương đầu bản, do mưa kéo dài.

- Nước sạch: khu Nà Lúa dưới đã có nước; khu Nà Lúa trên còn thiếu 400 m ống.
- Đảng phí: thu đủ, đúng hạn.
- Thanh niên: 12 người tham gia dọn đường vào bản.
#pagebreak()
= Phương hướng tháng này
+ Kéo ống nước cho khu Nà Lúa trên, xong trước ngày 20.
+ Thăm các hộ có người già neo đơn.
+ Chuẩn bị tổng kết năm của chi bộ.
""",
    "Dự thảo nghị quyết": """
= Dự thảo Nghị quyết sinh hoạt thường kỳ
_Tài liệu hư cấu, chỉ để chạy thử._

Chi bộ thống nhất:
+ Ưu tiên nước sạch cho khu Nà Lúa trên; giao đồng chí Quàng Văn Thịnh phụ trách.
+ Mỗi đảng viên giúp một hộ khó khăn trong bản.
+ Kết quả báo cáo tại kỳ sinh hoạt sau.
""",
}


def items(month: date) -> list[dict[str, Any]]:
    """An agenda of seven, two of them votes."""
    name = f"tháng {month.month}"
    rows: list[tuple[str, str, int, str | None]] = [
        ("report", "Khai mạc, thông báo tình hình đảng viên và đảng phí", 5, None),
        ("report", "Kết quả thực hiện nhiệm vụ tháng trước", 10, None),
        ("discussion", "Nước sạch cho khu Nà Lúa trên", 15, None),
        (
            "vote",
            "Ưu tiên kinh phí nước sạch",
            10,
            "Chi bộ thống nhất ưu tiên kinh phí đóng góp cho đường ống nước khu Nà Lúa trên.",
        ),
        ("vote", f"Thông qua Nghị quyết {name}", 15, f"Thông qua Nghị quyết {name} của chi bộ."),
        ("discussion", "Giao việc, tự chấm điểm buổi sinh hoạt", 10, None),
        ("other", "Đọc biên bản, bế mạc", 5, None),
    ]
    return [
        {"kind": kind, "title": title, "minutes": minutes, "motion": motion}
        for kind, title, minutes, motion in rows
    ]


def seed_accounts(config: Config) -> None:
    """Those of this installation who are not members: administrator and officer."""
    own = [p for p in PEOPLE if p.installation == config.installation_kind]
    _give_accounts(config, [person for person in own if person.kind == "outside"])


async def seed_over_http(cell: Config, committee: Config) -> None:
    """Cell, members, authorisation, enrolment and today's session; what is there stays."""
    administrator = await _signed_in(cell, _person("van"))
    try:
        cell_id = await _cell_with_members(cell, administrator)
        await asyncio.to_thread(_give_accounts, cell, [p for p in PEOPLE if p.kind != "outside"])
        try:
            await _enrol(administrator, committee)
        except (ServerRefused, httpx.HTTPError) as error:
            # The cell can be tried alone, and the next start tries again.
            log.error("enrolment_failed", why=str(error))
    finally:
        await administrator.close()
    secretary = await _signed_in(cell, _person("chung"))
    try:
        await _authorise(secretary, cell_id)
        await session_of_today(secretary, cell_id)
    finally:
        await secretary.close()


async def _cell_with_members(config: Config, administrator: Account) -> str:
    cells = (await administrator.get("/api/cells"))["cells"]
    if not cells:
        cells = [await administrator.post("/api/cells", **CELL)]
    cell_id = str(cells[0]["id"])
    path = f"/api/cells/{cell_id}/members"
    there = {member["phone"] for member in (await administrator.get(path))["members"]}
    for person in PEOPLE:
        if person.kind == "outside" or person.phone in there:
            continue
        member = await administrator.post(
            path,
            name=person.name,
            phone=person.phone,
            kind=person.kind,
            circumstance=person.circumstance,
            honour=person.honour,
        )
        if person.roles:
            await put(administrator, f"/api/members/{member['id']}/roles", roles=person.roles)
    return cell_id


async def _enrol(administrator: Account, committee: Config) -> None:
    """Both sides enrol each other and confirm, as their administrators would by telephone."""
    if (await administrator.get("/api/admin/peers"))["peers"]:
        return
    other = await _signed_in(committee, _person("phong"))
    try:
        code = (await other.post("/api/admin/peers/code"))["code"]
        ours = await administrator.post("/api/admin/peers", url=committee.public_url, code=code)
        await administrator.post(f"/api/admin/peers/{ours['id']}/confirm")
        for peer in (await other.get("/api/admin/peers"))["peers"]:
            await other.post(f"/api/admin/peers/{peer['id']}/confirm")
    finally:
        await other.close()


async def _authorise(secretary: Account, cell_id: str) -> None:
    path = f"/api/cells/{cell_id}/authorisations"
    today = datetime.now(VIETNAM).date()
    held = (await secretary.get(path))["authorisations"]
    if not any(one["valid_until"] >= today.isoformat() for one in held):
        await secretary.post(
            path,
            issuer=CELL["committee"],
            number=f"{today.year % 100}-CV/ĐU",
            date=(today - timedelta(days=30)).isoformat(),
            valid_until=(today + timedelta(days=335)).isoformat(),
        )


async def session_of_today(secretary: Account, cell_id: str) -> None:
    """A session convened for a few minutes from now, unless one is still to be held."""
    listed = (await secretary.get("/api/sessions"))["sessions"]
    now = datetime.now(UTC)
    recent = (now - timedelta(hours=12)).isoformat()
    if any(one["stage"] not in OVER and one["starts_at"] > recent for one in listed):
        return
    starts = now + timedelta(minutes=3)
    local = starts.astimezone(VIETNAM)
    session = await secretary.post(
        f"/api/cells/{cell_id}/sessions",
        title=f"Sinh hoạt thường kỳ tháng {local.month}/{local.year}",
        starts_at=starts.isoformat(),
        place="Trực tuyến và nhà văn hóa bản Nà Lúa",
        mode="hybrid",
        items=items(local.date()),
    )
    path = f"/api/sessions/{session['id']}"
    for name, source in DOCUMENTS.items():
        pdf = await asyncio.to_thread(typst.compile, source.encode())
        await _upload(secretary, f"{path}/documents", f"{name}.pdf", pdf)
    await secretary.post(f"{path}/convene")


async def _upload(account: Account, path: str, name: str, pdf: bytes) -> None:
    answer = await account.http.post(
        path,
        files={"file": (name, pdf, "application/pdf")},
        data={"late_reason": "Buổi họp chạy thử được triệu tập ngay."},
        headers={"x-csrf": account.me["csrf"]},
    )
    answer.raise_for_status()


async def put(account: Account, path: str, **body: Any) -> Any:
    headers = {"x-csrf": account.me["csrf"]}
    answer = await account.http.put(path, json=body, headers=headers)
    answer.raise_for_status()
    return answer.json()


def _person(slug: str) -> Fictional:
    return next(person for person in PEOPLE if person.slug == slug)


async def _signed_in(config: Config, person: Fictional) -> Account:
    account = Account(config.public_url)
    if config.tls:  # the demo's own authority
        await account.http.aclose()
        account.http = httpx.AsyncClient(
            base_url=config.public_url,
            headers={"origin": config.public_url},
            verify=False,
            timeout=30,
        )
    await account.sign_in(person.phone, person.password, lambda: next_code(config, person.phone))
    return account


def next_code(config: Config, phone: str) -> str:
    """A code of this person that was not used yet, from the demo's own database."""
    keys, database = Keyring.open(config.keys_dir), Database(config.database_url)
    try:
        with database.engine.connect() as conn:
            account = people.account_by_phone(conn, phone)
            assert account is not None
            row = next(f for f in factors.confirmed(conn, account["id"]) if f["kind"] == "totp")
            step = max(codes.totp_step(datetime.now(UTC)), row["counter"] + 1)
            return pyotp.HOTP(secret_of(keys, row)).at(step)
    finally:
        database.close()


def _give_accounts(config: Config, wanted: list[Fictional]) -> None:
    """Password and authenticator for whoever has none yet, and roles outside a cell."""
    keys, database = Keyring.open(config.keys_dir), Database(config.database_url)
    try:
        for person in wanted:
            with database.engine.connect() as conn:
                known = people.account_by_phone(conn, person.phone)
            if known is None or known["password_hash"] is None:
                hashed = hash_now(person.password)
                database.write_now(_give_account, keys, person, hashed)
    finally:
        database.close()


def _give_account(conn: Connection, keys: Keyring, person: Fictional, hashed: str) -> None:
    now = datetime.now(UTC)
    known = people.account_by_phone(conn, person.phone)
    account_id = str(known["id"]) if known else new_id()
    if known is None:
        people.create_account(conn, account_id, person.phone, person.name, now)
        for role in person.roles:
            values = {"id": new_id(), "account_id": account_id, "role": role, "cell_id": None}
            people.grant_role(conn, {**values, "granted_at": now})
    accounts.set_password(conn, account_id, hashed)
    secret = codes.new_secret()
    add_factor(conn, keys, account_id, new_id(), "totp", secret, now, confirmed=True)

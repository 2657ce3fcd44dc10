"""A cell that may convene, its people, and documents made on the spot."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
import typst
from starlette.requests import Request

from server.http.call import Call, Principal
from server.routes import ROUTES
from tests.server.conftest import NOW, Desk

SESSION = "/api/sessions/{session_id}"
STARTS = NOW + timedelta(days=3)


@dataclass
class Cell:
    """A cell with a secretary, a deputy and members, of whom most are away."""

    desk: Desk
    id: str
    members: list[Any] = field(default_factory=list)

    def become(self, n: int) -> Principal:
        """The desk's next calls come from member n: 0 the secretary, 1 the deputy."""
        m = self.members[n]
        roles = frozenset((r, self.id) for r in m.roles)
        principal = Principal(
            "account", account_id=m.account_id, member_id=m.id, cell_id=self.id, roles=roles
        )
        self.desk.principal = principal
        return principal

    async def change(self, n: int, **more: Any) -> None:
        m = self.members[n]
        names = ("name", "phone", "kind", "circumstance", "suspended", "exempt", "detained")
        body = {name: getattr(m, name) for name in names} | more
        await self.desk("PUT", "/api/members/{member_id}", body, member_id=m.id)

    async def authorise(self, **more: Any) -> None:
        body = {
            "issuer": "Đảng ủy xã Mường Tha",
            "number": "12-CV/ĐU",
            "date": "2026-01-05",
            "valid_until": "2026-12-31",
        }
        path = "/api/cells/{cell_id}/authorisations"
        await self.desk("POST", path, body | more, cell_id=self.id)

    async def draft(self, **more: Any) -> Any:
        path = "/api/cells/{cell_id}/sessions"
        return await self.desk("POST", path, draft_body(**more), cell_id=self.id)

    async def upload(self, session_id: str, content: bytes, **fields: str) -> Any:
        name = fields.pop("filename", "Dự thảo nghị quyết.pdf")
        boundary = "-a-boundary-of-our-own-"
        parts = [
            f'--{boundary}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'
            for key, value in fields.items()
        ]
        parts.append(
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
            "Content-Type: application/pdf\r\n\r\n"
        )
        body = "".join(parts).encode() + content + f"\r\n--{boundary}--\r\n".encode()
        return await self.post_form(session_id, f"multipart/form-data; boundary={boundary}", body)

    async def post_form(self, session_id: str, content_type: str, body: bytes) -> Any:
        path = f"{SESSION}/documents"
        route = next(r for r in ROUTES if (r.method, r.path) == ("POST", path))

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        headers = [(b"content-type", content_type.encode())]
        request = Request({"type": "http", "method": "POST", "headers": headers}, receive)
        desk = self.desk
        where = {"session_id": session_id}
        call = Call(desk.services, route, desk.principal, where, None, desk.now, request)
        return await route.handler(call)


def draft_body(**more: Any) -> dict[str, Any]:
    body: dict[str, Any] = {
        "title": "Sinh hoạt chi bộ thường kỳ tháng 11",
        "starts_at": STARTS.isoformat(),
        "place": "Nhà văn hóa bản và trực tuyến",
        "mode": "hybrid",
        "items": [
            {"kind": "report", "title": "Báo cáo tháng 10", "minutes": 15},
            {
                "kind": "vote",
                "title": "Nghị quyết tháng 11",
                "minutes": 10,
                "motion": "Thông qua nghị quyết tháng 11.",
                "decision": "resolution",
            },
        ],
    }
    return body | more


@pytest.fixture
async def cell(desk: Desk, cell_id: str, member: Callable[..., dict[str, Any]]) -> Cell:
    made = Cell(desk, cell_id)
    for n in range(7):
        away = "work_far_from_home" if n >= 3 else "none"
        kind = "probationary" if n == 6 else "official"
        body = member(n, circumstance=away, kind=kind)
        made.members.append(
            await desk("POST", "/api/cells/{cell_id}/members", body, cell_id=cell_id)
        )
    for n, role in enumerate(("secretary", "deputy")):
        made.members[n] = await desk(
            "PUT",
            "/api/members/{member_id}/roles",
            {"roles": [role]},
            member_id=made.members[n].id,
        )
    made.become(0)
    return made


@pytest.fixture(scope="session")
def pdf(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., bytes]:
    """Real PDFs of as many pages as asked."""
    folder = tmp_path_factory.mktemp("pdf")

    def make(pages: int = 3, words: int = 300) -> bytes:
        page = f"= Dự thảo nghị quyết chi bộ\n#lorem({words})"
        (folder / "a.typ").write_text(f"#for n in range({pages}) [{page} #pagebreak(weak: true)]")
        made: bytes = typst.compile(str(folder / "a.typ"))
        return made

    return make

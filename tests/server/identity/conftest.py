"""An installation with an administrator, a cell, its secretary and two members."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.server.site import Site

ADMINISTRATOR, SECRETARY, DEPUTY, MEMBER = "0900000131", "0900000101", "0900000102", "0900000105"
CELL = {"name": "Chi bộ bản Phiêng Lót", "committee": "Đảng ủy xã Mường Tha"}


class Village(Site):
    """`members` holds the member ids by phone."""

    cell_id = ""
    members: dict[str, str]

    async def settle(self) -> None:
        await self.person(ADMINISTRATOR, "Đinh Thị Vân", "administrator")
        administrator = await self.signed_in(ADMINISTRATOR)
        self.cell_id = (await administrator.ok("POST", "/api/cells", CELL))["id"]
        self.members = {}
        names = {SECRETARY: "Lò Văn Chung", DEPUTY: "Hà Thị Mến", MEMBER: "Quàng Văn Thịnh"}
        for phone, name in names.items():
            body = {"name": name, "phone": phone, "kind": "official"}
            path = f"/api/cells/{self.cell_id}/members"
            self.members[phone] = (await administrator.ok("POST", path, body))["id"]
        for phone, role in ((SECRETARY, "secretary"), (DEPUTY, "deputy")):
            path = f"/api/members/{self.members[phone]}/roles"
            await administrator.ok("PUT", path, {"roles": [role]})
            await self.person(phone, names[phone])
        self.clock.forward(seconds=90)


@pytest.fixture
async def village(tmp_path: Path, database_url: str) -> AsyncIterator[Village]:
    site = Village(tmp_path, database_url)
    async with site.running():
        await site.settle()
        yield site

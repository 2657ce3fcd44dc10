"""The fictional people of the demo: who they are, where they live, their live codes."""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

import httpx
import pyotp

from server.identity import codes, models
from server.identity.signing_in import secret_of
from server.services import Services
from server.store import factors, people
from server.store.database import Connection


@dataclass(frozen=True, slots=True)
class Fictional:
    """One person; `slug` stands before `.localhost` in their address."""

    slug: str
    name: str
    phone: str
    title: str
    kind: str = "official"  # probationary; outside: not a member of the cell
    roles: tuple[str, ...] = ()
    circumstance: str = "none"
    honour: str = ""
    installation: str = "cell"

    @property
    def password(self) -> str:
        return f"demo-{self.slug}-2026"


def _member(n: int, slug: str, name: str, circumstance: str = "none") -> Fictional:
    return Fictional(slug, name, f"0900000{100 + n}", "Đảng viên", circumstance=circumstance)


PEOPLE: tuple[Fictional, ...] = (
    Fictional(
        "chung", "Lò Văn Chung", "0900000101", "Bí thư chi bộ, chủ trì", roles=("secretary",)
    ),
    Fictional("men", "Hà Thị Mến", "0900000102", "Phó Bí thư chi bộ", roles=("deputy",)),
    Fictional("duyen", "Vi Thị Duyên", "0900000103", "Đảng viên, thường làm thư ký buổi họp"),
    Fictional(
        "sen",
        "Lường Thị Sen",
        "0900000104",
        "Đảng viên, 72 tuổi",
        honour="Huy hiệu 50 năm tuổi Đảng",
    ),
    _member(5, "thinh", "Quàng Văn Thịnh", "work_far_from_home"),
    _member(6, "ngoc", "Trần Thị Bích Ngọc"),
    _member(7, "minh", "Bạc Cầm Minh"),
    _member(8, "loi", "Cầm Bá Lợi", "work_far_from_home"),
    _member(9, "xuan", "Tòng Thị Xuân", "work_far_from_home"),
    _member(10, "tua", "Sùng A Tủa", "forest_ranger_duty"),
    _member(11, "phuc", "Nguyễn Hữu Phúc", "work_far_from_home"),
    _member(12, "hoan", "Lò Thị Hoan", "work_far_from_home"),
    _member(13, "pao", "Giàng A Páo", "armed_forces_duty"),
    _member(14, "binh", "Cà Văn Bình"),
    _member(15, "thu", "Quàng Thị Thu", "work_far_from_home"),
    _member(16, "dung", "Lường Văn Dũng", "work_far_from_home"),
    _member(17, "hien", "Vì Thị Hiền", "abroad"),
    _member(18, "son", "Hoàng Văn Sơn"),
    _member(19, "mai", "Tòng Thị Mai", "work_far_from_home"),
    _member(20, "tam", "Lò Văn Tâm", "health_duty"),
    Fictional(
        "lan", "Hà Thị Lan", "0900000121", "Đảng viên dự bị", "probationary",
        circumstance="work_far_from_home",
    ),
    Fictional(
        "kien", "Bạc Văn Kiên", "0900000122", "Đảng viên dự bị", "probationary",
        circumstance="work_far_from_home",
    ),
    Fictional(
        "van", "Đinh Thị Vân", "0900000131", "Quản trị máy chủ của chi bộ", "outside",
        roles=("administrator",),
    ),
    Fictional(
        "quyet", "Điêu Chính Quyết", "0900000141", "Cán bộ Đảng ủy xã theo dõi các chi bộ",
        "outside", roles=("officer",), installation="committee",
    ),
    Fictional(
        "phong", "Mùa A Phong", "0900000142", "Quản trị máy chủ của Đảng ủy xã", "outside",
        roles=("administrator",), installation="committee",
    ),
)  # fmt: skip


def elsewhere(host: str, kind: str, other_url: str) -> str | None:
    """Where a person of the other installation lives, when `host` is theirs."""
    slug = host.partition(".")[0]
    theirs = any(person.slug == slug and person.installation != kind for person in PEOPLE)
    return address(slug, other_url) + "/" if theirs and other_url else None


def address(slug: str, base_url: str) -> str:
    """`http://chung.localhost:8000`; on a network (--lan) all share the one address."""
    parts = urlsplit(base_url)
    if parts.hostname != "localhost":
        return base_url
    return f"{parts.scheme}://{slug}.{parts.netloc}"


async def demo_people_now(services: Services, now: datetime, only_here: bool) -> models.DemoPeople:
    """Everybody, each with the code that they can use next."""
    shown = await services.database.read(_people_here, services, now)
    if not only_here:
        shown += await _people_there(services.config.demo_other_url)
    return models.DemoPeople(people=shown)


def _people_here(conn: Connection, services: Services, now: datetime) -> list[models.DemoPerson]:
    config, shown = services.config, []
    for person in PEOPLE:
        if person.installation == config.installation_kind:
            code, left = _next_code(conn, services, person.phone, now)
            shown.append(
                models.DemoPerson(
                    name=person.name,
                    title=person.title,
                    url=address(person.slug, config.public_url),
                    phone=person.phone,
                    password=person.password,
                    code=code,
                    code_seconds_left=left,
                )
            )
    return shown


async def _people_there(other_url: str) -> list[models.DemoPerson]:
    """Those of the pair's other installation, as it shows them; none while it is away."""
    if not other_url:
        return []
    try:
        async with httpx.AsyncClient(timeout=2, verify=False) as client:
            answer = await client.get(f"{other_url}/api/demo/people", params={"only": "here"})
        return models.DemoPeople.model_validate_json(answer.content).people
    except (httpx.HTTPError, ValueError):
        return []


def _next_code(conn: Connection, services: Services, phone: str, now: datetime) -> tuple[str, int]:
    """The first code that will still be taken, and for how many seconds."""
    account = people.account_by_phone(conn, phone)
    held = factors.confirmed(conn, account["id"]) if account else []
    row = next((factor for factor in held if factor["kind"] == "totp"), None)
    if row is None:
        return "", 0
    step = max(codes.totp_step(now), row["counter"] + 1)
    until = (step + 2) * codes.STEP  # one step late is still taken
    return pyotp.HOTP(secret_of(services.keys, row)).at(step), int(until - now.timestamp())

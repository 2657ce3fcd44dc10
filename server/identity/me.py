"""What a signed-in person's screens know about them."""

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from starlette.requests import HTTPConnection
from starlette.responses import Response

from server.http.authorise import STEP_UP, cookie_name
from server.http.call import Call, Principal
from server.http.errors import NotSignedIn
from server.http.model import Model
from server.http.origin import csrf_token
from server.identity import models
from server.identity.installation import shown
from server.services import Services
from server.store import accounts
from server.store.database import Connection, RowMapping
from server.store.sign_ins import LONGEST
from server.store.submission import committee
from voting.rules import rules_at

VIETNAM = timezone(timedelta(hours=7))


def factor_lasts(now: datetime) -> timedelta:
    """How long a second factor counts as proven on a device: a rule of its day."""
    rules = rules_at(now.astimezone(VIETNAM).date())
    return timedelta(minutes=rules.number("factor.fresh_minutes"))


@dataclass(frozen=True, slots=True)
class Facts:
    name: str
    phone: str
    cell_name: str | None
    cells: dict[str, str]
    committee: RowMapping | None


def facts(conn: Connection, principal: Principal) -> Facts:
    account = accounts.by_id(conn, principal.account_id or "")
    if account is None:
        raise NotSignedIn
    wanted = {cell_id for _, cell_id in principal.roles if cell_id} | {principal.cell_id or ""}
    cells = {c: name for c in wanted if (name := accounts.cell_name(conn, c)) is not None}
    cell_name = cells.get(principal.cell_id or "")
    return Facts(account["name"], account["phone"], cell_name, cells, committee(conn))


async def me_of(services: Services, principal: Principal, now: datetime) -> models.Me:
    found = await services.database.read(facts, principal)
    held: list[models.RoleHeld] = [
        models.RoleHeld.model_validate(
            {"role": role, "cell_id": cell_id, "cell_name": found.cells.get(cell_id or "")}
        )
        for role, cell_id in sorted(principal.roles, key=str)
    ]
    stepped_up = principal.stepped_up_at
    return models.Me(
        account_id=principal.account_id or "",
        member_id=principal.member_id,
        name=found.name,
        phone=found.phone,
        cell_id=principal.cell_id,
        cell_name=found.cell_name,
        roles=held,
        factor_at=principal.factor_at,
        factor_fresh_until=principal.factor_at + factor_lasts(now) if principal.factor_at else None,
        stepped_up_until=stepped_up + STEP_UP if stepped_up else None,
        csrf=csrf_token(services.keys, principal.sign_in_id or ""),
        installation=shown(services, found.committee),
    )


def with_cookie(call: Call, answer: Model, token: str) -> Response:
    """The answer, setting the sign-in's new bearer token."""
    response = Response(answer.model_dump_json(by_alias=True), media_type="application/json")
    config = call.services.config
    response.set_cookie(
        cookie_name(config),
        token,
        max_age=int(LONGEST.total_seconds()),
        path="/",
        secure=config.tls,
        httponly=True,
        samesite="lax",
    )
    return response


def without_cookie(call: Call, answer: Model) -> Response:
    response = Response(answer.model_dump_json(by_alias=True), media_type="application/json")
    config = call.services.config
    response.delete_cookie(cookie_name(config), path="/", secure=config.tls, httponly=True)
    return response


def source_of(request: HTTPConnection) -> str:
    """Where a guess comes from; uvicorn has put in what a trusted proxy says."""
    return request.client.host if request.client else ""


def device_of(request: HTTPConnection) -> str:
    """A few words to recognise one's own browser by in the list of sign-ins."""
    agent = request.headers.get("user-agent", "")
    systems = {
        "Android": "Android",
        "iPhone": "iPhone",
        "iPad": "iPad",
        "Windows": "Windows",
        "Mac OS": "macOS",
        "Linux": "Linux",
    }
    browsers = {
        "Edg": "Edge",
        "coc_coc": "Cốc Cốc",
        "Firefox": "Firefox",
        "Chrom": "Chrome",
        "Safari": "Safari",
    }
    browser = next((name for mark, name in browsers.items() if mark in agent), "")
    system = next((name for mark, name in systems.items() if mark in agent), "")
    return ", ".join(part for part in (browser, system) if part) or "máy khác"

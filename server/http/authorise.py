"""Who may call a route: one function per `Who`, all reading the database, none trusting a cookie.

Things a caller may not know of answer 404; things they know but may not touch answer 403.
"""

import hmac
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta

from starlette.requests import HTTPConnection

from server.config import Config
from server.http.call import Principal
from server.http.errors import Forbidden, NotFound, NotSignedIn
from server.http.routing import Route, Who
from server.keys import Keyring, token_hash
from server.services import Services
from server.store import access, sign_ins
from server.store.database import Connection

STEP_UP = timedelta(minutes=10)  # for opening recordings and other people's secrets
SEEN_EVERY = timedelta(minutes=5)  # how often "last seen" is written
ANONYMOUS = Principal("anonymous")
Path = dict[str, str]
Check = Callable[[Services, Path, Principal, datetime], Awaitable[Principal]]


def cookie_name(config: Config) -> str:
    """Under TLS the browser itself guarantees host-only, secure and path / by the prefix."""
    return "__Host-chibo" if config.tls else "chibo"


def worker_key(keys: Keyring) -> str:
    """The bearer key of the worker, which shares the installation's key files."""
    return keys.mac("service", b"worker")


async def principal_of(services: Services, request: HTTPConnection, now: datetime) -> Principal:
    """Whoever the request's cookie or bearer key shows; peers are recognised by their signature."""
    config = services.config
    scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        given, recorder_key = bearer.encode(), config.recorder_service_key.value.encode()
        if recorder_key and hmac.compare_digest(given, recorder_key):
            return Principal("recorder")
        if hmac.compare_digest(given, worker_key(services.keys).encode()):
            return Principal("worker")
        return ANONYMOUS
    token = request.cookies.get(cookie_name(config))
    if not token or len(token) > 100:
        return ANONYMOUS
    principal, last_seen = await services.database.read(_account, token_hash(token), now)
    if principal.sign_in_id and principal.complete and now - last_seen > SEEN_EVERY:
        await services.database.write(sign_ins.touch, principal.sign_in_id, now)
    return principal


def _account(conn: Connection, hashed: str, now: datetime) -> tuple[Principal, datetime]:
    row = access.sign_in_by_token(conn, hashed, now)
    if row is None:
        return ANONYMOUS, now
    homes = access.memberships(conn, row["account_id"])
    member_id, cell_id = homes[0] if homes else (None, None)
    principal = Principal(
        kind="account",
        account_id=row["account_id"],
        member_id=member_id,
        cell_id=cell_id,
        roles=access.roles_held(conn, row["account_id"]),
        sign_in_id=row["id"],
        complete=row["factor_at"] is not None,
        factor_at=row["factor_at"],
        stepped_up_at=row["stepped_up_at"],
    )
    return principal, row["last_seen_at"]


async def authorise(
    services: Services, route: Route, path: Path, principal: Principal, now: datetime
) -> Principal:
    """The principal as the handler gets it. Raises NotSignedIn, Forbidden or NotFound."""
    return await CHECKS[route.who](services, path, principal, now)


async def anyone(_s: Services, _path: Path, principal: Principal, _now: datetime) -> Principal:
    return principal


async def password_given(
    _s: Services, _path: Path, principal: Principal, _now: datetime
) -> Principal:
    if principal.kind != "account":
        raise NotSignedIn
    return principal


async def signed_in(_s: Services, _path: Path, principal: Principal, _now: datetime) -> Principal:
    if principal.kind != "account":
        raise NotSignedIn
    if not principal.complete:
        raise NotSignedIn("factor_missing")
    return principal


async def cell_member(s: Services, path: Path, principal: Principal, now: datetime) -> Principal:
    principal = await signed_in(s, path, principal, now)
    return await _in_cell(s, path["cell_id"], principal)


async def cell_leader(s: Services, path: Path, principal: Principal, now: datetime) -> Principal:
    principal = await cell_member(s, path, principal, now)
    if not leads(principal, path["cell_id"]):
        raise Forbidden
    return principal


async def cell_keeper(s: Services, path: Path, principal: Principal, now: datetime) -> Principal:
    principal = await signed_in(s, path, principal, now)
    if is_administrator(principal):
        if not await s.database.read(access.cell_exists, path["cell_id"]):
            raise NotFound
        return principal
    return await cell_leader(s, path, principal, now)


async def participant(s: Services, path: Path, principal: Principal, now: datetime) -> Principal:
    principal, standing = await _standing(s, path, principal, now)
    if standing.removed:
        raise Forbidden("removed_from_session")
    on_roster = standing.member_id is not None and standing.stage != "draft"
    if not on_roster and not standing.leads:
        raise NotFound
    return replace(principal, member_id=standing.member_id, cell_id=standing.cell_id)


async def session_leader(s: Services, path: Path, principal: Principal, now: datetime) -> Principal:
    principal, standing = await _standing(s, path, principal, now)
    if not standing.leads:
        if standing.member_id is not None and standing.stage != "draft":
            raise Forbidden
        raise NotFound
    if standing.removed:
        raise Forbidden("removed_from_session")
    return replace(principal, member_id=standing.member_id, cell_id=standing.cell_id)


async def secretary_of_member(
    s: Services, path: Path, principal: Principal, now: datetime
) -> Principal:
    principal = await signed_in(s, path, principal, now)
    cell_id = await s.database.read(access.cell_of_member, path["member_id"])
    if cell_id is None:
        raise NotFound
    principal = await _in_cell(s, cell_id, principal)
    if not leads(principal, cell_id):
        raise Forbidden
    return principal


async def keeper_of_member(
    s: Services, path: Path, principal: Principal, now: datetime
) -> Principal:
    principal = await signed_in(s, path, principal, now)
    if not is_administrator(principal):
        return await secretary_of_member(s, path, principal, now)
    if await s.database.read(access.cell_of_member, path["member_id"]) is None:
        raise NotFound
    return principal


async def officer(s: Services, path: Path, principal: Principal, now: datetime) -> Principal:
    principal = await signed_in(s, path, principal, now)
    if not any(role == "officer" for role, _ in principal.roles):
        raise Forbidden
    return principal


async def officer_stepped_up(
    s: Services, path: Path, principal: Principal, now: datetime
) -> Principal:
    principal = await officer(s, path, principal, now)
    if principal.stepped_up_at is None or now - principal.stepped_up_at > STEP_UP:
        raise Forbidden("step_up_needed")
    return principal


async def administrator(s: Services, path: Path, principal: Principal, now: datetime) -> Principal:
    principal = await signed_in(s, path, principal, now)
    if not is_administrator(principal):
        raise Forbidden
    return principal


async def recorder(_s: Services, _path: Path, principal: Principal, _now: datetime) -> Principal:
    if principal.kind != "recorder":
        raise NotSignedIn
    return principal


async def worker(_s: Services, _path: Path, principal: Principal, _now: datetime) -> Principal:
    if principal.kind != "worker":
        raise NotSignedIn
    return principal


async def peer(_s: Services, _path: Path, principal: Principal, _now: datetime) -> Principal:
    if principal.kind != "peer":
        raise NotSignedIn("peer_unknown")
    return principal


async def metrics(_s: Services, _path: Path, principal: Principal, _now: datetime) -> Principal:
    if principal.kind != "metrics":
        raise NotSignedIn
    return principal


def leads(principal: Principal, cell_id: str) -> bool:
    return any((role, cell_id) in principal.roles for role in access.LEADERS)


def is_administrator(principal: Principal) -> bool:
    return ("administrator", None) in principal.roles


async def _in_cell(s: Services, cell_id: str, principal: Principal) -> Principal:
    assert principal.account_id is not None
    member_id = await s.database.read(access.member_in, principal.account_id, cell_id)
    if member_id is None:
        raise NotFound
    return replace(principal, member_id=member_id, cell_id=cell_id)


async def _standing(
    s: Services, path: Path, principal: Principal, now: datetime
) -> tuple[Principal, access.Standing]:
    principal = await signed_in(s, path, principal, now)
    assert principal.account_id is not None
    found = await s.database.read(access.standing, path["session_id"], principal.account_id)
    if found is None:
        raise NotFound
    return principal, found


CHECKS: dict[Who, Check] = {
    Who.ANYONE: anyone,
    Who.PASSWORD_GIVEN: password_given,
    Who.SIGNED_IN: signed_in,
    Who.CELL_MEMBER: cell_member,
    Who.CELL_LEADER: cell_leader,
    Who.CELL_KEEPER: cell_keeper,
    Who.PARTICIPANT: participant,
    Who.SESSION_LEADER: session_leader,
    Who.SECRETARY_OF_MEMBER: secretary_of_member,
    Who.KEEPER_OF_MEMBER: keeper_of_member,
    Who.OFFICER: officer,
    Who.OFFICER_STEPPED_UP: officer_stepped_up,
    Who.ADMINISTRATOR: administrator,
    Who.RECORDER: recorder,
    Who.WORKER: worker,
    Who.PEER: peer,
    Who.METRICS: metrics,
}

"""What a handler is given: the caller, the checked body, the clock's reading, the services."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from starlette.requests import HTTPConnection

from server.http.routing import Route

if TYPE_CHECKING:
    from server.services import Services


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls. `roles` are (role, cell id or None); empty strings never stand for a person."""

    kind: str  # anonymous, account, recorder, peer
    account_id: str | None = None
    member_id: str | None = None
    cell_id: str | None = None
    roles: frozenset[tuple[str, str | None]] = frozenset()
    sign_in_id: str | None = None
    complete: bool = False  # second factor given in this sign-in
    factor_at: datetime | None = None
    stepped_up_at: datetime | None = None
    peer_id: str | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `request` is only for streams, uploads, cookies and sockets."""

    services: "Services"
    route: Route
    principal: Principal
    path: dict[str, str]
    body: Any  # an instance of route.body, already validated; None if the route has none
    now: datetime
    request: HTTPConnection

"""A cell installation's services on a database of its own, and calls as the router makes them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request

from server.blobs import LocalBlobs
from server.config import Config
from server.http.call import Call, Principal
from server.keys import Keyring, new_id
from server.operations.measures import Measures
from server.routes import ROUTES
from server.services import Services
from server.session.service import SessionService
from server.store.database import Database
from server.store.tables import metadata

NOW = datetime(2026, 11, 2, 1, 30, tzinfo=UTC)


@dataclass
class Desk:
    """Calls a handler by method and path pattern, as somebody, at a time."""

    services: Services
    now: datetime = NOW
    principal: Principal = field(default_factory=lambda: Principal("account"))

    async def __call__(self, method: str, pattern: str, body: Any = None, **path: str) -> Any:
        route = next(r for r in ROUTES if (r.method, r.path) == (method, pattern))
        if route.body is not None:
            body = route.body.model_validate(body)
        request = Request({"type": "http", "method": method, "headers": [], "client": None})
        call = Call(self.services, route, self.principal, path, body, self.now, request)
        answer = await route.handler(call)
        if route.answer is not None:
            assert isinstance(answer, route.answer)
            route.answer.model_validate_json(answer.model_dump_json())
        return answer


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    env = {
        "CHIBO_DATA": str(tmp_path),
        "LIVEKIT_API_KEY": "key",
        "LIVEKIT_API_SECRET": "s" * 40,
        "CHIBO_SERVICE_KEY": "r" * 40,
    }
    config = Config.load(env)
    database = Database(config.database_url)
    metadata.create_all(database.engine)
    keys = Keyring.open(config.keys_dir)
    services = Services(
        config=config,
        database=database,
        keys=keys,
        blobs=LocalBlobs(tmp_path / "blobs"),
        clock=lambda: NOW,
        new_id=new_id,
        session=SessionService(
            config=config, database=database, keys=keys, clock=lambda: NOW, new_id=new_id
        ),
        measures=Measures(),
        web_bundle="",
    )
    yield Desk(services)
    database.close()


@pytest.fixture
async def cell_id(desk: Desk) -> str:
    body = {"name": "Chi bộ bản Phiêng Lót", "committee": "Đảng ủy xã Mường Tha"}
    return (await desk("POST", "/api/cells", body)).id


@pytest.fixture
def member() -> Callable[..., dict[str, Any]]:
    """Bodies of fictional members, each with a phone of their own."""

    def make(n: int, **more: Any) -> dict[str, Any]:
        letter = "ABCDEGHIKLMNOPQRSTUVXY"[n % 22]
        body = {"name": f"Lò Văn {letter}", "phone": f"09120000{n:02d}", "kind": "official"}
        return body | more

    return make

"""Generated requests to every route, from people who may call it: no input is our fault."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings

from server.http.authorise import worker_key
from server.http.openapi import document
from server.http.routing import Route, Who
from server.routes import ROUTES
from tests.server.identity.conftest import ADMINISTRATOR, SECRETARY, Village
from tests.server.site import Browser

EXAMPLES = 8  # per route and run; each run draws others
OFFICER = "0900000141"
# Signing out, or changing one's password, would only make every later answer a 401.
LEFT_OUT = ("/api/sign-out", "/api/me/password", "/api/me/sign-ins/{sign_in_id}")
SCHEMA = schemathesis.openapi.from_dict(document(ROUTES, "chibo", "1"))


class Target:
    """A village with a drafted session, and somebody signed in for every kind of route."""

    def __init__(self, folder: Path, runner: asyncio.Runner) -> None:
        self.runner = runner
        self.village = Village(folder)
        self.running = self.village.running()
        self.runner.run(self.running.__aenter__())
        self.browsers: dict[str, Browser] = {}
        self.ids: dict[str, str] = {}
        self.runner.run(self._settle())

    async def _settle(self) -> None:
        village = self.village
        await village.settle()
        await village.person(OFFICER, "Điêu Chính Quyết", "officer")
        for phone in (ADMINISTRATOR, SECRETARY, OFFICER):
            self.browsers[phone] = await village.signed_in(phone)
        starts = village.clock().replace(year=village.clock().year + 1).isoformat()
        item = {"kind": "discussion", "title": "Nước sạch", "minutes": 10}
        body = {"title": "Thường kỳ", "starts_at": starts, "place": "Trực tuyến", "mode": "online"}
        path = f"/api/cells/{village.cell_id}/sessions"
        session = await self.browsers[SECRETARY].ok("POST", path, body | {"items": [item]})
        self.ids = {
            "cell_id": village.cell_id,
            "session_id": session["id"],
            "member_id": village.members[SECRETARY],
        }

    def send(self, route: Route, case: Any) -> int:
        """The status of the answer to a generated request with ids that exist."""
        path = route.path
        for name, value in {**case.path_parameters, **self.ids}.items():
            path = path.replace("{" + name + "}", str(value).replace("/", "%2F"))
        if route.who is Who.OFFICER or route.who is Who.OFFICER_STEPPED_UP:
            browser = self.browsers[OFFICER]
        elif route.who in (Who.ADMINISTRATOR, Who.CELL_KEEPER):
            browser = self.browsers[ADMINISTRATOR]
        else:
            browser = self.browsers[SECRETARY]
        more: dict[str, Any] = {}
        keys = {
            Who.RECORDER: self.village.config.recorder_service_key.value,
            Who.WORKER: worker_key(self.village.services.keys),
        }
        if key := keys.get(route.who):
            more["headers"] = {"Authorization": f"Bearer {key}"}
        body = case.body if route.body else None
        if not isinstance(body, dict | list | str | int | float | type(None)):
            body = None
        return self.runner.run(browser(route.method, path, body, **more)).status_code


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    with asyncio.Runner() as runner:
        made = Target(tmp_path_factory.mktemp("hostile"), runner)
        yield made
        runner.run(made.running.__aexit__(None, None, None))


TRIED = [r for r in ROUTES if r.method != "WS" and r.path not in LEFT_OUT and r.who is not Who.PEER]


@pytest.mark.parametrize("route", TRIED, ids=lambda r: f"{r.method} {r.path}")
def test_no_request_makes_the_server_fail(target: Target, route: Route) -> None:
    operation = SCHEMA[route.path][route.method]

    @given(case=operation.as_strategy())
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        phases=[Phase.generate],
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    def send(case: Any) -> None:
        status = target.send(route, case)
        assert status < 500 or (status == 503 and route.path in ("/readyz", "/"))

    send()

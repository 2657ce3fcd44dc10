"""Generated requests to every route, from people who may call it: no input is our fault."""

import asyncio
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote, unquote

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from websockets.asyncio.client import connect

from server.app import build_services
from server.config import Config
from server.http.authorise import worker_key
from server.http.openapi import document
from server.http.peers import signed_headers
from server.http.routing import Route, Who
from server.keys import Keyring
from server.routes import ROUTES
from server.session import events as e
from server.store.database import Connection
from server.store.tables import peer
from tests.server.identity.conftest import ADMINISTRATOR, SECRETARY, Village
from tests.server.session import town
from tests.server.site import Browser
from voting.signing import to_base64url

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
        self.peer = Keyring.open(folder / "peer")
        self.browsers: dict[str, Browser] = {}
        self.ids: dict[str, str] = {}
        self.runner.run(self._settle())

    async def _settle(self) -> None:
        village = self.village
        await village.settle()
        await village.services.database.write(self._enrol)
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
        self.held = await self._held(path, body | {"items": [item]}, starts)

    def _enrol(self, conn: Connection) -> None:
        seal = self.peer.seal
        values = {
            "id": self.peer.installation_id,
            "kind": "cell",
            "spki": to_base64url(seal.public.spki),
            "key_id": seal.key_id,
            "enrolled_at": self.village.clock(),
            "confirmed_at": self.village.clock(),
        }
        conn.execute(peer.insert().values(**values))

    async def _held(self, path: str, body: Any, starts: str) -> str:
        """A session whose agenda is being worked on, so that commands meet the law itself."""
        village, secretary = self.village, self.browsers[SECRETARY]
        cell = f"/api/cells/{village.cell_id}"
        for member in (await secretary.ok("GET", f"{cell}/members"))["members"]:
            kept = {name: member[name] for name in ("name", "phone", "kind")}
            away = {**kept, "circumstance": "work_far_from_home"}
            await secretary.ok("PUT", f"/api/members/{member['id']}", away)
        today = village.clock().date().isoformat()
        permit = {"issuer": "Đảng ủy xã", "number": "12-CV/ĐU", "date": today}
        await secretary.ok("POST", f"{cell}/authorisations", permit | {"valid_until": "2099-12-31"})
        session_id = str((await secretary.ok("POST", path, body))["id"])
        await secretary.ok("POST", f"/api/sessions/{session_id}/convene")
        begun: list[e.Event] = [
            e.WaitingOpened(),
            *(e.Connected(person) for person in ("p01", "p02", "p03")),
            e.Opened("recording", 0, "", ""),
            e.SecretaryNamed("p02"),
            e.RollCallStarted(),
            *(e.CheckedIn(person, "remote", "secretary") for person in ("p01", "p02", "p03")),
            e.RollCallFinished(3, 3),
            e.AgendaApproved(),
        ]
        log = village.services.session.log
        await log.append(session_id, e.SYSTEM, None, village.clock(), lambda *_: begun)
        return session_id

    def send(self, route: Route, case: Any, raw: bytes = b"") -> int:
        """The status of the answer to a generated request with ids that exist."""
        path = route.path
        ids = self.ids | ({"session_id": self.held} if meets_the_law(route) else {})
        for name, value in {**case.path_parameters, **ids}.items():
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
        if route.who is Who.PEER:
            return self._signed(route.method, path, body if route.body else raw)
        return self.runner.run(browser(route.method, path, body, **more)).status_code

    def _signed(self, method: str, path: str, body: Any) -> int:
        """What an enrolled installation gets that signs nonsense with its own good key."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        receiver = self.village.services.keys.installation_id
        sent = unquote(path)  # as the server sees it
        now = self.village.clock()
        headers = signed_headers(self.peer, receiver, method, sent, data, now)
        browser = self.village.browser("10.0.0.9")
        return self.runner.run(browser(method, path, content=data, headers=headers)).status_code


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    with asyncio.Runner() as runner:
        made = Target(tmp_path_factory.mktemp("hostile"), runner)
        yield made
        runner.run(made.running.__aexit__(None, None, None))


def meets_the_law(route: Route) -> bool:
    """Whether the route is about a session that is held, rather than one in preparation."""
    parts = ("/commands/", "/view", "/chain", "/device-keys", "/media-token", "/room-pairing")
    return any(part in route.path for part in parts)


# What ends the session for good comes last, or the rest would meet only "it is over".
FINAL = ("abandon", "adjourn", "close", "remove", "cancel")
TRIED = sorted(
    (r for r in ROUTES if r.method != "WS" and r.path not in LEFT_OUT),
    key=lambda r: r.path.rpartition("/")[2] in FINAL,
)


@pytest.mark.parametrize("route", TRIED, ids=lambda r: f"{r.method} {r.path}")
def test_no_request_makes_the_server_fail(target: Target, route: Route) -> None:
    operation = SCHEMA[route.path][route.method]

    @given(case=operation.as_strategy(), raw=st.binary(max_size=300) | st.sampled_from(ARCHIVES))
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        phases=[Phase.generate],
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    def send(case: Any, raw: bytes) -> None:
        status = target.send(route, case, raw)
        # What hangs on parts that no test has started may be away.
        assert status < 500 or (status == 503 and route.path in ("/readyz", "/"))
        assert status not in (401,) or route.who is not Who.PEER, "the signature was not taken"

    send()


def archive(**files: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in files.items():
            made.writestr(name.replace("_", "."), data)
    return out.getvalue()


def path_archive() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        made.writestr("../../etc/cron.d/x", b"* * * * * root true")
    return out.getvalue()


ARCHIVES = [
    archive(manifest_json=b"[]", signature_json=b"{}"),
    archive(manifest_json=b"[" * 100_000, signature_json=b"{}"),
    archive(manifest_json=b"{}", signature_json=b'{"key_id":1,"signature":[]}'),
    archive(report_pdf=bytes(20 * 1024 * 1024)),  # small on the way, large once unpacked
    path_archive(),
    archive(manifest_json=b"{}")[:-9],
]


def test_an_installation_that_signs_its_nonsense_is_heard_and_refused(target: Target) -> None:
    """So that the test above is no row of 401s: a good signature reaches the handler."""
    report = next(r for r in ROUTES if (r.method, r.path) == ("POST", "/api/peer/reports"))
    case = SimpleNamespace(path_parameters={}, body=None)
    assert {target.send(report, case, raw) for raw in ARCHIVES} == {400}


@pytest.mark.parametrize("query", ["", "?after=-1", "?after=²", "?after=9999999999&hash=x"])
async def test_no_message_makes_a_live_socket_fail(tmp_path: Path, query: str) -> None:
    """Whatever a device says, its own socket lives on, and so do the others."""
    config = Config.load(town.settings(tmp_path))
    tokens = await town.settle(config)
    services = build_services(config)
    async with (
        town.application(config) as address,
        town.persons(services, tokens, address) as people,
        people["p02"].live() as other,
    ):
        await town.heard(other, "snapshot")
        after = (-1, "x") if not query else None
        async with people["p01"].live(after) if after else connect_with(people["p01"], query) as it:
            await town.heard(it, "snapshot")
            for message in HOSTILE_MESSAGES:
                await it.send(message)
            await town.heard(it, "beat")
            await people["p01"].give("allow-chat", allowed=True)
            await town.heard(it, "update")
        await town.heard(other, "update")
    services.database.close()


def connect_with(person: town.Person, query: str) -> Any:
    return connect(
        f"ws://{person.address}/api/sessions/{town.SESSION}/live{quote(query, safe='?=&')}",
        additional_headers={"Cookie": f"chibo={person.token}"},
        origin=f"http://{person.address}",  # type: ignore[arg-type]
        proxy=None,
    )


HOSTILE_MESSAGES: list[str | bytes] = [
    "",
    "null",
    "[]",
    "{",
    '{"kind":"beat"',
    '{"kind":"snapshot","view":{}}',
    '{"kind":"beat","line":"excellent"}',
    '{"kind":"beat","line":null,"microphone":"yes"}',
    '{"kind":"beat","person":"p02"}',
    '{"kind":"beat","line":"good","microphone":1e400}',
    '{"kind":"beat"' + ',"x":1' * 1000 + "}",
    "[" * 5000,
    '{"kind":"\\ud800"}',
    "Đồng chí " * 400,
    b"",
    bytes(range(256)),
    b'{"kind":"beat"}',
]

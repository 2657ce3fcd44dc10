"""Every route, called by everybody: who may reach the handler is exactly what the table says."""

import datetime as dt
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

import server.app
from server.http.authorise import worker_key
from server.http.call import Call
from server.http.errors import Refused
from server.http.peers import signed_headers
from server.http.routing import Route, Who
from server.keys import Keyring
from server.routes import ROUTES
from server.store import tables as t
from server.store.database import Connection
from tests.server.site import ORIGIN, Browser, Site
from voting.signing import to_base64url

pytestmark = pytest.mark.asyncio(loop_scope="module")

REACHED = 418  # what our handlers answer instead of working
NOT_ALLOWED = (401, 403, 404)
# Our own cell is "a"; "b" is its sibling, "c" belongs to another committee.
LEADERS = {"secretary", "deputy"}
ON_ROSTER = LEADERS | {"member", "probationary"}
OF_CELL = ON_ROSTER | {"removed", "newcomer"}
ACCOUNTS = OF_CELL | {"former", "sibling", "sibling secretary", "stranger", "both cells"} | {
    "officer", "stale officer", "administrator",
}  # fmt: skip
CALLERS = ["nobody", "expired", "half", *sorted(ACCOUNTS), "recorder", "worker", "peer", "new peer"]

# Who may call what names our cell, a member of it, and its convened session.
MAY: dict[Who, set[str]] = {
    Who.ANYONE: set(CALLERS),
    Who.PASSWORD_GIVEN: ACCOUNTS | {"half"},
    Who.SIGNED_IN: ACCOUNTS,
    Who.CELL_MEMBER: OF_CELL,
    Who.CELL_LEADER: LEADERS,
    Who.CELL_KEEPER: LEADERS | {"administrator"},
    Who.PARTICIPANT: ON_ROSTER,
    Who.SESSION_LEADER: LEADERS,
    Who.SECRETARY_OF_MEMBER: LEADERS,
    Who.KEEPER_OF_MEMBER: LEADERS | {"administrator"},
    Who.OFFICER: {"officer", "stale officer"},
    Who.OFFICER_STEPPED_UP: {"officer"},
    Who.ADMINISTRATOR: {"administrator"},
    Who.RECORDER: {"recorder"},
    Who.WORKER: {"worker"},
    Who.PEER: {"peer"},
    Who.METRICS: set(),
}


class World(Site):
    """Three cells with their sessions, and a browser for everybody."""

    browsers: dict[str, Browser]
    peer_keys: dict[str, Keyring]

    async def settle(self, folder: Path) -> None:
        await self.services.database.write(self._seed)
        self.browsers = {"nobody": self._outside(), "half": self._outside()}
        for phone, (name, _, roles) in enumerate(PEOPLE, 900000100):
            await self.person(f"0{phone}", name, *roles)
        for phone, (name, _, _) in enumerate(PEOPLE, 900000100):
            self.browsers[name] = await self.signed_in(f"0{phone}", "10.0.0.1")
            self.clock.forward(seconds=2)
        self.clock.forward(seconds=60)
        password = {"phone": "0900000100", "password": "mat khau de thu 1"}
        await self.browsers["half"].ok("POST", "/api/sign-in/password", password)
        self.browsers["expired"] = await self.signed_in("0900000101", "10.0.0.1")
        await self.services.database.write(self._age)
        self.peer_keys = {n: Keyring.open(folder / n) for n in ("peer", "new peer")}
        await self.services.database.write(self._peers)

    def _outside(self) -> Browser:
        return self.browser("10.0.0.1")  # not this machine, which may read the metrics

    def _seed(self, conn: Connection) -> None:
        now = self.clock()
        cells = {"a": "Đảng ủy xã Mường Tha", "b": "Đảng ủy xã Mường Tha", "c": "Đảng ủy xã Nà Tấu"}
        for cell, committee in cells.items():
            values = {"id": cell, "name": f"Chi bộ {cell}", "committee": committee}
            conn.execute(t.cell.insert().values(**values, created_at=now))
        for phone, (name, memberships, _) in enumerate(PEOPLE, 900000100):
            account = {"id": f"account {name}", "phone": f"0{phone}", "name": name}
            conn.execute(t.account.insert().values(**account, created_at=now))
            for cell in memberships:
                self._member(conn, name, cell, f"0{phone}", now)
        for session, cell, stage in (
            ("held", "a", "items"),
            ("draft", "a", "draft"),
            ("other", "b", "items"),
            ("far", "c", "items"),
        ):
            values = {"id": session, "cell_id": cell, "title": session, "stage": stage}
            times = {"starts_at": now, "created_at": now, "mode": "online"}
            conn.execute(t.session.insert().values(**values, **times, head_seq=0))
        on_roster = {
            "held": [f"{name} a" for name in sorted(ON_ROSTER | {"former", "removed"})],
            "other": ["sibling b", "sibling secretary b", "both cells b"],
            "far": ["stranger c"],
        }
        for session, members in on_roster.items():
            for n, member in enumerate(members, 1):
                person = "p99" if member == "removed a" else f"p{n:02d}"
                values = {"session_id": session, "member_id": member, "person": person}
                conn.execute(t.summons.insert().values(**values, sent_at=now))
        header = {"prev": "0", "type": "removed", "time": now.isoformat(), "actor": "p01"}
        hashes = {"payload_hash": "0", "hash": "0"}
        conn.execute(t.event.insert().values(session_id="held", seq=1, **header, **hashes))
        body = '{"person":"p99","reason":"thử"}'
        conn.execute(t.event_payload.insert().values(session_id="held", seq=1, salt="", body=body))

    def _member(self, conn: Connection, name: str, cell: str, phone: str, now: dt.datetime) -> None:
        values = {
            "id": f"{name} {cell}",
            "cell_id": cell,
            "account_id": f"account {name}",
            "name": name,
            "phone": phone,
            "kind": "probationary" if name == "probationary" else "official",
            "left_at": now.date() if name == "former" else None,
            "created_at": now,
        }
        conn.execute(t.member.insert().values(**values))
        leads = {"secretary": "secretary", "deputy": "deputy", "sibling secretary": "secretary"}
        # A role that was not ended when its holder left the cell must count for nothing.
        if role := leads.get(name) or ("deputy" if name == "former" else None):
            grant = {"id": f"role {name}", "account_id": f"account {name}", "role": role}
            conn.execute(t.role.insert().values(**grant, cell_id=cell, granted_at=now))

    def _age(self, conn: Connection) -> None:
        newest = t.sign_in.select().where(t.sign_in.c.account_id == "account member")
        rows = conn.execute(newest.order_by(t.sign_in.c.created_at.desc())).all()
        past = self.clock() - dt.timedelta(seconds=1)
        expire = t.sign_in.update().where(t.sign_in.c.id == rows[0].id)
        conn.execute(expire.values(expires_at=past))
        stale = t.sign_in.update().where(t.sign_in.c.account_id == "account stale officer")
        conn.execute(stale.values(stepped_up_at=past - dt.timedelta(minutes=10)))

    def _peers(self, conn: Connection) -> None:
        for name, keys in self.peer_keys.items():
            values = {
                "id": keys.installation_id,
                "kind": "committee",
                "spki": to_base64url(keys.seal.public.spki),
                "key_id": keys.seal.key_id,
                "enrolled_at": self.clock(),
                "confirmed_at": self.clock() if name == "peer" else None,
            }
            conn.execute(t.peer.insert().values(**values))

    async def status(self, caller: str, route: Route, path: str) -> int:
        """What the caller gets, as status; for sockets, of the refusal, or REACHED."""
        browser = self.browsers.get(caller) or self._outside()
        headers = {}
        if caller in ("recorder", "worker"):
            recorder = self.config.recorder_service_key.value
            key = recorder if caller == "recorder" else worker_key(self.services.keys)
            headers["Authorization"] = f"Bearer {key}"
        if keys := self.peer_keys.get(caller):
            headers |= signed_headers(
                keys, self.services.keys.installation_id, route.method, path, b"", self.clock()
            )
        if route.method == "WS":
            return await self._socket(browser, path, headers)
        return (await browser(route.method, path, headers=headers)).status_code

    async def _socket(self, browser: Browser, path: str, headers: dict[str, str]) -> int:
        cookies = "; ".join(f"{c.name}={c.value}" for c in browser.http.cookies.jar)
        sent = {"host": "localhost:8000", "origin": ORIGIN, "cookie": cookies} | headers
        scope = {
            "type": "websocket",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": [(k.lower().encode(), v.encode()) for k, v in sent.items()],
            "client": ("10.0.0.1", 5),
            "server": ("localhost", 8000),
            "subprotocols": [],
            "extensions": {"websocket.http.response": {}},
        }
        answers: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "websocket.connect"}

        async def send(message: Any) -> None:
            answers.append(message)

        await self.app(scope, receive, send)
        first = answers[0]
        return int(first["status"]) if "status" in first else int(first["code"])


# name, cells they are members of, roles without a cell; the first becomes "half" as well
PEOPLE: list[tuple[str, str, tuple[str, ...]]] = [
    ("secretary", "a", ()),
    ("member", "a", ()),
    ("deputy", "a", ()),
    ("probationary", "a", ()),
    ("removed", "a", ()),
    ("newcomer", "a", ()),  # came to the cell after the session was convened
    ("former", "a", ()),
    ("sibling", "b", ()),
    ("sibling secretary", "b", ()),
    ("both cells", "bc", ()),
    ("stranger", "c", ()),
    ("officer", "", ("officer",)),
    ("stale officer", "", ("officer",)),
    ("administrator", "", ("administrator",)),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    folder = tmp_path_factory.mktemp("world")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(server.app, "ROUTES", [replace(r, handler=_handler(r)) for r in ROUTES])
        made = World(folder / "data", CHIBO_METRICS_TOKEN="m" * 40)
    async with made.running():
        await made.settle(folder)
        yield made


def _handler(route: Route) -> Any:
    if route.path.startswith("/api/sign-in/") or route.path == "/api/me":
        return route.handler

    async def reached(_call: Call, socket: Any = None) -> None:
        if socket is not None:
            await socket.receive()
            await socket.close(REACHED)
            return
        refusal = Refused("internal")
        refusal.status = REACHED
        raise refusal

    return reached


def address(route: Route, session: str = "held", cell: str = "a") -> str:
    """The route's path with our own cell, member and session in it."""
    names = {"cell_id": cell, "member_id": f"member {cell}", "session_id": session}
    path = route.path
    for name in ("cell_id", "member_id", "session_id"):
        path = path.replace("{" + name + "}", names[name].replace(" ", "%20"))
    for other in ("document_id", "sign_in_id", "reset_id", "peer_id", "page", "file", "name"):
        path = path.replace("{" + other + "}", "1")
    return path.replace("{kind}.{form}", "report.pdf").replace("{kind}", "report")


async def let_in_by(world: World, routes: list[Route], **where: str) -> dict[str, set[str]]:
    """Per route, the callers that got past the permission check."""
    found: dict[str, set[str]] = {}
    for route in routes:
        let_in = found.setdefault(f"{route.method} {route.path}", set())
        for caller in CALLERS:
            status = await world.status(caller, route, address(route, **where))
            if status not in NOT_ALLOWED:
                let_in.add(caller)
    return found


STATELESS = [r for r in ROUTES if not r.path.startswith(("/api/sign-in/", "/api/sign-out"))]


async def test_everybody_gets_where_the_table_says_and_nowhere_else(world: World) -> None:
    before = await world.services.database.read(everything)
    found = await let_in_by(world, STATELESS)
    expected = {f"{r.method} {r.path}": MAY[r.who] for r in STATELESS}
    assert found == expected
    assert await world.services.database.read(everything) == before


async def test_a_draft_is_only_for_those_who_lead_the_cell(world: World) -> None:
    routes = [r for r in ROUTES if r.who in (Who.PARTICIPANT, Who.SESSION_LEADER)]
    found = await let_in_by(world, routes, session="draft")
    assert set(map(frozenset, found.values())) == {frozenset(LEADERS)}


@pytest.mark.parametrize(
    ("session", "participants"),
    [
        ("other", {"sibling", "sibling secretary", "both cells"}),
        ("far", {"stranger"}),
        ("nowhere", set()),
    ],
)
async def test_other_cells_sessions_are_closed_to_us(
    world: World, session: str, participants: set[str]
) -> None:
    leaders = {"sibling secretary"} & participants
    for who, allowed in ((Who.PARTICIPANT, participants), (Who.SESSION_LEADER, leaders)):
        routes = [r for r in ROUTES if r.who is who]
        # Of a session that is none, the first few tell as much as all.
        found = await let_in_by(world, routes[: None if participants else 12], session=session)
        assert set(map(frozenset, found.values())) == {frozenset(allowed)}


async def test_other_cells_and_members_are_closed_to_our_leaders(world: World) -> None:
    whos = (Who.CELL_MEMBER, Who.CELL_LEADER, Who.SECRETARY_OF_MEMBER)
    routes = [r for r in ROUTES if r.who in whos and "{session_id}" not in r.path]
    found = await let_in_by(world, routes, cell="c")
    assert set(map(frozenset, found.values())) == {frozenset()}


@pytest.mark.parametrize("who", [Who.CELL_LEADER, Who.CELL_KEEPER])
async def test_a_sibling_cell_is_led_by_its_own_leader_alone(world: World, who: Who) -> None:
    routes = [r for r in ROUTES if r.who is who]
    found = await let_in_by(world, routes, cell="b")
    also = {"administrator"} if who is Who.CELL_KEEPER else set()
    assert set(map(frozenset, found.values())) == {frozenset({"sibling secretary"} | also)}


async def test_a_member_of_a_sibling_cell_is_kept_by_that_cells_leader(world: World) -> None:
    for who, allowed in (
        (Who.SECRETARY_OF_MEMBER, {"sibling secretary"}),
        (Who.KEEPER_OF_MEMBER, {"sibling secretary", "administrator"}),
    ):
        for route in (r for r in ROUTES if r.who is who):
            path = route.path.replace("{member_id}", "sibling%20b")
            let_in = {
                caller
                for caller in CALLERS
                if await world.status(caller, route, path) not in NOT_ALLOWED
            }
            assert let_in == allowed, route.path


async def test_every_kind_of_permission_has_its_expected_callers() -> None:
    """A new kind of relation must be given its row here before a route may use it."""
    assert {route.who for route in ROUTES} <= set(MAY)


async def test_what_one_may_not_know_of_is_not_found(world: World) -> None:
    show = next(r for r in ROUTES if r.path == "/api/sessions/{session_id}/view")
    for caller, session, expected in (
        ("sibling", "held", 404),
        ("member", "nowhere", 404),
        ("member", "draft", 404),
        ("removed", "held", 403),
        ("former", "held", 404),
        ("nobody", "held", 401),
        ("half", "held", 401),
        ("expired", "held", 401),
    ):
        status = await world.status(caller, show, address(show, session=session))
        assert status == expected, (caller, session)


async def test_a_changing_request_needs_our_page_and_our_token(world: World) -> None:
    member, path = world.browsers["member"], "/api/sessions/held/reply"
    body = {"coming": True}
    good = await member("POST", path, body)
    assert good.status_code == REACHED
    for headers, code in (
        ({"X-CSRF": ""}, "wrong_csrf"),
        ({"X-CSRF": world.browsers["secretary"].csrf}, "wrong_csrf"),
        ({"Origin": "https://evil.example"}, "wrong_origin"),
        ({"Origin": "null"}, "wrong_origin"),
        ({"Sec-Fetch-Site": "cross-site"}, "wrong_origin"),
        ({"Sec-Fetch-Site": "same-site"}, "wrong_origin"),
    ):
        answer = await member("POST", path, body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, code), headers
    without = httpx.Request("POST", ORIGIN + path, json=body, headers={"X-CSRF": member.csrf})
    without.headers["cookie"] = f"chibo={member.http.cookies['chibo']}"
    assert (await member.http.send(without)).json()["code"] == "wrong_origin"


async def test_a_socket_of_another_site_is_refused(world: World) -> None:
    live = next(r for r in ROUTES if r.method == "WS")
    evil = {"origin": "https://evil.example"}
    assert await world._socket(world.browsers["member"], address(live), evil) == 403


async def test_a_signed_request_of_a_peer_counts_once_and_only_unchanged(world: World) -> None:
    path, body = "/api/peer/schedule", b"{}"
    keys, ours = world.peer_keys["peer"], world.services.keys.installation_id

    async def post(
        headers: dict[str, str], content: bytes = body, to: str = path
    ) -> tuple[int, str]:
        answer = await world._outside().http.post(to, content=content, headers=headers)
        return answer.status_code, answer.json()["code"]

    headers = signed_headers(keys, ours, "POST", path, body, world.clock())
    assert (await post(headers))[0] == 400  # let in: only the fields are missing
    assert await post(headers) == (401, "peer_replayed")
    fresh = signed_headers(keys, ours, "POST", path, body, world.clock())
    assert await post(fresh, b'{"a":1}') == (401, "peer_signature")
    assert await post(fresh, to="/api/peer/running") == (401, "peer_signature")
    assert await post(fresh | {"X-Key-Id": "0" * 16}) == (401, "peer_unknown")
    elsewhere = signed_headers(keys, "another", "POST", path, body, world.clock())
    assert await post(elsewhere) == (401, "peer_receiver")
    assert await post(elsewhere | {"X-Receiver": ours}) == (401, "peer_signature")
    with_query = signed_headers(keys, ours, "POST", f"{path}?a=1", body, world.clock())
    assert await post(with_query) == (401, "peer_signature")
    late = signed_headers(keys, ours, "POST", path, body, world.clock() - dt.timedelta(minutes=6))
    assert await post(late) == (401, "peer_time")
    early = signed_headers(keys, ours, "POST", path, body, world.clock() + dt.timedelta(minutes=6))
    assert await post(early) == (401, "peer_time")
    new = signed_headers(world.peer_keys["new peer"], ours, "POST", path, body, world.clock())
    assert await post(new) == (401, "peer_unknown")


async def test_too_large_and_unreadable_bodies_are_refused_before_the_handler(world: World) -> None:
    member, path = world.browsers["member"], "/api/sessions/held/reply"
    headers = {"Origin": ORIGIN, "X-CSRF": member.csrf}

    async def in_pieces() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b" " * 4096

    for content, status, code in (
        (b"x" * 70_000, 413, "too_large"),
        (in_pieces(), 413, "too_large"),  # without saying its length
        (b"{", 400, "bad_json"),
        (b"\xff\xfe", 400, "bad_json"),
        (b"[]", 400, "bad_fields"),
        (b'{"coming":"perhaps"}', 400, "bad_fields"),
        (b'{"coming":true,"extra":1}', 400, "bad_fields"),
        (b'{"coming":' + b"[" * 3000, 400, "bad_json"),
    ):
        answer = await member.http.post(path, content=content, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
    missing = await member.http.post(path, content=b"{}", headers=headers)
    assert missing.json()["message"].startswith("Cần xem lại: thiếu")


def everything(conn: Connection) -> str:
    """All rows but those that note that somebody asked."""
    kept = [table for table in t.metadata.sorted_tables if table.name not in NOTED]
    return "\n".join(repr(conn.execute(table.select()).all()) for table in kept)


NOTED = ("throttle", "sign_in", "peer_nonce")

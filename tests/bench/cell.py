"""A large cell with signed-in members, and its sessions without picture or sound."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from server.demo_seed import next_code, session_of_today
from server.headless import Account
from server.launch import Plan
from tests.bench.large_demo import people_of, plans_from
from tests.e2e.drive import Hook, run_session
from tests.e2e.stack import Stack
from tests.faults.meeting import Keeper
from tests.faults.proof import check_acknowledged, check_verified, exported, read_log

SIGNING_IN_AT_ONCE = 4  # password hashing is costly by intent
CHAIR, SECRETARY = "chung", "duyen"
RECEIPT_SECONDS = 120  # a bound, not a target


@dataclass(slots=True)
class Cell:
    stack: Stack
    plans: list[Plan]
    accounts: dict[str, Account] = field(default_factory=dict)  # by slug, the chair first

    async def sign_in(self) -> None:
        """All official members; each request of theirs opens a connection of its own."""
        config, several = self.plans[0].config, asyncio.Semaphore(SIGNING_IN_AT_ONCE)

        async def one(slug: str, phone: str, password: str) -> None:
            account = Account(self.stack.url, f"{slug}.localhost:{self.stack.port}")
            none_kept = httpx.Limits(max_connections=None, max_keepalive_connections=0)
            headers = dict(account.http.headers)
            await account.http.aclose()
            account.http = httpx.AsyncClient(
                base_url=self.stack.url, headers=headers, timeout=60, limits=none_kept
            )
            self.accounts[slug] = account
            async with several:
                await account.sign_in(phone, password, lambda: next_code(config, phone))

        size = int(self.stack.env["BENCH_MEMBERS"])
        members = [person for person in people_of(size) if person.kind == "official"]
        await asyncio.gather(*(one(p.slug, p.phone, p.password) for p in members))

    async def hold(
        self, folder: Path, voting: Callable[[list[Keeper]], Awaitable[None]] | None = None
    ) -> float:
        """One session to its receipt; `voting` is called with all voters in the first vote.
        Returns the seconds from the close to the receipt, as the chair's screen shows it.

        Raises Lost when the evidence lacks something that was acknowledged."""
        cell_id = (await self.accounts[CHAIR].get("/api/cells"))["cells"][0]["id"]
        await session_of_today(self.accounts[CHAIR], cell_id)
        listed = (await self.accounts[CHAIR].get("/api/sessions"))["sessions"]
        session = next(one["id"] for one in listed if one["stage"] in ("convened", "waiting"))
        async with AsyncExitStack() as leaving:
            people: dict[str, Keeper] = {}
            for slug, account in self.accounts.items():
                people[slug] = Keeper(account, session)
                leaving.push_async_callback(people[slug].leave)
            await asyncio.gather(*(member.join() for member in people.values()))
            chair = people[CHAIR]
            voters = list(people.values())
            closed, votes_held = [0.0], [0]

            async def in_vote(_chair: object) -> None:
                votes_held[0] += 1
                if voting and votes_held[0] == 1:
                    await voting(voters)

            async def close(_chair: object) -> None:
                closed[0] = time.monotonic()

            members = [member for member in voters if member is not chair]
            hooks: dict[str, Hook] = {"close_vote": in_vote, "close": close}
            await run_session(chair, people[SECRETARY], list(members), hooks)
            await chair.until(
                lambda view: view["delivery"]["state"] == "acknowledged", RECEIPT_SECONDS
            )
            took = time.monotonic() - closed[0]
            export = await exported(chair, folder)
            check_acknowledged(voters, read_log(export))
            await check_verified(export)
        return took


@asynccontextmanager
async def large_cell(folder: Path, members: int, **env: str) -> AsyncIterator[Cell]:
    """A cell of that many people, all signed in, on SQLite unless `env` names databases."""
    stack = Stack(folder / "data", BENCH_MEMBERS=str(members), **env)
    stack.program = ("-m", "tests.bench.large_demo")
    await asyncio.to_thread(stack.start)
    cell = Cell(stack, plans_from(dict(stack.env)))
    try:
        await cell.sign_in()
        yield cell
    finally:
        for account in cell.accounts.values():
            await account.close()
        await asyncio.to_thread(stack.stop)

"""`chibo demo` with a larger cell, on the databases named in BENCH_CELL_DB and BENCH_COMMITTEE_DB.

Run as a program by the benchmarks; everybody in it is as fictional as in the demo.
"""

import asyncio
import os
import sys
from pathlib import Path
from string import ascii_lowercase, ascii_uppercase

from server import demo_seed
from server.demo import make_plans, show_addresses
from server.demo_people import PEOPLE, Fictional
from server.launch import Plan, prepare, run_until_told


def people_of(size: int) -> tuple[Fictional, ...]:
    """The demo's people and as many more members as make `size` official ones."""
    members = sum(person.kind == "official" for person in PEOPLE)
    more = (
        Fictional(
            slug=f"them{n}",
            name=f"Hư Cấu {ascii_uppercase[n // 26]}{ascii_lowercase[n % 26]}",
            phone=f"0900001{n:03}",
            title="Đảng viên",
            kind="official",
            circumstance="work_far_from_home",
        )
        for n in range(members + 1, size + 1)
    )
    return (*PEOPLE, *more)


def plans_from(env: dict[str, str]) -> list[Plan]:
    """The two installations, cell first."""
    plans = make_plans(Path(env["CHIBO_DATA"]), env, None)
    urls = (env.get("BENCH_CELL_DB"), env.get("BENCH_COMMITTEE_DB"))
    return [
        Plan({**plan.env, "CHIBO_DATABASE_URL": url}, plan.media) if url else plan
        for plan, url in zip(plans, urls, strict=True)
    ]


async def main() -> int:
    vars(demo_seed)["PEOPLE"] = people_of(int(os.environ["BENCH_MEMBERS"]))
    plans = plans_from(dict(os.environ))
    for plan in plans:
        prepare(plan.config)
        demo_seed.seed_accounts(plan.config)

    async def when_healthy() -> None:
        await demo_seed.seed_over_http(plans[0].config, plans[1].config)
        show_addresses(plans, None)

    return await run_until_told(plans, None, when_healthy)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))

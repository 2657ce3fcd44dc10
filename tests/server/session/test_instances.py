"""Two instances of the application on one PostgreSQL: what one writes the other shows at once."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from server.app import build_services
from server.config import Config
from server.services import Services
from server.session import hub
from server.store.database import Connection
from tests.server.session.test_live import chained, stage_of
from tests.server.session.town import (
    Person,
    application,
    heard,
    persons,
    recorder,
    settings,
    settle,
)

LISTENERS = "FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'"


@pytest.fixture
async def pair(
    tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Person, Person, Services]]:
    """The chair at one instance, a member at the other, neither of which looks by itself."""
    for looking in ("HEADS_EVERY", "LEASES_EVERY"):
        monkeypatch.setattr(hub, looking, 10**9)
    config = Config.load(settings(tmp_path, postgres_url))
    tokens = await settle(config)
    services = build_services(config)
    async with (
        application(config) as first,
        application(Config.load(settings(tmp_path, postgres_url))) as second,
        persons(services, tokens, first) as people,
    ):
        member = replace(people["p02"], address=second)
        with recorder(services):
            yield people["p01"], member, services
    services.database.close()


async def follow(socket: Any, headers: list[dict[str, Any]], until: int) -> None:
    while headers[-1]["seq"] < until:
        headers += (await heard(socket, "update"))["headers"]


async def test_a_command_given_at_one_is_told_to_sockets_of_the_other(
    pair: tuple[Person, Person, Services],
) -> None:
    chair, member, _ = pair
    async with chair.live() as one, member.live() as other:
        await heard(one, "snapshot")
        headers = (await heard(other, "snapshot"))["headers"]
        await stage_of(chair, "waiting")
        for allowed in (True, False, True):
            ack = await chair.give("allow-chat", allowed=allowed)
            await follow(other, headers, ack["seq"])
    chained(headers)


async def test_nothing_is_missed_when_the_line_to_the_database_breaks(
    pair: tuple[Person, Person, Services],
) -> None:
    chair, member, services = pair

    def cut(conn: Connection) -> int:
        found = conn.execute(text(f"SELECT pg_terminate_backend(pid) {LISTENERS}"))
        return len(found.all())

    async with chair.live() as one, member.live() as other:
        await heard(one, "snapshot")
        headers = (await heard(other, "snapshot"))["headers"]
        await stage_of(chair, "waiting")
        assert await services.database.write(cut) == 2
        for allowed in (True, False, True):
            ack = await chair.give("allow-chat", allowed=allowed)
            await follow(other, headers, ack["seq"])
    chained(headers)
    assert (await member.view())["chat_allowed"]

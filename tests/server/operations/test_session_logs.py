"""The operator's log of a whole session: what happened to the machine, nothing of what was said,
by whom, or how anybody voted."""

import asyncio
import io
import json
import re
from pathlib import Path
from typing import Any

import pydantic
import pytest
import structlog

from server.app import build_services
from server.config import Config
from server.session import hub
from tests.server.operations.test_logs import lines
from tests.server.session.test_live import stage_of
from tests.server.session.town import (
    SERVICE_KEY,
    Person,
    application,
    heard,
    persons,
    recorder,
    settings,
    settle,
)

__all__ = ["lines"]  # the captured log
SAID = "Đồng chí Cà Thị Hặc đề nghị hoãn thu quỹ"
NOTED = "Giao đồng chí Bạc Cầm Minh làm trước ngày 20"
CONCLUSION = "Nhất trí với ý kiến của đồng chí Quàng Văn Thịnh"


async def test_the_log_of_a_whole_session_holds_nothing_private(
    tmp_path: Path, lines: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = Config.load(settings(tmp_path))
    tokens = await settle(config)
    services = build_services(config)
    async with application(config) as address, persons(services, tokens, address) as people:
        with recorder(services):
            await hold(people)
            monkeypatch.setattr(hub.Hub, "gather_now", broken)
            failed = await people["p02"].post("device-keys", {"spki": "x" * 90, "label": SAID})
            assert failed.status_code in (400, 409)
            await people["p02"].post("commands/say", {"command_id": "x", "text": SAID})
    services.database.close()
    log = lines.getvalue()
    entries = [json.loads(line) for line in log.splitlines()]
    routes = {entry.get("route") for entry in entries}
    assert "/api/sessions/{session_id}/commands/cast-ballot" in routes, "the log was not captured"
    assert "/api/sessions/{session_id}/live" in routes
    for private in (SAID, NOTED, CONCLUSION, "Cà Thị Hặc", "Bạc Cầm", "Quàng Văn", "Đảng viên 0"):
        assert private not in log
    for secret in (*tokens.values(), SERVICE_KEY, "s" * 40, people["p01"].csrf):
        assert secret not in log
    assert not re.search(r"approve(?!-agenda)|abstain|tán thành", log)
    assert not re.search(r"\bp0[1-6]\b", log), "who did what is for the session's own log"
    assert not re.search(r"09\d{8}", log)
    private = {"name", "text", "reason", "body", "phone", "token", "code", "member_name"}
    assert all(entry.get(key, "***") == "***" for entry in entries for key in private)


async def broken(*_: Any) -> None:
    raise RuntimeError("on purpose")


async def hold(people: dict[str, Person]) -> None:
    chair, others = people["p01"], [people[p] for p in ("p02", "p03", "p04")]
    async with chair.live() as first, others[0].live(), others[1].live(), others[2].live():
        await heard(first, "snapshot")
        await stage_of(chair, "waiting")
        await chair.give("open")
        await chair.give("name-secretary", person="p03")
        await chair.give("start-roll-call")
        for person in (chair, *others):
            await person.certify()
            await person.view()
            await person.give("check-in", **person.check_in())
        await chair.give("finish-roll-call")
        await chair.give("approve-agenda")
        await chair.give("allow-chat", allowed=True)
        await others[0].give("say", text=SAID)
        await chair.give("start-item", item="i1")
        await others[1].give("note", item="i1", person="p02", text=NOTED, kind="task")
        await chair.give("finish-item", item="i1", conclusion=CONCLUSION)
        await chair.give("start-item", item="i2")
        await chair.give("open-vote", motion="m1")
        for person, choice in ((chair, "approve"), (others[0], "disapprove")):
            motion = (await person.view())["motion"]
            await person.give("cast-ballot", **person.ballot(motion, choice))
        refused = await others[0].post(
            "commands/close-vote", {"command_id": "a" * 8, "motion": "m1"}
        )
        assert refused.status_code == 403
        await chair.give("void-vote", motion="m1", reason=SAID)
        await chair.give("remove", person="p04", reason=SAID)
        await chair.give("abandon", reason=CONCLUSION)
        await asyncio.sleep(0)
    assert (await chair.view())["stage"] == "abandoned"


def test_what_a_body_held_is_not_told_by_the_error_about_it(lines: io.StringIO) -> None:
    """A library's message may quote its input."""

    class Body(pydantic.BaseModel):
        text: int

    try:
        Body.model_validate({"text": SAID, "more": [NOTED]})
    except pydantic.ValidationError as error:
        structlog.get_logger().error("unexpected", exc_info=error)
    log = lines.getvalue()
    assert "ValidationError" in log
    assert "Cà Thị Hặc" not in log

"""One `kill -9` in a running session, and how long until each thing was back."""

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
from sqlalchemy import select

from server.demo import make_plans
from server.store.database import Connection, Database
from server.store.tables import job_lease
from tests.e2e.stack import Stack
from tests.faults.meeting import Meeting, until

BOUND = 60.0  # seconds; for a machine that does other work, never a target
UPPER_APP = "upper app"  # the upper committee's application
ROLES = ("app", "media", "recorder", "worker", UPPER_APP)
GAP = "recording-gap"


@dataclass(slots=True)
class Outcome:
    """Seconds from the kill; None where the killed process has nothing to do with it."""

    role: str
    during: str  # the step that the chair had before them
    after_seq: int  # the log's last line before the kill
    back: float = 0.0  # the process answers again
    working: float | None = None  # recorder: records; worker: leads; upper app: countersigns
    sockets: float | None = None  # every member's live socket has a fresh snapshot
    media: float | None = None  # every stream flows again at the subscriber
    silence: float = 0.0  # the longest that some stream was silent there, kill or none
    stated_gap: float | None = None  # that the recorder declares lost
    acknowledged: int = 0  # acts given between the kill and the end of the watch


async def kill_and_watch(meeting: Meeting, role: str, during: str) -> Outcome:
    """Kills the process that plays `role` while everybody acts; returns when all is back."""
    async with meeting.busy():
        await asyncio.sleep(meeting.chance.uniform(0.3, 1.5))
        outcome = Outcome(role, during, int(meeting.view["head"]["seq"]))
        acknowledged, witnessed = _acknowledged(meeting), meeting.view["witnessed_seq"]
        holder, logged = _leader(meeting.stack), meeting.stack.log.stat().st_size
        meeting.watcher.begin()
        begun = time.monotonic()
        meeting.stack.kill("app" if role == UPPER_APP else role, _installation(role))

        async def since(holds: Callable[[], object], otherwise: str) -> float:
            return await until(holds, BOUND, f"{role} killed: {otherwise}") - begun

        outcome.back = await since(_answers(meeting.stack, role, logged), "it is not back")
        match role:
            case "app":
                outcome.sockets = await since(
                    lambda: all(member.snapshots[-1] > begun for member in meeting.everybody),
                    "a live socket is not back",
                )
            case "media":
                outcome.media = await since(
                    lambda: meeting.watcher.all_since(begun + outcome.back), "a stream is not back"
                )
                outcome.working = await since(_gap_told(meeting, outcome), "no gap is stated")
            case "recorder":
                outcome.working = await since(_gap_told(meeting, outcome), "no gap is stated")
            case "worker":
                outcome.working = await since(
                    lambda: _leader(meeting.stack) not in ("", holder), "no worker leads"
                )
            case "upper app":
                outcome.working = await since(
                    lambda: meeting.view["witnessed_seq"] > witnessed, "nothing is countersigned"
                )
            case other:
                raise ValueError(f"unknown role {other}")
        outcome.silence = meeting.watcher.longest()
    outcome.acknowledged = _acknowledged(meeting) - acknowledged
    return outcome


def _installation(role: str) -> str:
    return "committee" if role == UPPER_APP else "cell"


def _acknowledged(meeting: Meeting) -> int:
    return sum(len(member.acks) for member in meeting.everybody)


def _answers(stack: Stack, role: str, logged: int) -> Callable[[], object]:
    """Whether the new process of this role can be reached, as its users would find out."""
    match role:
        case "app":
            return lambda: _healthy(stack.url)
        case "upper app":
            return lambda: _healthy(stack.committee_url)
        case "media":
            return lambda: _healthy(f"http://127.0.0.1:{stack.media_port}", "/")
        case "recorder":  # has no port, but says when it begins to work
            return lambda: b"recorder ready" in _written(stack, logged)
        case "worker":
            known = _alive(stack)
            return lambda: bool(_alive(stack) - known)
        case other:
            raise ValueError(f"unknown role {other}")


async def _healthy(url: str, path: str = "/healthz") -> bool:
    try:
        async with httpx.AsyncClient(timeout=1) as client:
            return (await client.get(url + path)).status_code < 500
    except httpx.HTTPError:
        return False


def _written(stack: Stack, since: int) -> bytes:
    with stack.log.open("rb") as log:
        log.seek(since)
        return log.read()


def _gap_told(meeting: Meeting, outcome: Outcome) -> Callable[[], bool]:
    """The recorder is in the room again, and the log has the gap that it states."""

    def holds() -> bool:
        new = (h for h in meeting.chair.headers if h["seq"] > outcome.after_seq)
        recording = meeting.view["recorder"]["state"] == "recording"
        return recording and any(header["type"] == GAP for header in new)

    return holds


def _leases(stack: Stack) -> dict[str, str]:
    """Holder by name of lease, straight from the cell's database."""

    def held(conn: Connection) -> dict[str, str]:
        return {row.name: row.holder for row in conn.execute(select(job_lease))}

    config = make_plans(stack.data, stack.env, None)[0].config
    database = Database(config.database_url)
    try:
        with database.engine.connect() as conn:
            return held(conn)
    finally:
        database.close()


def _alive(stack: Stack) -> set[str]:
    return {name for name in _leases(stack) if name.startswith("alive/worker/")}


def _leader(stack: Stack) -> str:
    return _leases(stack).get("worker", "")


def stated_gap(outcome: Outcome, log: list[dict[str, Any]], last_seq: int) -> float | None:
    """Seconds that the recorder declared lost after this kill: its longest gap in the log."""
    told = [
        json.loads(line["body"])["data"]
        for line in log
        if line["type"] == GAP and outcome.after_seq < line["seq"] <= last_seq
    ]
    return max(((gap["to_ms"] - gap["from_ms"]) / 1000 for gap in told), default=None)

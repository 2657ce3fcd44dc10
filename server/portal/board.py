"""The upper committee's board: one tile for each cell, the most urgent first. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from server.session.stages import ENDED, RUNNING, Stage
from server.session.times import VIETNAM
from server.submission.models import CellBoard, CellTile

ORDER = ("late", "returned", "in_session", "due", "reported", "idle")
# A running session that has not been heard of for so long is shown as it was, without counts.
SILENT = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Cell:
    """A confirmed installation of a cell, which may serve several cells."""

    peer_id: str
    name: str


def board(
    committee: str,
    peers: Iterable[Cell],
    sessions: Iterable[Mapping[str, Any]],
    deadline_days: int,
    now: datetime,
) -> CellBoard:
    """`sessions` are rows of `store.submission.all_followed`."""
    tiles: dict[tuple[str, str], CellTile] = {}
    for row in sessions:
        tile = _tile(row, deadline_days, now)
        key = (tile.peer_id, tile.cell_id)
        if key not in tiles or _rank(tile, now) < _rank(tiles[key], now):
            tiles[key] = tile
    heard = {peer_id for peer_id, _ in tiles}
    silent = [_idle(peer) for peer in peers if peer.peer_id not in heard]
    local = now.astimezone(VIETNAM)
    return CellBoard(
        committee=committee,
        month=f"{local.month:02d}/{local.year}",
        tiles=sorted([*tiles.values(), *silent], key=lambda tile: _rank(tile, now)),
        updated_at=now,
    )


def month_start(now: datetime) -> datetime:
    """When this month began in Vietnam."""
    return now.astimezone(VIETNAM).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def _rank(tile: CellTile, now: datetime) -> tuple[int, float, str]:
    """By urgency; then the later it is, or the sooner it is due, or the newer it is."""
    starts = tile.starts_at.timestamp() if tile.starts_at else 0.0
    within = starts if tile.state in ("late", "due", "in_session") else -starts
    return ORDER.index(tile.state), within, tile.name


def _tile(row: Mapping[str, Any], deadline_days: int, now: datetime) -> CellTile:
    status, stage = row["status"], Stage(row["stage"])
    deadline = row["starts_at"] + timedelta(days=deadline_days)
    late = max(0, int((now - deadline).total_seconds() // 3600)) if now > deadline else 0
    state = _state(row, stage, deadline, now)
    results = status.get("results") or []
    live = state == "in_session" and now - row["heard_at"] < SILENT
    return CellTile(
        cell_id=row["cell_id"],
        peer_id=row["peer_id"],
        name=row["cell_name"],
        state=state,
        session_id=row["session_id"],
        title=row["title"],
        starts_at=row["starts_at"],
        present=status.get("present") if live else None,
        base=status.get("base") if live else None,
        needed=status.get("needed") if live else None,
        item=status.get("item", "") if state == "in_session" else "",
        stage=stage.value,
        recorder=status.get("recorder", "") if live else "",
        arithmetic=results[-1]["arithmetic"] if results else "",
        hours_late=late if state == "late" else 0,
        received_at=row["received_at"],
        to_review=row["review"] == "received",
    )


def _state(row: Mapping[str, Any], stage: Stage, deadline: datetime, now: datetime) -> Any:
    status = row["status"]
    if row["review"] == "returned":
        return "returned"
    if row["review"] is not None:
        return "reported"
    if stage in RUNNING:
        return "in_session" if now <= deadline else "late"
    if stage in ENDED and not status.get("opened"):
        return "idle"  # called off before it began: there is nothing to report
    return "late" if now > deadline else "due"


def _idle(peer: Cell) -> CellTile:
    return CellTile(
        cell_id="",
        peer_id=peer.peer_id,
        name=peer.name,
        state="idle",
        session_id=None,
        title="",
        starts_at=None,
        present=None,
        base=None,
        needed=None,
        item="",
        stage=None,
        recorder="",
        arithmetic="",
        hours_late=0,
        received_at=None,
    )

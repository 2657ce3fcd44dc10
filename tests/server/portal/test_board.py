"""The board: each cell once, the most urgent first, in plain states."""

from datetime import UTC, datetime, timedelta
from typing import Any

from server.portal.board import Cell, board, month_start

NOW = datetime(2026, 12, 10, 3, 0, tzinfo=UTC)
PEERS = [Cell(f"peer{n}", f"Chi bộ {n}") for n in range(1, 8)]


def row(n: int, stage: str, starts: timedelta, **more: Any) -> dict[str, Any]:
    return {
        "peer_id": f"peer{n}",
        "session_id": f"s{n}",
        "cell_id": f"cell{n}",
        "cell_name": f"Chi bộ {n}",
        "title": "Sinh hoạt tháng 12",
        "starts_at": NOW + starts,
        "stage": stage,
        "status": {},
        "heard_at": NOW,
        "review": None,
        "received_at": None,
        **more,
    }


RUNNING = {
    "opened": True,
    "item": "5. Nghị quyết",
    "present": 16,
    "base": 20,
    "needed": 11,
    "recorder": "recording",
    "results": [{"title": "x", "arithmetic": "13/20, cần 11: thông qua", "passed": True}],
}
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ROWS = [
    row(1, "closed", -DAY, review="accepted", received_at=NOW - HOUR, status=RUNNING),
    row(2, "convened", DAY),
    row(3, "items", -HOUR, status=RUNNING),
    row(4, "closed", -5 * DAY, review="returned", received_at=NOW - HOUR, status=RUNNING),
    row(5, "closed", -2 * DAY - 9 * HOUR, status=RUNNING),
    row(6, "abandoned", -HOUR, status={"opened": False}),
]


def states(rows: list[dict[str, Any]], now: datetime = NOW) -> dict[str, str]:
    return {tile.name: tile.state for tile in board("Đảng ủy", PEERS, rows, 2, now).tiles}


def test_the_most_urgent_cells_come_first():
    found = board("Đảng ủy xã Thử", PEERS, ROWS, 2, NOW)
    assert [tile.state for tile in found.tiles] == [
        "late",
        "returned",
        "in_session",
        "due",
        "reported",
        "idle",
        "idle",
    ]
    assert (found.committee, found.month) == ("Đảng ủy xã Thử", "12/2026")
    assert found.tiles[0].hours_late == 9


def test_a_running_session_shows_its_counts_while_it_is_heard_of():
    tile = board("", PEERS, ROWS, 2, NOW).tiles[2]
    assert (tile.present, tile.base, tile.needed, tile.item) == (16, 20, 11, "5. Nghị quyết")
    assert tile.arithmetic == "13/20, cần 11: thông qua"
    silent = [row(3, "items", -HOUR, status=RUNNING, heard_at=NOW - 2 * HOUR)]
    tile = board("", PEERS, silent, 2, NOW).tiles[0]
    assert (tile.state, tile.present, tile.recorder) == ("in_session", None, "")


def test_a_session_is_late_only_after_the_days_that_the_rules_give():
    rows = [row(5, "closed", -2 * DAY, status=RUNNING)]
    assert states(rows)["Chi bộ 5"] == "due"
    assert states(rows, NOW + timedelta(seconds=1))["Chi bộ 5"] == "late"
    never_opened = [row(2, "convened", -3 * DAY)]
    assert states(never_opened)["Chi bộ 2"] == "late"


def test_a_cell_with_two_sessions_shows_the_more_urgent_one():
    rows = [ROWS[0], row(1, "convened", DAY, session_id="next")]
    tiles = board("", PEERS[:1], rows, 2, NOW).tiles
    assert [(tile.state, tile.session_id) for tile in tiles] == [("due", "next")]


def test_an_installation_that_said_nothing_is_shown_as_idle():
    assert states([])["Chi bộ 7"] == "idle"


def test_the_month_begins_in_vietnam():
    assert month_start(datetime(2026, 11, 30, 17, 30, tzinfo=UTC)).astimezone(UTC) == datetime(
        2026, 11, 30, 17, 0, tzinfo=UTC
    )

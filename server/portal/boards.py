"""The board as the database has it now."""

from server.portal.board import Cell, board, month_start
from server.services import Services
from server.session.times import VIETNAM
from server.store import submission as store
from server.store.database import Connection
from server.submission.models import CellBoard
from voting.rules import rules_at


async def current_board(services: Services) -> CellBoard:
    now = services.clock()
    days = rules_at(now.astimezone(VIETNAM).date()).number("report.deadline_days")

    def read(conn: Connection) -> CellBoard:
        cells = [
            Cell(row["id"], row["name"])
            for row in store.peers(conn)
            if row["kind"] == "cell" and row["confirmed_at"] is not None
        ]
        sessions = [dict(row) for row in store.all_followed(conn, month_start(now))]
        return board(services.config.name, cells, sessions, days, now)

    return await services.database.read(read)

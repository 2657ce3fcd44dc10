"""Asks the upper committee what became of each report, and tells the cell's leaders."""

from datetime import timedelta

from server.services import Services
from server.store import accounts
from server.store import reports as report_store
from server.store.database import Connection, RowMapping
from server.submission.client import PeerAway, PeerClient, PeerRefused, To
from server.submission.models import ReportStatus

ASKED_FOR = timedelta(days=90)  # a report that nobody reviewed by then is not asked about any more


async def ask_reviews(services: Services, client: PeerClient) -> None:
    """One question for each report that is not accepted yet; stops when the committee is away."""
    since = services.clock() - ASKED_FOR
    for row in await services.database.read(report_store.under_review, since):
        before = ReportStatus.model_validate_json(row["body"]) if row["body"] else None
        if before is not None and before.state == "accepted":
            continue
        try:
            path = f"/api/peer/reports/{row['session_id']}"
            status = await client.get(To(row["peer_id"], row["url"]), path, ReportStatus)
        except PeerRefused:
            continue
        except PeerAway:
            return
        if before is None or status != before:
            await services.database.write(_tell, services, row, status, before)


def _tell(
    conn: Connection,
    services: Services,
    row: RowMapping,
    status: ReportStatus,
    before: ReportStatus | None,
) -> None:
    """Keeps the answer; a return is shown to secretary and deputy on their next screen."""
    report_store.put_review(conn, row["id"], status.model_dump_json())
    if status.state != "returned" or (before and before.reviewed_at == status.reviewed_at):
        return
    accounts.notify(
        conn,
        [
            {
                "id": services.new_id(),
                "account_id": account_id,
                "code": "report_returned",
                "params": {"session": row["title"], "note": status.note},
                "created_at": services.clock(),
            }
            for account_id in accounts.leaders_of(conn, row["cell_id"])
        ],
    )

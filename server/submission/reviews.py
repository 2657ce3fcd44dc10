"""Asks the upper committee what became of each report; log and leaders are told what it signed."""

from datetime import timedelta

import structlog

from server.services import Services
from server.session.events import ReportReviewed
from server.session.times import to_text
from server.store import accounts
from server.store import reports as report_store
from server.store.database import Connection, RowMapping
from server.submission import statements
from server.submission.app_client import AppAway, AppClient
from server.submission.client import PeerAway, PeerClient, PeerRefused, To
from server.submission.models import ReportStatus
from voting.signing import PublicKey, from_base64url

ASKED_FOR = timedelta(days=90)  # a report that nobody reviewed by then is not asked about any more
log = structlog.get_logger()


async def ask_reviews(services: Services, client: PeerClient, app: AppClient) -> None:
    """One question for each session's newest report that is not accepted yet.

    Stops when the committee or the application is away; the next call asks again.
    """
    since, asked = services.clock() - ASKED_FOR, set[str]()
    for row in await services.database.read(report_store.under_review, since):
        if row["session_id"] in asked:
            continue
        asked.add(row["session_id"])
        before = ReportStatus.model_validate_json(row["body"]) if row["body"] else None
        if before is not None and before.state == "accepted":
            continue
        try:
            path = f"/api/peer/reports/{row['session_id']}"
            status = await client.get(To(row["peer_id"], row["url"]), path, ReportStatus)
            if status.sha256 != row["sha256"] or status == before:
                continue
            if status.state != "received" and not await _note(app, row, status):
                continue
        except PeerRefused:
            continue
        except (PeerAway, AppAway):
            return
        await services.database.write(_tell, services, row, status, before)


async def _note(app: AppClient, row: RowMapping, status: ReportStatus) -> bool:
    """Puts the review into the log; False when it is not the committee's. Raises AppAway."""
    assert status.state != "received"
    key = PublicKey.from_spki(from_base64url(row["spki"]))
    at = status.reviewed_at
    if at is None or status.key_id != key.key_id:
        return False
    said = statements.review(row["session_id"], status.sha256, status.state, status.note, at)
    if not key.verify(said, status.signature):
        log.error("review_not_signed", session=row["session_id"])
        return False
    event = ReportReviewed(
        status.sha256, status.state, status.note, to_text(at), key.key_id, status.signature
    )
    await app.note(row["session_id"], event)
    return True


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

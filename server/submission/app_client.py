"""How the worker asks the application to append to a log: over HTTP, with the worker's key."""

from urllib.parse import urlsplit

import httpx

from server.config import Config
from server.http.authorise import worker_key
from server.keys import Keyring
from server.session.events import (
    DocumentsNumbered,
    HeadWitnessed,
    ReportReceived,
    ReportReviewed,
    ReportSealed,
    to_data,
)
from server.submission.models import WorkerNote

LOOPBACK = ("127.0.0.1", "::1", "localhost")


class AppAway(Exception):
    """The application did not take the note; nothing was written."""


class AppClient:
    def __init__(self, config: Config, keys: Keyring) -> None:
        # A certificate names the public host; inside this machine there is nobody between us.
        verify = urlsplit(config.app_url).hostname not in LOOPBACK
        self.http = httpx.AsyncClient(
            base_url=config.app_url,
            headers={"authorization": f"Bearer {worker_key(keys)}"},
            timeout=15,
            trust_env=False,
            verify=verify,
        )

    async def note(
        self,
        session_id: str,
        event: HeadWitnessed | DocumentsNumbered | ReportSealed | ReportReceived | ReportReviewed,
    ) -> None:
        """Appends the event; when this returns it is durable. Raises AppAway."""
        body = WorkerNote(session_id=session_id, type=event.TYPE, data=to_data(event))
        try:
            answer = await self.http.post(
                "/api/worker/notes",
                content=body.model_dump_json(),
                headers={"content-type": "application/json"},
            )
        except httpx.HTTPError as error:
            raise AppAway(type(error).__name__) from error
        if not answer.is_success:
            raise AppAway(f"status {answer.status_code}")

    async def close(self) -> None:
        await self.http.aclose()

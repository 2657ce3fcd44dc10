"""While a session runs, its head goes to the upper committee and comes back countersigned."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog

from server.services import Services
from server.session.events import HeadWitnessed
from server.session.fold import apply, begin
from server.session.stages import ENDED
from server.session.state import State
from server.session.times import to_text
from server.store import events as event_store
from server.store import submission as store
from server.submission import statements
from server.submission.app_client import AppClient
from server.submission.client import PeerClient, PeerRefused, To
from server.submission.models import Countersignature, KeyPayload
from server.submission.running import header_of, keys_of, running_body
from voting.signing import PublicKey, from_base64url

EVERY = timedelta(seconds=10)
SOON = timedelta(seconds=1)  # after a failure; twice as long after each further one
log = structlog.get_logger()


class BadCountersignature(Exception):
    """The answer is not that peer's signature over the head we sent."""


@dataclass(slots=True)
class Follower:
    """One session's log as far as it was read, and what of it the committee has."""

    session: str
    state: State | None = None
    headers: list[dict[str, Any]] = field(default_factory=list)
    keys: list[KeyPayload] = field(default_factory=list)
    end: int = 0  # seq of the event that ended the session
    told: int = 0  # last line that the committee answered for, now or before
    due_at: datetime | None = None  # when to tell the committee again; None: now
    failures: int = 0  # in a row
    finished: bool = False  # ended, and countersigned at or after the end; nothing is kept then

    def again(self, now: datetime, failed: bool) -> None:
        """Notes how the last telling went: a committee that was only restarted is back soon."""
        self.failures = self.failures + 1 if failed else 0
        pause = min(EVERY, SOON * 2 ** min(self.failures - 1, 8)) if failed else EVERY
        self.due_at = now + pause

    async def read_on(self, services: Services) -> None:
        after = len(self.headers)
        entries = await services.database.read(event_store.entries_after, self.session, after)
        self.keys += keys_of(entries)
        for entry in entries:
            logged = entry.logged()
            self.state = (
                begin(self.session, logged) if not self.state else apply(self.state, logged)
            )
            self.headers.append(header_of(entry))
            if self.state.stage in ENDED and not self.end:
                self.end = entry.seq
        if self.state:
            self.told = max(self.told, self.state.witnessed_seq)
            if self.end and self.state.witnessed_seq >= self.end:
                self.finished, self.state, self.headers, self.keys = True, None, [], []


class Witness:
    """Keeps a Follower for each session that the worker tells it to send."""

    def __init__(self, services: Services, app: AppClient, client: PeerClient) -> None:
        self.services, self.app, self.client = services, app, client
        self.followers: dict[str, Follower] = {}

    async def send(self, session_id: str) -> None:
        """Tells the committee what is new, in as many messages as it takes.

        Raises PeerAway, PeerRefused, BadCountersignature or AppAway; the next call resumes.
        """
        committee = await self.services.database.read(store.committee)
        if committee is None:
            return
        follower = self.followers.setdefault(session_id, Follower(session_id))
        await follower.read_on(self.services)
        if follower.state is None or follower.finished:
            return
        while True:
            answer = await self._tell(follower, To(committee["id"], committee["url"]))
            if answer is None:
                continue  # it lacks earlier lines, and `told` has gone back to where it stands
            follower.told = answer.seq
            if answer.seq >= len(follower.headers):
                break
        await self._note(follower, answer, from_base64url(committee["spki"]))

    async def _tell(self, follower: Follower, to: To) -> Countersignature | None:
        assert follower.state is not None
        body = running_body(follower.state, follower.headers, follower.keys, follower.told)
        try:
            return await self.client.post_model(to, "/api/peer/running", body, Countersignature)
        except PeerRefused as refusal:
            seq = refusal.params.get("seq")
            back = refusal.code == "headers_missing" and isinstance(seq, int)
            if not back or not 0 <= seq < follower.told:  # type: ignore[operator]
                raise
            log.warning("committee_lost_lines", session=follower.session, seq=seq)
            follower.told = seq  # type: ignore[assignment]
            return None

    async def _note(self, follower: Follower, answer: Countersignature, spki: bytes) -> None:
        """Checks the countersignature; the application enters as many as the log needs."""
        key = PublicKey.from_spki(spki)
        head = follower.headers[-1]
        said = statements.countersignature(
            follower.session, head["seq"], head["hash"], answer.received_at
        )
        if (
            answer.seq != head["seq"]
            or answer.key_id != key.key_id
            or not key.verify(said, answer.signature)
        ):
            raise BadCountersignature(follower.session)
        await self.app.note(
            follower.session,
            HeadWitnessed(
                answer.seq,
                answer.head,
                to_text(answer.received_at),
                answer.key_id,
                answer.signature,
            ),
        )

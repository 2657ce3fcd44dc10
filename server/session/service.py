"""The running sessions as the rest of the application sees them."""

import hashlib
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import date, datetime
from functools import partial
from typing import Any, Literal

from server.config import Config
from server.convening.telling import tell_ending
from server.http.call import Call
from server.http.errors import Forbidden, NotFound
from server.http.errors import Refused as HttpRefused
from server.http.routing import As
from server.identity import throttling as slow
from server.keys import Keyring
from server.people.members import Actor
from server.recordings.models import Checkpoint
from server.session import decide_system as system
from server.session import events as e
from server.session import models as m
from server.session.decide import LAWS, decide
from server.session.decide_devices import require_living, revocations
from server.session.decide_opening import require_factor
from server.session.editions import Edition
from server.session.gathering import recorder_facts, room_code_holds
from server.session.hub import Hub, Watch
from server.session.law import Case, Events, Facts
from server.session.media import MediaKeeper
from server.session.recording import statement_events
from server.session.refusal import Refused
from server.session.screens import Screens
from server.session.signed import ack_of, certificate_of, head_of, header_of
from server.session.stages import ENDED
from server.session.state import Attendance, State, standing
from server.session.surroundings import Surroundings, Viewer
from server.session.times import VIETNAM, to_text
from server.session.view import view
from server.session.view_parts import Parts
from server.store import events as event_store
from server.store import sessions as store
from server.store.database import Connection, Database
from voting.electorate import can_decide, official_members
from voting.errors import VotingError
from voting.ruleset import RuleSet
from voting.signing import PublicKey, from_base64url, statement_hash, to_base64url


class Unlawful(HttpRefused):
    """A refusal of the session law on its way to the caller: 409, or 403 for the wrong person.

    Its params also carry the arithmetic and the remedy as sentences.
    """

    def __init__(self, refused: Refused) -> None:
        super().__init__(refused.code, **refused.params)
        self.refused = refused
        sentences = {"arithmetic": refused.arithmetic, "remedy": refused.remedy}
        self.params = {**refused.params, **sentences}
        self.status = 403 if refused.code in WRONG_PERSON else 409

    @property
    def message(self) -> str:
        return f"{self.refused.reason} {self.refused.remedy}".strip()


ENDING = ("adjourn", "abandon")  # of which those who are not there must hear as well
WRONG_PERSON = ("not_chair", "not_chair_or_secretary", "not_deputy", "not_participant")


@contextmanager
def lawful() -> Iterator[None]:
    """Turns the law's refusals into answers of the application."""
    try:
        yield
    except Refused as refused:
        raise Unlawful(refused) from None


class SessionService:
    """Start and stop it with the application; another process may use it without starting it."""

    def __init__(
        self,
        *,
        config: Config,
        database: Database,
        keys: Keyring,
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
    ) -> None:
        self.config = config
        self.keys = keys
        self.hub = Hub(database, keys, config.instance, clock)
        self.log = self.hub.log
        self.media = MediaKeeper(config, database, self.log, clock, self.hub.wake_some)
        self.screens = Screens(self.hub.version, self._edition)
        self.hub.unwatched = self.screens.forget
        self._database = database
        self._clock = clock
        self._new_id = new_id
        self._heads: dict[str, m.Head] = {}  # the last one signed of each session

    async def start(self) -> None:
        self.hub.start()
        self.media.start()

    async def stop(self) -> None:
        await self.media.stop()
        await self.hub.stop()

    # ---- reading

    async def state(self, session_id: str) -> State:
        """The newest fold. Raises NotFound for a session without a log."""
        return await self.log.state(session_id)

    async def view(self, session_id: str, viewer: Viewer, now: datetime) -> m.SessionView:
        state = await self.log.state(session_id)
        around = await self._around(session_id)
        return view(state, around, viewer, now, self.head(state))

    async def _edition(self, session_id: str, number: int) -> Edition:
        state = self.log.cached(session_id) or await self.log.state(session_id)
        around = await self._around(session_id)
        begun = time.perf_counter()
        parts = Parts(state, around, self._clock(), self.head(state))
        lines = partial(self.log.entries_now, session_id)
        return Edition(number, parts, lines, time.perf_counter() - begun)

    async def _around(self, session_id: str) -> Surroundings:
        around = await self.hub.around(session_id)
        sending = self.media.switched_on(session_id)
        return replace(
            around,
            switched_on=sending,
            media_down=self.media.down,
            trouble=self._database.trouble,
        )

    def head(self, state: State) -> m.Head:
        """The signed head; signed once, so that all members hold the same."""
        head = self._heads.get(state.session)
        if head is None or head.seq != state.seq:
            head = self._heads[state.session] = head_of(self.keys, state)
        return head

    async def headers(self, session_id: str, after_seq: int = 0) -> list[m.EventHeader]:
        return [header_of(line) for line in await self.log.entries(session_id, after_seq)]

    def subscribe(self, session_id: str) -> AbstractContextManager[Watch]:
        """While this is entered, its `dirty` is set whenever the session's views may change."""
        return self.hub.watch(session_id)

    async def viewer(self, call: Call) -> Viewer:
        """The caller as a viewer of the session in the path."""
        state = await self.log.state(call.path["session_id"])
        principal = call.principal
        person = state.person_of(principal.member_id or "")
        return Viewer(person, principal.sign_in_id, principal.factor_at)

    # ---- commanding

    async def give(self, call: Call) -> m.Ack:
        """One command, decided on the fresh fold; acknowledged once it is durable."""
        session_id, body = call.path["session_id"], call.body
        command = call.route.path.rpartition("/")[2]
        known = self.log.cached(session_id) or await self.log.state(session_id)
        actor = self._person_in(known, call)
        key = (actor, body.command_id)
        if (seq := known.commands.get(key)) is not None:
            return self._ack(session_id, seq, command, body)
        facts = await self._facts(call, command)

        def decided(fresh: State, now: datetime) -> Events:
            if key in fresh.commands:
                return []
            return decide(command, Case(fresh, body, actor, now, facts))

        def tell(conn: Connection, state: State) -> None:
            tell_ending(conn, Actor.of(call), state)

        with lawful():
            beside = tell if command in ENDING else None  # which would keep it from company
            done = await self.log.append(
                session_id, actor, body.command_id, call.now, decided, beside
            )
        self.media.after(session_id, [line.logged().event for line in done.lines])
        if command == "remove":
            await self.hub.forget_person(session_id, body.person)
        seq = done.state.commands.get(key) or _standing_seq(done.state, actor, body)
        return self._ack(session_id, seq, command, body)

    async def person(self, call: Call) -> str:
        """The caller's pseudonym. Raises NotFound off the roster, Forbidden once removed."""
        return self._person_in(await self.log.state(call.path["session_id"]), call)

    @staticmethod
    def _person_in(state: State, call: Call) -> str:
        person = state.person_of(call.principal.member_id or "")
        if person is None:
            raise NotFound
        if state.members[person].attendance is Attendance.REMOVED:
            raise Forbidden("removed_from_session")
        return person

    async def _facts(self, call: Call, command: str) -> Facts:
        session_id, row = call.path["session_id"], None
        if LAWS[command].role is not As.PARTICIPANT:  # those never hang on the recording
            row = await self._database.read(store.last_checkpoint, session_id)
        return Facts(
            factor_at=call.principal.factor_at,
            code_good=await self._room_code_good(call),
            recorder=recorder_facts(row),
            switched_on=self.media.switched_on(session_id),
        )

    async def _room_code_good(self, call: Call) -> bool:
        """Whether the command brings the meeting room's code; guessing it is slowed."""
        if not isinstance(call.body, m.CheckInByCode):
            return False
        tries = [slow.key(self.keys, slow.SIGN_IN, call.principal.sign_in_id or "", "room-code")]
        await self._database.write(slow.attempt, tries, call.now)
        good = room_code_holds(self.keys, call.path["session_id"], call.body.code, call.now)
        if good:
            await self._database.write(slow.succeeded, tries, call.now)
        return good

    def _ack(self, session_id: str, seq: int, command: str, body: Any) -> m.Ack:
        line = self.log.entries_now(session_id, seq - 1, seq)[0]
        subject = body.command_id
        if command == "cast-ballot":
            subject = statement_hash(body.ballot.model_dump())
        return ack_of(self.keys, line, subject)

    async def certify(self, call: Call) -> m.DeviceCertificate:
        """Certifies a device key for this session, on a fresh second factor or vouching."""
        session_id, body, principal = call.path["session_id"], call.body, call.principal
        person = await self.person(call)
        try:
            key = PublicKey.from_spki(from_base64url(body.spki))
        except VotingError:
            raise Unlawful(Refused("device_key_unusable")) from None
        facts = Facts(factor_at=principal.factor_at)

        def decided(state: State, now: datetime) -> Events:
            member = state.members[person]
            known = member.certificate(key.key_id)
            require_living(known)
            if known is not None:
                return []
            if state.stage in ENDED:
                raise Refused("media_not_open")
            case = Case(state, None, person, now, facts)
            require_factor(case, member)
            vouched = len(set(member.vouched_by)) >= 2
            given = None if principal.factor_at is None else to_text(principal.factor_at)
            spki = to_base64url(key.spki)
            by: Literal["factor", "vouch"] = "vouch" if vouched else "factor"
            return [e.DeviceCertified(person, key.key_id, spki, body.label, by, given)]

        with lawful():
            done = await self.log.append(session_id, person, None, call.now, decided)
        certificate = done.state.members[person].certificate(key.key_id)
        assert certificate is not None
        kept = {
            "key_id": key.key_id,
            "session_id": session_id,
            "member_id": principal.member_id,
            "sign_in_id": principal.sign_in_id,
            "spki": body.spki,
            "label": body.label,
            "certified_at": certificate.at,
        }
        await self._database.write(store.add_device_key, kept)
        await self.hub.gather_now(session_id)
        return certificate_of(self.keys, done.state, person, certificate)

    # ---- what other parts of the application tell

    async def revoke_keys(
        self,
        session_id: str,
        person: str,
        keys: Collection[str],
        by: Literal["member", "reset"],
        now: datetime,
    ) -> None:
        """Ends these device keys of a person; those that do not count any more are passed over."""

        def decided(state: State, _now: datetime) -> Events:
            if state.stage in ENDED:
                return []
            return revocations(state, person, keys, by)

        actor = person if by == "member" else e.SYSTEM
        await self.log.append(session_id, actor, None, now, decided)
        await self.hub.gather_now(session_id)

    async def convene(
        self, session_id: str, convened: e.Convened, actor: str, now: datetime
    ) -> State:
        """Begins the log. Raises Conflict when it has begun, Unlawful when it may not begin."""
        with lawful():
            require_convenable(convened, now)
        return (await self.log.begin(session_id, convened, actor, now)).state

    async def change_convened(
        self,
        session_id: str,
        member_id: str | None,
        now: datetime,
        decided: Callable[[State, str], Events],
        beside: Callable[[Connection, State], None],
    ) -> State:
        """A leader's act before the opening, in one transaction with what `beside` writes.

        Raises NotFound for who is not on the roster, Unlawful when the law forbids it.
        """
        actor = (await self.log.state(session_id)).person_of(member_id or "")
        if actor is None:
            raise NotFound
        with lawful():
            done = await self.log.append(
                session_id, actor, None, now, lambda state, _: decided(state, actor), beside
            )
        self.media.after(session_id, [line.logged().event for line in done.lines])
        await self.hub.gather_now(session_id)
        return done.state

    async def record_checkpoint(
        self,
        session_id: str,
        checkpoint: Checkpoint,
        key_id: str,
        now: datetime,
        body: bytes = b"",
        signature: str = "",
    ) -> None:
        """Keeps a statement of the recorder as posted, and logs what it changes.

        `body` are the bytes that the recorder signed.
        """
        posted = body or checkpoint.model_dump_json().encode()
        kept = {
            "session_id": session_id,
            "received_at": now,
            "seq": checkpoint.seq,
            "head": checkpoint.head,
            "body": posted.decode(),
            "key_id": key_id,
            "signature": signature,
        }
        await self._database.write(store.add_checkpoint, kept)
        facts = recorder_facts({"body": kept["body"], "received_at": now})
        assert facts is not None
        point = e.Checkpointed(
            hash=hashlib.sha256(posted).hexdigest(),
            key_id=key_id,
            manifest_seq=checkpoint.seq,
            manifest_head=checkpoint.head,
            nonce=checkpoint.checkpoint_nonce,
            tracks=len(checkpoint.tracks),
            segments=checkpoint.segments,
            bytes=checkpoint.bytes,
        )
        gaps = [
            e.RecordingGap(
                number=gap.id,
                track=gap.track_sid,
                participant=gap.participant,
                from_ms=gap.from_ms,
                to_ms=gap.to_ms,
                reason=gap.reason,
            )
            for gap in checkpoint.gaps
        ]

        def decided(state: State, _now: datetime) -> Events:
            return statement_events(state, facts, checkpoint.problem, point, gaps)

        await self.log.append(session_id, e.RECORDER, None, now, decided)

    async def note_system(
        self, session_id: str, event_type: str, payload: dict[str, Any], now: datetime
    ) -> bool:
        """Logs head-witnessed, recording-finished, report-sealed, report-received.

        False when the log has it already or need not hear it so often. Raises Unlawful when it
        contradicts the log, ValueError for a malformed payload.
        """
        event = e.from_data(event_type, payload)
        by_upper = isinstance(event, e.HeadWitnessed | e.ReportReceived | e.ReportReviewed)
        actor = e.UPPER if by_upper else e.SYSTEM

        def decided(state: State, time: datetime) -> Events:
            return system.system_note(state, event, time)

        with lawful():
            done = await self.log.append(session_id, actor, None, now, decided)
        if isinstance(event, e.HeadWitnessed):
            await self._database.write(event_store.set_witnessed, session_id, event.seq)
        return bool(done.lines)


def _standing_seq(state: State, actor: str, body: Any) -> int:
    """Where that which a command asked for already stands; the head if nowhere in particular."""
    if isinstance(body, m.CastBallot):
        motion = state.motions[body.ballot.motion]
        return motion.ballots[actor].seq
    return state.seq


def require_convenable(convened: e.Convened, now: datetime) -> None:
    """The law of the first event. Raises Refused."""
    ids = [line.id for line in convened.roster]
    rules = RuleSet.from_data(convened.rules)
    known = convened.chair in ids and (convened.deputy is None or convened.deputy in ids)
    if len(set(ids)) != len(ids) or not known or rules.version != convened.rule_version:
        raise Refused("roster_invalid")
    standings = [standing(line) for line in convened.roster]
    if not can_decide(standings, rules):
        needed = rules.number("cell.min_official_members")
        raise Refused("cell_too_small", official=official_members(standings), needed=needed)
    if not convened.eligibility.eligible:
        raise Refused("not_eligible", sentence=convened.eligibility.sentence)
    valid_until = date.fromisoformat(convened.authorisation.valid_until)
    if rules.flag("online.authorisation_required") and valid_until < now.astimezone(VIETNAM).date():
        raise Refused("authorisation_expired", number=convened.authorisation.number)

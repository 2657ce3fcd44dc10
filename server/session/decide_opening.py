"""The law of opening, roll call, and coming and going."""

from datetime import date, datetime, timedelta

from server.session import events as e
from server.session import recording
from server.session.attendance import base_now, quorum_now
from server.session.decide_devices import require_living
from server.session.law import Case, Events, member_of, nothing_pending
from server.session.models import (
    CheckIn,
    CheckInByCode,
    CheckInStatement,
    MarkAbsent,
    NameSecretary,
    PersonCommand,
)
from server.session.refusal import Refused
from server.session.stages import Stage
from server.session.state import Attendance, Member, Place, State
from server.session.times import VIETNAM, clock_vi, date_vi, to_text
from server.texts import say
from voting.electorate import barred_from_attending, exclusion_always
from voting.signing import PublicKey

MOST_NAMED = 4  # more names than this are a list, which the people column has
WAITING_OPENS = timedelta(hours=2)  # before the summoned hour: time enough to try one's device


def waiting_opens_at(state: State) -> datetime:
    return state.starts_at - WAITING_OPENS


def ready_to_open(case: Case) -> None:
    opens = waiting_opens_at(case.state)
    if case.now < opens:
        raise Refused("too_early", time=clock_vi(opens), date=date_vi(opens))
    authorisation = case.state.authorisation
    today = case.now.astimezone(VIETNAM).date()
    required = case.state.rules.flag("online.authorisation_required")
    if required and date.fromisoformat(authorisation.valid_until) < today:
        raise Refused("authorisation_expired", number=authorisation.number)
    recording.require(case)


def open_session(case: Case) -> Events:
    said = recording.require(case)
    version = case.state.rules.version
    arrived: Events = [e.WaitingOpened()] if case.state.stage is Stage.CONVENED else []
    if said is None:
        return [*arrived, e.Opened("", 0, "", version)]
    confirmed = e.Opened("recording", len(said.tracks), to_text(said.at), version)
    return [*arrived, confirmed]


def name_secretary(case: Case) -> Events:
    body: NameSecretary = case.body
    member = member_of(case.state, body.person)
    name = member.line.name
    if body.person == case.state.chair:
        raise Refused("secretary_is_chair")
    if member.attendance is Attendance.REMOVED:
        raise Refused("person_removed", name=name)
    if not member.connected and not member.present:
        raise Refused("secretary_not_here", name=name)
    if body.person == case.state.secretary:
        return []
    return [e.SecretaryNamed(body.person)]


def ready_for_roll_call(case: Case) -> None:
    if case.state.secretary is None:
        raise Refused("no_secretary")


def start_roll_call(case: Case) -> Events:
    return [e.RollCallStarted()]


def require_may_attend(case: Case, member: Member) -> None:
    """Who is suspended or prosecuted takes no part; the roster says so since the convening."""
    if why := barred_from_attending(member.standing, case.state.rules):
        raise Refused("may_not_attend", name=member.line.name, why=why.text_vi)


def check_in(case: Case) -> Events:
    body: CheckIn = case.body
    member = member_of(case.state, case.actor)
    require_may_attend(case, member)
    if member.present:
        return []
    require_factor(case, member)
    _check_statement(case, member, body.statement, body.signature)
    statement = body.statement.model_dump()
    return [e.CheckedIn(case.actor, "remote", "device", statement, body.signature)]


def _check_statement(case: Case, member: Member, said: CheckInStatement, signature: str) -> None:
    state = case.state
    if said.session != state.session or said.installation != state.convened.installation:
        raise Refused("check_in_of_another_session")
    certificate = member.certificate(said.device)
    if said.member != case.actor or certificate is None:
        raise Refused("device_not_certified")
    require_living(certificate)
    if not PublicKey(certificate.spki).verify(said.model_dump(), signature):
        raise Refused("signature_invalid")
    if state.ledger.head_hash(said.seen_seq) != said.seen_head:
        raise Refused("history_differs")
    if said.seen_seq < state.roll_seq:
        raise Refused("check_in_too_early")
    if said.counter <= member.counters.get(said.device, 0):
        raise Refused("check_in_repeated")


def require_factor(case: Case, member: Member) -> None:
    """The second factor proven on this device recently, or chair and secretary who vouched."""
    if len(set(member.vouched_by)) >= 2:
        return
    minutes = case.state.rules.number("factor.fresh_minutes")
    given = case.facts.factor_at
    if given is None or case.now - given > timedelta(minutes=minutes):
        raise Refused("factor_stale", minutes=minutes)


def ready_hybrid(case: Case) -> None:
    if case.state.convened.mode != "hybrid":
        raise Refused("no_meeting_room")


def check_in_by_code(case: Case) -> Events:
    _body: CheckInByCode = case.body
    member = member_of(case.state, case.actor)
    require_may_attend(case, member)
    if member.present and member.place is Place.IN_ROOM:
        return []
    if not case.facts.code_good:
        raise Refused("room_code_wrong")
    require_factor(case, member)
    return [e.CheckedIn(case.actor, "in_room", "code")]


def mark_in_room(case: Case) -> Events:
    body: PersonCommand = case.body
    member = member_of(case.state, body.person)
    require_may_attend(case, member)
    if member.attendance is Attendance.REMOVED:
        raise Refused("person_removed", name=member.line.name)
    if member.present:
        if member.place is Place.IN_ROOM:
            return []
        raise Refused("present_remotely", name=member.line.name)
    return [e.CheckedIn(body.person, "in_room", "secretary")]


def mark_absent(case: Case) -> Events:
    body: MarkAbsent = case.body
    member = member_of(case.state, body.person)
    name = member.line.name
    if body.with_reason and not body.reason.strip():
        raise Refused("absence_reason_missing", name=name)
    match member.attendance:
        case Attendance.REMOVED:
            raise Refused("person_removed", name=name)
        case Attendance.PRESENT if member.place is Place.REMOTE:
            raise Refused("is_present", name=name)
        case Attendance.PRESENT | Attendance.DROPPED:
            return [e.Left(body.person, body.reason.strip())]
        case Attendance.LEFT:
            return []
        case _:
            return [e.MarkedAbsent(body.person, body.with_reason, body.reason.strip())]


def vouch(case: Case) -> Events:
    body: PersonCommand = case.body
    state = case.state
    member = member_of(state, body.person)
    require_may_attend(case, member)
    name = member.line.name
    if body.person == case.actor:
        raise Refused("vouch_for_oneself")
    if member.checked_in:
        return []
    if member.attendance is Attendance.REMOVED:
        raise Refused("person_removed", name=name)
    if not member.connected:
        raise Refused("vouch_unseen", name=name)
    if case.actor in member.vouched_by:
        return []
    office = "chair" if case.actor == state.chair else "secretary"
    vouched = e.Vouched(body.person, "chair" if office == "chair" else "secretary")
    if {*member.vouched_by, case.actor} >= {state.chair, state.secretary}:
        return [vouched, e.CheckedIn(body.person, "remote", "vouch")]
    return [vouched]


def ready_to_finish_roll_call(case: Case) -> None:
    state = case.state
    waiting = [
        m.line.name
        for m in state.members.values()
        if m.attendance is Attendance.EXPECTED and m.connected
    ]
    if waiting:
        raise Refused("not_all_checked_in", count=len(waiting), names=some(waiting))
    require_half(state)


def some(names: list[str]) -> str:
    """The names in one sentence; of many only the first few, and how many more."""
    if len(names) <= MOST_NAMED:
        return ", ".join(names)
    first = names[: MOST_NAMED - 1]
    return say("session.names.others", names=", ".join(first), count=len(names) - len(first))


def require_half(state: State) -> None:
    """Enough are here for ordinary matters, and for the attendance floor if one is set."""
    count = quorum_now(state)
    needed = max(count.needed_half, count.floor_needed or 0)
    if count.present < needed:
        raise Refused(
            "too_few_present",
            missing=needed - count.present,
            present=count.present,
            base=count.base,
            needed=needed,
        )


def finish_roll_call(case: Case) -> Events:
    state = case.state
    absent: Events = [
        _absence(state, m) for m in state.members.values() if m.attendance is Attendance.EXPECTED
    ]
    count = quorum_now(state)
    # Marking the rest absent does not touch the base: an absent official member stays in it.
    return [*absent, e.RollCallFinished(count.present, base_now(state).size)]


def _absence(state: State, member: Member) -> e.MarkedAbsent:
    """Who has not been heard of is absent without reason, unless not expected to come at all."""
    line = member.line
    standing = exclusion_always(member.standing, state.rules)
    if line.exempt:
        return e.MarkedAbsent(line.id, True, "được miễn công tác và sinh hoạt")
    if standing is not None and line.official:
        return e.MarkedAbsent(line.id, True, standing.text_vi)
    return e.MarkedAbsent(line.id, False, "")


def leave(case: Case) -> Events:
    member = member_of(case.state, case.actor)
    if not member.checked_in:
        return []
    if case.actor == case.state.chair:
        raise Refused("chair_may_not_leave")
    return [e.Left(case.actor, "")]


def approve_agenda(case: Case) -> Events:
    return [e.AgendaApproved()]


def ready_to_approve_agenda(case: Case) -> None:
    nothing_pending(case.state)
    require_half(case.state)

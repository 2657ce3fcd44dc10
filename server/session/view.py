"""The view of one member's screen: a pure projection of the fold and the surroundings."""

from datetime import datetime, timedelta

from server.convening.models import Document
from server.session import models as m
from server.session.decide import allowed
from server.session.evidence_models import DeviceKeyShown
from server.session.law import Case
from server.session.minutes import draft, text_hash
from server.session.next_step import next_step
from server.session.stages import ENDED
from server.session.state import Note, State
from server.session.surroundings import Surroundings, Viewer
from server.session.view_motions import matters, own_ballot, sight_of
from server.session.view_parts import Parts


def view(
    state: State, around: Surroundings, viewer: Viewer, now: datetime, head: m.Head
) -> m.SessionView:
    """All that this viewer's screen draws, and nothing that they may not know."""
    return view_of(Parts(state, around, now, head), viewer)


def view_of(parts: Parts, viewer: Viewer) -> m.SessionView:
    """The same, for one of many viewers."""
    state, around = parts.state, parts.around
    me = viewer.person if viewer.person in state.members else None
    presides = me is not None and me in (state.chair, state.secretary)
    text = _minutes(state, presides)
    case = Case(state, None, me or "", parts.now, around.facts(viewer.factor_at))
    shown = [
        parts.motion(motion, sight_of(motion, me, presides)).model_copy(
            update=own_ballot(motion, me)
        )
        for motion in state.motions.values()
    ]
    return m.SessionView(
        **parts.alike,
        me=me,
        my_roles=_roles(state, me),
        motion=next((s for s in shown if s.id == matters(state)), None),
        motions=shown,
        notes=[_note(n) for n in state.notes if presides or n.person == me],
        documents=_documents(around, state.members[me].line.member_id if me else None),
        room_code=around.room_code if presides else None,
        minutes_draft=text,
        minutes_hash=text_hash(text) if text else "",
        next=next_step(case) if me else m.NextStep(act=None, blocked=None, others=[]),
        may=allowed(case) if me else [],
        my_counter=_my_counter(state, me),
        my_last_ballot=_my_last_ballot(state, me),
        factor_fresh_until=_fresh_until(state, viewer),
        device_certified=_certified(state, me, viewer, around),
        my_keys=_my_keys(state, me),
    )


def _roles(state: State, me: str | None) -> list[m.ViewerRole]:
    if me is None:
        return ["guest"]
    roles: list[m.ViewerRole] = []
    if me == state.chair:
        roles.append("chair")
    if me == state.deputy:
        roles.append("deputy")
    if me == state.secretary:
        roles.append("secretary")
    roles.append("official" if state.members[me].line.official else "probationary")
    return roles


def _note(note: Note) -> m.Note:
    return m.Note(
        id=note.id,
        item_id=note.item,
        person=note.person,
        text=note.text,
        at=note.at,
        kind=note.kind,
    )


def _documents(around: Surroundings, member_id: str | None) -> list[Document]:
    return [
        Document(
            id=d.id,
            item_id=d.item_id,
            name=d.name,
            pages=d.pages,
            size=d.size,
            sha256=d.sha256,
            uploaded_at=d.uploaded_at,
            late_reason=d.late_reason,
            my_last_page=d.last_pages.get(member_id or "", 0),
            readers=len(d.last_pages),
        )
        for d in around.documents
    ]


def _minutes(state: State, presides: bool) -> str:
    """To the chair and the secretary as it grows, to all once it is read out."""
    read = state.minutes_text
    if presides and (not read or state.minutes_stale) and state.stage not in ENDED:
        return draft(state)
    return read


def _my_counter(state: State, me: str | None) -> int:
    if me is None:
        return 0
    last = state.ledger.last_of(me)
    return max(last.counter if last else 0, *state.members[me].counters.values(), 0)


def _my_last_ballot(state: State, me: str | None) -> str | None:
    last = state.ledger.last_of(me) if me else None
    return last.ballot_hash if last else None


def _fresh_until(state: State, viewer: Viewer) -> datetime | None:
    if viewer.factor_at is None:
        return None
    return viewer.factor_at + timedelta(minutes=state.rules.number("factor.fresh_minutes"))


def _certified(state: State, me: str | None, viewer: Viewer, around: Surroundings) -> bool:
    member = state.member(me or "")
    keys = member.certificates if member else ()
    living = (c.key_id for c in keys if c.revoked_at is None)
    return any((viewer.sign_in_id, key_id) in around.certified for key_id in living)


def _my_keys(state: State, me: str | None) -> list[DeviceKeyShown]:
    member = state.member(me or "")
    return [
        DeviceKeyShown(key_id=c.key_id, label=c.label, certified_at=c.at, revoked_at=c.revoked_at)
        for c in (member.certificates if member else ())
    ]

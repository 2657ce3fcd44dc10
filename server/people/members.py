"""Changes to members and roles, each one transaction: check everything, write, audit."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from typing import Any

from server.http.call import Call
from server.http.errors import BadInput, Conflict, NotFound
from server.identity.models import Role
from server.people.models import MemberBody
from server.people.names import same_name, tidy_name, tidy_phone
from server.store import people as store
from server.store.database import Connection
from server.texts import say

VIETNAM = timezone(timedelta(hours=7))
LEADERS: tuple[Role, ...] = ("secretary", "deputy")
_AUDITED = ("kind", "exempt", "suspended", "detained", "temporary", "circumstance", "left_at")


@dataclass(frozen=True, slots=True)
class Actor:
    """Who makes a change, when, and where its new ids come from."""

    account_id: str | None
    now: datetime
    new_id: Callable[[], str]

    @classmethod
    def of(cls, call: Call) -> "Actor":
        return cls(call.principal.account_id, call.now, call.services.new_id)

    @property
    def today(self) -> date:
        return self.now.astimezone(VIETNAM).date()

    def audit(self, conn: Connection, action: str, subject: str) -> None:
        store.write_audit(conn, self.now, self.account_id, action, subject)


def create_member(conn: Connection, actor: Actor, cell_id: str, body: MemberBody) -> str:
    """A member of the cell, with the account of that phone or a new one without a password.

    A former member of the same phone and name comes back. Raises Refused before any write.
    """
    cell = _locked_cell(conn, cell_id)
    values = _checked(actor, body)
    known = store.member_by_phone(conn, cell_id, values["phone"])
    if known is not None:
        if known["left_at"] is None or not same_name(known["name"], values["name"]):
            raise Conflict("phone_in_cell", name=known["name"])
        change_member(conn, actor, known["id"], body)
        return str(known["id"])
    found = store.account_by_phone(conn, values["phone"])
    if found is not None and not same_name(found["name"], values["name"]):
        raise Conflict("phone_of_another", phone=values["phone"])
    account_id = found["id"] if found is not None else actor.new_id()
    if found is None:
        store.create_account(conn, account_id, values["phone"], values["name"], actor.now)
    member_id = actor.new_id()
    ids = {"id": member_id, "cell_id": cell_id, "account_id": account_id}
    store.create_member(conn, {**values, **ids, "created_at": actor.now})
    actor.audit(conn, "member.create", f"{values['name']} ({cell['name']})")
    return member_id


def change_member(conn: Connection, actor: Actor, member_id: str, body: MemberBody) -> bool:
    """Writes what differs, and whether anything did. Leaving the cell ends the roles in it."""
    before = store.member_by_id(conn, member_id)
    if before is None:
        raise NotFound()
    cell = _locked_cell(conn, before["cell_id"])
    values = _checked(actor, body)
    changed = {name: value for name, value in values.items() if before[name] != value}
    if not changed:
        return False
    leads = [r for r in _roles(conn, before) if r["cell_id"] == before["cell_id"]]
    leaves = values["left_at"] is not None
    if leads and not leaves and not _may_lead(values):
        raise Conflict("leader_must_be_official", name=before["name"])
    if "phone" in changed:
        other = store.member_by_phone(conn, before["cell_id"], values["phone"])
        if other is not None:
            raise Conflict("phone_in_cell", name=other["name"])
        if store.account_by_phone(conn, values["phone"]) is not None:
            raise Conflict("phone_of_another", phone=values["phone"])
    if before["account_id"] and ("phone" in changed or "name" in changed):
        store.change_account(conn, before["account_id"], values["phone"], values["name"])
    if leaves:
        for held in leads:
            _end(conn, actor, held, before["name"], cell["name"])
    store.change_member(conn, member_id, changed)
    subject = f"{values['name']} ({cell['name']}): {_differences(before, changed)}"
    actor.audit(conn, "member.change", subject)
    return True


def change_roles(conn: Connection, actor: Actor, member_id: str, wanted: set[Role]) -> None:
    """Makes the member's roles exactly those; a cell has one secretary at a time."""
    member = store.member_by_id(conn, member_id)
    if member is None or member["left_at"] is not None or member["account_id"] is None:
        raise NotFound()
    cell = _locked_cell(conn, member["cell_id"])
    held = {r["role"]: r for r in _roles(conn, member) if r["cell_id"] in (None, cell["id"])}
    if wanted >= set(LEADERS):
        raise BadInput("one_leading_role")
    if wanted & set(LEADERS) and not _may_lead(member):
        raise Conflict("leader_must_be_official", name=member["name"])
    for name in sorted(wanted - set(held)):
        cell_id = cell["id"] if name in LEADERS else None
        if name == "secretary" and (there := store.holders(conn, name, cell_id)):
            raise Conflict("secretary_exists", name=there[0]["name"])
        ids = {"id": actor.new_id(), "account_id": member["account_id"], "cell_id": cell_id}
        store.grant_role(conn, {**ids, "role": name, "granted_at": actor.now})
        actor.audit(conn, "role.grant", _role_subject(name, member["name"], cell["name"]))
    for name in sorted(set(held) - wanted):
        if name == "administrator" and len(store.holders(conn, name, None)) < 2:
            raise Conflict("last_administrator")
        _end(conn, actor, held[name], member["name"], cell["name"])


def _locked_cell(conn: Connection, cell_id: str) -> store.Line:
    # Two administrators naming two secretaries at once must meet here.
    store.lock_cell(conn, cell_id)
    cell = store.cell_by_id(conn, cell_id)
    if cell is None:
        raise NotFound()
    return cell


def _checked(actor: Actor, body: MemberBody) -> dict[str, Any]:
    name, phone = tidy_name(body.name), tidy_phone(body.phone)
    if name is None:
        raise BadInput("bad_name", name=body.name[:80])
    if phone is None:
        raise BadInput("bad_phone", phone=body.phone[:30])
    honour = " ".join(body.honour.split())
    if len(honour) > 80:
        raise BadInput("honour_too_long")
    if body.left_at is not None and body.left_at > actor.today:
        raise BadInput("left_in_future")
    values = body.model_dump() | {"name": name, "phone": phone, "honour": honour}
    return values | {"circumstance": body.circumstance.value}


def _may_lead(member: Mapping[str, Any]) -> bool:
    """Điều lệ art. 3.4: leading bodies are of official members; of this cell, and active."""
    barred = member["suspended"] or member["detained"] or member["temporary"] != "none"
    return member["kind"] == "official" and not barred


def _roles(conn: Connection, member: store.Line) -> list[store.Line]:
    return list(store.roles_of(conn, [member["account_id"]] if member["account_id"] else []))


def _end(conn: Connection, actor: Actor, held: store.Line, name: str, cell: str) -> None:
    store.end_role(conn, held["id"], actor.now)
    actor.audit(conn, "role.end", _role_subject(held["role"], name, cell))


def _role_subject(role: str, name: str, cell: str) -> str:
    return f"{name} ({cell}): {say(f'role.{role}')}"


def _differences(before: store.Line, changed: Mapping[str, Any]) -> str:
    """What changed, from and to; of name, phone and honour only that they did."""
    parts = []
    for name, value in changed.items():
        label = say(f"member_field.{name}")
        shown = [_shown(name, v) for v in (before[name], value)] if name in _AUDITED else []
        parts.append(f"{label} {' → '.join(shown)}".strip())
    return "; ".join(parts)


def _shown(name: str, value: Any) -> str:
    match value:
        case None:
            return say("value.empty")
        case bool():
            return say("value.yes" if value else "value.no")
        case date():
            return f"{value:%d/%m/%Y}"
        case _:
            return say(f"{name}.{value}")

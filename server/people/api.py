"""Handlers of the people routes."""

from datetime import date
from typing import Any, get_args

from server.http.call import Call
from server.http.errors import BadInput, Conflict, NotFound
from server.identity.models import Role
from server.people import members
from server.people import models as m
from server.people.csv_import import import_members
from server.people.members import VIETNAM, Actor
from server.people.names import name_order
from server.people.roster import eligibility_view, in_roster_order
from server.people.rules_view import rules_in_force
from server.store import people as store
from server.store.database import Connection
from server.texts import say

AUDIT_LINES = 500


async def list_cells(call: Call) -> m.Cells:
    """All for administrators and officers; for others the cells they belong to or lead."""
    principal = call.principal
    only: set[str] | None = None
    if not {role for role, _ in principal.roles} & {"administrator", "officer"}:
        only = {cell_id for _, cell_id in principal.roles if cell_id is not None}
        only |= {principal.cell_id} if principal.cell_id is not None else set()
    rows = await call.services.database.read(store.cells, only)
    return m.Cells(cells=[_cell(row) for row in rows])


async def create_cell(call: Call) -> m.Cell:
    actor, cell_id = Actor.of(call), call.services.new_id()

    def create(conn: Connection) -> None:
        values = _cell_values(conn, call.body, None)
        store.create_cell(conn, {"id": cell_id, "created_at": call.now, **values})
        actor.audit(conn, "cell.create", values["name"])

    await call.services.database.write(create)
    return await _shown_cell(call, cell_id)


async def change_cell(call: Call) -> m.Cell:
    actor, cell_id = Actor.of(call), call.path["cell_id"]

    def change(conn: Connection) -> None:
        values = _cell_values(conn, call.body, cell_id)
        if not store.change_cell(conn, cell_id, values):
            raise NotFound()
        actor.audit(conn, "cell.change", values["name"])

    await call.services.database.write(change)
    return await _shown_cell(call, cell_id)


async def list_members(call: Call) -> m.Members:
    """Current members in roster order, then former ones."""
    rows, roles = await call.services.database.read(_roster, call.path["cell_id"])
    ordered = sorted(in_roster_order(rows, roles), key=lambda row: row["left_at"] is not None)
    return m.Members(members=[_member(row, roles) for row in ordered])


async def create_member(call: Call) -> m.Member:
    write = call.services.database.write
    member_id = await write(members.create_member, Actor.of(call), call.path["cell_id"], call.body)
    return await _shown_member(call, member_id)


async def change_member(call: Call) -> m.Member:
    member_id = call.path["member_id"]
    await call.services.database.write(members.change_member, Actor.of(call), member_id, call.body)
    return await _shown_member(call, member_id)


async def change_roles(call: Call) -> m.Member:
    member_id, wanted = call.path["member_id"], set(call.body.roles)
    await call.services.database.write(members.change_roles, Actor.of(call), member_id, wanted)
    return await _shown_member(call, member_id)


async def preview_csv(call: Call) -> m.CsvPreview:
    return await _import(call, keep=False)


async def import_csv(call: Call) -> m.CsvPreview:
    return await _import(call, keep=True)


async def list_authorisations(call: Call) -> m.Authorisations:
    rows = await call.services.database.read(store.authorisations, call.path["cell_id"])
    return m.Authorisations(authorisations=[_authorisation(row) for row in rows])


async def create_authorisation(call: Call) -> m.Authorisation:
    actor, body = Actor.of(call), call.body
    issuer, number = " ".join(body.issuer.split()), " ".join(body.number.split())
    if not (2 <= len(issuer) <= 160 and 2 <= len(number) <= 160):
        raise BadInput("bad_authorisation")
    if body.date > actor.today:
        raise BadInput("authorisation_in_future")
    if body.valid_until < body.date:
        raise BadInput("authorisation_backwards")
    values: dict[str, Any] = {
        "id": call.services.new_id(),
        "cell_id": call.path["cell_id"],
        "issuer": issuer,
        "number": number,
        "date": body.date,
        "valid_until": body.valid_until,
    }

    def create(conn: Connection) -> None:
        cell = store.cell_by_id(conn, values["cell_id"])
        if cell is None:
            raise NotFound()
        store.create_authorisation(conn, {**values, "created_at": call.now})
        subject = say("people.authorisation_audit", cell=cell["name"], number=number, issuer=issuer)
        actor.audit(conn, "authorisation.create", subject)

    await call.services.database.write(create)
    return _authorisation(values)


async def show_eligibility(call: Call) -> m.EligibilityView:
    rows, roles = await call.services.database.read(_roster, call.path["cell_id"])
    current = [row for row in in_roster_order(rows, roles) if row["left_at"] is None]
    return eligibility_view(current, _today(call))


async def show_rules(call: Call) -> m.RulesInForce:
    return rules_in_force(_today(call))


async def show_audit(call: Call) -> m.Audit:
    rows = await call.services.database.read(store.audit_lines, AUDIT_LINES)
    return m.Audit(
        lines=[
            m.AuditLine(
                at=row["at"], who=row["name"] or "", action=row["action"], subject=row["subject"]
            )
            for row in rows
        ]
    )


def _today(call: Call) -> date:
    return call.now.astimezone(VIETNAM).date()


async def _import(call: Call, *, keep: bool) -> m.CsvPreview:
    cell_id = call.path["cell_id"]
    return await import_members(
        call.services.database, Actor.of(call), cell_id, call.body.text, keep=keep
    )


def _cell_values(conn: Connection, body: m.CellBody, cell_id: str | None) -> dict[str, str]:
    values = {name: " ".join(text.split()) for name, text in body.model_dump().items()}
    named = 2 <= len(values["name"]) <= 120 and 2 <= len(values["committee"]) <= 120
    if not named or len(values["code"]) > 40:
        raise BadInput("bad_cell")
    if store.cell_named(conn, values["name"]) not in (None, cell_id):
        raise Conflict("cell_exists", name=values["name"])
    return values


async def _shown_cell(call: Call, cell_id: str) -> m.Cell:
    row = await call.services.database.read(store.cell_by_id, cell_id)
    if row is None:
        raise NotFound()
    return _cell(row)


def _cell(row: store.Line) -> m.Cell:
    return m.Cell.model_validate({name: row[name] for name in m.Cell.model_fields})


def _roster(conn: Connection, cell_id: str) -> tuple[list[store.Line], list[store.Line]]:
    rows = store.members(conn, cell_id)
    roles = store.roles_of(conn, {r["account_id"] for r in rows if r["account_id"]})
    return sorted(rows, key=lambda row: name_order(row["name"])), list(roles)


async def _shown_member(call: Call, member_id: str) -> m.Member:
    def read(conn: Connection) -> m.Member:
        row = store.member_by_id(conn, member_id)
        if row is None:
            raise NotFound()
        held = store.roles_of(conn, [row["account_id"]] if row["account_id"] else [])
        return _member(row, list(held))

    return await call.services.database.read(read)


def _member(row: store.Line, roles: list[store.Line]) -> m.Member:
    """With the roles of this cell and of the installation; not those in another cell."""
    held = {
        role["role"]
        for role in roles
        if role["account_id"] == row["account_id"] and role["cell_id"] in (None, row["cell_id"])
    }
    own = {name: row[name] for name in m.Member.model_fields if name != "roles"}
    ordered = [role for role in get_args(Role) if role in held]
    return m.Member.model_validate({**own, "roles": ordered})


def _authorisation(row: store.Line) -> m.Authorisation:
    return m.Authorisation.model_validate({n: row[n] for n in m.Authorisation.model_fields})

"""Handlers for getting in without one's password or phone: links, cards, resets by two people."""

from datetime import timedelta
from typing import Any

from server.http.call import Call
from server.http.errors import BadInput, Conflict, Forbidden, NotFound
from server.http.model import Done
from server.identity import codes, models, passwords, signing_in
from server.identity import throttling as slow
from server.identity.device_keys import revoke_device_keys
from server.identity.installation import link
from server.identity.me import source_of
from server.keys import new_id, token_hash
from server.people.names import tidy_name, tidy_phone
from server.services import Services
from server.store import accounts, factors, people, sign_ins
from server.store.database import Connection

INVITATION_LASTS = timedelta(days=7)
RESET_LINK_LASTS = timedelta(days=1)


async def use_one_time_link(call: Call) -> Done:
    """Sets the password of the account the link is for, or makes the first administrator."""
    body: models.OneTimeLinkBody = call.body
    database, keys = call.services.database, call.services.keys
    tries = [slow.key(keys, slow.LINK, source_of(call.request))]
    await database.write(slow.attempt, tries, call.now)
    phone = tidy_phone(body.phone or "") or ""
    passwords.check_rules(body.new_password, phone)
    hashed = await passwords.hash_password(body.new_password)
    name = tidy_name(body.name or "") or ""
    await database.write(_use_link, body, hashed, name, phone, call.now)
    await database.write(slow.succeeded, tries, call.now)
    return Done()


def _use_link(
    conn: Connection, body: models.OneTimeLinkBody, hashed: str, name: str, phone: str, now: Any
) -> None:
    used = accounts.use_link(conn, token_hash(body.token), now)
    if used is None:
        raise BadInput("link_unknown")
    account_id = used["account_id"]
    if used["purpose"] == "first_administrator":
        if not name or not phone:
            raise BadInput("name_and_phone_needed")
        if accounts.administrators(conn):
            raise Conflict("administrator_exists")
        account_id = _administrator(conn, name, phone, now)
    elif account := accounts.by_id(conn, account_id):
        passwords.check_rules(body.new_password, account["phone"])  # refused, the link stays good
    accounts.set_password(conn, account_id, hashed)
    sign_ins.revoke_all(conn, account_id, now)
    people.write_audit(conn, now, account_id, f"link.{used['purpose']}", "")


def _administrator(conn: Connection, name: str, phone: str, now: Any) -> str:
    known = people.account_by_phone(conn, phone)
    account_id = str(known["id"]) if known else new_id()
    if known is None:
        people.create_account(conn, account_id, phone, name, now)
    values = {"id": new_id(), "account_id": account_id, "role": "administrator"}
    people.grant_role(conn, {**values, "cell_id": None, "granted_at": now})
    return account_id


async def invite(call: Call) -> models.Invitation:
    """For a member who has never had a password; one who has needs a reset by two people."""
    services = call.services
    account = await services.database.read(accounts.of_member, call.path["member_id"])
    if account is None:
        raise NotFound
    if account["password_hash"] is not None:
        raise Conflict("has_password")
    token, expires = services.keys.token(), call.now + INVITATION_LASTS
    await services.database.write(_write_link, call, account["id"], "invitation", token, expires)
    return models.Invitation(
        member_name=account["member_name"],
        link=link(services.config, token),
        expires_at=expires,
    )


async def issue_card(call: Call) -> models.Card:
    """A new printed card; the member's older one stops working, and the member is told."""
    services = call.services
    account = await services.database.read(accounts.of_member, call.path["member_id"])
    if account is None:
        raise NotFound
    secret = codes.new_secret()
    await services.database.write(_write_card, call, account["id"], secret)
    return models.Card(
        member_name=account["member_name"], first_number=1, codes=codes.card_codes(secret)
    )


async def request_reset(call: Call) -> models.Reset:
    """A leader says that the member lost password or phone; an administrator must agree."""
    database = call.services.database
    reason = " ".join(call.body.reason.split())
    if not 3 <= len(reason) <= 300:
        raise BadInput("reason_needed")
    account = await database.read(accounts.of_member, call.path["member_id"])
    if account is None:
        raise NotFound
    reset_id = new_id()
    values = {
        "id": reset_id,
        "account_id": account["id"],
        "reason": reason,
        "requested_at": call.now,
        "secretary_id": call.principal.account_id,
    }
    await database.write(accounts.request_reset, values)
    await database.write(
        people.write_audit, call.now, call.principal.account_id, "reset.request", account["name"]
    )
    return await _reset(call.services, reset_id)


async def list_resets(call: Call) -> models.Resets:
    rows = await call.services.database.read(accounts.resets)
    return models.Resets(resets=[_shown(row) for row in rows])


async def approve_reset(call: Call) -> models.Reset:
    """Password, factors and sign-ins end; the link to begin anew is shown once."""
    services, reset_id = call.services, call.path["reset_id"]
    token = services.keys.token()
    account_id = await services.database.write(_approve, call, reset_id, token)
    await revoke_device_keys(services, account_id, "reset", call.now)
    found = await _reset(services, reset_id)
    return found.model_copy(update={"link": link(services.config, token)})


def _approve(conn: Connection, call: Call, reset_id: str, token: str) -> str:
    rows = accounts.resets(conn, reset_id)
    if not rows:
        raise NotFound
    row, me = rows[0], call.principal.account_id or ""
    if row["secretary_id"] == me or row["account_id"] == me:
        raise Forbidden("second_person_needed")
    if not accounts.approve_reset(conn, reset_id, me, call.now):
        raise Conflict("reset_done")
    account_id = row["account_id"]
    accounts.clear_password(conn, account_id)
    factors.revoke(conn, account_id, call.now)
    sign_ins.revoke_all(conn, account_id, call.now)
    _write_link(conn, call, account_id, "reset", token, call.now + RESET_LINK_LASTS)
    told = {account_id, row["secretary_id"], *_leaders(conn, account_id)}
    notices = [
        {
            "id": new_id(),
            "account_id": one,
            "code": "reset_own" if one == account_id else "reset_other",
            "params": {"name": row["name"]},
            "created_at": call.now,
        }
        for one in sorted(told)
    ]
    accounts.notify(conn, notices)
    people.write_audit(conn, call.now, me, "reset.approve", row["name"])
    return str(account_id)


def _leaders(conn: Connection, account_id: str) -> set[str]:
    cells = {line["cell_id"] for line in people.members_of_account(conn, account_id)}
    return {leader for cell_id in cells for leader in accounts.leaders_of(conn, cell_id)}


def _write_link(
    conn: Connection, call: Call, account_id: str, purpose: str, token: str, expires: Any
) -> None:
    values = {
        "id": new_id(),
        "token_hash": token_hash(token),
        "purpose": purpose,
        "account_id": account_id,
        "created_at": call.now,
        "expires_at": expires,
    }
    accounts.create_link(conn, values)
    if purpose == "invitation":
        people.write_audit(conn, call.now, call.principal.account_id, "invite", account_id)


def _write_card(conn: Connection, call: Call, account_id: str, secret: str) -> None:
    keys = call.services.keys
    factors.revoke(conn, account_id, call.now, "card")
    signing_in.add_factor(
        conn, keys, account_id, new_id(), "card", secret, call.now, confirmed=True, counter=0
    )
    notice = {
        "id": new_id(),
        "account_id": account_id,
        "code": "card_issued",
        "params": {},
        "created_at": call.now,
    }
    accounts.notify(conn, [notice])
    people.write_audit(conn, call.now, call.principal.account_id, "factor.card", account_id)


async def _reset(services: Services, reset_id: str) -> models.Reset:
    rows = await services.database.read(accounts.resets, reset_id)
    if not rows:
        raise NotFound
    return _shown(rows[0])


def _shown(row: Any) -> models.Reset:
    return models.Reset(
        id=row["id"],
        account_id=row["account_id"],
        name=row["name"],
        reason=row["reason"],
        requested_at=row["requested_at"],
        approved_by_secretary=row["secretary_name"],
        approved_by_administrator=row["administrator_name"],
        link=None,
    )

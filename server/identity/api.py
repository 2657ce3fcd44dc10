"""Handlers of the identity routes: signing in and out, one's own factors and sign-ins."""

import io
from dataclasses import replace

import segno
from starlette.responses import Response

from server.demo_people import demo_people_now
from server.http.authorise import STEP_UP
from server.http.call import Call
from server.http.errors import BadInput, Forbidden, NotFound, NotSignedIn
from server.http.model import Done, Model
from server.identity import codes, models, passwords, signing_in
from server.identity import throttling as slow
from server.identity.device_keys import revoke_device_keys
from server.identity.installation import shown
from server.identity.me import device_of, me_of, source_of, with_cookie, without_cookie
from server.keys import new_id, token_hash
from server.people.names import tidy_phone
from server.store import accounts, factors, people, sign_ins, submission
from server.texts import say


async def installation(call: Call) -> models.Installation:
    return shown(call.services, await call.services.database.read(submission.committee))


async def demo_people(call: Call) -> models.DemoPeople:
    if not call.services.config.demo:
        raise NotFound
    only_here = "only=here" in call.request.url.query
    return await demo_people_now(call.services, call.now, only_here)


async def give_password(call: Call) -> Response:
    """The same answer, after the same time, for an unknown phone and for a wrong password."""
    body: models.PasswordBody = call.body
    database, keys = call.services.database, call.services.keys
    phone = tidy_phone(body.phone) or body.phone
    source = source_of(call.request)
    tries = [
        slow.key(keys, slow.SOURCE, source),
        slow.key(keys, slow.SOURCE_ACCOUNT, source, phone),
    ]
    await database.write(slow.attempt, tries, call.now)
    account = await database.read(people.account_by_phone, phone)
    right = await passwords.matches(account["password_hash"] if account else None, body.password)
    if account is None or not right or account["disabled"]:
        raise NotSignedIn("wrong_password")
    await database.write(slow.succeeded, tries, call.now)
    token = keys.token()
    new = signing_in.NewSignIn(new_id(), account["id"], token_hash(token), device_of(call.request))
    await database.write(signing_in.begin, new, call.principal.sign_in_id, call.now)
    step = await database.read(signing_in.next_step, account["id"], account["name"])
    return with_cookie(call, step, token)


async def give_factor(call: Call) -> Response:
    await _check_code(call)
    return await _completed(call, None)


async def begin_totp(call: Call) -> models.TotpSecret:
    """A new authenticator app: for who has no factor yet, or has just proved one."""
    database, keys, config = call.services.database, call.services.keys, call.services.config
    account_id = _account_id(call)
    if await database.read(factors.confirmed, account_id):
        _require_fresh(call)
    account = await database.read(accounts.by_id, account_id)
    assert account is not None
    secret, factor_id = codes.new_secret(), new_id()
    await database.write(factors.drop_pending, account_id, "totp", call.now)
    await database.write(
        signing_in.add_factor, keys, account_id, factor_id, "totp", secret, call.now,
        confirmed=False,
    )  # fmt: skip
    uri = codes.totp_uri(secret, account["phone"], config.name)
    picture = io.BytesIO()
    segno.make(uri, error="m").save(picture, kind="svg", border=2, xmldecl=False, svgns=True)
    return models.TotpSecret(secret=secret, uri=uri, qr_svg=picture.getvalue().decode())


async def confirm_totp(call: Call) -> Response:
    """The code proves that the app has the secret; it counts as the second factor as well."""
    database, keys = call.services.database, call.services.keys
    account_id = _account_id(call)
    if await database.read(factors.confirmed, account_id):
        _require_fresh(call)
    await database.write(slow.attempt, _code_tries(call), call.now)
    factor_id = await database.write(
        signing_in.confirm_totp, keys, account_id, call.body.code, call.now
    )
    if factor_id is None:
        raise NotSignedIn("wrong_code")
    await database.write(slow.succeeded, _code_tries(call), call.now)
    texts = [(new_id(), code) for code in codes.new_recovery_codes()]
    await database.write(signing_in.add_recovery, keys, account_id, new_id(), texts, call.now)
    await database.write(people.write_audit, call.now, account_id, "factor.totp", "")
    return await _completed(call, models.RecoveryCodes(codes=[code for _, code in texts]))


async def sign_out(call: Call) -> Response:
    await call.services.database.write(sign_ins.end, call.principal.sign_in_id or "", call.now)
    return without_cookie(call, Done())


async def me(call: Call) -> models.Me:
    return await me_of(call.services, call.principal, call.now)


async def prove_factor(call: Call) -> models.Me:
    """The second factor again, on this device: for the roll call, or to step up."""
    await _check_code(call)
    sign_in_id = call.principal.sign_in_id or ""
    await call.services.database.write(sign_ins.prove, sign_in_id, call.now)
    proven = replace(call.principal, factor_at=call.now, stepped_up_at=call.now)
    return await me_of(call.services, proven, call.now)


async def change_password(call: Call) -> Done:
    """Every other sign-in of this person ends."""
    body: models.NewPasswordBody = call.body
    database, account_id = call.services.database, _account_id(call)
    tries = [slow.key(call.services.keys, slow.SIGN_IN, call.principal.sign_in_id or "")]
    await database.write(slow.attempt, tries, call.now)
    account = await database.read(accounts.by_id, account_id)
    assert account is not None
    if not await passwords.matches(account["password_hash"], body.old_password):
        raise Forbidden("wrong_old_password")
    passwords.check_rules(body.new_password, account["phone"])
    hashed = await passwords.hash_password(body.new_password)
    await database.write(accounts.set_password, account_id, hashed)
    await database.write(slow.succeeded, tries, call.now)
    here = call.principal.sign_in_id
    await database.write(sign_ins.revoke_all, account_id, call.now, here)
    await revoke_device_keys(call.services, account_id, "member", call.now, but=here)
    await database.write(people.write_audit, call.now, account_id, "password.change", "")
    return Done()


async def list_sign_ins(call: Call) -> models.SignIns:
    rows = await call.services.database.read(sign_ins.living, _account_id(call), call.now)
    return models.SignIns(
        sign_ins=[
            models.SignInListed(
                id=row["id"],
                created_at=row["created_at"],
                last_seen_at=row["last_seen_at"],
                device=row["device"],
                current=row["id"] == call.principal.sign_in_id,
            )
            for row in rows
        ]
    )


async def revoke_sign_in(call: Call) -> Done:
    done = await call.services.database.write(
        sign_ins.revoke, _account_id(call), call.path["sign_in_id"], call.now
    )
    if not done:
        raise NotFound
    ended = {"sign_in_id": call.path["sign_in_id"]}
    await revoke_device_keys(call.services, _account_id(call), "member", call.now, **ended)
    return Done()


async def list_notices(call: Call) -> models.Notices:
    rows = await call.services.database.read(accounts.unseen_notices, _account_id(call))
    return models.Notices(
        notices=[
            models.Notice(
                id=row["id"],
                text=say(f"notice.{row['code']}", **row["params"]),
                at=row["created_at"],
            )
            for row in rows
        ]
    )


async def see_notices(call: Call) -> Done:
    await call.services.database.write(accounts.see_notices, _account_id(call), call.now)
    return Done()


async def _check_code(call: Call) -> None:
    """Uses up the code in the body. Raises TooMany, or NotSignedIn when it is wrong or used."""
    body: models.CodeBody = call.body
    database, keys = call.services.database, call.services.keys
    tries = _code_tries(call)
    await database.write(slow.attempt, tries, call.now)
    right = await database.write(
        signing_in.use_code, keys, _account_id(call), body.kind, body.code, call.now
    )
    if not right:
        # While signed in the person stays so: only this proof failed.
        raise (Forbidden if call.principal.complete else NotSignedIn)("wrong_code")
    await database.write(slow.succeeded, tries, call.now)


def _code_tries(call: Call) -> list[slow.Key]:
    keys, account_id = call.services.keys, _account_id(call)
    if call.principal.complete:
        return [slow.key(keys, slow.SIGN_IN, call.principal.sign_in_id or "")]
    source = source_of(call.request)
    return [
        slow.key(keys, slow.SOURCE, source),
        slow.key(keys, slow.SOURCE_ACCOUNT, source, account_id),
        slow.key(keys, slow.FACTOR, account_id),
    ]


async def _completed(call: Call, answer: Model | None) -> Response:
    """The sign-in is whole: a new token, and Me unless there is something else to say."""
    token = call.services.keys.token()
    sign_in_id = call.principal.sign_in_id or ""
    await call.services.database.write(signing_in.complete, sign_in_id, token_hash(token), call.now)
    whole = replace(call.principal, complete=True, factor_at=call.now, stepped_up_at=call.now)
    return with_cookie(call, answer or await me_of(call.services, whole, call.now), token)


def _require_fresh(call: Call) -> None:
    proved = call.principal.stepped_up_at
    if not call.principal.complete or proved is None or call.now - proved > STEP_UP:
        raise Forbidden("step_up_needed")


def _account_id(call: Call) -> str:
    if call.principal.account_id is None:
        raise BadInput("bad_json")
    return call.principal.account_id

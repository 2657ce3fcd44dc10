"""The steps of signing in, each one transaction on the database."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from server.http.errors import BadInput
from server.identity import codes
from server.identity.models import FactorChoice, FactorStep
from server.keys import Keyring
from server.store import factors, sign_ins
from server.store.database import Connection, RowMapping

HALF_WAY = timedelta(minutes=10)  # to give the second factor after the password


@dataclass(frozen=True, slots=True)
class NewSignIn:
    """What one password or factor step writes."""

    id: str
    account_id: str
    token_hash: str
    device: str


def begin(conn: Connection, new: NewSignIn, replaces: str | None, now: datetime) -> None:
    """The password was right. The browser's earlier sign-in ends."""
    if replaces:
        sign_ins.end(conn, replaces, now)
    values = {
        "id": new.id,
        "account_id": new.account_id,
        "token_hash": new.token_hash,
        "device": new.device,
    }
    sign_ins.create(conn, values, now, HALF_WAY)


def next_step(conn: Connection, account_id: str, name: str) -> FactorStep:
    held = factors.confirmed(conn, account_id)
    choices = []
    for row in held:
        left = row["kind"] != "card" or row["counter"] < codes.CARD_CODES
        if row["kind"] == "recovery":
            left = factors.recovery_codes_left(conn, row["id"]) > 0
        if left:
            number = row["counter"] + 1 if row["kind"] == "card" else None
            choices.append(FactorChoice(kind=row["kind"], label=row["label"], next_number=number))
    return FactorStep(name=name, factors=choices, enrol=not held)


def use_code(
    conn: Connection, keys: Keyring, account_id: str, kind: str, code: str, now: datetime
) -> bool:
    """Whether the code is right and was not used before; it is used from now on."""
    return any(
        _use(conn, keys, row, code, now)
        for row in factors.confirmed(conn, account_id)
        if row["kind"] == kind
    )


def _use(conn: Connection, keys: Keyring, row: RowMapping, code: str, now: datetime) -> bool:
    match row["kind"]:
        case "recovery":
            hashed = recovery_hash(keys, row["id"], code)
            return factors.use_recovery_code(conn, row["id"], hashed, now)
        case "totp":
            counter = codes.totp_counter(secret_of(keys, row), code, now, row["counter"])
        case "card":
            counter = codes.card_counter(secret_of(keys, row), code, row["counter"])
        case other:
            raise AssertionError(f"a factor of kind {other}")
    return counter is not None and factors.use_counter(conn, row["id"], counter)


def complete(conn: Connection, sign_in_id: str, token_hash: str, now: datetime) -> None:
    sign_ins.complete(conn, sign_in_id, token_hash, now)


def confirm_totp(
    conn: Connection, keys: Keyring, account_id: str, code: str, now: datetime
) -> str | None:
    """Makes the pending authenticator app the account's only one; None when the code is wrong.

    Returns the id for a new set of recovery codes, which replaces the old set.
    """
    row = factors.pending(conn, account_id, "totp")
    if row is None:
        raise BadInput("no_pending_totp")
    counter = codes.totp_counter(secret_of(keys, row), code, now, row["counter"])
    if counter is None:
        return None
    for old in factors.confirmed(conn, account_id):
        if old["kind"] in ("totp", "recovery"):
            factors.revoke_one(conn, old["id"], now)
    return str(row["id"]) if factors.confirm(conn, row["id"], counter, now) else None


def add_recovery(
    conn: Connection,
    keys: Keyring,
    account_id: str,
    factor_id: str,
    texts: Sequence[tuple[str, str]],
    now: datetime,
) -> None:
    """`texts`: (id, code) pairs. Only hashes under a key outside the database are kept."""
    add_factor(conn, keys, account_id, factor_id, "recovery", "", now, confirmed=True)
    hashed = [(i, recovery_hash(keys, factor_id, code)) for i, code in texts]
    factors.add_recovery_codes(conn, factor_id, hashed)


def add_factor(
    conn: Connection,
    keys: Keyring,
    account_id: str,
    factor_id: str,
    kind: str,
    secret: str,
    now: datetime,
    *,
    confirmed: bool,
    counter: int = -1,
) -> None:
    values = {
        "id": factor_id,
        "account_id": account_id,
        "kind": kind,
        "secret": keys.encrypt(secret.encode(), f"factor/{factor_id}"),
        "counter": counter,
        "created_at": now,
        "confirmed_at": now if confirmed else None,
    }
    factors.create(conn, values)


def secret_of(keys: Keyring, row: RowMapping) -> str:
    """Raises KeysUnusable when the key folder is not the one that wrote this database."""
    return keys.decrypt(row["secret"], f"factor/{row['id']}").decode()


def recovery_hash(keys: Keyring, factor_id: str, code: str) -> str:
    return keys.mac("recovery", f"{factor_id}/{codes.tidy_code(code)}".encode())

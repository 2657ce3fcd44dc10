"""The installation's own entry in its database, and the link for its first administrator."""

from datetime import datetime, timedelta

from server.config import Config
from server.identity import models
from server.keys import Keyring, KeysUnusable, token_hash
from server.services import Services
from server.store import accounts
from server.store.database import Connection, RowMapping
from voting.signing import to_base64url

FIRST_LINK_LASTS = timedelta(days=2)


def enter_installation(conn: Connection, config: Config, keys: Keyring, now: datetime) -> None:
    """Writes the entry at the first start. Raises KeysUnusable when the keys are another's."""
    row = accounts.installation_row(conn)
    if row is None:
        values = {"id": keys.installation_id, "kind": config.installation_kind, "created_at": now}
        names = {
            "name": config.name,
            "operator": config.operator,
            "place": config.place,
            "helper_name": config.helper_name,
            "helper_phone": config.helper_phone,
        }
        accounts.create_installation(conn, values | names)
    elif row["id"] != keys.installation_id:
        raise KeysUnusable(
            f"{config.keys_dir} belongs to installation {keys.installation_id}, the database to "
            f"{row['id']}; restore the keys that were backed up with this database"
        )


def first_administrator_link(
    conn: Connection, config: Config, keys: Keyring, now: datetime
) -> str | None:
    """A new one-time link while nobody can administer this installation; else None."""
    if accounts.administrators(conn):
        return None
    token = keys.token()
    values = {
        "id": keys.token()[:20],
        "token_hash": token_hash(token),
        "purpose": "first_administrator",
        "account_id": None,
        "created_at": now,
        "expires_at": now + FIRST_LINK_LASTS,
    }
    accounts.create_link(conn, values)
    return link(config, token)


def link(config: Config, token: str) -> str:
    """The token stands after #, so that no server on the way and no log gets to see it."""
    return f"{config.public_url}/mot-lan#{token}"


def shown(services: Services, committee: RowMapping | None) -> models.Installation:
    """`committee`: the peer that countersigns, if one is enrolled."""
    seal, witness = services.keys.seal, None
    if committee is not None:
        witness = models.SigningKey(key_id=committee["key_id"], spki=committee["spki"])
    config = services.config
    return models.Installation(
        id=services.keys.installation_id,
        name=config.name,
        kind="committee" if config.installation_kind == "committee" else "cell",
        operator=config.operator,
        place=config.place,
        helper_name=config.helper_name,
        helper_phone=config.helper_phone,
        demo=config.demo,
        web_bundle=services.web_bundle,
        seal=models.SigningKey(key_id=seal.key_id, spki=to_base64url(seal.public.spki)),
        witness=witness,
    )

"""A sign-in that ends takes its device keys with it: in every session that has not ended."""

from collections import defaultdict
from datetime import datetime
from typing import Literal

from server.services import Services
from server.store import sessions as store


async def revoke_device_keys(
    services: Services,
    account_id: str,
    by: Literal["member", "reset"],
    now: datetime,
    *,
    sign_in_id: str | None = None,
    but: str | None = None,
) -> None:
    """The keys of one sign-in, or of all of the account's but one."""
    rows = await services.database.read(store.device_keys_of, account_id, sign_in_id)
    found = defaultdict(set)
    for row in rows:
        if row["sign_in_id"] != but:
            found[row["session_id"], row["person"]].add(row["key_id"])
    for (session_id, person), keys in found.items():
        await services.session.revoke_keys(session_id, person, keys, by, now)

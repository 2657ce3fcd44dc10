"""Slows guessing per source, and per source and account; who is signed in is never shut out.

An attempt is counted before it is checked, so that parallel guesses cannot slip through.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from server.http.errors import TooMany
from server.keys import Keyring
from server.store import throttle
from server.store.database import Connection

FORGET_AFTER = timedelta(hours=1)
LONGEST = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Limit:
    """`free` failures cost nothing; each further one blocks for `first`, doubled every time."""

    kind: str
    free: int
    first: timedelta


# Thirty members behind one commune office's address must be able to mistype now and then.
SOURCE = Limit("source", 60, timedelta(seconds=30))
SOURCE_ACCOUNT = Limit("source-account", 5, timedelta(seconds=10))
FACTOR = Limit("factor", 20, timedelta(seconds=30))  # one account, from anywhere, while signing in
SIGN_IN = Limit("sign-in", 5, timedelta(seconds=10))  # one browser that is signed in
LINK = Limit("link", 10, timedelta(seconds=30))


@dataclass(frozen=True, slots=True)
class Key:
    limit: Limit
    hash: str


def key(keys: Keyring, limit: Limit, *parts: str) -> Key:
    return Key(limit, f"{limit.kind}:{keys.mac('throttle', chr(0).join(parts).encode())}"[:80])


def attempt(conn: Connection, among: list[Key], now: datetime) -> None:
    """Counts one try against every key. Raises TooMany, counting nothing, while one is blocked."""
    rows = [(one, throttle.locked(conn, one.hash, now)) for one in sorted(among, key=_hash)]
    until = max((row["blocked_until"] or now for _, row in rows), default=now)
    if until > now:
        wait = max(1, round((until - now).total_seconds()))
        raise TooMany("too_many_tries", retry_after=wait)
    for one, row in rows:
        count = 1 if now - row["last_at"] > FORGET_AFTER else row["failures"] + 1
        over = count - one.limit.free
        blocked = now + min(LONGEST, one.limit.first * 2 ** min(over, 10)) if over > 0 else None
        throttle.record(conn, one.hash, count, now, blocked)


def succeeded(conn: Connection, among: list[Key], now: datetime) -> None:
    """The try was right: its keys begin anew; a whole source only gets this one try back."""
    for one in sorted(among, key=_hash):
        throttle.locked(conn, one.hash, now)
    throttle.forget(conn, [k.hash for k in among if k.limit is not SOURCE])
    throttle.take_back(conn, [k.hash for k in among if k.limit is SOURCE])
    throttle.forget_older(conn, now - FORGET_AFTER)


def _hash(one: Key) -> str:
    return one.hash  # one order for all, so that two attempts never wait for each other

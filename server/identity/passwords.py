"""Password hashes: argon2id, never on the event loop, never many at once."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from server.http.errors import BadInput

SHORTEST = 10  # characters; the second factor guards against guessing
LONGEST = 200
AT_ONCE = 2  # each takes 64 MiB (RFC 9106, second recommended option)

_hasher = PasswordHasher()
_turns = ThreadPoolExecutor(AT_ONCE, "password")
# The hash of a password that was thrown away: what an unknown phone number is checked against,
# so that it takes as long as a known one.
_NOBODY = (
    "$argon2id$v=19$m=65536,t=3,p=4"
    "$h0a3d7H9eAsP2jOsrd/Z8A$pkdRiivd1tJ6OfUt3N9j1qcXg77BKSUelMga0rVOZA4"
)


def check_rules(password: str, phone: str) -> None:
    """Raises BadInput with the reason when the password is too weak to accept.

    An empty `phone` is one that is not known yet.
    """
    if len(password) < SHORTEST:
        raise BadInput("password_short", least=SHORTEST)
    if len(password) > LONGEST:
        raise BadInput("password_long", most=LONGEST)
    if len(set(password)) < 4 or (phone and phone in password.replace(" ", "")):
        raise BadInput("password_plain")


async def hash_password(password: str) -> str:
    return await asyncio.get_running_loop().run_in_executor(_turns, hash_now, password)


def hash_now(password: str) -> str:
    """For a thread that may wait a tenth of a second."""
    return _hasher.hash(password)


async def matches(password_hash: str | None, password: str) -> bool:
    """Takes the same time whether there is a hash or not."""
    if len(password) > LONGEST:
        return False
    loop = asyncio.get_running_loop()
    right = await loop.run_in_executor(_turns, _verify, password_hash or _NOBODY, password)
    return right and password_hash is not None


def _verify(password_hash: str, password: str) -> bool:
    try:
        return _hasher.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False

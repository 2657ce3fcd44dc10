"""Password hashes: argon2id, never on the event loop, never many at once."""

import asyncio

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from server.http.errors import BadInput

SHORTEST = 10  # characters; the second factor guards against guessing
LONGEST = 200
AT_ONCE = 2  # each takes 64 MiB (RFC 9106, second recommended option)

_hasher = PasswordHasher()
_turns = asyncio.Semaphore(AT_ONCE)
# What an unknown phone number is checked against, so that it takes as long as a known one.
_nobody = _hasher.hash("nobody has this password")


def check_rules(password: str, phone: str) -> None:
    """Raises BadInput with the reason when the password is too weak to accept."""
    if len(password) < SHORTEST:
        raise BadInput("password_short", least=SHORTEST)
    if len(password) > LONGEST:
        raise BadInput("password_long", most=LONGEST)
    if len(set(password)) < 4 or phone in password.replace(" ", ""):
        raise BadInput("password_plain")


async def hash_password(password: str) -> str:
    async with _turns:
        return await asyncio.to_thread(hash_now, password)


def hash_now(password: str) -> str:
    """For a thread that may wait a tenth of a second."""
    return _hasher.hash(password)


async def matches(password_hash: str | None, password: str) -> bool:
    """Takes the same time whether there is a hash or not."""
    if len(password) > LONGEST:
        return False
    async with _turns:
        right = await asyncio.to_thread(_verify, password_hash or _nobody, password)
    return right and password_hash is not None


def _verify(password_hash: str, password: str) -> bool:
    try:
        return _hasher.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False

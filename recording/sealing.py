"""Encryption of finished segments with age: the recorder knows only the session's public key.

The open segment's journal, some ten seconds of media, is not sealed: after a crash the recorder
has to be able to read it."""

from collections.abc import Callable

from pyrage import RecipientError, decrypt, encrypt, x25519

from recording.errors import BadConfig

Seal = Callable[[bytes], bytes]


def sealer(recipient: str) -> Seal:
    """Encrypts to an age X25519 recipient (`age1…`). Raises BadConfig if it is none."""
    try:
        key = x25519.Recipient.from_str(recipient)
    except RecipientError as error:
        raise BadConfig(f"no age recipient: {error}") from error
    return lambda data: bytes(encrypt(data, [key]))


def unseal(data: bytes, identity: str) -> bytes:
    """A sealed segment's bytes; `identity` is an `AGE-SECRET-KEY-1…`. Raises DecryptError."""
    return bytes(decrypt(data, [x25519.Identity.from_str(identity)]))

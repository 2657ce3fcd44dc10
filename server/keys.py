"""The installation's own keys, on disk beside the database and never in it."""

import base64
import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from voting.signing import PrivateKey

NONCE = 12  # bytes, NIST SP 800-38D
MASTER = 32  # bytes, AES-256


class KeysUnusable(Exception):
    """A key file is missing, damaged, or does not open what it should."""


@dataclass(frozen=True, slots=True)
class Keyring:
    """Signs for the installation, and keeps second-factor secrets unreadable in the database."""

    seal: PrivateKey
    installation_id: str
    _master: bytes = field(repr=False)

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Reads the key files; makes those that are missing when the folder is new.

        Raises KeysUnusable when some are there and some are not: making a new one then would
        silently lose what the old one sealed.
        """
        names = ("seal.pem", "master.key", "installation.id")
        there = [name for name in names if (folder / name).exists()]
        if not there:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_secret(folder / "master.key", base64.b64encode(secrets.token_bytes(MASTER)))
            write_secret(folder / "installation.id", new_id().encode())
            write_secret(folder / "seal.pem", PrivateKey.generate().to_pem())
        elif len(there) < len(names):
            missing = ", ".join(sorted(set(names) - set(there)))
            raise KeysUnusable(f"{folder}: {missing} is missing; restore it from the key backup")
        master = base64.b64decode((folder / "master.key").read_bytes())
        if len(master) != MASTER:
            raise KeysUnusable(f"{folder}/master.key must hold {MASTER} bytes in base64")
        seal = PrivateKey.from_pem((folder / "seal.pem").read_bytes())
        return cls(seal, (folder / "installation.id").read_text("ascii").strip(), master)

    def encrypt(self, plain: bytes, context: str) -> bytes:
        """AES-256-GCM, nonce first; `context` (e.g. "factor/<id>") must be given again to open."""
        nonce = secrets.token_bytes(NONCE)
        return nonce + AESGCM(self._derive("encrypt")).encrypt(nonce, plain, context.encode())

    def decrypt(self, sealed: bytes, context: str) -> bytes:
        cipher = AESGCM(self._derive("encrypt"))
        try:
            return cipher.decrypt(sealed[:NONCE], sealed[NONCE:], context.encode())
        except (InvalidTag, ValueError):
            raise KeysUnusable(f"cannot open {context}: another key or altered data") from None

    def mac(self, purpose: str, data: bytes) -> str:
        """HMAC-SHA-256 in hex, under a key of its own for each purpose."""
        return hmac.new(self._derive(f"mac/{purpose}"), data, hashlib.sha256).hexdigest()

    def token(self) -> str:
        """A new bearer token: 256 random bits, 43 characters. Store only its hash."""
        return secrets.token_urlsafe(32)

    def _derive(self, purpose: str) -> bytes:
        # One block of HKDF-Expand (RFC 5869) from a uniformly random key.
        return hmac.new(self._master, purpose.encode() + b"\x01", hashlib.sha256).digest()


def new_id() -> str:
    """20 characters of base32 in lower case: 100 random bits."""
    return base64.b32encode(secrets.token_bytes(13)).decode("ascii")[:20].lower()


def token_hash(token: str) -> str:
    """What the database keeps of a random token; no salt is needed for 256 random bits."""
    return hashlib.sha256(token.encode()).hexdigest()


def write_secret(path: Path, data: bytes) -> None:
    """Writes a new file readable by the owner only. Raises FileExistsError if it is there."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def ensure_secret(path: Path) -> str:
    """The text of a secret file, made from 256 random bits at the first call."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_secret(path, secrets.token_urlsafe(32).encode())
    return path.read_text("ascii").strip()

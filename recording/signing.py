"""The recorder's signature on what it tells the application: ECDSA P-256 over SHA-256, raw
r‖s in base64url without padding, as WebCrypto makes it."""

import base64
import hashlib
import os
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)

from recording.errors import BadConfig

_ALGORITHM = ec.ECDSA(hashes.SHA256())


def spki(public: ec.EllipticCurvePublicKey) -> bytes:
    return public.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def key_id(public: ec.EllipticCurvePublicKey) -> str:
    """First 16 hex digits of the SHA-256 of the key's SubjectPublicKeyInfo in DER."""
    return hashlib.sha256(spki(public)).hexdigest()[:16]


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Signer:
    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self._key = key
        self.key_id = key_id(key.public_key())

    @classmethod
    def load(cls, path: Path) -> "Signer":
        """Reads the PEM key, or makes one on first start, and writes its public half beside it
        (suffix .spki, SPKI in base64url). Raises BadConfig if it is no P-256 key."""
        if not path.exists():
            _create(path)
        try:
            key = serialization.load_pem_private_key(path.read_bytes(), None)
        except (OSError, ValueError, TypeError) as error:
            raise BadConfig(f"{path} holds no usable key: {error}") from error
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != "secp256r1":
            raise BadConfig(f"{path} is not a P-256 key")
        path.with_suffix(".spki").write_text(_base64url(spki(key.public_key())))
        return cls(key)

    def headers(self, body: bytes) -> dict[str, str]:
        r, s = decode_dss_signature(self._key.sign(body, _ALGORITHM))
        raw = r.to_bytes(32) + s.to_bytes(32)
        return {"X-Signature": _base64url(raw), "X-Key-Id": self.key_id}


def verify(public: ec.EllipticCurvePublicKey, body: bytes, signature: str) -> bool:
    """Whether `signature`, as in X-Signature, is this key's over exactly these bytes."""
    try:
        raw = base64.b64decode(signature + "=" * (-len(signature) % 4), b"-_", validate=True)
    except ValueError:
        return False
    if len(raw) != 64:
        return False
    der = encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
    try:
        public.verify(der, body, _ALGORITHM)
    except InvalidSignature:
        return False
    return True


def _create(path: Path) -> None:
    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)

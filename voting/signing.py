"""Canonical JSON, hashes and signatures in exactly the forms that WebCrypto speaks.

RFC 8785 bytes; ECDSA P-256 with SHA-256; signatures are r||s, 64 bytes, base64url unpadded.
"""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import rfc8785
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)

from voting.errors import KeyUnusable, MalformedStatement

_COORDINATE = 32  # bytes of one P-256 coordinate, and of each half of a signature
_KEY_ID_DIGITS = 16  # hex digits: short enough to read aloud, 64 bits


def canonical_bytes(value: Any) -> bytes:
    """RFC 8785 bytes of a JSON value. Raises MalformedStatement for what JSON cannot carry."""
    try:
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeError, RecursionError) as error:
        raise MalformedStatement(str(error)) from error


def statement_hash(value: Any) -> str:
    """SHA-256 of the canonical bytes, 64 lower-case hex digits."""
    return hashlib.sha256(canonical_bytes(value)).hexdigest()


def to_base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def from_base64url(text: str) -> bytes:
    """The bytes of unpadded base64url. Raises MalformedStatement for any other spelling."""
    try:
        padded = text + "=" * (-len(text) % 4)
        data = base64.b64decode(padded.encode("ascii"), altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeError) as error:
        raise MalformedStatement("not base64url") from error
    if to_base64url(data) != text:
        raise MalformedStatement("not the one unpadded base64url spelling")
    return data


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A P-256 public key, held as SPKI DER with an uncompressed point (WebCrypto's export).

    Build it with `from_spki` or `from_jwk`, which check and normalise.
    """

    spki: bytes

    @classmethod
    def from_spki(cls, spki: bytes) -> Self:
        try:
            key = serialization.load_der_public_key(spki)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise KeyUnusable("not a public key in SPKI form") from error
        if not isinstance(key, ec.EllipticCurvePublicKey):
            raise KeyUnusable("not an elliptic-curve key")
        return cls(_spki_of(key))

    @classmethod
    def from_jwk(cls, jwk: Mapping[str, Any]) -> Self:
        """From an RFC 7517 key; members beyond kty, crv, x, y are ignored, d included."""
        if jwk.get("kty") != "EC" or jwk.get("crv") != "P-256":
            raise KeyUnusable("the key must be kty EC, crv P-256")
        try:
            x, y = from_base64url(jwk["x"]), from_base64url(jwk["y"])
            if len(x) != _COORDINATE or len(y) != _COORDINATE:
                raise KeyUnusable("a P-256 coordinate has 32 bytes")
            numbers = ec.EllipticCurvePublicNumbers(
                int.from_bytes(x, "big"), int.from_bytes(y, "big"), ec.SECP256R1()
            )
            return cls(_spki_of(numbers.public_key()))
        except (KeyError, TypeError, ValueError, MalformedStatement) as error:
            raise KeyUnusable("not a point of P-256") from error

    @property
    def key_id(self) -> str:
        """First 16 hex digits of the SHA-256 of the SPKI."""
        return hashlib.sha256(self.spki).hexdigest()[:_KEY_ID_DIGITS]

    def jwk(self) -> dict[str, str]:
        point = self.spki[-2 * _COORDINATE :]
        return {
            "kty": "EC",
            "crv": "P-256",
            "x": to_base64url(point[:_COORDINATE]),
            "y": to_base64url(point[_COORDINATE:]),
        }

    def verify(self, statement: Any, signature: str) -> bool:
        """Whether the signature is this key's over the statement. Never raises for bad input."""
        try:
            return self.verify_bytes(canonical_bytes(statement), signature)
        except MalformedStatement:
            return False

    def verify_bytes(self, data: bytes, signature: str) -> bool:
        try:
            raw = from_base64url(signature)
        except MalformedStatement:
            return False
        if len(raw) != 2 * _COORDINATE:
            return False
        der = encode_dss_signature(
            int.from_bytes(raw[:_COORDINATE], "big"), int.from_bytes(raw[_COORDINATE:], "big")
        )
        key = serialization.load_der_public_key(self.spki)
        assert isinstance(key, ec.EllipticCurvePublicKey)
        try:
            key.verify(der, data, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """A P-256 private key: the installation's, or a headless member's. Its repr shows no secret."""

    _key: ec.EllipticCurvePrivateKey

    @classmethod
    def generate(cls) -> Self:
        """A new key from the system's random source; call it only at an edge."""
        return cls(ec.generate_private_key(ec.SECP256R1()))

    @classmethod
    def from_pem(cls, pem: bytes, password: bytes | None = None) -> Self:
        try:
            key = serialization.load_pem_private_key(pem, password)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise KeyUnusable("not a private key we can open") from error
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise KeyUnusable("not an elliptic-curve key")
        if not isinstance(key.curve, ec.SECP256R1):
            raise KeyUnusable("the curve must be P-256")
        return cls(key)

    def to_pem(self, password: bytes | None = None) -> bytes:
        """PKCS 8, encrypted when a password is given."""
        encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
        if password is not None:
            encryption = serialization.BestAvailableEncryption(password)
        return self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
        )

    @property
    def public(self) -> PublicKey:
        return PublicKey(_spki_of(self._key.public_key()))

    @property
    def key_id(self) -> str:
        return self.public.key_id

    def sign(self, statement: Any) -> str:
        """The signature over the canonical bytes: r||s, base64url, 86 characters."""
        return self.sign_bytes(canonical_bytes(statement))

    def sign_bytes(self, data: bytes) -> str:
        r, s = decode_dss_signature(self._key.sign(data, ec.ECDSA(hashes.SHA256())))
        return to_base64url(r.to_bytes(_COORDINATE, "big") + s.to_bytes(_COORDINATE, "big"))


def _spki_of(key: ec.EllipticCurvePublicKey) -> bytes:
    # Written anew so that one key has one spelling, hence one id: SPKI also allows short points.
    if not isinstance(key.curve, ec.SECP256R1):
        raise KeyUnusable("the curve must be P-256")
    point = key.public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )
    plain = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    return plain.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voting.ballot import Ballot
from voting.errors import KeyUnusable, MalformedStatement
from voting.signing import (
    PrivateKey,
    PublicKey,
    canonical_bytes,
    from_base64url,
    statement_hash,
    to_base64url,
)

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parent / "vectors.json").read_text(encoding="utf-8")
)
KEY = PrivateKey.generate()


def vector_private_key() -> PrivateKey:
    der = base64.encodebytes(from_base64url(VECTORS["key"]["pkcs8"])).decode()
    return PrivateKey.from_pem(
        f"-----BEGIN PRIVATE KEY-----\n{der}-----END PRIVATE KEY-----\n".encode()
    )


@pytest.mark.parametrize("vector", VECTORS["canonical"], ids=lambda v: v["sha256"][:6])
def test_canonical_bytes_are_those_of_the_shared_vectors(vector: dict[str, Any]) -> None:
    assert canonical_bytes(vector["value"]) == vector["bytes"].encode()
    assert statement_hash(vector["value"]) == vector["sha256"]


def test_keys_are_read_from_spki_and_jwk_alike() -> None:
    vector = VECTORS["key"]
    key = PublicKey.from_jwk(vector["jwk"])
    assert key == PublicKey.from_spki(from_base64url(vector["spki"]))
    assert key == vector_private_key().public
    assert key.key_id == vector["key_id"]
    assert key.jwk() == vector["jwk"]


@pytest.mark.parametrize("vector", VECTORS["ballots"], ids=lambda v: v["hash"][:6])
def test_ballots_hash_and_verify_as_in_the_shared_vectors(vector: dict[str, Any]) -> None:
    ballot = Ballot.from_statement(vector["statement"])
    key = PublicKey.from_jwk(VECTORS["key"]["jwk"])
    assert canonical_bytes(ballot.to_statement()) == vector["canonical"].encode()
    assert ballot.ballot_hash == vector["hash"]
    assert key.verify(ballot.to_statement(), vector["signature"])


def test_signatures_made_by_webcrypto_verify() -> None:
    vector = VECTORS["webcrypto"]
    key = PublicKey.from_spki(from_base64url(vector["spki"]))
    assert key == PublicKey.from_jwk(vector["jwk"])
    assert key.key_id == vector["key_id"]
    for row in vector["signatures"]:
        assert key.verify(json.loads(row["bytes"]), row["signature"])


def test_the_published_signature_of_rfc_6979_verifies() -> None:
    vector = VECTORS["rfc6979"]
    key = PublicKey.from_jwk(VECTORS["key"]["jwk"])
    assert key.verify_bytes(vector["message"].encode(), vector["signature"])
    assert not key.verify_bytes(b"Sample", vector["signature"])


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@given(json_values)
def test_canonical_bytes_read_back_as_the_same_value(value: Any) -> None:
    assert json.loads(canonical_bytes(value)) == value


@given(json_values)
def test_a_signature_holds_for_its_statement_and_is_64_bytes(value: Any) -> None:
    signature = KEY.sign(value)
    assert len(from_base64url(signature)) == 64
    assert KEY.public.verify(value, signature)
    assert not KEY.public.verify([value], signature)


@given(st.integers(0, 511))
def test_no_bit_of_a_signature_may_change(bit: int) -> None:
    raw = bytearray(from_base64url(VECTORS["ballots"][0]["signature"]))
    raw[bit // 8] ^= 1 << bit % 8
    key = PublicKey.from_jwk(VECTORS["key"]["jwk"])
    assert not key.verify(VECTORS["ballots"][0]["statement"], to_base64url(bytes(raw)))


def test_a_signature_has_one_length() -> None:
    raw = from_base64url(VECTORS["ballots"][0]["signature"])
    padded = to_base64url(raw[:32] + b"\0" + raw[32:])
    key = PublicKey.from_jwk(VECTORS["key"]["jwk"])
    assert not key.verify(VECTORS["ballots"][0]["statement"], padded)


@given(st.text() | st.binary(max_size=80).map(to_base64url))
def test_hostile_signature_text_is_false_and_never_an_exception(text: str) -> None:
    assert not KEY.public.verify({"a": 1}, text)


@given(st.binary(max_size=120))
def test_base64url_has_one_spelling(data: bytes) -> None:
    text = to_base64url(data)
    assert from_base64url(text) == data
    with pytest.raises(MalformedStatement):
        from_base64url(text + "=")


@pytest.mark.parametrize("value", [2**53, float("nan"), "\ud800", {1: 2}, b"bytes"])
def test_what_json_cannot_carry_is_malformed(value: object) -> None:
    with pytest.raises(MalformedStatement):
        canonical_bytes(value)


@pytest.mark.parametrize(
    "jwk",
    [
        {},
        {"kty": "EC", "crv": "P-384", "x": "AA", "y": "AA"},
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
        {"kty": "EC", "crv": "P-256", "x": 1, "y": None},
        {"kty": "EC", "crv": "P-256", "x": to_base64url(b"\1" * 32), "y": to_base64url(b"\1" * 32)},
    ],
)
def test_a_jwk_that_is_no_p256_point_is_refused(jwk: dict[str, Any]) -> None:
    with pytest.raises(KeyUnusable):
        PublicKey.from_jwk(jwk)


@given(st.binary(max_size=100))
def test_bytes_that_are_no_key_are_refused(data: bytes) -> None:
    with pytest.raises(KeyUnusable):
        PublicKey.from_spki(data)


def test_a_private_key_survives_an_encrypted_file_and_prints_no_secret() -> None:
    pem = KEY.to_pem(b"mat khau")
    assert PrivateKey.from_pem(pem, b"mat khau").public == KEY.public
    with pytest.raises(KeyUnusable):
        PrivateKey.from_pem(pem, b"sai")
    assert "PRIVATE" not in repr(KEY)


def test_one_key_written_with_a_short_point_keeps_its_id() -> None:
    key = PublicKey.from_jwk(VECTORS["key"]["jwk"])
    prefix, point = key.spki[:26], key.spki[27:]
    sign = b"\x03" if point[-1] & 1 else b"\x02"
    # The lengths inside the DER shrink by the 32 bytes of y.
    short = bytes([0x30, prefix[1] - 32]) + prefix[2:]
    at = short.rindex(bytes([0x03, 0x42]))
    short = short[:at] + bytes([0x03, 0x22]) + short[at + 2 :] + sign + point[:32]
    assert PublicKey.from_spki(short) == key

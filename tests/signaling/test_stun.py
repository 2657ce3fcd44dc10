import os
import struct

import pytest
from aioice import stun as reference
from hypothesis import given
from hypothesis import strategies as st

from signaling.sfu import stun

PASSWORD = "p" * 24


def check(username: str = "server:client", password: str = PASSWORD) -> bytes:
    """A connectivity check as another implementation writes it."""
    message = reference.Message(
        message_method=reference.Method.BINDING, message_class=reference.Class.REQUEST
    )
    message.attributes["USERNAME"] = username
    message.attributes["PRIORITY"] = 1
    message.attributes["ICE-CONTROLLING"] = 7
    message.attributes["USE-CANDIDATE"] = None
    message.add_message_integrity(password.encode())
    return bytes(message)


def test_a_check_of_another_implementation_is_understood_and_verified() -> None:
    request = stun.parse(check())
    assert request is not None
    assert (request.local_ufrag, request.remote_ufrag) == ("server", "client")
    assert request.nominates
    assert request.is_signed_by(PASSWORD)
    assert not request.is_signed_by("wrong")


@pytest.mark.parametrize(
    ("host", "seen"),
    [("192.0.2.9", "192.0.2.9"), ("2001:db8::9", "2001:db8::9"), ("::ffff:192.0.2.9", "192.0.2.9")],
)
def test_another_implementation_accepts_our_answer(host: str, seen: str) -> None:
    request = stun.parse(check())
    assert request is not None
    answer = stun.success(request, host, 5000, PASSWORD)
    message = reference.parse_message(answer)
    assert message.check_message_integrity(PASSWORD.encode())
    assert message.message_class == reference.Class.RESPONSE
    assert message.transaction_id == request.transaction
    assert message.attributes["XOR-MAPPED-ADDRESS"] == (seen, 5000)


def test_our_own_requests_parse() -> None:
    request = stun.parse(stun.request("a:b", PASSWORD, os.urandom(12)))
    assert request is not None
    assert request.is_signed_by(PASSWORD)


def test_what_follows_the_signature_is_not_trusted() -> None:
    signed = stun.request("a:b", PASSWORD, b"t" * 12, nominate=False)[:-8]
    forged = bytearray(signed + struct.pack("!HH", stun.USE_CANDIDATE, 0))
    struct.pack_into("!H", forged, 2, len(forged) - 20)
    request = stun.parse(bytes(forged))
    assert request is not None
    assert not request.nominates


@given(st.binary(max_size=200))
def test_noise_is_ignored(data: bytes) -> None:
    stun.parse(data)


@given(st.integers(0, 95), st.integers(0, 255))
def test_one_changed_byte_never_passes(position: int, value: int) -> None:
    original = stun.request("server:client", PASSWORD, b"t" * 12)
    position %= len(original) - 8  # the fingerprint behind the signature is not covered
    changed = bytearray(original)
    changed[position] = value
    if bytes(changed) == original:
        return
    request = stun.parse(bytes(changed))
    assert request is None or not request.is_signed_by(PASSWORD)

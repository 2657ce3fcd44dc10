"""The part of STUN (RFC 8489) that an ICE-lite agent needs: Binding requests and their answers."""

from __future__ import annotations

import hmac
import ipaddress
import struct
import zlib
from dataclasses import dataclass

BINDING_REQUEST = 0x0001
BINDING_SUCCESS = 0x0101
COOKIE = 0x2112A442
HEADER = struct.Struct("!HHI12s")
USERNAME = 0x0006
MESSAGE_INTEGRITY = 0x0008
XOR_MAPPED_ADDRESS = 0x0020
USE_CANDIDATE = 0x0025
FINGERPRINT = 0x8028
FINGERPRINT_XOR = 0x5354554E
MAX_MESSAGE = 1280


@dataclass(frozen=True, slots=True)
class Request:
    """A Binding request whose integrity is still to be checked with `is_signed_by`."""

    transaction: bytes
    local_ufrag: str
    remote_ufrag: str
    nominates: bool
    raw: bytes
    integrity_at: int

    def is_signed_by(self, password: str) -> bool:
        """RFC 8489 §14.5: HMAC-SHA1 over the message up to the attribute, length adjusted."""
        body = bytearray(self.raw[: self.integrity_at])
        struct.pack_into("!H", body, 2, self.integrity_at - 20 + 24)
        tag = self.raw[self.integrity_at + 4 : self.integrity_at + 24]
        return hmac.compare_digest(hmac.digest(password.encode(), bytes(body), "sha1"), tag)


def parse(data: bytes) -> Request | None:
    """The Binding request in a datagram; None for anything else, malformed included."""
    if not 20 <= len(data) <= MAX_MESSAGE:
        return None
    kind, length, cookie, transaction = HEADER.unpack_from(data)
    if kind != BINDING_REQUEST or cookie != COOKIE or length != len(data) - 20 or length % 4:
        return None
    at, username, nominates, integrity_at = 20, b"", False, 0
    while at + 4 <= len(data):
        attribute, size = struct.unpack_from("!HH", data, at)
        value = data[at + 4 : at + 4 + size]
        if len(value) != size:
            return None
        match attribute:
            case 0x0006:
                username = value
            case 0x0025:
                nominates = True
            case 0x0008 if size == 20:
                integrity_at = at
                break  # attributes after it are not covered by the signature
            case _:
                pass
        at += 4 + (size + 3 & ~3)
    local, colon, remote = username.partition(b":")
    if not integrity_at or not colon:
        return None
    try:
        return Request(
            transaction,
            local.decode("ascii"),
            remote.decode("ascii"),
            nominates,
            data,
            integrity_at,
        )
    except UnicodeDecodeError:
        return None


def success(request: Request, host: str, port: int, password: str) -> bytes:
    """The signed answer telling the client the address it was seen at."""
    address = ipaddress.ip_address(host.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    pad = struct.pack("!I", COOKIE) + request.transaction
    packed = bytes(a ^ b for a, b in zip(address.packed, pad, strict=False))
    family = 1 if address.version == 4 else 2
    mapped = struct.pack("!BBH", 0, family, port ^ (COOKIE >> 16)) + packed
    body = struct.pack("!HH", XOR_MAPPED_ADDRESS, len(mapped)) + mapped
    return _seal(BINDING_SUCCESS, request.transaction, body, password)


def _seal(kind: int, transaction: bytes, body: bytes, password: str) -> bytes:
    signed = HEADER.pack(kind, len(body) + 24, COOKIE, transaction) + body
    body += struct.pack("!HH", MESSAGE_INTEGRITY, 20)
    body += hmac.digest(password.encode(), signed, "sha1")
    message = HEADER.pack(kind, len(body) + 8, COOKIE, transaction) + body
    crc = zlib.crc32(message) ^ FINGERPRINT_XOR
    return message + struct.pack("!HHI", FINGERPRINT, 4, crc)


def request(username: str, password: str, transaction: bytes, nominate: bool = True) -> bytes:
    """A signed Binding request, as a client sends it."""
    name = username.encode()
    body = struct.pack("!HH", USERNAME, len(name)) + name + b"\0" * (-len(name) % 4)
    if nominate:
        body += struct.pack("!HH", USE_CANDIDATE, 0)
    return _seal(BINDING_REQUEST, transaction, body, password)

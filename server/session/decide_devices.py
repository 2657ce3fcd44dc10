"""The law of device keys: a lost one stops counting, and what it signed before stays."""

from collections.abc import Collection
from typing import Literal

from server.session import events as e
from server.session.law import Case, Events
from server.session.models import RevokeDevice
from server.session.refusal import Refused
from server.session.state import Certificate, State


def require_living(certificate: Certificate | None) -> None:
    """Raises Refused when that key was revoked."""
    if certificate is not None and certificate.revoked_at is not None:
        raise Refused("device_key_revoked")


def revoke_device(case: Case) -> Events:
    """By the member, for a device that was lost or lent; asked again it changes nothing."""
    body: RevokeDevice = case.body
    if case.state.members[case.actor].certificate(body.key_id) is None:
        raise Refused("device_not_certified")
    return revocations(case.state, case.actor, {body.key_id}, "member")


def revocations(
    state: State, person: str, keys: Collection[str], by: Literal["member", "reset"]
) -> Events:
    """One event for each of these keys that still counts."""
    return [
        e.DeviceKeyRevoked(person, c.key_id, by)
        for c in state.members[person].certificates
        if c.key_id in keys and c.revoked_at is None
    ]

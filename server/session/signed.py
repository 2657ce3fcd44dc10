"""What the installation's key signs for members: heads, acknowledgements, certificates."""

from typing import Any

from server.keys import Keyring
from server.session.chain import Entry
from server.session.models import Ack, DeviceCertificate, EventHeader, Head
from server.session.state import Certificate, State
from server.session.times import from_text, to_text
from voting.signing import to_base64url


def head_of(keys: Keyring, state: State) -> Head:
    """The signed head; clients keep it and so witness the log up to here."""
    time = to_text(state.time)
    statement = {"session": state.session, "seq": state.seq, "hash": state.head, "time": time}
    return Head(
        seq=state.seq,
        hash=state.head,
        time=state.time,
        key_id=keys.seal.key_id,
        signature=keys.seal.sign(statement),
    )


def header_of(line: Entry) -> EventHeader:
    return EventHeader(
        seq=line.seq,
        prev=line.prev,
        type=line.type,
        time=line.time,
        actor=line.actor,
        payload_hash=line.payload_hash,
        hash=line.hash,
    )


def ack_of(keys: Keyring, line: Entry, subject: str) -> Ack:
    """To be given only once the line is durable."""
    statement: dict[str, Any] = {
        "purpose": "ack",
        "session": line.session,
        "seq": line.seq,
        "hash": line.hash,
        "time": line.time,
        "subject": subject,
    }
    return Ack(
        seq=line.seq,
        hash=line.hash,
        time=from_text(line.time),
        key_id=keys.seal.key_id,
        signature=keys.seal.sign(statement),
        subject=subject,
    )


def certificate_of(
    keys: Keyring, state: State, person: str, certificate: Certificate
) -> DeviceCertificate:
    """Over {purpose, installation, session, member, key_id, spki, certified_at, seq}."""
    statement = {
        "purpose": "device-certificate",
        "installation": state.convened.installation,
        "session": state.session,
        "member": person,
        "key_id": certificate.key_id,
        "spki": to_base64url(certificate.spki),
        "certified_at": to_text(certificate.at),
        "seq": certificate.seq,
    }
    return DeviceCertificate(
        key_id=certificate.key_id,
        session=state.session,
        member=person,
        certified_at=certificate.at,
        seq=certificate.seq,
        signature=keys.seal.sign(statement),
    )

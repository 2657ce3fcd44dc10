"""Gathers the surroundings of sessions from the database and this process, for `view` and law."""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from server.keys import Keyring
from server.session.law import RecorderFacts, TrackFact
from server.session.state import State
from server.session.surroundings import (
    DeliveryFacts,
    DocumentShown,
    Line,
    PersonLive,
    Surroundings,
)
from server.store import presence
from server.store import sessions as store
from server.store.database import Connection, RowMapping

ROOM_CODE_STEP = 30  # seconds that one code of the meeting room holds
WITNESS_FRESH = timedelta(seconds=75)  # the log takes a countersignature about every 30 s
_BEST: tuple[Line, ...] = ("good", "fair", "poor", "none")


def gather(conn: Connection, session_id: str, ended: bool) -> Surroundings:
    """What the database knows; the clock's part is added by `at`."""
    devices = presence.devices(conn, [session_id])
    delivery = _delivery(conn, session_id) if ended else DeliveryFacts()
    return Surroundings(
        people=_people(devices),
        recorder=recorder_facts(store.last_checkpoint(conn, session_id)),
        documents=_documents(conn, session_id),
        delivery=delivery,
        certified=store.certified_sign_ins(conn, session_id),
    )


def recorder_facts(row: Mapping[str, Any] | RowMapping | None) -> RecorderFacts | None:
    """The recorder's last statement as the law reads it."""
    if row is None:
        return None
    said = json.loads(row["body"])
    tracks = tuple(
        TrackFact(person_of(t["participant"]), t["source"], t["muted"], t["fresh"])
        for t in said["tracks"]
    )
    return RecorderFacts(row["received_at"], said["state"], tracks, said["disk_free"])


def person_of(identity: str) -> str:
    """The pseudonym in an identity `<person>.<device>`, or "room" for the meeting room's."""
    return identity.partition(".")[0]


def _people(devices: Iterable[presence.Device]) -> dict[str, PersonLive]:
    people: dict[str, PersonLive] = {}
    for device in devices:
        seen = people.get(device.person, PersonLive(0, "none", False, False))
        lines = {seen.line, device.line}
        people[device.person] = PersonLive(
            seen.devices + 1,
            next(line for line in _BEST if line in lines or line == "none"),
            seen.microphone or device.microphone,
            seen.camera or device.camera,
        )
    return people


def _documents(conn: Connection, session_id: str) -> tuple[DocumentShown, ...]:
    pages: dict[str, dict[str, int]] = {}
    for mark in store.read_marks(conn, session_id):
        pages.setdefault(mark["document_id"], {})[mark["member_id"]] = mark["last_page"]
    return tuple(
        DocumentShown(
            id=row["id"],
            item_id=row["item_id"],
            name=row["name"],
            pages=row["pages"],
            size=row["size"],
            sha256=row["sha256"],
            uploaded_at=row["uploaded_at"],
            late_reason=row["late_reason"],
            last_pages=pages.get(row["id"], {}),
        )
        for row in store.documents(conn, session_id)
    )


def _delivery(conn: Connection, session_id: str) -> DeliveryFacts:
    kinds = tuple(store.report_kinds(conn, session_id))
    row = store.report_delivery(conn, session_id)
    if row is None:
        return DeliveryFacts(documents=kinds)
    return DeliveryFacts(row["attempts"], row["next_try_at"], row["error"], kinds)


def room_code(keys: Keyring, session_id: str, now: datetime, steps_ago: int = 0) -> str:
    """The meeting room's check-in code of this half minute: six digits."""
    step = int(now.timestamp()) // ROOM_CODE_STEP - steps_ago
    mac = keys.mac("room-code", f"{session_id}:{step}".encode())
    return f"{int(mac[:12], 16) % 1_000_000:06d}"


def room_code_holds(keys: Keyring, session_id: str, code: str, now: datetime) -> bool:
    """Whether the code is this half minute's or, for slow hands, the one before."""
    given = "".join(c for c in code if c.isdecimal())
    return given in (room_code(keys, session_id, now, ago) for ago in (0, 1))


def witnessed_lately(state: State, now: datetime) -> bool:
    return state.witnessed_at is not None and now - state.witnessed_at < WITNESS_FRESH

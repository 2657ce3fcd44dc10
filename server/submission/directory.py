"""The upper committee's own directory of device keys, kept line by line as they are told.

A cell tells each key while its session runs, so that a key enrolled later for a vote already cast,
or another key in the delivered log, differs from what stands here.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from server.submission.models import RunningBody
from server.texts import say
from server.verify.chain import Line
from server.verify.findings import Finding

KEY_EVENTS = ("device-certified", "device-key-revoked")


class BadKeys(Exception):
    """What was told beside the header of line `seq` is not what the header covers."""

    def __init__(self, seq: int) -> None:
        super().__init__(f"key of line {seq}")
        self.seq = seq


@dataclass(frozen=True, slots=True)
class Told:
    """One line of the directory: a key certified, or revoked, in that line of that log."""

    seq: int
    type: str
    person: str
    key_id: str
    spki: str


def keys_told(body: RunningBody) -> list[Told]:
    """The keys in this message: one for every such header, and each what its header covers.

    Raises BadKeys.
    """
    payloads = {key.seq: key for key in body.keys}
    told = []
    for header in body.headers:
        if header["type"] not in KEY_EVENTS:
            continue
        payload = payloads.get(header["seq"])
        try:
            if payload is None:
                raise ValueError("missing")
            covered = bytes.fromhex(payload.salt) + payload.body.encode()
            if hashlib.sha256(covered).hexdigest() != header["payload_hash"]:
                raise ValueError("hash")
            data = json.loads(payload.body)["data"]
            told.append(_told(header["seq"], header["type"], data))
        except (ValueError, KeyError, TypeError):
            raise BadKeys(header["seq"]) from None
    return told


def _told(seq: int, kind: str, data: Mapping[str, Any]) -> Told:
    person, key_id, spki = data["person"], data["key_id"], data.get("spki", "")
    if not all(isinstance(x, str) for x in (person, key_id, spki)):
        raise TypeError("text")
    if len(person) > 12 or len(key_id) > 40 or len(spki) > 400:
        raise ValueError("too long")
    return Told(seq, kind, person, key_id, spki)


def row_of(peer_id: str, session_id: str, told: Told, now: datetime) -> dict[str, Any]:
    return {
        "peer_id": peer_id,
        "session_id": session_id,
        "seq": told.seq,
        "type": told.type,
        "person": told.person,
        "key_id": told.key_id,
        "spki": told.spki,
        "told_at": now,
    }


def findings(log: Sequence[Line], told: Sequence[Told], elsewhere: frozenset[str]) -> list[Finding]:
    """The delivered log against the directory; `elsewhere` are key ids of other sessions' logs."""
    held = [
        _told(line.seq, line.type, line.data)
        for line in log
        if line.type in KEY_EVENTS and line.data is not None
    ]
    names = {row["id"]: str(row["name"]) for row in (log[0].data or {}).get("roster", ())}
    found = [*_differences(held, told), *_shared(held, names, elsewhere)]
    if not found and held and not told:
        return [Finding("note", _say("untold", count=len(held)))]
    if not found and held:
        found = [Finding("ok", _say("same", count=sum(k.type == KEY_EVENTS[0] for k in held)))]
        untold = len(held) - len(told)
        if untold:
            found.append(Finding("note", _say("untold", count=untold)))
    return [*found, *_several(held, names)]


def _say(key: str, /, **params: object) -> str:
    return say(f"portal.keys.{key}", **params)


def _differences(held: Iterable[Told], told: Iterable[Told]) -> Iterable[Finding]:
    by_seq = {key.seq: key for key in held}
    for key in told:
        if by_seq.get(key.seq) != key:
            yield Finding("broken", _say("differs", line=key.seq))


def _shared(
    held: Iterable[Told], names: Mapping[str, str], elsewhere: frozenset[str]
) -> Iterable[Finding]:
    """One key for two members, or a key that another session has seen: keys are made for one."""
    owners: dict[str, Told] = {}
    for key in held:
        first = owners.setdefault(key.key_id, key)
        name = names.get(key.person, key.person)
        if first.person != key.person:
            other = names.get(first.person, first.person)
            yield Finding("broken", _say("shared", line=key.seq, name=name, other=other))
        elif first is key and key.key_id in elsewhere:
            yield Finding("broken", _say("seen_elsewhere", line=key.seq, name=name))


def _several(held: Iterable[Told], names: Mapping[str, str]) -> Iterable[Finding]:
    """Members with more than one key: lawful, and what an operator who votes for them would do."""
    keys = defaultdict(list)
    for key in held:
        if key.type == KEY_EVENTS[0]:
            keys[key.person].append(key)
    for person, found in keys.items():
        if len(found) > 1:
            lines = ", ".join(_say("of_line", key=k.key_id[:8], line=k.seq) for k in found)
            name = names.get(person, person)
            yield Finding("note", _say("several", name=name, count=len(found), lines=lines))

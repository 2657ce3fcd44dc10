"""The log's lines: their links, their payloads' hashes, their order in time."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from server.verify.findings import Findings
from voting.errors import MalformedStatement
from voting.signing import canonical_bytes, statement_hash

FIRST_PREV = "0" * 64
_KEYS = frozenset(
    ("session", "seq", "prev", "type", "time", "actor", "payload_hash", "hash", "salt", "body")
)
_COVERED = ("session", "seq", "prev", "type", "time", "actor", "payload_hash")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the log that holds. `data` is None when its content was destroyed."""

    seq: int
    type: str
    time: datetime
    actor: str
    hash: str
    session: str
    data: dict[str, Any] | None


def read_log(lines: Sequence[bytes], findings: Findings) -> list[Line]:
    """The lines up to the first one that does not hold, which is then named."""
    log: list[Line] = []
    prev, destroyed = FIRST_PREV, 0
    for number, raw in enumerate(lines, 1):
        fault, line = _line(raw, number, prev, log[0].session if log else None)
        if line is None:
            findings.broken(f"Sổ bị sửa tại dòng {number}: {fault}.")
            return log
        if log and line.time < log[-1].time:
            findings.broken(f"Sổ bị sửa tại dòng {number}: thời gian lùi lại.")
            return log
        destroyed += line.data is None
        log.append(line)
        prev = line.hash
    if not log or log[0].type != "convened":
        findings.broken("Sổ không bắt đầu bằng triệu tập.")
        return []
    findings.ok(f"Sổ liền mạch: {len(log)} dòng, mỗi dòng nối đúng dòng trước.")
    if destroyed:
        findings.note(f"{destroyed} dòng đã hủy nội dung; dấu của nội dung vẫn còn trong sổ.")
    return log


def _line(raw: bytes, number: int, prev: str, session: str | None) -> tuple[str, Line | None]:
    try:
        row = json.loads(raw)
        header = {name: row[name] for name in _COVERED}
        time = datetime.strptime(row["time"], "%Y-%m-%dT%H:%M:%S.%f%z")
        found = statement_hash(header)
        # One spelling only: else a renamed "body" would pass for content that was destroyed.
        if row.keys() != _KEYS or canonical_bytes(row) != raw:
            return "dòng không đúng dạng chuẩn", None
    except (ValueError, KeyError, TypeError, MalformedStatement):
        return "dòng không đọc được", None
    if row["seq"] != number or session not in (None, row["session"]):
        return "số thứ tự hoặc mã buổi họp không khớp", None
    if row["prev"] != prev:
        return "không nối với dòng trước", None
    if found != row.get("hash"):
        return "dấu của dòng không khớp", None
    body = row.get("body") or ""
    data = None
    if body:
        try:
            payload = bytes.fromhex(row["salt"]) + body.encode()
            data = json.loads(body)["data"]
        except (ValueError, KeyError, TypeError):
            return "nội dung không đọc được", None
        if hashlib.sha256(payload).hexdigest() != row["payload_hash"]:
            return "nội dung không khớp với dấu", None
    line = Line(number, row["type"], time, row["actor"], row["hash"], row["session"], data)
    return "", line

"""The recorder's signed statements, its manifest, and every file of the recording."""

import hashlib
import json
from collections.abc import Sequence

from server.verify.chain import FIRST_PREV, Line
from server.verify.findings import Findings
from server.verify.source import Source, read_lines
from voting.signing import PublicKey

STATEMENTS = "statements.jsonl"
FOLDER = "recording/"
MANIFEST = FOLDER + "manifest.jsonl"


def check_recording(
    source: Source, log: Sequence[Line], key: PublicKey | None, findings: Findings
) -> None:
    """Statements against the log, manifest against the statements, files against the manifest."""
    statements = _statements(source, log, key, findings)
    heads = _manifest(source, findings)
    if heads is None:
        return
    wanted = [
        (line.seq, str(line.data["manifest_head"]))
        for line in log
        if line.type == "checkpointed" and line.data is not None
    ]
    wanted += [
        (line.seq, str(line.data["head"]))
        for line in log
        if line.type == "recording-finished" and line.data is not None
    ]
    for seq, head in wanted:
        if head not in heads:
            findings.broken(
                f"Bản ghi không có đoạn mà sổ đã chứng ở dòng {seq}: bản kê bị sửa hoặc bị cắt."
            )
            return
    if statements or wanted:
        findings.ok(f"Bản kê bản ghi khớp với {len(wanted)} lần máy ghi báo vào sổ.")


def _statements(
    source: Source, log: Sequence[Line], key: PublicKey | None, findings: Findings
) -> int:
    posted: dict[str, int] = {}
    good = 0
    for number, raw in enumerate(read_lines(source, STATEMENTS), 1):
        row = json.loads(raw)
        body = row["body"].encode()
        posted[hashlib.sha256(body).hexdigest()] = number
        if key is not None and row["key_id"] == key.key_id:
            if not key.verify_bytes(body, row["signature"]):
                findings.broken(f"Báo cáo thứ {number} của máy ghi có chữ ký không đúng.")
                return good
            good += 1
    missing = [
        line.seq
        for line in log
        if line.type == "checkpointed" and line.data and line.data["hash"] not in posted
    ]
    if not posted:
        findings.note("Bản xuất không kèm báo cáo của máy ghi.")
    elif missing:
        findings.broken(
            f"Báo cáo của máy ghi nêu ở dòng {missing[0]} của sổ không còn hoặc bị sửa."
        )
    elif good:
        findings.ok(f"{good} báo cáo của máy ghi có chữ ký đúng.")
    if posted and good < len(posted):
        findings.note(f"{len(posted) - good} báo cáo của máy ghi không có khóa để kiểm chữ ký.")
    return good


def _manifest(source: Source, findings: Findings) -> set[str] | None:
    """The hash of every line of an intact manifest; None if there is none or it is broken."""
    lines = read_lines(source, MANIFEST)
    if not lines:
        findings.note("Bản xuất không kèm bản ghi hình, ghi tiếng.")
        return None
    heads: set[str] = set()
    prev, files = FIRST_PREV, {}
    for number, raw in enumerate(lines):
        try:
            record = json.loads(raw)
            linked = (record["seq"], record["prev"]) == (number, prev)
        except (ValueError, KeyError, TypeError):
            linked, record = False, {}
        if not linked:
            findings.broken(f"Bản kê bản ghi bị sửa tại dòng {number + 1}.")
            return None
        prev = hashlib.sha256(raw).hexdigest()
        heads.add(prev)
        if record.get("type") == "segment":
            files[str(record["file"])] = str(record["sha256"])
    _files(source, files, findings)
    return heads


def _files(source: Source, files: dict[str, str], findings: Findings) -> None:
    there = set(source.names())
    checked = 0
    for name, digest in files.items():
        if FOLDER + name not in there:
            continue
        if source.sha256(FOLDER + name) != digest:
            findings.broken(f"Tệp bản ghi {name} bị sửa.")
            return
        checked += 1
    if checked == len(files):
        findings.ok(f"{checked} tệp bản ghi nguyên vẹn.")
    elif checked == 0:
        findings.note(f"Bản xuất chỉ kèm bản kê, không kèm {len(files)} tệp bản ghi.")
    else:
        findings.broken(f"Thiếu {len(files) - checked} tệp bản ghi mà bản kê có nêu.")

"""`chibo verify`: recomputes an export from nothing but itself, and names the first broken link.

Needs no installation and no network: the standard library, `cryptography` and `voting`.
"""

import argparse
import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from server.verify.chain import Line, read_log
from server.verify.findings import Findings
from server.verify.recordings import check_recording
from server.verify.reports import check_report
from server.verify.session import check_witness, read_session
from server.verify.source import LOG, Source, Unreadable, opened, read_json, read_lines
from voting.errors import VotingError
from voting.signing import PublicKey, from_base64url

EXPORT, KEYS = "export.json", "keys.json"


def verify(path: Path) -> Findings:
    """Every check of the evidence at that path: a folder, a ZIP file, or a bare log."""
    findings = Findings()
    try:
        with opened(path) as source:
            _verify(source, findings)
    except Unreadable as error:
        findings.broken(str(error))
    except (ValueError, KeyError, TypeError, OSError) as error:
        findings.broken(f"Bản xuất không đúng mẫu: {type(error).__name__}.")
    return findings


def _verify(source: Source, findings: Findings) -> None:
    data = source.read(LOG) if LOG in source.names() else b""
    if not data:
        findings.broken("Không có sổ (log.jsonl) trong bản xuất.")
        return
    if not data.endswith(b"\n"):
        findings.broken("Dòng cuối của sổ bị cắt dở.")
        return
    log = read_log(read_lines(source, LOG), findings)
    if not log:
        return
    account = read_session(log, findings)
    keys = read_json(source, KEYS) or {}
    _check_head(source, log, keys, findings)
    if keys:
        check_witness(log, [_key(row["spki"]) for row in keys["committees"]], findings)
        recorder = keys["recorder"]
        check_recording(source, log, _key(recorder["spki"]) if recorder else None, findings)
    check_report(source, log, account, findings)


def _key(spki: str) -> PublicKey:
    try:
        return PublicKey.from_spki(from_base64url(spki))
    except VotingError:
        raise Unreadable("Khóa trong bản xuất không dùng được.") from None


def _check_head(
    source: Source, log: Sequence[Line], keys: dict[str, Any], findings: Findings
) -> None:
    """The installation's signature over the head, by the key that the first line names."""
    export, first = read_json(source, EXPORT), log[0].data
    if export is None or first is None:
        return
    head = export["head"]
    key = _key(keys["installation"]["spki"]) if keys else _key(first["seal_spki"])
    if key.key_id != first["seal_key"] or key.spki != from_base64url(first["seal_spki"]):
        findings.broken("Khóa của máy chủ trong bản xuất khác với khóa ghi khi triệu tập.")
        return
    if (head["seq"], head["hash"]) != (log[-1].seq, log[-1].hash):
        findings.broken(f"Sổ có {len(log)} dòng, không phải {head['seq']} dòng như máy chủ đã ký.")
        return
    signed = {
        "session": log[0].session,
        "seq": head["seq"],
        "hash": head["hash"],
        "time": head["time"],
    }
    if not key.verify(signed, head["signature"]):
        findings.broken("Chữ ký của máy chủ trên dòng cuối của sổ không đúng.")
        return
    print_of_key = " ".join(_groups(hashlib.sha256(key.spki).hexdigest()[:32]))
    findings.ok(f"Máy chủ đã ký dòng cuối của sổ. Vân tay khóa: {print_of_key}.")


def _groups(text: str) -> list[str]:
    return [text[i : i + 4] for i in range(0, len(text), 4)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints every check; 0 when all is intact, 1 when something is broken, 2 when nothing is but
    not all could be recomputed, because content was destroyed."""
    parser = argparse.ArgumentParser(
        prog="chibo verify", description="Kiểm tra độc lập một bản xuất của buổi họp."
    )
    parser.add_argument("paths", nargs="+", type=Path, help="thư mục, tệp .zip hoặc log.jsonl")
    status = 0
    for path in parser.parse_args(arguments).paths:
        findings = verify(path)
        print(f"{path}:")
        for finding in findings.found:
            print(f"  {finding}")
        if first := findings.first_break:
            print(f"  Chỗ sai đầu tiên: {first.sentence}")
            status = 1
        elif findings.intact:
            print("  Kết luận: nguyên vẹn.")
        else:
            print("  Kết luận: có nội dung đã hủy, không tính lại được hết; không thấy chỗ sai.")
            status = status or 2
    return status


if __name__ == "__main__":
    sys.exit(main())

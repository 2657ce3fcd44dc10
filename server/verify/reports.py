"""The sealed report: its signature, its files, and its figures against the recount."""

import io
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

from server.verify.chain import Line
from server.verify.findings import Findings
from server.verify.session import Account
from server.verify.source import Source, Zip, read_json
from voting.errors import VotingError
from voting.signing import PublicKey, from_base64url, statement_hash

MANIFEST, SIGNATURE = "manifest.json", "signature.json"
PACKAGE = "report.zip"


def check_report(
    source: Source, log: Sequence[Line], account: Account | None, findings: Findings
) -> None:
    """The report in this evidence, if there is one: it is `report.zip`, or the evidence itself."""
    if PACKAGE in source.names():
        try:
            with zipfile.ZipFile(io.BytesIO(source.read(PACKAGE))) as file:
                _check(Zip(file), log, account, findings)
        except (zipfile.BadZipFile, ValueError, KeyError):
            findings.broken("Báo cáo đã niêm phong bị hỏng, không mở được.")
    elif SIGNATURE in source.names():
        _check(source, log, account, findings)
    elif any(line.type == "report-sealed" for line in log):
        findings.note("Bản xuất không kèm báo cáo đã niêm phong.")


def _check(
    source: Source, log: Sequence[Line], account: Account | None, findings: Findings
) -> None:
    manifest, seal = read_json(source, MANIFEST), read_json(source, SIGNATURE)
    if not isinstance(manifest, dict) or not isinstance(seal, dict):
        findings.broken("Báo cáo thiếu bản kê hoặc dấu niêm phong.")
        return
    faults = _seal_faults(manifest, seal, account)
    if not faults:
        faults = _file_faults(source, manifest)
    if not faults:
        faults = _log_faults(manifest, log)
    if not faults and account is not None:
        faults = _figure_faults(manifest, account)
        if faults and account.erased:
            for fault in faults:
                findings.erased(f"Nội dung dòng {account.erased} đã hủy: {fault}")
            return
    findings.verdict(faults, "Báo cáo nguyên dấu niêm phong, số liệu khớp với sổ.")


def _seal_faults(
    manifest: Mapping[str, Any], seal: Mapping[str, Any], account: Account | None
) -> list[str]:
    try:
        key = PublicKey.from_spki(from_base64url(seal["spki"]))
    except (KeyError, VotingError):
        return ["Báo cáo không có khóa niêm phong dùng được."]
    if account is not None and key.key_id != account.seal_key:
        return ["Báo cáo được niêm phong bằng khóa khác với khóa ghi khi triệu tập."]
    if not key.verify(manifest, str(seal.get("signature", ""))):
        return ["Chữ ký niêm phong của báo cáo không đúng: bản kê của báo cáo bị sửa."]
    return []


def _file_faults(source: Source, manifest: Mapping[str, Any]) -> list[str]:
    listed = {file["name"]: file["sha256"] for file in manifest["files"]}
    there = set(source.names()) - {MANIFEST, SIGNATURE}
    faults = [f"Báo cáo thiếu tệp {name}." for name in sorted(set(listed) - there)]
    faults += [f"Báo cáo có thêm tệp {name} ngoài bản kê." for name in sorted(there - set(listed))]
    return faults + [
        f"Tệp {name} của báo cáo bị sửa."
        for name, digest in sorted(listed.items())
        if name in there and source.sha256(name) != digest
    ]


def _log_faults(manifest: Mapping[str, Any], log: Sequence[Line]) -> list[str]:
    seq, head = manifest["head"]["seq"], manifest["head"]["hash"]
    if not 1 <= seq <= len(log) or log[seq - 1].hash != head:
        return ["Báo cáo lập từ một sổ khác với sổ này."]
    made = [line for line in log[:seq] if line.type == "report-corrected" and line.data]
    last = (made[-1].data or {}) if made else {}
    told = (manifest.get("version", 1), manifest.get("corrects", ""))
    if told != (last.get("version", 1), last.get("corrects", "")):
        return ["Số bản của báo cáo không khớp với các lần bổ sung trong sổ."]
    # A corrected report holds the lines that sealed the ones before; its own come after its head.
    sealed = [line for line in log[seq:] if line.type == "report-sealed" and line.data]
    digest = statement_hash(manifest)
    received = [line for line in log[seq:] if line.type == "report-received" and line.data]
    if received and all((line.data or {})["sha256"] != digest for line in received):
        return [f"Biên nhận ở dòng {received[-1].seq} là của một báo cáo khác."]
    if sealed and all((line.data or {})["sha256"] != digest for line in sealed):
        return [f"Báo cáo này không phải bản đã niêm phong ở dòng {sealed[-1].seq} của sổ."]
    return []


def _figure_faults(manifest: Mapping[str, Any], account: Account) -> list[str]:
    faults = [
        f"Báo cáo ghi {name} là {number}, tính lại từ sổ là {account.counts[name]}."
        for name, number in manifest["counts"].items()
        if account.counts.get(name) != number
    ]
    told = {vote["motion"]: vote["sentence"] for vote in manifest["votes"] if vote["sentence"]}
    if told != dict(account.sentences):
        faults.append("Kết quả biểu quyết trong báo cáo khác với kiểm lại từng phiếu.")
    if manifest["minutes_read"] != account.minutes_hash:
        faults.append("Biên bản trong báo cáo không phải bản đã đọc.")
    return faults

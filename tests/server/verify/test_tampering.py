"""One export in which every kind of evidence stands, and each kind tampered with in turn.

Whoever tampers is given what an operator has: they compute hashes and the chain anew, and sign with
the installation's key, but not with keys of members, recorder or upper committee.
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from server.reports.bundle import packed, seal, unpacked
from server.session import events as e
from server.session.chain import Entry
from server.session.times import to_text
from server.submission import statements
from server.verify.command import verify
from tests.server.session.meeting import Meeting, convened
from tests.server.verify.test_verify import COMMITTEE, RECORDER, SEAL, forged, lines, written
from voting.signing import PrivateKey, canonical_bytes, to_base64url

STATEMENT = b'{"state":"recording"}'  # as `written` puts it among the statements
Data = dict[str, Any]


def manifest_heads() -> list[str]:
    """The chain of the recording that `written` lays down."""
    heads, prev = [], "0" * 64
    for n, kind in enumerate(("begin", "segment", "segment")):
        record: Data = {"seq": n, "prev": prev, "type": kind}
        if kind == "segment":
            record["file"] = f"segments/{n}.webm"
            record["sha256"] = hashlib.sha256(f"media {n}".encode()).hexdigest()
        prev = hashlib.sha256(json.dumps(record).encode()).hexdigest()
        heads.append(prev)
    return heads


@cache
def whole() -> tuple[list[Entry], bytes]:
    """The log and the sealed report of a session with everything in it."""
    m = Meeting(convened(official=5, seal=SEAL)).gather().open().roll_call().to_items().to_vote()
    heads = manifest_heads()
    point = {"manifest_seq": 1, "manifest_head": heads[1], "nonce": "", "tracks": 1}
    point |= {"segments": 1, "bytes": 7, "key_id": RECORDER.key_id}
    digest = hashlib.sha256(STATEMENT).hexdigest()
    m.append([e.Checkpointed(hash=digest, **point)], e.RECORDER)
    m.voted(p01="approve", p02="approve", p03="approve", p04="disapprove").to_close()
    package = seal("s1", m.entries, SEAL)
    sealed = e.ReportSealed(package.sha256, (), package.key_id, package.signature)
    m.append([sealed], e.SYSTEM)
    head = (m.state.seq, m.state.head)
    said = statements.countersignature("s1", *head, m.now)
    by_upper = (COMMITTEE.key_id, COMMITTEE.sign(said))
    m.append([e.HeadWitnessed(*head, to_text(m.now), *by_upper)], e.UPPER)
    name = "Đảng ủy xã Thử"
    receipt = statements.receipt("s1", package.sha256, "BN 0001", name, m.now)
    signed = (COMMITTEE.key_id, COMMITTEE.sign(receipt))
    got = e.ReportReceived(name, "BN 0001", to_text(m.now), package.sha256, *signed)
    m.append([got], e.UPPER)
    end = {"head": heads[2], "segments": 2, "duration_ms": 2000, "bytes": 14}
    m.append([e.RecordingFinished(**end)], e.RECORDER)
    return m.entries, packed(package, SEAL.public.spki)


def line_of(kind: str) -> int:
    return next(one.seq for one in whole()[0] if one.type == kind)


@pytest.fixture
def evidence(tmp_path: Path) -> Path:
    return lay(tmp_path, whole()[0])


def lay(folder: Path, entries: list[Entry]) -> Path:
    written(folder, entries)
    (folder / "report.zip").write_bytes(whole()[1])
    return folder


def broken(path: Path) -> list[str]:
    return [one.sentence for one in verify(path).found if one.level == "broken"]


def test_untouched_it_is_intact(evidence: Path) -> None:
    assert broken(evidence) == []


# ---- the file changed in place: the first line that does not hold is named


def rows(evidence: Path) -> list[Data]:
    return [json.loads(line) for line in (evidence / "log.jsonl").read_bytes().splitlines()]


def put(evidence: Path, changed: list[Data]) -> None:
    data = b"".join(canonical_bytes(row) + b"\n" for row in changed)
    (evidence / "log.jsonl").write_bytes(data)


def payload(log: list[Data]) -> None:
    log[11]["body"] = log[11]["body"].replace("command", "Command")


def header(log: list[Data]) -> None:
    log[11]["actor"] = "p09"


def order(log: list[Data]) -> None:
    log[11], log[12] = log[12], log[11]


def missing(log: list[Data]) -> None:
    del log[11]


def inserted(log: list[Data]) -> None:
    log.insert(11, dict(log[10]))


@pytest.mark.parametrize("change", [payload, header, order, missing, inserted])
def test_a_line_of_the_log(evidence: Path, change: Callable[[list[Data]], None]) -> None:
    log = rows(evidence)
    change(log)
    put(evidence, log)
    assert broken(evidence)[0].startswith("Sổ bị sửa tại dòng 12: ")


def test_a_log_cut_off_at_its_end(evidence: Path) -> None:
    put(evidence, rows(evidence)[:-1])
    count = len(whole()[0])
    assert f"không phải {count} dòng như máy chủ đã ký" in broken(evidence)[0]


# ---- the chain computed anew and signed by the installation: what others signed gives it away


def ballot(data: Data) -> None:
    data["signature"] = PrivateKey.generate().sign(data["ballot"])


def certificate(data: Data) -> None:
    data["spki"] = to_base64url(PrivateKey.generate().public.spki)


def other_owner(data: Data) -> None:
    data["person"] = "p05"


def witness(data: Data) -> None:
    data["received_at"] = "2026-12-03T00:00:00.000Z"


def receipt(data: Data) -> None:
    data["sha256"] = "b" * 64


def checkpoint(data: Data) -> None:
    data["hash"] = "c" * 64


def manifest_head(data: Data) -> None:
    data["manifest_head"] = "d" * 64


@pytest.mark.parametrize(
    ("kind", "change", "sentence"),
    [
        ("ballot-cast", ballot, "Phiếu ở dòng {line}: Chữ ký"),
        ("device-certified", certificate, "Chứng nhận khóa máy ở dòng {line} không khớp."),
        ("device-certified", other_owner, "Chứng nhận khóa máy ở dòng {line} không khớp."),
        ("head-witnessed", witness, "Chữ ký của cấp trên ở dòng {line} không đúng."),
        ("report-received", receipt, "Chữ ký của cấp trên ở dòng {line} không đúng."),
        ("checkpointed", checkpoint, "Báo cáo của máy ghi nêu ở dòng {line} của sổ không còn"),
        ("checkpointed", manifest_head, "mà sổ đã chứng ở dòng {line}"),
    ],
)
def test_what_somebody_else_has_signed(
    tmp_path: Path, kind: str, change: Callable[[Data], None], sentence: str
) -> None:
    first = line_of(kind)

    def changed(old: Entry, data: Data) -> bool:
        if old.seq == first:
            change(data)
        return True

    told = broken(lay(tmp_path, forged(whole()[0], changed)))
    wanted = sentence.format(line=first)
    assert any(wanted in one for one in told), told


# ---- beside the log


def test_a_segment(evidence: Path) -> None:
    (evidence / "recording/segments/1.webm").write_bytes(b"another")
    assert broken(evidence) == ["Tệp bản ghi segments/1.webm bị sửa."]
    (evidence / "recording/segments/1.webm").unlink()
    assert broken(evidence) == ["Thiếu 1 tệp bản ghi mà bản kê có nêu."]


def test_the_manifest_of_the_recording(evidence: Path) -> None:
    path = evidence / "recording/manifest.jsonl"
    whole_file = path.read_bytes()
    path.write_bytes(whole_file.replace(b"segments/1", b"segments/7"))
    assert broken(evidence)[0] == "Bản kê bản ghi bị sửa tại dòng 3."
    path.write_bytes(b"".join(whole_file.splitlines(True)[:-1]))  # cut off, and still a chain
    told = f"mà sổ đã chứng ở dòng {line_of('recording-finished')}: bản kê bị sửa hoặc bị cắt"
    assert told in broken(evidence)[0]


def test_a_statement_of_the_recorder(evidence: Path) -> None:
    path = evidence / "statements.jsonl"
    row = json.loads(path.read_bytes())
    path.write_bytes(canonical_bytes(row | {"body": row["body"].replace("ing", "ed")}) + b"\n")
    assert broken(evidence)[0] == "Báo cáo thứ 1 của máy ghi có chữ ký không đúng."


def repacked(name: str, data: bytes) -> bytes:
    made = io.BytesIO()
    source = zipfile.ZipFile(io.BytesIO(whole()[1]))
    with zipfile.ZipFile(made, "w") as target:
        for each in source.namelist():
            target.writestr(each, data if each == name else source.read(each))
    return made.getvalue()


def test_the_report(evidence: Path) -> None:
    path = evidence / "report.zip"
    path.write_bytes(repacked("minutes.pdf", b"%PDF another"))
    assert broken(evidence) == ["Tệp minutes.pdf của báo cáo bị sửa."]
    manifest = unpacked(whole()[1]).manifest
    figures = manifest | {"counts": manifest["counts"] | {"attended": 1}}
    path.write_bytes(repacked("manifest.json", canonical_bytes(figures)))
    assert "Chữ ký niêm phong của báo cáo không đúng" in broken(evidence)[0]
    signature = {
        "key_id": SEAL.key_id,
        "spki": to_base64url(SEAL.public.spki),
        "signature": SEAL.sign(figures),
    }
    both = io.BytesIO()
    with zipfile.ZipFile(both, "w") as target:
        target.writestr("manifest.json", canonical_bytes(figures))
        target.writestr("signature.json", canonical_bytes(signature))
        for name, data in unpacked(whole()[1]).files.items():
            target.writestr(name, data)
    path.write_bytes(both.getvalue())
    line = line_of("report-received")
    assert broken(evidence) == [f"Biên nhận ở dòng {line} là của một báo cáo khác."]


def test_the_head(evidence: Path) -> None:
    path = evidence / "export.json"
    export = json.loads(path.read_bytes())
    export["head"]["time"] = "2026-12-03T00:00:00.000Z"
    path.write_bytes(canonical_bytes(export))
    assert broken(evidence) == ["Chữ ký của máy chủ trên dòng cuối của sổ không đúng."]


def test_lines_are_what_the_export_holds(evidence: Path) -> None:
    assert (evidence / "log.jsonl").read_bytes() == lines(whole()[0])

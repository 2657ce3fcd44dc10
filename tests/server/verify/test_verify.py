"""The independent verifier: clean evidence passes; each kind of change is named."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from server.session import events as e
from server.session.chain import Entry, entry
from server.session.times import to_text
from server.verify.command import main, verify
from tests.server.session.meeting import Meeting, at_vote, convened
from voting.signing import PrivateKey, canonical_bytes, statement_hash, to_base64url

SEAL, RECORDER, COMMITTEE = (PrivateKey.generate() for _ in range(3))


def held() -> Meeting:
    """A whole session: a vote with a changed ballot and a hand, a late arrival, a drop."""
    m = Meeting(convened(official=6, seal=SEAL)).gather("p01", "p02", "p03", "p04").open()
    m.give("p01", "start-roll-call")
    for person in ("p01", "p02", "p03", "p04"):
        m.check_in(person)
    m.give("p03", "mark-in-room", person="p05")
    m.give("p03", "mark-absent", person="p06", with_reason=True, reason="Ốm")
    m.give("p01", "finish-roll-call").to_items().to_vote().open_vote()
    for person, choice in (("p01", "approve"), ("p02", "approve"), ("p03", "disapprove")):
        m.cast(person, choice)
    m.cast("p03", "approve").drop("p04").connect("p04").cast("p04", "abstain")
    m.give("p03", "enter-hand", motion="m1", person="p05", choice="approve")
    m.give("p01", "close-vote", motion="m1").give("p01", "announce", motion="m1")
    m.to_close()
    witnessed = {
        "purpose": "countersignature",
        "session": "s1",
        "seq": m.state.seq,
        "head": m.state.head,
        "received_at": to_text(m.now),
    }
    received = {
        "purpose": "report-receipt",
        "session": "s1",
        "sha256": "a" * 64,
        "number": "7",
        "committee": "Đảng ủy xã Thử",
        "received_at": to_text(m.now),
    }
    m.append(
        [
            e.HeadWitnessed(
                m.state.seq,
                m.state.head,
                to_text(m.now),
                COMMITTEE.key_id,
                COMMITTEE.sign(witnessed),
            ),
            e.ReportReceived(
                "Đảng ủy xã Thử",
                "7",
                to_text(m.now),
                "a" * 64,
                COMMITTEE.key_id,
                COMMITTEE.sign(received),
            ),
        ],
        e.UPPER,
    )
    return m


def lines(entries: list[Entry]) -> bytes:
    rows = ({**x.header(), "hash": x.hash, "salt": x.salt, "body": x.body} for x in entries)
    return b"".join(canonical_bytes(row) + b"\n" for row in rows)


def written(folder: Path, entries: list[Entry]) -> Path:
    """The evidence of these entries with a recording of two files."""
    last = entries[-1]
    head = {"session": "s1", "seq": last.seq, "hash": last.hash, "time": last.time}
    export = {"head": {**head, "key_id": SEAL.key_id, "signature": SEAL.sign(head)}}
    named = [
        {"key_id": k.key_id, "spki": to_base64url(k.public.spki)}
        for k in (SEAL, RECORDER, COMMITTEE)
    ]
    keys = {"installation": named[0], "recorder": named[1], "committees": [named[2]]}
    body = '{"state":"recording"}'
    statement = {
        "received_at": last.time,
        "key_id": RECORDER.key_id,
        "signature": RECORDER.sign_bytes(body.encode()),
        "body": body,
    }
    (folder / "recording/segments").mkdir(parents=True)
    records, prev = [], "0" * 64
    for n, kind in enumerate(("begin", "segment", "segment")):
        record: dict[str, Any] = {"seq": n, "prev": prev, "type": kind}
        if kind == "segment":
            media = f"media {n}".encode()
            record["file"] = f"segments/{n}.webm"
            record["sha256"] = hashlib.sha256(media).hexdigest()
            (folder / "recording" / record["file"]).write_bytes(media)
        line = json.dumps(record).encode()
        prev = hashlib.sha256(line).hexdigest()
        records.append(line)
    (folder / "recording/manifest.jsonl").write_bytes(b"\n".join(records) + b"\n")
    (folder / "export.json").write_bytes(canonical_bytes(export))
    (folder / "keys.json").write_bytes(canonical_bytes(keys))
    (folder / "statements.jsonl").write_bytes(canonical_bytes(statement) + b"\n")
    (folder / "log.jsonl").write_bytes(lines(entries))
    return folder


@pytest.fixture(scope="module")
def entries() -> list[Entry]:
    return held().entries


@pytest.fixture
def evidence(tmp_path: Path, entries: list[Entry]) -> Path:
    return written(tmp_path, entries)


def forged(entries: list[Entry], change: Callable[[Entry, dict[str, Any]], bool]) -> list[Entry]:
    """The log with changed payloads and the whole chain computed anew, as an operator could."""
    made: list[Entry] = []
    for old in entries:
        payload = json.loads(old.body)
        if not change(old, payload["data"]):
            continue
        made.append(
            entry(
                "s1",
                len(made) + 1,
                made[-1].hash if made else "0" * 64,
                old.time,
                old.actor,
                e.from_data(old.type, payload["data"]),
                payload["command"],
                bytes.fromhex(old.salt),
            )
        )
    return made


def first_break(path: Path) -> str:
    found = verify(path).first_break
    return found.sentence if found else ""


def test_clean_evidence_passes_and_every_check_is_a_sentence(
    evidence: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(evidence)]) == 0
    told = capsys.readouterr().out
    assert "Kết luận: nguyên vẹn." in told
    assert "5 phiếu có chữ ký đúng; 1 kết quả kiểm lại khớp." in told
    assert "Cấp trên đã ký chứng 1 lần" in told
    assert "Cấp trên đã ký nhận báo cáo số 7." in told
    assert "2 tệp bản ghi nguyên vẹn." in told
    assert "SAI" not in told


def test_every_byte_of_the_log_counts(evidence: Path) -> None:
    log = evidence / "log.jsonl"
    whole = log.read_bytes()
    for position in range(20, len(whole), len(whole) // 60):
        changed = bytearray(whole)
        changed[position] ^= 1
        log.write_bytes(bytes(changed))
        assert not verify(evidence).intact, position


@pytest.mark.parametrize("name", ["body", "salt", "hash", "type"])
def test_every_byte_of_a_lines_field_names_counts(evidence: Path, name: str) -> None:
    log = evidence / "log.jsonl"
    whole = log.read_bytes()
    at = whole.index(f'"{name}":'.encode()) + 1
    for position in range(at, at + len(name)):
        changed = bytearray(whole)
        changed[position] ^= 1
        log.write_bytes(bytes(changed))
        assert not verify(evidence).intact, position


def test_a_changed_line_is_named_by_its_number(evidence: Path) -> None:
    log = evidence / "log.jsonl"
    log.write_bytes(log.read_bytes().replace("Đã thông qua".encode(), "Đã thông quá".encode(), 1))
    assert first_break(evidence).startswith("Sổ bị sửa tại dòng ")
    assert "nội dung không khớp với dấu" in first_break(evidence)


@pytest.mark.parametrize("gone", [5, 20, -1])
def test_a_missing_line_is_seen(evidence: Path, entries: list[Entry], gone: int) -> None:
    kept = [x for x in entries if x is not entries[gone]]
    (evidence / "log.jsonl").write_bytes(lines(kept))
    assert not verify(evidence).intact


def test_a_changed_recording_file_is_named(evidence: Path) -> None:
    (evidence / "recording/segments/2.webm").write_bytes(b"other media")
    assert first_break(evidence) == "Tệp bản ghi segments/2.webm bị sửa."


def test_a_changed_manifest_of_the_recording_is_named(evidence: Path) -> None:
    manifest = evidence / "recording/manifest.jsonl"
    manifest.write_bytes(manifest.read_bytes().replace(b"1.webm", b"9.webm"))
    assert first_break(evidence) == "Bản kê bản ghi bị sửa tại dòng 3."


def test_a_changed_statement_of_the_recorder_is_named(evidence: Path) -> None:
    statements = evidence / "statements.jsonl"
    statements.write_bytes(statements.read_bytes().replace(b"recording", b"stopped__"))
    assert "máy ghi có chữ ký không đúng" in first_break(evidence)


def test_an_operator_cannot_change_a_vote_even_with_a_new_chain(
    tmp_path: Path, entries: list[Entry]
) -> None:
    def change(old: Entry, data: dict[str, Any]) -> bool:
        if old.type == "ballot-cast" and data["ballot"]["choice"] == "abstain":
            data["ballot"]["choice"] = "approve"
            data["hash"] = statement_hash(data["ballot"])
        return True

    made = forged(entries, change)
    assert "Chữ ký" in first_break(written(tmp_path, made))


def test_an_operator_cannot_announce_another_result(tmp_path: Path, entries: list[Entry]) -> None:
    def change(old: Entry, data: dict[str, Any]) -> bool:
        if old.type == "vote-announced":
            data["approve"] += 1
            data["not_voted"] -= 1
        return True

    # The ballots before it stay as they were, so they still name heads of this very log.
    made = forged(entries, change)
    assert "Kết quả công bố ở dòng" in first_break(written(tmp_path, made))


def test_an_operator_cannot_drop_a_ballot_that_another_one_names(
    tmp_path: Path, entries: list[Entry]
) -> None:
    def change(old: Entry, data: dict[str, Any]) -> bool:
        return not (old.type == "ballot-cast" and data["ballot"]["choice"] == "disapprove")

    assert not verify(written(tmp_path, forged(entries, change))).intact


def test_a_ballot_witnesses_all_that_its_device_had_seen(
    tmp_path: Path, entries: list[Entry]
) -> None:
    def change(old: Entry, data: dict[str, Any]) -> bool:
        if old.type == "marked-absent":
            data["reason"] = "Không rõ"
        return True

    told = [f.sentence for f in verify(written(tmp_path, forged(entries, change))).found]
    assert any("Diễn biến buổi họp trên máy đồng chí khác với máy chủ" in t for t in told)


def test_false_attendance_figures_at_the_close_are_named(
    tmp_path: Path, entries: list[Entry]
) -> None:
    def change(old: Entry, data: dict[str, Any]) -> bool:
        if old.type == "closed":
            data["attended"] += 1
        return True

    assert "ghi có mặt 6; tính lại từ sổ là 5" in first_break(
        written(tmp_path, forged(entries, change))
    )


def test_a_result_announced_while_nothing_was_recorded_is_named(tmp_path: Path) -> None:
    m = at_vote(seal=SEAL).open_vote().cast("p01", "approve").recorder_stops()
    m.give("p01", "close-vote", motion="m1")
    result = e.VoteAnnounced("m1", 1, 0, 0, 4, 5, 3, False, "1/5, cần 3: không thông qua")
    m.append([result], "p01")  # the law would have refused it
    assert "khi máy ghi đang dừng" in first_break(written(tmp_path, m.entries))


def test_a_forged_receipt_is_named(tmp_path: Path, entries: list[Entry]) -> None:
    def change(old: Entry, data: dict[str, Any]) -> bool:
        if old.type == "report-received":
            data["number"] = "8"
        return True

    assert "Chữ ký của cấp trên" in first_break(written(tmp_path, forged(entries, change)))


def test_a_head_signed_by_another_key_is_named(evidence: Path) -> None:
    export = json.loads((evidence / "export.json").read_bytes())
    export["head"]["signature"] = PrivateKey.generate().sign({"x": 1})
    (evidence / "export.json").write_bytes(canonical_bytes(export))
    assert "Chữ ký của máy chủ" in first_break(evidence)


def test_a_foreign_countersignature_is_named(evidence: Path) -> None:
    keys = json.loads((evidence / "keys.json").read_bytes())
    other = PrivateKey.generate()
    keys["committees"][0] = {"spki": to_base64url(other.public.spki)}
    (evidence / "keys.json").write_bytes(canonical_bytes(keys))
    told = [str(f) for f in verify(evidence).found]
    assert any("không có khóa trong bản xuất" in t for t in told)


def test_destroyed_content_is_told_as_destroyed_not_as_altered(
    evidence: Path, entries: list[Entry]
) -> None:
    rows = [json.loads(line) for line in (evidence / "log.jsonl").read_bytes().splitlines()]
    for row in rows:
        if row["type"] == "vouched" or row["type"] == "item-finished":
            row["salt"] = row["body"] = ""
    data = b"".join(canonical_bytes(row) + b"\n" for row in rows)
    (evidence / "log.jsonl").write_bytes(data)
    findings = verify(evidence)
    assert findings.intact
    assert any("đã hủy nội dung" in f.sentence for f in findings.found)


def erase(evidence: Path, kind: str) -> list[int]:
    """Destroys the content of all lines of that kind; their numbers."""
    rows = [json.loads(line) for line in (evidence / "log.jsonl").read_bytes().splitlines()]
    gone = [row for row in rows if row["type"] == kind]
    for row in gone:
        row["salt"] = row["body"] = ""
    (evidence / "log.jsonl").write_bytes(b"".join(canonical_bytes(row) + b"\n" for row in rows))
    return [row["seq"] for row in gone]


@pytest.mark.parametrize("kind", ["ballot-cast", "checked-in", "vote-opened", "closed", "left"])
def test_what_cannot_be_recomputed_is_told_as_erased_not_as_broken(
    evidence: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = erase(evidence, kind)
    findings = verify(evidence)
    assert findings.first_break is None, findings.found
    assert findings.intact == (not gone)
    assert main([str(evidence)]) == (2 if gone else 0)
    if gone:
        told = f"[ĐÃ HỦY] Nội dung dòng {', '.join(map(str, gone))} đã hủy"
        assert told in capsys.readouterr().out


def test_a_forgery_before_the_erased_line_is_still_broken(
    tmp_path: Path, entries: list[Entry]
) -> None:
    def change(old: Entry, data: dict[str, Any]) -> bool:
        if old.type == "roll-call-finished":
            data["present"] = 99
        return True

    path = written(tmp_path, forged(entries, change))
    assert erase(path, "ballot-cast")
    assert "99" in first_break(path)


@pytest.mark.parametrize("content", [b"", b"{}\n", b"[]\n", b"\xff\xfe\n", b'{"seq":1}\n'])
def test_junk_is_broken_and_never_an_exception(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "log.jsonl").write_bytes(content)
    assert main([str(tmp_path / "log.jsonl")]) == 1


def test_nothing_of_the_server_is_imported() -> None:
    import ast

    folder = Path(__file__).parents[3] / "server/verify"
    for file in folder.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                top = node.module.split(".")
                assert top[0] != "server" or top[:2] == ["server", "verify"], file
                assert top[0] not in ("recording", "signaling", "pydantic", "sqlalchemy"), file

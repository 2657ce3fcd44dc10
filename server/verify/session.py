"""The verifier's own fold of a session: reads every line once and says what does not add up."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from server.verify.chain import Line
from server.verify.findings import Findings
from server.verify.people import Roll
from server.verify.votes import Count
from voting.electorate import quorum, voting_base
from voting.errors import VotingError
from voting.ruleset import RuleSet
from voting.signing import PublicKey

# Their content decides nothing that is recomputed here.
UNCOUNTED = frozenset(
    """document-added document-withdrawn rescheduled waiting-opened secretary-named vouched
    agenda-approved item-started item-finished item-postponed floor-asked floor-withdrawn
    floor-given floor-ended muted note-added vote-extended objection-raised chat-allowed
    message-said recess-begun resumed concluded chair-taken chair-handed recording-gap checkpointed
    recording-finished""".split()  # noqa: SIM905
)
ENDS = ("closed", "adjourned", "abandoned")
AFTER_END = (
    "head-witnessed",
    "recording-finished",
    "documents-numbered",
    "report-sealed",
    "report-received",
    "report-reviewed",
    "report-corrected",
)


@dataclass(frozen=True, slots=True)
class Account:
    """What the log tells, recomputed: for comparing reports and recordings with it."""

    session: str
    installation: str
    seal_key: str
    end: Line | None
    counts: Mapping[str, int]
    sentences: Mapping[str, str]  # of announced motions, by id
    minutes_hash: str
    erased: int  # the first line whose destroyed content these figures lack, or 0


def read_session(log: Sequence[Line], findings: Findings) -> Account | None:
    """Recounts everything. None when the log's beginning was destroyed or cannot be used."""
    first = log[0].data
    if first is None:
        findings.erased("Dòng triệu tập đã hủy nội dung nên không tính lại được người và phiếu.")
        return None
    rules = RuleSet.from_data(first["rules"])
    if rules.version != first["rule_version"]:
        findings.broken("Bộ quy định ghi ở dòng 1 không đúng phiên bản mà nó nêu.")
        return None
    reader = Reader(log, rules)
    for line in log:
        if line.data is not None:
            reader.read(line)
        elif line.type not in UNCOUNTED:
            reader.lack(line)
    reader.count.end()
    return reader.tell(findings)


class Reader:
    """One pass over the log."""

    def __init__(self, log: Sequence[Line], rules: RuleSet) -> None:
        first = log[0].data or {}
        self.log = log
        self.rules = rules
        self.heads = [line.hash for line in log]
        self.roll = Roll(first)
        self.count = Count(rules, self.roll, log[0].session, self.heads)
        self.minutes_hash = ""
        self.end: Line | None = None
        self.faults: list[str] = []
        self.gaps = 0
        self.sealed: list[str] = []  # SHA-256 of each report, as the log tells them
        self.returned = ""  # of the report that was returned last, if nothing came after
        self.corrections = 0
        self.recording = False
        self.erased: list[int] = []  # lines that count, and whose content was destroyed
        self.faults_before: dict[int, int] = {}  # how many of each list are no doing of theirs

    def read(self, line: Line) -> None:
        data = line.data or {}
        if self.end is not None and line.type not in AFTER_END:
            self.faults.append(f"Dòng {line.seq} ghi thêm sau khi buổi họp đã kết thúc.")
        try:
            self.roll.read(line, self.heads)
            self.count.read(line)
            self._read(line, data)
        except (KeyError, TypeError, ValueError, VotingError):
            self.faults.append(f"Nội dung dòng {line.seq} không đúng mẫu.")

    def lack(self, line: Line) -> None:
        """The content of a line that counts was destroyed: what disagrees from here on may do so
        for that reason alone."""
        if not self.erased:
            self.faults_before = {id(each): len(each) for each in self._faults()}
        self.erased.append(line.seq)
        if line.type in ENDS:
            self.end = line

    def _faults(self) -> tuple[list[str], ...]:
        return self.roll.faults, self.count.faults, self.faults

    def _verdict(self, findings: Findings, faults: list[str], fine: str) -> None:
        sure = self.faults_before.get(id(faults), len(faults))
        for fault in faults[:sure]:
            findings.broken(fault)
        for fault in faults[sure:]:
            findings.erased(f"Sau khi nội dung dòng {self.erased[0]} đã hủy: {fault}")
        if not faults:
            findings.ok(fine)

    def _read(self, line: Line, data: Mapping[str, Any]) -> None:
        match line.type:
            case "roll-call-finished":
                self._roll_finished(line, data)
            case "minutes-read":
                if hashlib.sha256(data["text"].encode()).hexdigest() != data["hash"]:
                    self.faults.append(f"Biên bản đọc ở dòng {line.seq} không khớp với dấu.")
                self.minutes_hash = data["hash"]
            case "minutes-agreed":
                if data["hash"] != self.minutes_hash:
                    self.faults.append(f"Biên bản thông qua ở dòng {line.seq} không phải bản đọc.")
            case "opened":
                self.recording = data["recorder"] == "recording"
                self._must_record(line, "Khai mạc")
            case "recorder-changed":
                self.gaps += data["state"] == "stopped"
                self.recording = data["state"] == "recording"
            case "vote-opened":
                self._must_record(line, "Mở biểu quyết")
            case "vote-announced":
                self._must_record(line, "Công bố kết quả")
            case "head-witnessed":
                if self.heads[data["seq"] - 1] != data["head"]:
                    self.faults.append(f"Cấp trên chứng một sổ khác ở dòng {line.seq}.")
            case "report-sealed":
                self.sealed.append(data["sha256"])
            case "report-reviewed":
                if data["sha256"] not in self.sealed:
                    self.faults.append(f"Ý kiến ở dòng {line.seq} không về báo cáo nào trong sổ.")
                self.returned = data["sha256"] if data["state"] == "returned" else ""
            case "report-corrected":
                self._corrected(line, data)
            case kind if kind in ENDS:
                self.end = line
                if kind == "closed":
                    self._closed(line, data)
            case _:
                pass

    def _corrected(self, line: Line, data: Mapping[str, Any]) -> None:
        """An addendum answers a return, of the newest report, and counts on."""
        self.corrections += 1
        newest = self.sealed[-1] if self.sealed else ""
        if data["version"] != self.corrections + 1:
            self.faults.append(f"Phần bổ sung ở dòng {line.seq} đánh số bản không liên tục.")
        if not self.returned or not data["corrects"] == self.returned == newest:
            self.faults.append(f"Phần bổ sung ở dòng {line.seq} không trả lời lần trả lại nào.")

    def _must_record(self, line: Line, act: str) -> None:
        if self.rules.flag("recording.required") and not self.recording:
            self.faults.append(f"{act} ở dòng {line.seq} khi máy ghi đang dừng.")

    def _roll_finished(self, line: Line, data: Mapping[str, Any]) -> None:
        standings = [person.standing for person in self.roll.people.values()]
        here = self.roll.present
        found = quorum(voting_base(standings, here, self.rules), here, self.rules).present
        if data["present"] != found:
            self.faults.append(
                f"Dòng {line.seq} ghi {data['present']} đồng chí được biểu quyết có mặt; "
                f"tính lại từ sổ là {found}."
            )

    def _closed(self, line: Line, data: Mapping[str, Any]) -> None:
        found = self._counts()
        for name, number in found.items():
            if data[name] != number:
                self.faults.append(
                    f"Số liệu bế mạc ở dòng {line.seq} ghi {_NAMES[name]} {data[name]}; "
                    f"tính lại từ sổ là {number}."
                )
        if data["minutes_hash"] != self.minutes_hash:
            self.faults.append("Biên bản khi bế mạc không phải bản đã đọc.")

    def _counts(self) -> dict[str, int]:
        people = self.roll.people.values()
        excused = sum(p.excused and not p.attended for p in people)
        attended = sum(p.attended for p in people)
        return {
            "members": len(people),
            "official": sum(p.standing.official for p in people),
            "attended": attended,
            "absent_with_reason": excused,
            "absent": len(people) - attended - excused,
        }

    def tell(self, findings: Findings) -> Account:
        roll, count = self.roll, self.count
        if self.erased:
            lines = ", ".join(map(str, self.erased))
            findings.erased(
                f"Nội dung dòng {lines} đã hủy: số liệu, phiếu và kết quả dựa vào đó không tính "
                "lại được."
            )
        self._verdict(
            findings,
            roll.faults,
            f"{roll.certificates} khóa máy và {roll.signed_check_ins} điểm danh có chữ ký đúng.",
        )
        self._verdict(
            findings,
            count.faults,
            f"{count.ballots} phiếu có chữ ký đúng; {count.announced} kết quả kiểm lại khớp.",
        )
        fine = "Số có mặt, biên bản và trình tự khớp với tính lại từ sổ."
        self._verdict(findings, self.faults, fine)
        if self.gaps:
            findings.note(f"Máy ghi đã dừng {self.gaps} lần trong buổi họp.")
        if self.end is None:
            findings.note("Buổi họp chưa kết thúc trong sổ này.")
        first = self.log[0].data or {}
        return Account(
            self.log[0].session,
            roll.installation,
            str(first["seal_key"]),
            self.end,
            self._counts(),
            {name: put.result for name, put in count.motions.items() if put.result},
            self.minutes_hash,
            self.erased[0] if self.erased else 0,
        )


_NAMES = {
    "members": "tổng số",
    "official": "đảng viên chính thức",
    "attended": "có mặt",
    "absent_with_reason": "vắng có lý do",
    "absent": "vắng không lý do",
}


def check_witness(log: Sequence[Line], keys: Sequence[PublicKey], findings: Findings) -> None:
    """The upper committee's countersignatures and receipt, with the keys the export names."""
    by_id = {key.key_id: key for key in keys}
    good, unknown, last = 0, 0, 0
    for line in log:
        statement = _upper_statement(line)
        if statement is None or line.data is None:
            continue
        key = by_id.get(line.data["key_id"])
        if key is None:
            unknown += 1
        elif not key.verify(statement, line.data["signature"]):
            findings.broken(f"Chữ ký của cấp trên ở dòng {line.seq} không đúng.")
            return
        elif line.type == "report-reviewed":
            what = "chấp nhận" if line.data["state"] == "accepted" else "trả lại"
            findings.ok(f"Cấp trên đã ký ý kiến {what} báo cáo, ở dòng {line.seq}.")
        elif line.type == "report-received":
            findings.ok(f"Cấp trên đã ký nhận báo cáo số {line.data['number']}.")
        else:
            good, last = good + 1, line.data["seq"]
    if good:
        findings.ok(f"Cấp trên đã ký chứng {good} lần, lần cuối tới dòng {last}.")
    if unknown:
        findings.note(f"{unknown} chữ ký của cấp trên không có khóa trong bản xuất để kiểm.")
    if not good and not unknown:
        findings.note("Sổ chưa được cấp trên ký chứng.")


def _upper_statement(line: Line) -> dict[str, Any] | None:
    """What the upper committee signed, if this line holds a signature of it."""
    names = {
        "head-witnessed": ("countersignature", ("seq", "head", "received_at")),
        "report-reviewed": ("report-review", ("sha256", "state", "note", "reviewed_at")),
        "report-received": (
            "report-receipt",
            ("sha256", "number", "committee", "received_at"),
        ),
    }.get(line.type)
    if names is None or line.data is None:
        return None
    purpose, fields = names
    told = {name: line.data[name] for name in fields}
    return {"purpose": purpose, "session": line.session, **told}

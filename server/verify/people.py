"""The verifier's own reckoning of who was there and with which keys."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from server.verify.chain import Line
from voting.electorate import Category, MemberStanding
from voting.errors import VotingError
from voting.signing import PublicKey, from_base64url


@dataclass(slots=True)
class Person:
    """A member as the lines read so far leave them."""

    standing: MemberStanding
    name: str
    connected: bool = False
    here: bool = False  # checked in, and neither dropped nor gone
    dropped: bool = False
    in_room: bool = False
    attended: bool = False
    excused: bool = False
    gone: bool = False  # marked absent, left or removed
    keys: dict[str, PublicKey] = field(default_factory=dict)
    revoked: dict[str, int] = field(default_factory=dict)  # the line, by key
    check_ins: dict[str, int] = field(default_factory=dict)  # last counter by key


class Roll:
    """Follows every line that is about people. Faults are sentences."""

    def __init__(self, first: Mapping[str, Any]) -> None:
        self.installation = str(first["installation"])
        self.people = {row["id"]: _person(row) for row in first["roster"]}
        self.faults: list[str] = []
        self.certificates = 0
        self.revocations = 0
        self.signed_check_ins = 0
        self.roll_seq = 0

    @property
    def present(self) -> list[str]:
        return [name for name, person in self.people.items() if person.here]

    @property
    def excused(self) -> list[str]:
        return [n for n, p in self.people.items() if p.excused and not p.attended]

    def read(self, line: Line, heads: list[str]) -> None:
        data = line.data or {}
        person = self.people.get(str(data.get("person", "")))
        match line.type:
            case "roll-call-started":
                self.roll_seq = line.seq
            case "device-certified" if person:
                self._certified(line, person, data)
            case "device-key-revoked" if person:
                self._revoked(line, person, data)
            case "connected" if person:
                person.connected = True
                if person.dropped:
                    person.here, person.dropped = True, False
            case "disconnected" if person:
                person.connected = False
                if person.here and not person.in_room:
                    person.here, person.dropped = False, True
            case "checked-in" if person:
                self._checked_in(line, person, data, heads)
            case "marked-absent" if person:
                person.excused = bool(data["with_reason"])
            case "left" | "removed" if person:
                person.here = person.dropped = False
                person.gone = True
            case _:
                pass

    def _certified(self, line: Line, person: Person, data: Mapping[str, Any]) -> None:
        try:
            key = PublicKey.from_spki(from_base64url(data["spki"]))
        except VotingError:
            self.faults.append(f"Khóa máy ở dòng {line.seq} không dùng được.")
            return
        if key.key_id != data["key_id"] or line.actor != data["person"]:
            self.faults.append(f"Chứng nhận khóa máy ở dòng {line.seq} không khớp.")
            return
        if key.key_id in person.revoked:
            self.faults.append(f"Khóa máy đã thu hồi lại được chứng nhận ở dòng {line.seq}.")
            return
        person.keys[key.key_id] = key
        self.certificates += 1

    def _revoked(self, line: Line, person: Person, data: Mapping[str, Any]) -> None:
        by = data["person"] if data["by"] == "member" else "system"
        if line.actor != by or person.keys.pop(data["key_id"], None) is None:
            self.faults.append(f"Thu hồi khóa máy ở dòng {line.seq} không hợp lệ.")
            return
        person.revoked[data["key_id"]] = line.seq
        self.revocations += 1

    def _checked_in(
        self, line: Line, person: Person, data: Mapping[str, Any], heads: list[str]
    ) -> None:
        if data["how"] == "device":
            fault = self._signed(line, person, data, heads)
            if fault:
                self.faults.append(f"Điểm danh ở dòng {line.seq}: {fault}.")
                return
            self.signed_check_ins += 1
        person.here = person.attended = True
        person.dropped = person.gone = False
        person.in_room = data["place"] == "in_room"

    def _signed(self, line: Line, person: Person, data: Mapping[str, Any], heads: list[str]) -> str:
        said = data["statement"] or {}
        key = person.keys.get(said.get("device", ""))
        if said.get("device") in person.revoked:
            return f"khóa máy đã thu hồi ở dòng {person.revoked[said['device']]}"
        if key is None or said.get("member") != data["person"]:
            return "máy chưa được chứng nhận trước đó trong sổ"
        if not key.verify(said, data["signature"] or ""):
            return "chữ ký không đúng"
        if said["session"] != line.session or said["installation"] != self.installation:
            return "của buổi họp khác"
        seen = said["seen_seq"]
        if not self.roll_seq <= seen < line.seq or heads[seen - 1] != said["seen_head"]:
            return "máy đã thấy một sổ khác"
        if said["counter"] <= person.check_ins.get(key.key_id, 0):
            return "dùng lại một điểm danh cũ"
        person.check_ins[key.key_id] = said["counter"]
        return ""


def _person(row: Mapping[str, Any]) -> Person:
    standing = MemberStanding(
        row["id"],
        Category.OFFICIAL if row["official"] else Category.PROBATIONARY,
        exempt=row["exempt"],
        suspended=row["suspended"],
        prosecuted=row["prosecuted"],
        temporary_elsewhere=row["temporary"] == "elsewhere",
        temporary_here=row["temporary"] == "here",
    )
    return Person(standing, row["name"])

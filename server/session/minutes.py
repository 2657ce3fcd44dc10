"""The draft of the minutes: plain text, a projection of the log up to now (42-HD/BTCTW §2.2).

It depends on nothing but the fold, so that whoever holds the log writes the same text.
"""

import hashlib
from collections.abc import Iterable

from server.session.attendance import counts
from server.session.state import Attendance, Item, ItemStage, Member, Motion, MotionStage, State
from server.session.times import clock_vi, date_vi
from voting.ballot import Choice

_KIND_VI = {"opinion": "Ý kiến", "reserved": "Bảo lưu ý kiến", "task": "Giao việc"}


def text_hash(text: str) -> str:
    """SHA-256 of the text's UTF-8 bytes, hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def draft(state: State) -> str:
    """The minutes as far as the session has come."""
    parts = [
        _heading(state),
        _attendance(state),
        _course(state),
        _items(state),
        _ending(state),
    ]
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def _heading(state: State) -> list[str]:
    told = state.convened
    begun = state.opened_at
    manner = "trực tuyến" if told.mode == "online" else "trực tuyến kết hợp tại phòng họp"
    permit = state.authorisation
    return [
        "BIÊN BẢN",
        told.title,
        f"{told.cell_name}, {told.committee}",
        "",
        f"Thời gian bắt đầu: {clock_vi(begun)} ngày {date_vi(begun)}." if begun else "",
        f"Địa điểm: {state.place}. Hình thức: {manner}.",
        f"Căn cứ họp trực tuyến: văn bản số {permit.number} của {permit.issuer}.",
        f"Điều kiện họp trực tuyến: {told.eligibility.sentence}.",
        f"Chủ trì: đồng chí {_titled(state.members[state.chair])}.",
        f"Thư ký: đồng chí {state.name(state.secretary)}." if state.secretary else "",
    ]


def _titled(member: Member) -> str:
    line = member.line
    return f"{line.name}, {line.title}" if line.title else line.name


def _attendance(state: State) -> list[str]:
    if not state.roll_seq:
        return []
    sums = counts(state)
    lines = [
        "THÀNH PHẦN",
        f"Tổng số {sums.members} đảng viên: {sums.official} chính thức, "
        f"{sums.probationary} dự bị; {sums.exempt} đồng chí được miễn sinh hoạt.",
        f"Có mặt: {sums.attended} đồng chí.",
    ]
    if sums.absent_with_reason:
        names = (_absent(state.members[p]) for p in sums.absent_with_reason)
        lines.append(f"Vắng có lý do: {len(sums.absent_with_reason)}: {'; '.join(names)}.")
    if sums.absent:
        names = (state.name(p) for p in sums.absent)
        lines.append(f"Vắng không lý do: {len(sums.absent)}: {'; '.join(names)}.")
    lines += [line for m in state.members.values() for line in _peculiar(state, m)]
    return lines


def _absent(member: Member) -> str:
    return f"{member.line.name} ({member.reason})" if member.reason else member.line.name


def _peculiar(state: State, member: Member) -> list[str]:
    """What of a member's attendance the minutes must tell beside the count."""
    name = member.line.name
    lines = []
    if member.how == "vouch":
        lines.append(
            f"Đồng chí {name} không xác thực được trên máy; chủ trì và thư ký cùng xác nhận."
        )
    if member.attendance is Attendance.LEFT and member.since:
        why = f", {member.reason}" if member.reason else ""
        lines.append(f"Đồng chí {name} rời buổi họp lúc {clock_vi(member.since)}{why}.")
    if member.attendance is Attendance.REMOVED and member.since:
        lines.append(
            f"Đồng chí {name} bị mời ra khỏi phòng họp lúc {clock_vi(member.since)}: "
            f"{member.reason}."
        )
    return lines


def _course(state: State) -> list[str]:
    if not state.items:
        return []
    return ["CHƯƠNG TRÌNH"] + [f"{i.line.number}. {i.line.title}." for i in state.items.values()]


def _items(state: State) -> list[str]:
    begun = [i for i in state.items.values() if i.stage is not ItemStage.WAITING]
    if not begun:
        return []
    lines = ["DIỄN BIẾN"]
    for item in begun:
        lines += _item(state, item)
    return lines


def _item(state: State, item: Item) -> list[str]:
    line = item.line
    if item.stage is ItemStage.POSTPONED:
        return [f"Mục {line.number}. {line.title}: để sau. Lý do: {item.postponed_why}."]
    start = f" ({clock_vi(item.started_at)})" if item.started_at else ""
    lines = [f"Mục {line.number}. {line.title}{start}."]
    spoke = _unique(t.person for t in state.turns if t.item == line.id)
    if spoke:
        lines.append(f"Phát biểu: {'; '.join(state.name(p) for p in spoke)}.")
    lines += [_note(state, n.kind, n.person, n.text) for n in state.notes if n.item == line.id]
    for motion in state.motions_on(line.id):
        lines += _motion(state, motion)
    if item.conclusion:
        lines.append(f"Kết luận mục {line.number}: {item.conclusion}")
    return lines


def _unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _note(state: State, kind: str, person: str | None, text: str) -> str:
    if kind == "conclusion":
        return f"Kết luận: {text}"
    who = f" của đồng chí {state.name(person)}" if person and kind != "task" else ""
    if kind == "task" and person:
        who = f" đồng chí {state.name(person)}"
    return f"{_KIND_VI[kind]}{who}: {text}"


def _motion(state: State, motion: Motion) -> list[str]:
    again = f" (lần {motion.attempt})" if motion.attempt > 1 else ""
    if motion.stage is MotionStage.VOID:
        return [f"Biểu quyết{again}: “{motion.text}”. Đã hủy. Lý do: {motion.void_reason}."]
    result = motion.result
    if result is None:
        return []
    lines = [
        f"Biểu quyết{again} công khai: “{motion.text}”.",
        f"Tổng số đảng viên được tính: {result.base}. Tán thành: {result.approve}. "
        f"Không tán thành: {result.disapprove}. Không có ý kiến: {result.abstain}. "
        f"Chưa biểu quyết: {result.not_voted}.",
        f"Kết quả: {result.sentence_vi}.",
    ]
    against = [v.member for v in result.by_member if v.choice is Choice.DISAPPROVE]
    if against:
        lines.append(f"Không tán thành: {'; '.join(state.name(p) for p in against)}.")
    lines += [
        f"Đồng chí {state.name(person)} có ý kiến trước khi công bố: {text}"
        for person, text in motion.objections
    ]
    return lines


def _ending(state: State) -> list[str]:
    lines = []
    if state.conclusion:
        lines += ["KẾT LUẬN CỦA CHỦ TRÌ", state.conclusion]
    loose = [n for n in state.notes if n.item is None]
    lines += [_note(state, n.kind, n.person, n.text) for n in loose]
    for gap in state.recorder.gaps:
        until = f"đến {clock_vi(gap.end)}" if gap.end else "và chưa trở lại"
        lines.append(f"Máy ghi gián đoạn từ {clock_vi(gap.start)} {until}.")
    return lines

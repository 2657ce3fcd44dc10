"""Hands raised in the room, entered by name by the session's secretary."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from voting.ballot import Choice, Ledger, Motion
from voting.tally import Origin, Vote


class HandRefusal(StrEnum):
    MOTION_CLOSED = "motion_closed"
    CHOICE_INVALID = "choice_invalid"
    NOT_IN_BASE = "not_in_base"
    NOT_IN_ROOM = "not_in_room"
    VOTED_ALREADY = "voted_already"

    @property
    def text_vi(self) -> str:
        return _REFUSAL_VI[self]


_REFUSAL_VI = {
    HandRefusal.MOTION_CLOSED: "Biểu quyết đã kết thúc.",
    HandRefusal.CHOICE_INVALID: "Lựa chọn không hợp lệ.",
    HandRefusal.NOT_IN_BASE: "Người này không thuộc diện biểu quyết nội dung này.",
    HandRefusal.NOT_IN_ROOM: "Chỉ ghi giơ tay cho người có mặt tại phòng họp.",
    HandRefusal.VOTED_ALREADY: "Người này đã tự biểu quyết trên thiết bị của mình.",
}


@dataclass(frozen=True, slots=True)
class Hand:
    """A hand that counts. Once its event has a seq, `vote` makes it a line of the tally."""

    member: str
    choice: Choice

    def vote(self, seq: int) -> Vote:
        return Vote(self.member, self.choice, Origin.HAND, seq)


@dataclass(frozen=True, slots=True)
class HandRefused:
    code: HandRefusal


def accept_hand(
    member: str, choice: str, ledger: Ledger, motion: Motion, in_room: Collection[str]
) -> Hand | HandRefused:
    """Judge one hand. `in_room` are those whose presence in the room the roll has recorded."""
    if not motion.is_open:
        return HandRefused(HandRefusal.MOTION_CLOSED)
    if choice not in set(Choice):
        return HandRefused(HandRefusal.CHOICE_INVALID)
    if member not in motion.base:
        return HandRefused(HandRefusal.NOT_IN_BASE)
    if member not in in_room:
        return HandRefused(HandRefusal.NOT_IN_ROOM)
    if ledger.counted(motion.motion, member) is not None:
        return HandRefused(HandRefusal.VOTED_ALREADY)
    return Hand(member, Choice(choice))

"""Whether a cell may meet online at all (03-HD/TW II.1.1)."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from voting.electorate import MemberStanding
from voting.ruleset import RuleSet
from voting.threshold import Comparison, Threshold


class Circumstance(StrEnum):
    """Why a member cannot come to one place. Which of them count is a rule, not this list."""

    NONE = "none"
    ABROAD = "abroad"
    OFFICES_IN_SEVERAL_PROVINCES = "offices_in_several_provinces"
    WORK_FAR_FROM_HOME = "work_far_from_home"
    STUDENT_SUMMER_BREAK = "student_summer_break"
    ARMED_FORCES_DUTY = "armed_forces_duty"
    HEALTH_DUTY = "health_duty"
    FOREST_RANGER_DUTY = "forest_ranger_duty"
    SHIP_SEA_OR_ISLAND = "ship_sea_or_island"
    EPIDEMIC = "epidemic"
    DISASTER = "disaster"
    EMERGENCY = "emergency"

    @property
    def text_vi(self) -> str:
        return _CIRCUMSTANCE_VI[self]


_CIRCUMSTANCE_VI = {
    Circumstance.NONE: "dự họp tập trung được",
    Circumstance.ABROAD: "ở nước ngoài",
    Circumstance.OFFICES_IN_SEVERAL_PROVINCES: "đơn vị có bộ phận ở nhiều tỉnh, thành phố",
    Circumstance.WORK_FAR_FROM_HOME: "làm việc xa nơi cư trú",
    Circumstance.STUDENT_SUMMER_BREAK: "sinh viên đang nghỉ hè",
    Circumstance.ARMED_FORCES_DUTY: "lực lượng vũ trang đang làm nhiệm vụ, không rời được vị trí",
    Circumstance.HEALTH_DUTY: "ngành y tế đang làm nhiệm vụ, không rời được vị trí",
    Circumstance.FOREST_RANGER_DUTY: "kiểm lâm đang làm nhiệm vụ, không rời được vị trí",
    Circumstance.SHIP_SEA_OR_ISLAND: "trên tàu quốc tế, công trình biển hoặc đảo",
    Circumstance.EPIDEMIC: "dịch bệnh",
    Circumstance.DISASTER: "thiên tai, thảm họa",
    Circumstance.EMERGENCY: "tình huống khẩn cấp",
}


@dataclass(frozen=True, slots=True)
class MemberCircumstance:
    standing: MemberStanding
    circumstance: Circumstance = Circumstance.NONE


class NotCounted(StrEnum):
    """Why a member is outside the denominator of the test."""

    TEMPORARY_HERE = "temporary_here"
    EXEMPT = "exempt"
    SUSPENDED = "suspended"
    PROBATIONARY = "probationary"


@dataclass(frozen=True, slots=True)
class Eligibility:
    """The test as the sum it is: total - excluded = denominator; cannot_meet against needed."""

    total: int
    excluded: tuple[tuple[str, NotCounted], ...]
    cannot_meet_members: tuple[str, ...]
    arithmetic: Comparison

    @property
    def denominator(self) -> int:
        return self.arithmetic.base

    @property
    def cannot_meet(self) -> int:
        return self.arithmetic.count

    @property
    def eligible(self) -> bool:
        return self.arithmetic.met

    @property
    def sentence_vi(self) -> str:
        verdict = "đủ điều kiện họp trực tuyến" if self.eligible else "chưa đủ điều kiện"
        return (
            f"{self.total} đảng viên, trừ {len(self.excluded)} không tính, còn {self.denominator}; "
            f"{self.cannot_meet} không thể họp tập trung, cần {self.arithmetic.needed}: {verdict}"
        )


def eligibility(members: Iterable[MemberCircumstance], rules: RuleSet) -> Eligibility:
    """Compute the test from the roster; exactly one half is not enough.

    Raises ValueError when a member is named twice.
    """
    roster = sorted(members, key=lambda entry: entry.standing.member)
    if len({entry.standing.member for entry in roster}) != len(roster):
        raise ValueError("a member is named twice")
    accepted = {
        *rules.names("eligibility.special_nature"),
        *rules.names("eligibility.special_circumstances"),
    }
    excluded: list[tuple[str, NotCounted]] = []
    cannot_meet: list[str] = []
    for entry in roster:
        reason = _not_counted(entry.standing, rules)
        if reason is not None:
            excluded.append((entry.standing.member, reason))
        elif entry.circumstance.value in accepted:
            cannot_meet.append(entry.standing.member)
    threshold = Threshold(rules.text("eligibility.threshold"))
    return Eligibility(
        total=len(roster),
        excluded=tuple(excluded),
        cannot_meet_members=tuple(cannot_meet),
        arithmetic=threshold.compare(len(cannot_meet), len(roster) - len(excluded)),
    )


def _not_counted(member: MemberStanding, rules: RuleSet) -> NotCounted | None:
    if member.temporary_here and not rules.flag("eligibility.counts_temporary_here"):
        return NotCounted.TEMPORARY_HERE
    if member.exempt:
        return NotCounted.EXEMPT
    if member.suspended:
        return NotCounted.SUSPENDED
    if not member.official and not rules.flag("eligibility.counts_probationary"):
        return NotCounted.PROBATIONARY
    return None

"""Who is in the voting base, and whether enough of them are here (24-QĐ/TW §9.3.2)."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from voting.decision import BaseKind
from voting.errors import RuleMissing
from voting.ruleset import RuleSet
from voting.threshold import Threshold


class Category(StrEnum):
    OFFICIAL = "official"
    PROBATIONARY = "probationary"


@dataclass(frozen=True, slots=True)
class MemberStanding:
    """A member as the rules see them on the day. `member` is any stable id."""

    member: str
    category: Category = Category.OFFICIAL
    exempt: bool = False  # miễn công tác và sinh hoạt
    suspended: bool = False  # đình chỉ sinh hoạt
    prosecuted: bool = False  # prosecuted, indicted or detained
    temporary_elsewhere: bool = False  # introduced to temporary activities in another cell
    temporary_here: bool = False  # of another cell, here on temporary activities

    @property
    def official(self) -> bool:
        return self.category is Category.OFFICIAL


class Exclusion(StrEnum):
    """Why a member is outside a base."""

    PROBATIONARY = "probationary"
    TEMPORARY_HERE = "temporary_here"
    TEMPORARY_ELSEWHERE = "temporary_elsewhere"
    SUSPENDED = "suspended"
    PROSECUTED = "prosecuted"
    EXEMPT = "exempt"
    EXEMPT_ABSENT = "exempt_absent"
    EXCUSED_THROUGHOUT = "excused_throughout"
    ABSENT = "absent"

    @property
    def text_vi(self) -> str:
        return _EXCLUSION_VI[self]


_EXCLUSION_VI = {
    Exclusion.PROBATIONARY: "đảng viên dự bị, không biểu quyết",
    Exclusion.TEMPORARY_HERE: "đảng viên sinh hoạt tạm thời từ nơi khác đến",
    Exclusion.TEMPORARY_ELSEWHERE: "đang sinh hoạt tạm thời ở nơi khác",
    Exclusion.SUSPENDED: "đang bị đình chỉ sinh hoạt",
    Exclusion.PROSECUTED: "đang bị khởi tố, truy tố hoặc tạm giam",
    Exclusion.EXEMPT: "được miễn công tác và sinh hoạt",
    Exclusion.EXEMPT_ABSENT: "được miễn công tác và sinh hoạt, không dự họp",
    Exclusion.EXCUSED_THROUGHOUT: "vắng suốt thời gian họp, có lý do được chấp nhận",
    Exclusion.ABSENT: "không có mặt",
}


@dataclass(frozen=True, slots=True)
class Base:
    """A voting base: member ids in order, and each member left out with the reason."""

    members: tuple[str, ...]
    excluded: tuple[tuple[str, Exclusion], ...]

    @property
    def size(self) -> int:
        return len(self.members)

    def __contains__(self, member: object) -> bool:
        return member in self.members


def exclusion_always(member: MemberStanding, rules: RuleSet) -> Exclusion | None:
    """Why this member may not vote here even when present, or None."""
    if not member.official:
        return Exclusion.PROBATIONARY
    if member.temporary_here:
        return Exclusion.TEMPORARY_HERE
    if member.temporary_elsewhere:
        return Exclusion.TEMPORARY_ELSEWHERE
    if member.suspended:
        return Exclusion.SUSPENDED
    if member.prosecuted:
        return Exclusion.PROSECUTED
    if member.exempt and not rules.flag("base.exempt_present_counted"):
        return Exclusion.EXEMPT
    return None


def barred_from_attending(member: MemberStanding, rules: RuleSet) -> Exclusion | None:
    """Why this member is neither summoned nor checked in, or None.

    Exempt members are summoned: they need not come, and count when they do. Rule sets from before
    the rule was written down bar nobody.
    """
    try:
        barred = rules.names("attendance.barred")
    except RuleMissing:
        return None
    if member.suspended and Exclusion.SUSPENDED.value in barred:
        return Exclusion.SUSPENDED
    if member.prosecuted and Exclusion.PROSECUTED.value in barred:
        return Exclusion.PROSECUTED
    return None


def may_vote(member: MemberStanding, rules: RuleSet) -> bool:
    """Whether this member, being present, may vote in this cell on an ordinary motion."""
    return exclusion_always(member, rules) is None


def voting_base(
    members: Iterable[MemberStanding],
    present: Collection[str],
    rules: RuleSet,
    kind: BaseKind = BaseKind.OFFICIAL,
    excused_throughout: Collection[str] = (),
) -> Base:
    """The base for one motion. Take it when the motion opens and keep it with the motion.

    `present` are the ids of those here now; an official member who is absent stays in the base.
    `excused_throughout` are members absent for the whole sitting with a reason that was accepted;
    clause (e) takes them out in elections, and elsewhere only when the rule set says so.
    Raises ValueError when a member is named twice.
    """
    here = frozenset(present)
    clause_e = kind is BaseKind.ELECTION or rules.flag("base.clause_e_ordinary")
    excused = frozenset(excused_throughout) - here if clause_e else frozenset()
    counted: list[str] = []
    excluded: list[tuple[str, Exclusion]] = []
    for member in _in_order(members):
        reason = _exclusion(member, here, excused, kind, rules)
        if reason is None:
            counted.append(member.member)
        else:
            excluded.append((member.member, reason))
    return Base(tuple(counted), tuple(excluded))


def _exclusion(
    member: MemberStanding,
    here: frozenset[str],
    excused: frozenset[str],
    kind: BaseKind,
    rules: RuleSet,
) -> Exclusion | None:
    if (always := exclusion_always(member, rules)) is not None:
        return always
    if member.exempt and kind is BaseKind.OFFICIAL_NOT_EXEMPT:
        return Exclusion.EXEMPT
    if member.exempt and member.member not in here:
        return Exclusion.EXEMPT_ABSENT
    if member.member in excused:
        return Exclusion.EXCUSED_THROUGHOUT
    if kind is BaseKind.PRESENT and member.member not in here:
        return Exclusion.ABSENT
    return None


def _in_order(members: Iterable[MemberStanding]) -> list[MemberStanding]:
    ordered = sorted(members, key=lambda member: member.member)
    if len({member.member for member in ordered}) != len(ordered):
        raise ValueError("a member is named twice")
    return ordered


def official_members(members: Iterable[MemberStanding]) -> int:
    """How many official members the cell has, guests on temporary activities not counted."""
    return sum(1 for m in _in_order(members) if m.official and not m.temporary_here)


def can_decide(members: Iterable[MemberStanding], rules: RuleSet) -> bool:
    """Whether the cell is large enough to meet and decide (Điều lệ art. 24.1)."""
    return official_members(members) >= rules.number("cell.min_official_members")


@dataclass(frozen=True, slots=True)
class Quorum:
    """Who of the base is here, against what each kind of decision needs.

    `floor_needed` is the extra attendance an administrator asks for, None when there is none.
    """

    present: int
    base: int
    needed_half: int
    needed_two_thirds: int
    half_met: bool
    two_thirds_met: bool
    floor_needed: int | None
    floor_met: bool

    def can_pass(self, threshold: Threshold) -> bool:
        """Whether a motion with that threshold could still pass with those who are here."""
        if not self.floor_met:
            return False
        match threshold:
            case Threshold.MORE_THAN_HALF:
                return self.half_met
            case Threshold.AT_LEAST_TWO_THIRDS:
                return self.two_thirds_met


def quorum(base: Base, present: Iterable[str], rules: RuleSet) -> Quorum:
    """Count those of the base who are present; ids outside the base and repeats do not count."""
    here = len(frozenset(present) & frozenset(base.members))
    half = Threshold.MORE_THAN_HALF.compare(here, base.size)
    two_thirds = Threshold.AT_LEAST_TWO_THIRDS.compare(here, base.size)
    floor = rules.share("quorum.attendance_floor")
    floor_needed = None if floor is None else _at_least(floor, base.size)
    return Quorum(
        present=here,
        base=base.size,
        needed_half=half.needed,
        needed_two_thirds=two_thirds.needed,
        half_met=half.met,
        two_thirds_met=two_thirds.met,
        floor_needed=floor_needed,
        floor_met=floor_needed is None or here >= floor_needed,
    )


def _at_least(share: Fraction, base: int) -> int:
    return max(1, -(-share.numerator * base // share.denominator))

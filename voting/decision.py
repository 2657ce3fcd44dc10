"""What a cell decides: which majority, of whom, by which ballot, and whether online at all."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from voting.ruleset import RuleSet
from voting.threshold import Threshold


class DecisionKind(StrEnum):
    ORDINARY = "ordinary"  # agenda, minutes, conclusions, programmes
    RESOLUTION = "resolution"
    ADMIT_MEMBER = "admit_member"
    RECOGNISE_OFFICIAL = "recognise_official"
    STRIKE_PROBATIONARY = "strike_probationary"
    RECOGNISE_PROGRESS = "recognise_progress"  # of a member under screening
    CLASSIFY_MEMBER = "classify_member"
    DISCIPLINE = "discipline"  # reprimand, warning, removal from post
    EXPULSION = "expulsion"
    ELECT_PRESIDIUM = "elect_presidium"  # and secretary of session, counting board
    ELECT_COMMITTEE = "elect_committee"  # chi ủy, secretary, deputy, delegates


class BaseKind(StrEnum):
    """Which members a majority is counted over; computed by `electorate.voting_base`."""

    OFFICIAL = "official"  # base B, 24-QĐ/TW §9.3.2
    OFFICIAL_NOT_EXEMPT = "official_not_exempt"  # B without exempt members, present or not
    ELECTION = "election"  # base E, 190-QĐ/TW art. 30: B with clause (e)
    PRESENT = "present"  # those of B who are here


class BallotForm(StrEnum):
    OPEN = "open"
    SECRET = "secret"


class Content(StrEnum):
    """What an agenda item or motion touches, as far as the online bar cares."""

    STATE_SECRET = "state_secret"
    CONGRESS = "congress"
    ELECTION = "election"
    DISCIPLINE = "discipline"
    PERSONNEL = "personnel"


class OnlineBar(StrEnum):
    """Why something may not be decided online."""

    STATE_SECRET = "state_secret"
    CONGRESS = "congress"
    ELECTION = "election"
    DISCIPLINE = "discipline"
    PERSONNEL = "personnel"
    SECRET_BALLOT = "secret_ballot"

    @property
    def text_vi(self) -> str:
        return _BAR_VI[self]


_BAR_VI = {
    OnlineBar.STATE_SECRET: "Nội dung thuộc bí mật nhà nước không được đưa ra họp trực tuyến.",
    OnlineBar.CONGRESS: "Đại hội chi bộ không tổ chức trực tuyến.",
    OnlineBar.ELECTION: "Bầu cử không tiến hành trực tuyến.",
    OnlineBar.DISCIPLINE: "Xem xét kỷ luật đảng viên không tiến hành trực tuyến.",
    OnlineBar.PERSONNEL: "Công tác nhân sự không tiến hành trực tuyến.",
    OnlineBar.SECRET_BALLOT: "Nội dung này phải bỏ phiếu kín, không biểu quyết trực tuyến.",
}


@dataclass(frozen=True, slots=True)
class DecisionRule:
    """How one kind of decision is taken under one rule set."""

    kind: DecisionKind
    threshold: Threshold
    base: BaseKind
    ballot: BallotForm
    contents: frozenset[Content]
    rule_version: str


def decision_rule(kind: DecisionKind, rules: RuleSet) -> DecisionRule:
    """The rule for that kind. Raises RuleMissing when none is in force."""
    prefix = f"decision.{kind.value}"
    return DecisionRule(
        kind=kind,
        threshold=Threshold(rules.text(f"{prefix}.threshold")),
        base=BaseKind(rules.text(f"{prefix}.base")),
        ballot=BallotForm(rules.text(f"{prefix}.ballot")),
        contents=frozenset(Content(name) for name in rules.names(f"{prefix}.contents")),
        rule_version=rules.version,
    )


def online_bars(contents: Collection[Content], rules: RuleSet) -> tuple[OnlineBar, ...]:
    """Which of these contents may not be held online; empty when none is barred."""
    names = (*rules.names("online.barred_by_law"), *rules.names("online.barred_contents"))
    barred = {Content(name) for name in names}  # an unknown name raises rather than bars nothing
    return tuple(OnlineBar(content.value) for content in sorted(barred & set(contents)))


def motion_bars(
    kind: DecisionKind, contents: Collection[Content], rules: RuleSet
) -> tuple[OnlineBar, ...]:
    """Why a motion of that kind, on an item of those contents, may not be voted online."""
    rule = decision_rule(kind, rules)
    bars = online_bars(frozenset(contents) | rule.contents, rules)
    if rule.ballot is BallotForm.SECRET and not rules.flag("online.secret_ballot_allowed"):
        bars = (*bars, OnlineBar.SECRET_BALLOT)
    return bars

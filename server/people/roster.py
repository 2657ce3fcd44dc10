"""The roster as the rules see it: standings, and the sum of the online-eligibility test."""

from collections import Counter
from collections.abc import Iterable
from datetime import date

from server.people.models import EligibilityRow, EligibilityView
from server.people.names import name_order
from server.store.people import Line
from server.texts import say
from voting.electorate import Category, MemberStanding
from voting.eligibility import (
    Circumstance,
    Eligibility,
    MemberCircumstance,
    NotCounted,
    eligibility,
)
from voting.rules import RuleSet, rules_at

_TITLE_ORDER = {"secretary": 0, "deputy": 1}


def standing_of(row: Line) -> MemberStanding:
    return MemberStanding(
        member=row["id"],
        category=Category(row["kind"]),
        exempt=row["exempt"],
        suspended=row["suspended"],
        prosecuted=row["detained"],
        temporary_elsewhere=row["temporary"] == "elsewhere",
        temporary_here=row["temporary"] == "here",
    )


def in_roster_order(rows: Iterable[Line], roles: Iterable[Line]) -> list[Line]:
    """Secretary, deputies, then the others by given name."""
    rank: dict[tuple[str, str], int] = {}
    for held in roles:
        if held["role"] in _TITLE_ORDER:
            rank[held["account_id"], held["cell_id"]] = _TITLE_ORDER[held["role"]]

    def order(row: Line) -> tuple[object, ...]:
        return (rank.get((row["account_id"], row["cell_id"]), 2), name_order(row["name"]))

    return sorted(rows, key=order)


def cell_eligibility(rows: Iterable[Line], rules: RuleSet) -> Eligibility:
    return eligibility(
        (MemberCircumstance(standing_of(r), Circumstance(r["circumstance"])) for r in rows), rules
    )


def eligibility_view(rows: list[Line], day: date) -> EligibilityView:
    """The sum as a screen shows it; `rows` are the current members in the order to list them."""
    rules = rules_at(day)
    found = cell_eligibility(rows, rules)
    why = dict(found.excluded)
    cannot = set(found.cannot_meet_members)
    count = Counter(why.values())
    # Who is no member of this cell in the rule's sense is not in the sum at all.
    outside = count[NotCounted.TEMPORARY_HERE] + count[NotCounted.PROBATIONARY]
    return EligibilityView(
        eligible=found.eligible,
        members=found.total - outside,
        exempt=count[NotCounted.EXEMPT],
        suspended=count[NotCounted.SUSPENDED],
        denominator=found.denominator,
        cannot_meet=found.cannot_meet,
        needed=found.arithmetic.needed,
        sentence=eligibility_sentence(found),
        rows=[
            EligibilityRow(
                member_id=row["id"],
                name=row["name"],
                counted=row["id"] not in why,
                cannot_meet=row["id"] in cannot,
                circumstance=Circumstance(row["circumstance"]),
                excluded_why=why[row["id"]].value if row["id"] in why else None,
            )
            for row in rows
        ],
        rule_version=rules.version,
    )


def eligibility_sentence(found: Eligibility) -> str:
    return say(
        "people.eligible" if found.eligible else "people.not_eligible",
        cannot_meet=found.cannot_meet,
        denominator=found.denominator,
        needed=found.arithmetic.needed,
    )

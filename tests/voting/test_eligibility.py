import pytest
from hypothesis import given
from hypothesis import strategies as st

from voting.electorate import Category, MemberStanding
from voting.eligibility import Circumstance, MemberCircumstance, NotCounted, eligibility
from voting.rules import RuleSet


def cell(away: int, here: int) -> list[MemberCircumstance]:
    roster = [
        MemberCircumstance(MemberStanding(f"a{i:03}"), Circumstance.ABROAD) for i in range(away)
    ]
    return roster + [MemberCircumstance(MemberStanding(f"h{i:03}")) for i in range(here)]


def test_exactly_half_is_not_enough_and_one_more_is(rules: RuleSet) -> None:
    assert not eligibility(cell(10, 10), rules).eligible
    assert eligibility(cell(11, 9), rules).eligible


@given(away=st.integers(0, 200), here=st.integers(0, 200))
def test_eligible_means_twice_those_away_exceed_the_denominator(
    away: int, here: int, rules: RuleSet
) -> None:
    result = eligibility(cell(away, here), rules)
    assert result.eligible == (result.cannot_meet * 2 > result.denominator)
    assert (result.cannot_meet, result.denominator) == (away, away + here)


def test_the_sum_is_shown_with_everybody_who_is_not_counted(rules: RuleSet) -> None:
    roster = [
        *cell(3, 2),
        MemberCircumstance(MemberStanding("exempt", exempt=True), Circumstance.ABROAD),
        MemberCircumstance(MemberStanding("suspended", suspended=True)),
        MemberCircumstance(MemberStanding("guest", temporary_here=True)),
    ]
    result = eligibility(roster, rules)
    assert (result.total, result.denominator, result.cannot_meet) == (8, 5, 3)
    assert dict(result.excluded) == {
        "exempt": NotCounted.EXEMPT,
        "suspended": NotCounted.SUSPENDED,
        "guest": NotCounted.TEMPORARY_HERE,
    }
    assert result.total - len(result.excluded) == result.denominator
    assert result.sentence_vi == (
        "8 đảng viên, trừ 3 không tính, còn 5; 3 không thể họp tập trung, cần 3: "
        "đủ điều kiện họp trực tuyến"
    )


def test_probationary_members_count_on_both_sides(rules: RuleSet) -> None:
    away = MemberStanding("p", Category.PROBATIONARY)
    roster = [*cell(1, 1), MemberCircumstance(away, Circumstance.STUDENT_SUMMER_BREAK)]
    result = eligibility(roster, rules)
    assert (result.cannot_meet, result.denominator, result.eligible) == (2, 3, True)


@pytest.mark.parametrize("circumstance", [c for c in Circumstance if c is not Circumstance.NONE])
def test_every_circumstance_counts_and_has_a_name(
    circumstance: Circumstance, rules: RuleSet
) -> None:
    result = eligibility([MemberCircumstance(MemberStanding("a"), circumstance)], rules)
    assert result.cannot_meet_members == ("a",)
    assert circumstance.text_vi


def test_an_empty_roster_may_not_meet_online(rules: RuleSet) -> None:
    assert not eligibility([], rules).eligible

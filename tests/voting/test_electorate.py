from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voting.decision import BaseKind
from voting.electorate import (
    Category,
    Exclusion,
    MemberStanding,
    can_decide,
    may_vote,
    quorum,
    voting_base,
)
from voting.rules import RuleSet
from voting.threshold import Threshold

standings = st.builds(
    MemberStanding,
    member=st.just(""),
    category=st.sampled_from(Category),
    exempt=st.booleans(),
    suspended=st.booleans(),
    prosecuted=st.booleans(),
    temporary_elsewhere=st.booleans(),
    temporary_here=st.booleans(),
)
cells = st.lists(standings, max_size=30).map(
    lambda members: [replace(m, member=f"m{i:02}") for i, m in enumerate(members)]
)


def officials(count: int) -> list[MemberStanding]:
    return [MemberStanding(f"m{i:02}") for i in range(count)]


def ids(members: list[MemberStanding]) -> list[str]:
    return [m.member for m in members]


def test_three_absent_on_duty_stay_in_a_base_of_twenty(rules: RuleSet) -> None:
    cell = officials(20)
    base = voting_base(cell, ids(cell)[:17], rules, excused_throughout=ids(cell)[17:])
    assert base.size == 20
    assert Threshold.MORE_THAN_HALF.needed(base.size) == 11


def test_clause_e_takes_excused_absentees_out_of_an_election_base(rules: RuleSet) -> None:
    cell = officials(20)
    base = voting_base(
        cell, ids(cell)[:17], rules, BaseKind.ELECTION, excused_throughout=ids(cell)[17:]
    )
    assert base.size == 17
    assert set(base.excluded) == {(m, Exclusion.EXCUSED_THROUGHOUT) for m in ids(cell)[17:]}


def test_clause_e_can_be_set_for_ordinary_sessions_and_spares_who_came(rules: RuleSet) -> None:
    local = rules.adjusted({"base.clause_e_ordinary": True}, "cấp ủy")
    cell = officials(5)
    base = voting_base(cell, ["m00", "m01", "m02", "m03"], local, excused_throughout=["m03", "m04"])
    assert base.members == ("m00", "m01", "m02", "m03")


def test_an_exempt_member_counts_when_present_and_not_when_absent(rules: RuleSet) -> None:
    cell = [*officials(4), MemberStanding("old", exempt=True)]
    assert "old" in voting_base(cell, ["old"], rules)
    assert voting_base(cell, [], rules).excluded == (("old", Exclusion.EXEMPT_ABSENT),)


def test_an_exempt_member_never_counts_for_screening_or_where_so_set(rules: RuleSet) -> None:
    cell = [*officials(4), MemberStanding("old", exempt=True)]
    local = rules.adjusted({"base.exempt_present_counted": False}, "cấp ủy")
    screening = voting_base(cell, ["old"], rules, BaseKind.OFFICIAL_NOT_EXEMPT)
    assert screening.excluded == (("old", Exclusion.EXEMPT),)
    assert voting_base(cell, ["old"], local).excluded == (("old", Exclusion.EXEMPT),)
    assert not may_vote(cell[-1], local)


@pytest.mark.parametrize(
    ("member", "reason"),
    [
        (MemberStanding("x", Category.PROBATIONARY), Exclusion.PROBATIONARY),
        (MemberStanding("x", suspended=True), Exclusion.SUSPENDED),
        (MemberStanding("x", prosecuted=True), Exclusion.PROSECUTED),
        (MemberStanding("x", temporary_elsewhere=True), Exclusion.TEMPORARY_ELSEWHERE),
        (MemberStanding("x", temporary_here=True), Exclusion.TEMPORARY_HERE),
    ],
)
def test_these_members_are_outside_the_base_even_when_present(
    member: MemberStanding, reason: Exclusion, rules: RuleSet
) -> None:
    base = voting_base([*officials(3), member], ["x"], rules)
    assert (base.size, base.excluded) == (3, (("x", reason),))
    assert not may_vote(member, rules)
    assert reason.text_vi


@given(cell=cells, data=st.data())
def test_everybody_is_either_in_the_base_or_left_out_with_a_reason(
    cell: list[MemberStanding], data: st.DataObject, rules: RuleSet
) -> None:
    present = data.draw(st.sets(st.sampled_from(ids(cell) or ["nobody"])))
    kind = data.draw(st.sampled_from(BaseKind))
    base = voting_base(cell, present, rules, kind)
    assert sorted([*base.members, *(m for m, _ in base.excluded)]) == ids(cell)
    by_id = {m.member: m for m in cell}
    assert all(may_vote(by_id[m], rules) for m in base.members)
    assert all(by_id[m].category is Category.OFFICIAL for m in base.members)


@given(cell=cells, data=st.data())
def test_whoever_is_present_and_may_vote_is_in_the_ordinary_base(
    cell: list[MemberStanding], data: st.DataObject, rules: RuleSet
) -> None:
    present = data.draw(st.sets(st.sampled_from(ids(cell) or ["nobody"])))
    base = voting_base(cell, present, rules)
    assert {m.member for m in cell if m.member in present and may_vote(m, rules)} <= set(
        base.members
    )


@given(cell=cells, data=st.data())
def test_an_ordinary_absence_never_makes_the_base_smaller(
    cell: list[MemberStanding], data: st.DataObject, rules: RuleSet
) -> None:
    cell = [replace(m, exempt=False) for m in cell]
    present = data.draw(st.sets(st.sampled_from(ids(cell) or ["nobody"])))
    assert voting_base(cell, present, rules) == voting_base(cell, ids(cell), rules)


def test_the_base_of_those_present_holds_only_them(rules: RuleSet) -> None:
    base = voting_base(officials(5), ["m01", "m03"], rules, BaseKind.PRESENT)
    assert base.members == ("m01", "m03")


def test_a_member_named_twice_is_an_error(rules: RuleSet) -> None:
    with pytest.raises(ValueError, match="twice"):
        voting_base([MemberStanding("a"), MemberStanding("a")], [], rules)


def test_quorum_is_tested_over_twenty_with_seventeen_present(rules: RuleSet) -> None:
    cell = officials(20)
    base = voting_base(cell, ids(cell), rules)
    seen = quorum(base, ids(cell)[:17], rules)
    assert (seen.present, seen.base, seen.needed_half, seen.needed_two_thirds) == (17, 20, 11, 14)
    assert seen.can_pass(Threshold.MORE_THAN_HALF)
    assert seen.can_pass(Threshold.AT_LEAST_TWO_THIRDS)


@pytest.mark.parametrize(("present", "half", "two_thirds"), [(10, 0, 0), (11, 1, 0), (14, 1, 1)])
def test_exactly_half_present_can_pass_nothing(
    present: int, half: int, two_thirds: int, rules: RuleSet
) -> None:
    cell = officials(20)
    seen = quorum(voting_base(cell, [], rules), ids(cell)[:present], rules)
    assert (seen.half_met, seen.two_thirds_met) == (bool(half), bool(two_thirds))


def test_two_devices_and_guests_do_not_raise_the_quorum(rules: RuleSet) -> None:
    base = voting_base(officials(4), [], rules)
    seen = quorum(base, ["m00", "m00", "m01", "m01", "guest"], rules)
    assert (seen.present, seen.half_met) == (2, False)


@pytest.mark.parametrize(("floor", "needed"), [("2/3", 14), ("1/2", 10), ("3/4", 15), ("1", 20)])
def test_an_attendance_floor_blocks_every_vote_below_it(
    floor: str, needed: int, rules: RuleSet
) -> None:
    local = rules.adjusted({"quorum.attendance_floor": floor}, "cấp ủy")
    cell = officials(20)
    base = voting_base(cell, [], local)
    below = quorum(base, ids(cell)[: needed - 1], local)
    met = quorum(base, ids(cell)[:needed], local)
    assert (below.floor_needed, below.floor_met, met.floor_met) == (needed, False, True)
    assert not below.can_pass(Threshold.MORE_THAN_HALF)


def test_an_empty_base_has_no_quorum(rules: RuleSet) -> None:
    seen = quorum(voting_base([], [], rules), [], rules)
    assert not seen.half_met
    assert not seen.two_thirds_met


def test_a_cell_of_two_official_members_cannot_decide(rules: RuleSet) -> None:
    two = [*officials(2), MemberStanding("p", Category.PROBATIONARY)]
    guest = MemberStanding("g", temporary_here=True)
    assert not can_decide([*two, guest], rules)
    assert can_decide(officials(3), rules)

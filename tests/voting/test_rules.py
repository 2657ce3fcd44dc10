import json
from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction

import pytest

from voting.decision import (
    BallotForm,
    BaseKind,
    Content,
    DecisionKind,
    OnlineBar,
    decision_rule,
    motion_bars,
    online_bars,
)
from voting.errors import RuleMissing, RuleNotAdjustable
from voting.rules import Confidence, RuleSet, rules_at, rules_of_version
from voting.rules_data import ENTRIES
from voting.threshold import Threshold


def test_the_numbers_of_a_session_are_those_of_the_documents(rules: RuleSet) -> None:
    assert rules.number("cell.min_official_members") == 3
    assert rules.number("materials.lead_days") == 1
    assert rules.number("report.deadline_days") == 2
    assert rules.number("session.min_minutes") == 90
    assert rules.number("session.min_minutes_with_theme") == 120
    assert rules.number("factor.fresh_minutes") == 60
    assert rules.number("chair.takeover_seconds") == 60
    assert rules.share("quorum.attendance_floor") is None
    assert rules.flag("base.clause_e_ordinary") is False


def test_every_rule_tells_its_source_and_a_person_what_it_means() -> None:
    assert all(entry.source and entry.note_vi.endswith(".") for entry in ENTRIES)


def test_no_key_has_two_values_on_one_day() -> None:
    for day in {entry.effective_from for entry in ENTRIES} | {date(2026, 11, 22)}:
        rules_at(day)


def test_a_rule_is_absent_before_its_first_day() -> None:
    before = date(2025, 10, 27)
    with pytest.raises(RuleMissing):
        rules_at(before).number("report.deadline_days")
    assert rules_at(before + timedelta(days=1)).number("report.deadline_days") == 2


def test_a_rule_holds_on_its_last_day_and_not_the_day_after(rules: RuleSet) -> None:
    ending = replace(rules.rule("materials.lead_days"), effective_to=date(2026, 12, 31))
    assert ending.in_force(date(2026, 12, 31))
    assert not ending.in_force(date(2027, 1, 1))


def test_an_old_version_is_found_again_by_its_name(rules: RuleSet) -> None:
    old = rules_at(date(2024, 1, 1))
    assert old.version != rules.version
    assert rules_of_version(old.version) == old
    with pytest.raises(RuleMissing):
        rules_of_version("vn-chibo-000000000000")


def test_the_version_changes_with_a_value_and_not_with_a_note(rules: RuleSet) -> None:
    first, *rest = rules.entries
    renoted = RuleSet.of(rules.label, [replace(first, note_vi="Khác."), *rest])
    revalued = RuleSet.of(rules.label, [replace(first, value="x"), *rest])
    assert renoted.version == rules.version
    assert revalued.version != rules.version


def test_ending_a_rule_later_leaves_past_versions_alone(rules: RuleSet) -> None:
    first, *rest = rules.entries
    ended = RuleSet.of(rules.label, [replace(first, effective_to=date(2027, 1, 1)), *rest])
    assert ended.version == rules.version


def test_a_rule_set_survives_json(rules: RuleSet) -> None:
    assert RuleSet.from_data(json.loads(json.dumps(rules.to_data()))) == rules


def test_an_altered_exported_rule_set_gets_another_version(rules: RuleSet) -> None:
    data = json.loads(json.dumps(rules.to_data()))
    next(r for r in data["rules"] if r["key"] == "cell.min_official_members")["value"] = 2
    assert RuleSet.from_data(data).version != data["version"]


def test_an_administrator_sets_a_floor_and_the_version_shows_it(rules: RuleSet) -> None:
    local = rules.adjusted({"quorum.attendance_floor": "2/3"}, "Đảng ủy phường Bạch Đằng")
    assert local.share("quorum.attendance_floor") == Fraction(2, 3)
    assert local.rule("quorum.attendance_floor").confidence is Confidence.DEFAULT
    assert local.version != rules.version


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("decision.resolution.threshold", "at_least_two_thirds"),
        ("cell.min_official_members", 2),
        ("eligibility.threshold", "at_least_two_thirds"),
        ("session.min_minutes", "90"),
        ("session.min_minutes", None),
        ("factor.fresh_minutes", 0),
        ("base.clause_e_ordinary", 1),
    ],
)
def test_an_administrator_sets_neither_the_documents_rules_nor_unfit_values(
    rules: RuleSet, key: str, value: str | int | None
) -> None:
    with pytest.raises(RuleNotAdjustable):
        rules.adjusted({key: value}, "ai đó")


@pytest.mark.parametrize("value", ["hai phần ba", "3/2", "0", "-1/2", "1/0", ""])
def test_a_floor_that_is_no_share_of_the_base_is_refused(rules: RuleSet, value: str) -> None:
    with pytest.raises(RuleNotAdjustable):
        rules.adjusted({"quorum.attendance_floor": value}, "ai đó")


@pytest.mark.parametrize("kind", DecisionKind)
def test_every_kind_of_decision_has_its_rule_today(kind: DecisionKind, rules: RuleSet) -> None:
    assert decision_rule(kind, rules).rule_version == rules.version


def test_membership_needs_two_thirds_and_a_resolution_more_than_half(rules: RuleSet) -> None:
    two_thirds = {
        kind
        for kind in DecisionKind
        if decision_rule(kind, rules).threshold is Threshold.AT_LEAST_TWO_THIRDS
    }
    assert two_thirds == {
        DecisionKind.ADMIT_MEMBER,
        DecisionKind.RECOGNISE_OFFICIAL,
        DecisionKind.STRIKE_PROBATIONARY,
        DecisionKind.RECOGNISE_PROGRESS,
        DecisionKind.EXPULSION,
    }


def test_only_open_and_harmless_matters_are_voted_online_by_default(rules: RuleSet) -> None:
    online = {kind for kind in DecisionKind if not motion_bars(kind, (), rules)}
    assert online == {
        DecisionKind.ORDINARY,
        DecisionKind.RESOLUTION,
        DecisionKind.ADMIT_MEMBER,
        DecisionKind.RECOGNISE_OFFICIAL,
        DecisionKind.ELECT_PRESIDIUM,
    }


def test_discipline_is_barred_for_what_it_is_and_for_its_secret_ballot(rules: RuleSet) -> None:
    bars = motion_bars(DecisionKind.EXPULSION, (), rules)
    assert bars == (OnlineBar.DISCIPLINE, OnlineBar.SECRET_BALLOT)


@pytest.mark.parametrize("content", Content)
def test_every_barred_content_bars_even_an_ordinary_motion(
    content: Content, rules: RuleSet
) -> None:
    bars = motion_bars(DecisionKind.ORDINARY, (content,), rules)
    assert [bar.value for bar in bars] == [content.value]
    assert all(bar.text_vi for bar in bars)


def test_a_body_may_open_a_barred_content_but_secret_ballots_stay_out(rules: RuleSet) -> None:
    open_rules = rules.adjusted({"online.barred_contents": ("election",)}, "cấp ủy")
    assert online_bars([Content.PERSONNEL], open_rules) == ()
    assert motion_bars(DecisionKind.EXPULSION, (), open_rules) == (OnlineBar.SECRET_BALLOT,)


def test_no_body_may_open_state_secrets(rules: RuleSet) -> None:
    open_rules = rules.adjusted({"online.barred_contents": ()}, "cấp ủy")
    assert online_bars(list(Content), open_rules) == (OnlineBar.STATE_SECRET,)
    with pytest.raises(RuleNotAdjustable):
        rules.adjusted({"online.barred_by_law": ()}, "cấp ủy")


def test_elections_use_the_election_base_and_a_secret_ballot(rules: RuleSet) -> None:
    rule = decision_rule(DecisionKind.ELECT_COMMITTEE, rules)
    assert (rule.base, rule.ballot) == (BaseKind.ELECTION, BallotForm.SECRET)

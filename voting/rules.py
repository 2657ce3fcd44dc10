"""The rule set of a day, and the rule set that an old event names."""

from datetime import date, timedelta
from functools import cache

from voting.errors import RuleMissing
from voting.rules_data import ENTRIES, LABEL
from voting.ruleset import Confidence, Rule, RuleSet, RuleValue

__all__ = ["Confidence", "Rule", "RuleSet", "RuleValue", "rules_at", "rules_of_version"]


@cache
def rules_at(day: date) -> RuleSet:
    """The rules in force on that day, in Vietnam's calendar."""
    return RuleSet.of(LABEL, (entry for entry in ENTRIES if entry.in_force(day)))


@cache
def rules_of_version(version: str) -> RuleSet:
    """The built-in rules of that version. Raises RuleMissing; settings are not built in."""
    starts = {entry.effective_from for entry in ENTRIES}
    ends = {entry.effective_to + timedelta(days=1) for entry in ENTRIES if entry.effective_to}
    for day in sorted(starts | ends, reverse=True):
        if (rules := rules_at(day)).version == version:
            return rules
    raise RuleMissing(f"no built-in rule set {version}")

"""The rules in force on a day, each with its source and how sure we are of it."""

from datetime import date

from server.people.models import RuleListed, RulesInForce
from server.texts import UnknownText, say
from voting.eligibility import Circumstance
from voting.rules import RuleValue, rules_at


def rules_in_force(day: date) -> RulesInForce:
    rules = rules_at(day)
    return RulesInForce(
        version=rules.version,
        rules=[
            RuleListed(
                key=rule.key,
                value=_plain(rule.value),
                words=_shown(rule.key, rule.value),
                source=rule.source,
                confidence=rule.confidence.value,
                effective_from=rule.effective_from,
                note=rule.note_vi,
            )
            for rule in rules.entries
        ],
    )


def _plain(value: RuleValue) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case tuple():
            return ",".join(value)
        case int() | str():
            return str(value)


def _shown(key: str, value: RuleValue) -> str:
    match value:
        case None:
            return say("rule_value.none")
        case bool():
            return say("rule_value.true" if value else "rule_value.false")
        case int():
            return str(value)
        case tuple():
            return ", ".join(_word(key, name) for name in value) or say("rule_value.nothing")
        case str():
            return _word(key, value)


def _word(key: str, name: str) -> str:
    if key.startswith("eligibility.special"):
        return Circumstance(name).text_vi
    if name == "election" and not key.endswith(".base"):
        return say("rule_value.elections")
    try:
        return say(f"rule_value.{name}")
    except UnknownText:
        return name  # a value that an administrator gave, e.g. 2/3

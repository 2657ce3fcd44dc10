"""Rules as data: each with its source, how sure we are of it, and the days it is in force."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from fractions import Fraction
from typing import Any, Self

from voting.errors import RuleMissing, RuleNotAdjustable
from voting.signing import statement_hash

_SHARES = frozenset({"quorum.attendance_floor"})  # settings such as "2/3"; None sets none

RuleValue = int | str | bool | tuple[str, ...] | None


class Confidence(StrEnum):
    """Where a value comes from, surest first."""

    SEEN = "seen"  # the document's words were read in a text that reproduces it
    REPORTED = "reported"  # the press or teaching material cites the document
    MEMORY = "memory"  # no text at hand
    INFERENCE = "inference"  # our reading; no source states it
    DEFAULT = "default"  # the product's choice, or a setting of the body that runs it


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `effective_to` is its last day. `adjustable`: an administrator may set it."""

    key: str
    value: RuleValue
    source: str
    confidence: Confidence
    effective_from: date
    effective_to: date | None
    note_vi: str
    adjustable: bool = False

    def in_force(self, day: date) -> bool:
        return self.effective_from <= day and (
            self.effective_to is None or day <= self.effective_to
        )

    @property
    def to_be_confirmed(self) -> bool:
        """Whether screens must say that a Party organisation officer has to confirm it."""
        return self.confidence not in (Confidence.SEEN, Confidence.REPORTED)


@dataclass(frozen=True, slots=True)
class RuleSet:
    """The rules in force together. Events name `version`; equal versions mean equal rules."""

    label: str
    version: str
    entries: tuple[Rule, ...]

    @classmethod
    def of(cls, label: str, entries: Iterable[Rule]) -> Self:
        ordered = tuple(sorted(entries, key=lambda rule: rule.key))
        keys = [rule.key for rule in ordered]
        if len(set(keys)) != len(keys):
            raise ValueError("a rule set holds each key once")
        return cls(label, f"{label}-{_digest(ordered)}", ordered)

    def rule(self, key: str) -> Rule:
        for entry in self.entries:
            if entry.key == key:
                return entry
        raise RuleMissing(f"no rule {key} in {self.version}")

    def number(self, key: str) -> int:
        value = self.rule(key).value
        if isinstance(value, bool) or not isinstance(value, int):
            raise RuleMissing(f"{key} is not a number")
        return value

    def flag(self, key: str) -> bool:
        value = self.rule(key).value
        if not isinstance(value, bool):
            raise RuleMissing(f"{key} is not a flag")
        return value

    def text(self, key: str) -> str:
        value = self.rule(key).value
        if not isinstance(value, str):
            raise RuleMissing(f"{key} is not text")
        return value

    def share(self, key: str) -> Fraction | None:
        """A share of a base, over 0 and at most 1; None when none is set."""
        value = self.rule(key).value
        if value is None:
            return None
        if (share := _share(value)) is None:
            raise RuleMissing(f"{key} is not a share")
        return share

    def names(self, key: str) -> tuple[str, ...]:
        value = self.rule(key).value
        if not isinstance(value, tuple):
            raise RuleMissing(f"{key} is not a list")
        return value

    def adjusted(self, settings: Mapping[str, RuleValue], source: str) -> Self:
        """These rules with an administrator's settings; `source` says whose decision it was.

        Raises RuleNotAdjustable for a rule that is not for administrators, or an unfit value.
        """
        entries = {rule.key: rule for rule in self.entries}
        for key, value in settings.items():
            old = self.rule(key)
            if not old.adjustable:
                raise RuleNotAdjustable(f"{key} is set by {old.source}")
            if not _fits(old, value):
                raise RuleNotAdjustable(f"{key} cannot take that value")
            entries[key] = replace(old, value=value, source=source, confidence=Confidence.DEFAULT)
        return type(self).of(self.label, entries.values())

    def to_data(self) -> dict[str, Any]:
        """As JSON, for the event that opens a session: a recount needs no other table."""
        return {
            "label": self.label,
            "version": self.version,
            "rules": [_rule_to_data(rule) for rule in self.entries],
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        """From `to_data`; the version is computed anew, so compare it with the one expected."""
        return cls.of(data["label"], (_rule_from_data(row) for row in data["rules"]))


def _fits(old: Rule, value: RuleValue) -> bool:
    if old.key in _SHARES:
        return value is None or _share(value) is not None
    if type(value) is not type(old.value):
        return False
    return not isinstance(value, int) or isinstance(value, bool) or value > 0


def _share(value: RuleValue) -> Fraction | None:
    if not isinstance(value, str):
        return None
    try:
        share = Fraction(value)
    except (ValueError, ZeroDivisionError):
        return None
    return share if 0 < share <= 1 else None


def _digest(entries: tuple[Rule, ...]) -> str:
    # Notes, confidence and the last day may be completed later without changing what applied.
    content = [
        [rule.key, _plain(rule.value), rule.source, rule.effective_from.isoformat()]
        for rule in entries
    ]
    return statement_hash(content)[:12]


def _plain(value: RuleValue) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _rule_to_data(rule: Rule) -> dict[str, Any]:
    return {
        "key": rule.key,
        "value": _plain(rule.value),
        "source": rule.source,
        "confidence": rule.confidence.value,
        "effective_from": rule.effective_from.isoformat(),
        "effective_to": rule.effective_to.isoformat() if rule.effective_to else None,
        "note_vi": rule.note_vi,
        "adjustable": rule.adjustable,
    }


def _rule_from_data(row: Mapping[str, Any]) -> Rule:
    value = row["value"]
    ends = row["effective_to"]
    return Rule(
        key=row["key"],
        value=tuple(value) if isinstance(value, list) else value,
        source=row["source"],
        confidence=Confidence(row["confidence"]),
        effective_from=date.fromisoformat(row["effective_from"]),
        effective_to=date.fromisoformat(ends) if ends else None,
        note_vi=row["note_vi"],
        adjustable=row["adjustable"],
    )

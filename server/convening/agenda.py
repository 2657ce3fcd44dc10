"""What a draft's fields must be, and which agenda items the rules keep out of online sessions."""

import unicodedata
from collections.abc import Callable, Iterable
from datetime import date
from typing import Any

from server.convening.models import AgendaItemBody, SessionBody
from server.http.errors import BadInput, Conflict
from server.texts import say
from voting.decision import DecisionKind, OnlineBar, motion_bars
from voting.errors import RuleMissing
from voting.rules import RuleSet, rules_at

MAX_ITEMS = 40
YEARS = range(2023, 2101)  # online sessions begin with 03-HD/TW; what is later is a slip
MAX_MINUTES = 600


def tidy(text: str) -> str:
    """One line: composed Unicode, single spaces, no control characters."""
    plain = "".join(c if unicodedata.category(c)[0] != "C" else " " for c in text)
    return " ".join(unicodedata.normalize("NFC", plain).split())


def checked_session(body: SessionBody) -> dict[str, Any]:
    title, place = tidy(body.title), tidy(body.place)
    if not 3 <= len(title) <= 200:
        raise BadInput("bad_title")
    if not 2 <= len(place) <= 200:
        raise BadInput("bad_place")
    if body.starts_at.tzinfo is None or body.starts_at.year not in YEARS:
        raise BadInput("bad_start")
    return {"title": title, "starts_at": body.starts_at, "place": place, "mode": body.mode}


def checked_items(
    bodies: list[AgendaItemBody], known: Iterable[str], day: date, new_id: Callable[[], str]
) -> list[dict[str, Any]]:
    """Rows of the agenda in order; `known` are the ids the draft already has.

    Raises BadInput for what is incomplete, Conflict for what is barred online that day.
    """
    if len(bodies) > MAX_ITEMS:
        raise BadInput("too_many_items", most=MAX_ITEMS)
    left = set(known)
    items = []
    for number, body in enumerate(bodies, 1):
        title, motion = tidy(body.title), (body.motion or "").strip()
        if not 3 <= len(title) <= 300:
            raise BadInput("bad_item_title", number=number)
        if not 1 <= body.minutes <= MAX_MINUTES:
            raise BadInput("bad_item_minutes", number=number, most=MAX_MINUTES)
        if body.kind == "vote" and not 3 <= len(motion) <= 2000:
            raise BadInput("motion_missing", number=number)
        if body.id is not None and body.id not in left:
            raise BadInput("item_unknown", number=number)
        left.discard(body.id or "")
        item = {
            "id": body.id or new_id(),
            "number": number,
            "kind": body.kind,
            "title": title,
            "minutes": body.minutes,
            "motion": unicodedata.normalize("NFC", motion) if body.kind == "vote" else None,
            "decision": body.decision if body.kind == "vote" else "ordinary",
        }
        if bars := item_bars(item, rules_at(day)):
            raise Conflict("item_barred", number=number, why=bars[0])
        items.append(item)
    return items


def item_bars(item: Any, rules: RuleSet) -> list[str]:
    """Why an item may not be voted online, each with the rule's source, as sentences."""
    if item["kind"] != "vote":
        return []
    try:
        kind = DecisionKind(item["decision"])
        bars = motion_bars(kind, (), rules)
    except (ValueError, RuleMissing):
        return [say("convening.decision_unknown", decision=str(item["decision"])[:40])]
    return [
        say("convening.barred", why=bar.text_vi, source=_source(bar, kind, rules)) for bar in bars
    ]


def _source(bar: OnlineBar, kind: DecisionKind, rules: RuleSet) -> str:
    if bar is OnlineBar.SECRET_BALLOT:
        ballot = rules.rule(f"decision.{kind.value}.ballot").source
        return f"{ballot}; {rules.rule('online.secret_ballot_allowed').source}"
    by_law = bar.value in rules.names("online.barred_by_law")
    return rules.rule("online.barred_by_law" if by_law else "online.barred_contents").source

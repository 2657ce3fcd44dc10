"""Writes patches.json, by which both clients are tested: `python -m tests.server.session.patches`.

By hand: one case for each part of the rule. Recorded: one member's socket through a session.
"""

import json
from pathlib import Path
from typing import Any

from server.session.patch import diff
from tests.server.session.meeting import Meeting, meeting
from tests.server.session.reader import Reader, Showing
from voting.signing import statement_hash

VALUES: dict[str, tuple[Any, Any]] = {
    "a plain value": (1, "hai"),
    "an object in place of nothing": (None, {"person": "p01"}),
    "nothing in place of an object": ({"person": "p01"}, None),
    "a field of an object": ({"a": 1, "b": {"c": 2}}, {"a": 1, "b": {"c": 3}}),
    "fields that come and go": ({"a": 1, "b": 2}, {"b": 2, "c": {"d": 3}}),
    "a field called like a part of the rule": ({"=": 1, "-": 2}, {"=": 1, "-": 3}),
    "one element by its id": (
        [{"id": "p01", "on": False}, {"id": "p02", "on": False}],
        [{"id": "p01", "on": False}, {"id": "p02", "on": True}],
    ),
    "elements that come and go by id": (
        [{"id": "a"}, {"id": "b"}, {"id": "c"}],
        [{"id": "new"}, {"id": "a"}, {"id": "c"}, {"id": "last"}],
    ),
    "another order": ([{"id": "a"}, {"id": "b"}], [{"id": "b"}, {"id": "a"}]),
    "a ballot among others by its person": (
        [{"person": "p01", "choice": "approve"}, {"person": "p03", "choice": "approve"}],
        [
            {"person": "p01", "choice": "approve"},
            {"person": "p02", "choice": "abstain"},
            {"person": "p03", "choice": "approve"},
        ],
    ),
    "words of a list": (["p01", "p02", "p03"], ["p01", "p03", "p04"]),
    "a list without names grows": ([{"at": 1}, {"at": 1}], [{"at": 1}, {"at": 1}, {"at": 2}]),
    "a list without names changes in place": (
        [{"at": 1, "to": None}, {"at": 1, "to": None}],
        [{"at": 1, "to": None}, {"at": 1, "to": 5}],
    ),
    "a list without names loses the oldest": (
        [{"at": 1}, {"at": 2}, {"at": 2}],
        [{"at": 2}, {"at": 2}, {"at": 3}],
    ),
    "an empty list": ([{"id": "a"}], []),
    "a text by its lines": ("một\nhai\nba", "một\nhai rưỡi\nba\nbốn"),
    "a text of one line": ("một", "hai"),
}


def recorded() -> dict[str, Any]:
    """A member's first view, and each patch with the hash of the view it makes."""
    m = meeting(official=4, probationary=1).gather()
    showing, reader = Showing(m), Reader("p03")
    steps: list[dict[str, Any]] = []

    def look() -> None:
        told = len(reader.patches)
        reader.follow(showing.edition(), m)
        if len(reader.patches) > told:
            steps.append({"patch": reader.patches[-1], "sha256": statement_hash(reader.view)})

    look()
    first = reader.view
    for act in _course(m):
        act()
        look()
    return {"view": first, "steps": steps}


def _course(m: Meeting) -> Any:
    yield m.open
    yield m.roll_call
    yield m.to_items
    yield lambda: m.give("p03", "ask-floor")
    yield lambda: m.give("p02", "ask-floor")
    yield lambda: m.give("p01", "give-floor", person="p03")
    yield lambda: m.give("p01", "allow-chat", allowed=True)
    yield lambda: m.give("p02", "say", text="Nhất trí 👍")
    yield lambda: m.give("p02", "say", text="Nhất trí 👍")
    yield m.to_vote
    yield m.open_vote
    for person, choice in (("p02", "approve"), ("p03", "approve"), ("p03", "abstain")):
        yield lambda person=person, choice=choice: m.cast(person, choice)
    yield lambda: m.drop("p04")
    yield lambda: m.connect("p04")
    yield lambda: m.cast("p04", "disapprove")
    yield m.recorder_stops
    yield m.recorder_returns
    yield lambda: m.give("p01", "close-vote", motion="m1", despite_disconnected=True)
    yield lambda: m.give("p01", "announce", motion="m1")


def main() -> None:
    cases = [
        {"name": name, "old": old, "new": new, "patch": diff(old, new)}
        for name, (old, new) in VALUES.items()
    ]
    found = {"cases": cases, "session": recorded()}
    path = Path(__file__).parent / "patches.json"
    path.write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()

"""The patches of the live socket: any value can be told, small changes are told small."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.session.patch import UNCHANGED, diff, patched
from tests.server.session.meeting import at_vote, meeting
from tests.server.session.reader import Reader, Showing
from voting.signing import statement_hash

VECTORS = json.loads((Path(__file__).parent / "patches.json").read_text("utf-8"))

LEAVES = st.none() | st.booleans() | st.integers(2, 9) | st.sampled_from(["a", "b", "=", "-", "#"])
TEXTS = st.lists(st.sampled_from(["một", "hai", ""]), min_size=2, max_size=5).map("\n".join)
FIELDS = st.sampled_from(["id", "person", "x", "=", "-", "by"])


def lists(of: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    named = st.fixed_dictionaries({"id": st.sampled_from("abcdef"), "x": of})
    return st.lists(of, max_size=5) | st.lists(named, max_size=6)


VALUES = st.recursive(
    LEAVES | TEXTS, lambda of: lists(of) | st.dictionaries(FIELDS, of, max_size=4), max_leaves=14
)


@settings(max_examples=400, deadline=None)
@given(VALUES, VALUES)
def test_any_value_becomes_any_other_through_json(old: Any, new: Any) -> None:
    patch = diff(old, new)
    if patch is UNCHANGED:
        assert old == new
    else:
        before = json.dumps(old)
        assert patched(old, json.loads(json.dumps(patch))) == new
        assert json.dumps(old) == before


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: case["name"])
def test_vectors_that_the_web_client_reads_too(case: dict[str, Any]) -> None:
    assert patched(case["old"], case["patch"]) == case["new"]
    assert diff(case["old"], case["new"]) == case["patch"]


def test_a_recorded_session_that_the_web_client_follows_too() -> None:
    view = VECTORS["session"]["view"]
    for step in VECTORS["session"]["steps"]:
        view = patched(view, step["patch"])
        assert statement_hash(view) == step["sha256"]


def size(reader: Reader) -> int:
    """Bytes of the last patch."""
    return len(json.dumps(reader.patches[-1], ensure_ascii=False, separators=(",", ":")).encode())


def test_what_one_person_does_is_told_without_the_others() -> None:
    m = meeting(official=30).gather().open().roll_call()
    showing, chair, other = Showing(m), Reader("p01"), Reader("p20")
    whole = 0
    for act in (
        lambda: None,
        lambda: m.drop("p09"),
        lambda: m.give("p05", "ask-floor"),
    ):
        act()
        edition = showing.edition()
        for reader in (chair, other):
            reader.follow(edition, m)
        whole = whole or len(chair.heard[0].encode())
        if chair.patches:
            assert set(other.patches[-1]["people"]) == {"by", "set"}
            assert len(other.patches[-1]["people"]["set"]) == 1
            assert size(other) < 700 < whole / 20


def test_a_ballot_is_told_to_the_others_as_a_count() -> None:
    m = at_vote(official=30).open_vote()
    showing, chair, other = Showing(m), Reader("p01"), Reader("p20")
    for voter in ("p03", "p04", "p05"):
        m.cast(voter, "approve")
        edition = showing.edition()
        chair.follow(edition, m)
        other.follow(edition, m)
    assert other.patches[-1]["motion"] == {"not_voted": 27, "cast": 3}
    assert [place for place, _ in chair.patches[-1]["motion"]["ballots"]["add"]] == [2]
    assert size(other) < 800


def test_what_is_the_same_for_all_is_compared_once() -> None:
    m = meeting(official=30).gather().open()
    showing = Showing(m)
    one, two = Reader("p05"), Reader("p06")
    for _ in range(2):
        edition = showing.edition()
        one.follow(edition, m)
        two.follow(edition, m)
        m.drop("p07")
    assert one.view["people"] == two.view["people"]
    assert edition.view(one.viewer)["people"] is edition.view(two.viewer)["people"]

"""What changed between two JSON values, told so that a reader's copy becomes the server's.

The rule stands in docs/protocol.md under "Patches"; the web's client reads the same.
"""

from collections.abc import Callable
from operator import itemgetter
from typing import Any

Patch = Any  # JSON
UNCHANGED = object()  # `diff` of equal values
WHOLE, GONE = "=", "-"  # in a patch: the new value itself; fields that are no more
BY_PLACE, BY_ITSELF = "#", ""  # how a list without named elements is addressed
NAMES = ("id", "person")  # fields by which the elements of our lists are known
_LINES = "\n"


def diff(old: Any, new: Any) -> Patch:
    """The patch that makes `new` of `old`, or UNCHANGED.

    Python takes true for 1, so a place that holds a truth value must never hold a number.
    """
    if old is new or old == new:
        return UNCHANGED
    if isinstance(old, dict) and isinstance(new, dict):
        return _object(old, new)
    if isinstance(old, list) and isinstance(new, list):
        return _list(old, new)
    if isinstance(old, str) and isinstance(new, str) and _LINES in old and _LINES in new:
        return _text(old, new)
    return {WHOLE: new} if isinstance(new, dict) else new


def patched(old: Any, patch: Patch) -> Any:
    """The new value. What did not change is shared with `old`, which is left as it was."""
    if not isinstance(patch, dict):
        return patch
    if WHOLE in patch:
        return patch[WHOLE]
    if isinstance(old, list):
        return _patched_list(old, patch)
    if isinstance(old, str):
        lines = old.split(_LINES)
        lines[patch["line"] : patch["line"] + patch["cut"]] = patch["put"]
        return _LINES.join(lines)
    kept = {name: value for name, value in old.items() if name not in patch.get(GONE, ())}
    changed = {name: patched(old.get(name), part) for name, part in patch.items() if name != GONE}
    return kept | changed


def _object(old: dict[str, Any], new: dict[str, Any]) -> Patch:
    if any(name in each for name in (WHOLE, GONE) for each in (old, new)):
        return {WHOLE: new}
    found: dict[str, Any] = {}
    for name, value in new.items():
        if name not in old:
            found[name] = {WHOLE: value} if isinstance(value, dict) else value
        elif (part := diff(old[name], value)) is not UNCHANGED:
            found[name] = part
    if gone := [name for name in old if name not in new]:
        found[GONE] = gone
    return found


def _list(old: list[Any], new: list[Any]) -> Patch:
    if not old or not new:
        return new
    key = _key_of(old, new)
    if key is None:
        return _by_place(old, new)
    by, name = key
    before, after = {name(each): each for each in old}, {name(each): each for each in new}
    kept = [each for each in before if each in after]
    if kept != [each for each in after if each in before]:
        return new  # another order: rare, and simplest said by the list itself
    drop = [each for each in before if each not in after]
    change = {
        each: part for each in kept if (part := diff(before[each], after[each])) is not UNCHANGED
    }
    add = [[place, each] for place, each in enumerate(new) if name(each) not in before]
    return _smaller(new, by, drop, change, add)


def _key_of(old: list[Any], new: list[Any]) -> tuple[str, Callable[[Any], str]] | None:
    """How the elements of both lists are told apart, or None."""
    first = old[0]
    if isinstance(first, str):
        texts = _distinct_texts(old) and _distinct_texts(new)
        return (BY_ITSELF, str) if texts else None
    for field in NAMES if isinstance(first, dict) else ():
        if field not in first:
            continue
        name = itemgetter(field)
        try:
            known = _distinct_texts([*map(name, old)]) and _distinct_texts([*map(name, new)])
        except (KeyError, TypeError, IndexError):  # elements of another kind
            continue
        if known:
            return field, name
    return None


def _distinct_texts(names: list[Any]) -> bool:
    return set(map(type, names)) == {str} and len(set(names)) == len(names)


def _by_place(old: list[Any], new: list[Any]) -> Patch:
    """Lists that grow at the end, change where they stand, or lose the oldest."""
    first = 0
    if old[0] != new[0] and len(old) <= len(new) + 1:
        first = next((n for n in range(1, len(old)) if old[n:] == new[: len(old) - n]), 0)
    kept = old[first:]
    if len(kept) > len(new):
        return new
    change = {
        str(first + place): part
        for place, each in enumerate(kept)
        if (part := diff(each, new[place])) is not UNCHANGED
    }
    add = [[place, new[place]] for place in range(len(kept), len(new))]
    return _smaller(new, BY_PLACE, [str(n) for n in range(first)], change, add)


def _smaller(
    new: list[Any], by: str, drop: list[str], change: dict[str, Any], add: list[Any]
) -> Patch:
    """The list patch, or the list itself where that says no more."""
    if len(drop) + len(change) + len(add) > len(new) and len(drop) + len(add) > len(change):
        return new
    parts = {"drop": drop, "set": change, "add": add}
    return {"by": by, **{name: part for name, part in parts.items() if part}}


def _patched_list(old: list[Any], patch: dict[str, Any]) -> list[Any]:
    by = patch["by"]
    drop, change = set(patch.get("drop", ())), patch.get("set", {})
    found = []
    for place, each in enumerate(old):
        name = str(place) if by == BY_PLACE else each if by == BY_ITSELF else each[by]
        if name not in drop:
            found.append(patched(each, change[name]) if name in change else each)
    for place, each in patch.get("add", ()):
        found.insert(place, each)
    return found


def _text(old: str, new: str) -> Patch:
    before, after = old.split(_LINES), new.split(_LINES)
    shorter = min(len(before), len(after))
    head = next((n for n in range(shorter) if before[n] != after[n]), shorter)
    tail = next(
        (n for n in range(shorter - head) if before[-1 - n] != after[-1 - n]), shorter - head
    )
    put = after[head : len(after) - tail]
    return {"line": head, "cut": len(before) - tail - head, "put": put}

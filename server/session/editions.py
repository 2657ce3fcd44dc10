"""One version of a session's views, as it goes to the sockets: built once, shared by all.

What all see alike is made and compared once, what one member sees once for all their sockets; so
a ballot costs little more for five hundred sockets than for fifty.
"""

import time
from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from pydantic_core import to_json

from server.session.chain import Entry
from server.session.patch import UNCHANGED, diff
from server.session.signed import header_of
from server.session.surroundings import Viewer
from server.session.view import view_of
from server.session.view_parts import Parts

Lines = Callable[[int, int], list[Entry]]  # the log's lines after the first up to the second
_CLOCK = "now"  # it comes with every message, and is no news by itself


class Edition:
    """Version `number` of all views. `cost` is the time spent on it so far, in seconds."""

    def __init__(self, number: int, parts: Parts, lines: Lines, cost: float = 0.0) -> None:
        self.number = number
        self.state = parts.state
        self.cost = cost
        self._parts = parts
        self._fields = set(parts.alike)  # those that are the same for all
        self._lines = lines
        self._alike: dict[str, Any] | None = None
        self._views: dict[Viewer, dict[str, Any]] = {}
        self._headers: dict[int, list[dict[str, Any]]] = {}  # of the lines after that one
        self._alike_changed: dict[int, dict[str, Any]] = {}  # by the number of the older edition
        self._messages: dict[tuple[int, Viewer], str | None] = {}

    @contextmanager
    def working(self) -> Iterator[None]:
        """Counts the time of the block, which must not wait for anything."""
        begun = time.perf_counter()
        try:
            yield
        finally:
            self.cost += time.perf_counter() - begun

    def view(self, viewer: Viewer) -> dict[str, Any]:
        """The viewer's whole view, as JSON; never changed by anybody."""
        if viewer not in self._views:
            shown = view_of(self._parts, viewer)
            fields = self._fields
            if self._alike is None:
                self._alike = shown.model_dump(mode="json", by_alias=True, include=fields)
            own = shown.model_dump(mode="json", by_alias=True, exclude=fields)
            self._views[viewer] = self._alike | own
        return self._views[viewer]

    def snapshot(self, viewer: Viewer, after: int, now: datetime) -> str:
        """The message with the whole view, and the headers of the lines after `after`."""
        view = self.view(viewer) | {_CLOCK: now}
        return _text({"kind": "snapshot", "view": view, "headers": self._told_after(after)})

    def update(self, since: "Edition", viewer: Viewer, then: Viewer) -> str | None:
        """The message that brings a socket here from an older edition, which it was shown as
        `then`; None when there is nothing to tell."""
        key = (since.number, viewer)
        if key not in self._messages or viewer != then:
            self._messages[key] = self._update(since, viewer, then)
        return self._messages[key]

    def _update(self, since: "Edition", viewer: Viewer, then: Viewer) -> str | None:
        patch = self._patch(since, since.view(then), self.view(viewer))
        if not patch and self.state.seq == since.state.seq:
            return None
        patch[_CLOCK] = self.view(viewer)[_CLOCK]
        headers = self._told_after(since.state.seq)
        return _text({"kind": "update", "patch": patch, "headers": headers})

    def _patch(self, since: "Edition", old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
        if since.number not in self._alike_changed:
            self._alike_changed[since.number] = _changes(old, new, self._fields - {_CLOCK})
        own = _changes(old, new, new.keys() - self._fields)
        return self._alike_changed[since.number] | own

    def _told_after(self, seq: int) -> list[dict[str, Any]]:
        if seq not in self._headers:
            lines = self._lines(seq, self.state.seq)
            self._headers[seq] = [header_of(line).model_dump() for line in lines]
        return self._headers[seq]


def _changes(old: dict[str, Any], new: dict[str, Any], fields: Set[str]) -> dict[str, Any]:
    found = {name: diff(old[name], new[name]) for name in new if name in fields}
    return {name: part for name, part in found.items() if part is not UNCHANGED}


def _text(message: dict[str, Any]) -> str:
    return to_json(message).decode()

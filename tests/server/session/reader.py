"""A device that follows a meeting's live socket as our clients do, without the socket."""

import json
from typing import Any

from server.session.editions import Edition
from server.session.patch import patched
from server.session.surroundings import Viewer
from tests.server.session.meeting import Meeting


class Reader:
    """Takes each message from its JSON text. `patches` keeps those of the updates."""

    def __init__(self, person: str) -> None:
        self.viewer = Viewer(person, "in1", None)
        self.edition: Edition | None = None
        self.view: dict[str, Any] = {}
        self.headers: list[dict[str, Any]] = []
        self.patches: list[Any] = []
        self.heard: list[str] = []

    def follow(self, edition: Edition, meeting: Meeting) -> None:
        """Receives what brings this device from the edition it has to this one."""
        if self.edition is None:
            after = self.headers[-1]["seq"] if self.headers else 0
            message: str | None = edition.snapshot(self.viewer, after, meeting.now)
        else:
            message = edition.update(self.edition, self.viewer, self.viewer)
        self.edition = edition
        if message is not None:
            self.take(message)

    def take(self, message: str) -> None:
        self.heard.append(message)
        said = json.loads(message)
        if said["kind"] == "snapshot":
            self.view = said["view"]
        else:
            self.patches.append(said["patch"])
            self.view = patched(self.view, said["patch"])
        self.headers += said["headers"]

    def reconnect(self) -> None:
        self.edition = None


class Showing:
    """Editions of a meeting, one for each look."""

    def __init__(self, meeting: Meeting) -> None:
        self.meeting = meeting
        self.number = 0

    def edition(self) -> Edition:
        self.number += 1
        meeting = self.meeting
        return Edition(self.number, meeting.parts(), lambda a, b: meeting.entries[a:b])


def still(view: dict[str, Any]) -> dict[str, Any]:
    """The view without the clock, which a socket tells only when there is something else."""
    return {name: value for name, value in view.items() if name != "now"}

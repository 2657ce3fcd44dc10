"""R2: how many bytes the live socket takes to tell a screen what happened, in a cell of thirty."""

import json
import zlib
from collections.abc import Callable, Mapping
from typing import Any

from tests.server.session.meeting import Meeting, meeting
from tests.server.session.reader import Reader, Showing

NAME = "screens"
MEMBERS = 30
LINE = 64_000 / 8  # bytes a second
WINDOW, MEMORY = 12, 5  # as uvicorn sets permessage-deflate


class Wire:
    """One reader's socket: what each message is, plain and as compressed after those before."""

    def __init__(self, person: str) -> None:
        self.reader = Reader(person)
        self._deflate = zlib.compressobj(wbits=-WINDOW, memLevel=MEMORY)

    def follow(self, showing: Showing) -> tuple[int, int]:
        """Bytes of the message: as text, and on the wire without the frame's few."""
        self.reader.follow(showing.edition(), showing.meeting)
        text = self.reader.heard[-1].encode()
        packed = self._deflate.compress(text) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        return len(text), len(packed) - 4  # RFC 7692, section 7.2.1


def measure(members: int = MEMBERS) -> dict[str, Any]:
    """Another member's screen and the chair's, while one person does one thing."""
    m = meeting(official=members).gather().open()
    showing, found = Showing(m), {}
    wires = {"chair": Wire("p01"), "member": Wire("p20")}
    for name, act in _acts(m).items():
        act()
        sizes = {who: wire.follow(showing) for who, wire in wires.items()}
        found[name] = {
            who: {"text": size[0], "wire": size[1], "people": _whole(wires[who])}
            for who, size in sizes.items()
        }
    told = {"members": members, "acts": found}
    print(as_table(told), flush=True)
    return told


def _whole(wire: Wire) -> int:
    """What the list of people alone would take, if it were sent whole."""
    text = json.dumps(wire.reader.view["people"], ensure_ascii=False, separators=(",", ":"))
    return len(text.encode())


def _acts(m: Meeting) -> dict[str, Callable[[], Any]]:
    others = [p for p in m.state.members if p != "p05"]

    def vote() -> None:
        m.to_items().to_vote().open_vote()

    return {
        "first view of the session": lambda: None,
        "roll call begins": lambda: m.give("p01", "start-roll-call"),
        "one check-in": lambda: m.check_in("p04"),
        "one marked absent": lambda: m.give(
            "p03", "mark-absent", person="p05", with_reason=True, reason="Ốm"
        ),
        "all others check in": lambda: [m.check_in(p) for p in others if p != "p04"],
        "one asks for the floor": lambda: m.give("p06", "ask-floor"),
        "roll call ends, a vote opens": lambda: (m.give("p01", "finish-roll-call"), vote()),
        "the first ballot": lambda: m.cast("p07", "approve"),
        "one more ballot": lambda: m.cast("p08", "approve"),
        "one line lost": lambda: m.drop("p09"),
    }


def as_table(found: Mapping[str, Any]) -> str:
    """Markdown; bytes."""
    lines = [
        f"| in a cell of {found['members']} | to another member: JSON | on the wire "
        "| to the chair: JSON | on the wire | at 64 kbit/s |",
        "|---|---|---|---|---|---|",
    ]
    for name, told in found["acts"].items():
        numbers = [told[who][form] for who in ("member", "chair") for form in ("text", "wire")]
        seconds = f"{max(told['chair']['wire'], told['member']['wire']) / LINE:.2f} s"
        cells = [f"{number:,}" for number in numbers]
        lines.append(f"| {name} | {' | '.join(cells)} | {seconds} |")
    return "\n".join(lines)

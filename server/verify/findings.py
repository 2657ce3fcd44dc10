"""What a verification finds: each check as one Vietnamese sentence, the first broken link named."""

from dataclasses import dataclass, field
from typing import Literal

Level = Literal["ok", "note", "erased", "broken"]
MARK = {"ok": "ĐÚNG", "note": "LƯU Ý", "erased": "ĐÃ HỦY", "broken": "SAI"}


@dataclass(frozen=True, slots=True)
class Finding:
    level: Level
    sentence: str

    def __str__(self) -> str:
        return f"[{MARK[self.level]}] {self.sentence}"


@dataclass(slots=True)
class Findings:
    """Collected in the order of the evidence."""

    found: list[Finding] = field(default_factory=list)

    def ok(self, sentence: str) -> None:
        self.found.append(Finding("ok", sentence))

    def note(self, sentence: str) -> None:
        self.found.append(Finding("note", sentence))

    def erased(self, sentence: str) -> None:
        """What cannot be recomputed, because content that it follows from was destroyed."""
        self.found.append(Finding("erased", sentence))

    def broken(self, sentence: str) -> None:
        self.found.append(Finding("broken", sentence))

    def verdict(self, faults: list[str], fine: str) -> None:
        """`fine` if there are no faults, else each of them."""
        if not faults:
            self.ok(fine)
        for fault in faults:
            self.broken(fault)

    @property
    def intact(self) -> bool:
        """Everything was recomputed and holds: nothing is broken, and nothing counted erased."""
        return all(finding.level in ("ok", "note") for finding in self.found)

    @property
    def first_break(self) -> Finding | None:
        return next((f for f in self.found if f.level == "broken"), None)

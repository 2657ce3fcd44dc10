"""Makes the tables of docs/benchmarks.md from what bench/results keeps."""

from collections.abc import Callable, Mapping
from typing import Any

from tests.bench import ballots, fanout, screens
from tests.bench.results import RESULTS, ROOT, kept, told
from tests.faults import table

DOCUMENT = ROOT / "docs/benchmarks.md"
TABLES: dict[str, Callable[[Mapping[str, Any]], str]] = {
    table.NAME: table.as_table,
    ballots.NAME: ballots.as_table,
    screens.NAME: screens.as_table,
    fanout.NAME: fanout.as_table,
}


def filled_in(text: str) -> str:
    """The text with each `<!-- name -->` … `<!-- /name -->` holding that table of today's."""
    for name, as_table in TABLES.items():
        if not (RESULTS / f"{name}.json").exists():
            continue
        found, begin, end = kept(name), f"<!-- {name} -->\n", f"<!-- /{name} -->"
        head, _, rest = text.partition(begin)
        assert rest, f"no place for {name} in {DOCUMENT}"
        tail = rest.partition(end)[2]
        text = f"{head}{begin}{as_table(found)}\n\n{told(found['measured'])}\n{end}{tail}"
    return text


def write_document() -> None:
    DOCUMENT.write_text(filled_in(DOCUMENT.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    write_document()

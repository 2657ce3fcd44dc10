"""`make bench`: measures, writes bench/results, and brings docs/benchmarks.md up to date.

`make bench ARGS='media'` measures one part only."""

import argparse
import sys
from collections.abc import Callable
from typing import Any

from tests.bench import ballots, fanout, flood, lines, media, screens
from tests.bench.document import write_document
from tests.bench.results import keep

PARTS: dict[str, Callable[[argparse.Namespace], dict[str, Any]]] = {
    ballots.NAME: lambda options: ballots.measure(options.members, options.sessions),
    flood.NAME: lambda options: flood.measure(options.members),
    screens.NAME: lambda _options: screens.measure(),
    media.NAME: lambda options: media.measure(options.seconds, options.rounds),
    fanout.NAME: lambda options: fanout.measure(),
    lines.NAME: lambda options: lines.measure(options.line or lines.USUAL),
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; all if none is given")
    parser.add_argument("--members", type=int, default=ballots.MEMBERS)
    parser.add_argument("--sessions", type=int, default=ballots.SESSIONS)
    parser.add_argument("--seconds", type=float, default=media.SECONDS)
    parser.add_argument("--rounds", type=int, default=media.ROUNDS)
    parser.add_argument("--line", action="append", choices=list(lines.SCHEDULES))
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    for name in options.parts or PARTS:
        keep(name, PARTS[name](options))
        write_document()
    return 0


if __name__ == "__main__":
    sys.exit(main())

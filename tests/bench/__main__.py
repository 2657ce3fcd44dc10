"""`make bench`: measures, writes bench/results, and brings docs/benchmarks.md up to date."""

import argparse
import sys

from tests.bench import ballots
from tests.bench.document import write_document
from tests.bench.results import keep


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--members", type=int, default=ballots.MEMBERS)
    parser.add_argument("--sessions", type=int, default=ballots.SESSIONS)
    options = parser.parse_args()
    keep(ballots.NAME, ballots.measure(options.members, options.sessions))
    write_document()
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""`make faults`: kills each process in a running session, and prints how soon all was back."""

import argparse
import asyncio
import logging
import sys
import tempfile
import time
from pathlib import Path
from random import Random

from tests.bench.document import write_document
from tests.bench.results import keep
from tests.e2e.stack import Stack
from tests.faults.kills import ROLES
from tests.faults.session import Result, run
from tests.faults.table import NAME, as_json, as_table

ROUNDS = 3
SOAK_MINUTES = 60.0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--seed", type=int, default=int(time.time()), help="draws the moments")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="sessions held")
    parser.add_argument("--soak", nargs="?", type=float, const=SOAK_MINUTES, metavar="MINUTES")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    # While the application is down its clients cannot get tokens, and say so with each attempt.
    logging.getLogger("signaling.client").setLevel(logging.CRITICAL)
    end = time.monotonic() + options.soak * 60 if options.soak else None
    results: list[Result] = []
    with tempfile.TemporaryDirectory(prefix="chibo-faults-") as folder:
        while (time.monotonic() < end) if end else (len(results) < options.rounds):
            seed = options.seed + len(results)
            results.append(hold(Path(folder) / str(seed), seed))
            print(as_table({"runs": [as_json(results[-1])]}), flush=True)
    found = {"runs": [as_json(result) for result in results]}
    if end is None:
        keep(NAME, found)
        write_document()
    print(as_table(found))
    return 0


def hold(folder: Path, seed: int) -> Result:
    """One session of a new demo, each process killed once in an order of its own."""
    stack = Stack(folder / "data")
    roles = Random(seed).sample(ROLES, len(ROLES))
    stack.start()
    try:
        return asyncio.run(run(stack, folder, seed, roles))
    except BaseException:
        sys.stderr.write(stack.troubles())
        raise
    finally:
        stack.stop()


if __name__ == "__main__":
    sys.exit(main())

"""The table of `make faults`: the median over all kills of a process, and the spread."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from tests.bench.results import spread
from tests.faults.kills import ROLES
from tests.faults.session import Result

NAME = "faults"
SHOWN = {
    "back": "process answers",
    "working": "does its work again",
    "sockets": "all live sockets",
    "media": "all media flows",
    "silence": "longest silence of a stream",
    "stated_gap": "gap the recorder states",
}


def as_json(result: Result) -> dict[str, Any]:
    rounded = asdict(result)
    for name in ("close_to_receipt", "seconds"):
        rounded[name] = round(rounded[name], 2)
    for outcome in rounded["outcomes"]:
        for name, value in outcome.items():
            if isinstance(value, float):
                outcome[name] = round(value, 2)
    return rounded


def as_table(found: Mapping[str, Any]) -> str:
    """Markdown. Seconds from `kill -9`: median (least to most)."""
    of_role: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for run in found["runs"]:
        for outcome in run["outcomes"]:
            of_role[outcome["role"]].append(outcome)
    lines = [
        f"| killed | times | {' | '.join(SHOWN.values())} |",
        f"|---|---|{'---|' * len(SHOWN)}",
    ]
    for role in ROLES:
        if outcomes := of_role[role]:
            cells = [spread([o[name] for o in outcomes if o[name] is not None]) for name in SHOWN]
            lines.append(f"| {role} | {len(outcomes)} | {' | '.join(cells)} |")
    runs = found["runs"]
    receipts = spread([run["close_to_receipt"] for run in runs])
    acknowledged = sum(run["acknowledged"] for run in runs)
    lines += [
        "",
        f"Sessions held to the receipt: {len(runs)}. Acts acknowledged: {acknowledged}, "
        "each found in the chain afterwards; lost: 0. Close to receipt, the upper committee's "
        f"application killed at the close: {receipts} s.",
    ]
    return "\n".join(lines)

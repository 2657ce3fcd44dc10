"""Keeps what was measured, with where and when, and shows medians with their spread."""

import json
import os
import platform
import statistics
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "bench/results"


def keep(name: str, found: Mapping[str, Any]) -> Path:
    """Writes bench/results/<name>.json; a folder elsewhere by CHIBO_BENCH_RESULTS."""
    folder = Path(os.environ.get("CHIBO_BENCH_RESULTS") or RESULTS)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    text = json.dumps({"measured": circumstances(), **found}, ensure_ascii=False, indent=1)
    path.write_text(text + "\n", "utf-8")
    return path


def kept(name: str) -> dict[str, Any]:
    found = json.loads((RESULTS / f"{name}.json").read_text("utf-8"))
    assert isinstance(found, dict)
    return found


def circumstances() -> dict[str, Any]:
    """What the figures depend on, besides the code."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "machine": _processor(),
        "cores": os.cpu_count(),
        "load_of_5_minutes": round(os.getloadavg()[1], 1),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
    }


def told(measured: Mapping[str, Any]) -> str:
    """The circumstances as a sentence."""
    return (
        f"Measured {measured['at'][:10]} at commit {measured['commit']} on {measured['cores']} "
        f"cores ({measured['machine']}), Python {measured['python']}, load average "
        f"{measured['load_of_5_minutes']}."
    )


def spread(values: Sequence[float]) -> str:
    """Median (least to most)."""
    if not values:
        return ""
    middle = f"{statistics.median(values):.2f}"
    return middle if len(values) == 1 else f"{middle} ({min(values):.2f} to {max(values):.2f})"


def percentile(values: Sequence[float], part: float) -> float:
    """The least value that `part` of all do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-int(part * 100) * len(ordered) // 100) - 1)]


def _commit() -> str:
    said = subprocess.run(
        ["git", "rev-parse", "--short=10", "HEAD"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return said.stdout.strip() or "unknown"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()

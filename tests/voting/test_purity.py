import ast
import sys
from pathlib import Path

import pytest

import voting

MODULES = sorted(Path(voting.__file__).parent.glob("*.py"))
EDGES = {"asyncio", "io", "os", "pathlib", "random", "secrets", "socket", "threading", "time"}


def imported(module: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").split(".")[0])
    return names


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_only_signing_imports_more_than_the_standard_library(module: Path) -> None:
    outside = imported(module) - sys.stdlib_module_names - {"voting"}
    assert outside == ({"cryptography", "rfc8785"} if module.stem == "signing" else set())


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_no_module_reads_a_clock_a_disk_or_chance(module: Path) -> None:
    source = module.read_text(encoding="utf-8")
    assert not imported(module) & EDGES
    assert not any(clock in source for clock in (".now(", ".today(", ".utcnow(", "open("))

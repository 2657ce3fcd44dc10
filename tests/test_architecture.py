"""The layout's promises: who may import whom, and where third parties are confined."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
OURS = ("voting", "signaling", "recording", "server")

MAY_IMPORT = {
    "voting": (),
    "signaling": (),
    "recording": ("signaling.client",),
    "server": ("voting", "recording", "signaling"),
    "server.verify": ("voting", "server.verify"),
}
CONFINED = {
    "aiortc": ("signaling",),
    "aioice": ("signaling",),
    "pylibsrtp": ("signaling",),
    "av": ("recording",),
    "ffmpeg": ("recording",),
    "sqlalchemy": ("server.store", "server.migrations"),
}


def modules() -> Iterator[tuple[str, Path]]:
    for package in OURS:
        for path in sorted((ROOT / package).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            yield name.removesuffix(".__init__"), path


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.add(node.module)
    return found


def inside(name: str, *packages: str) -> bool:
    return any(name == package or name.startswith(package + ".") for package in packages)


def layer(name: str) -> str:
    return "server.verify" if inside(name, "server.verify") else name.split(".")[0]


@pytest.mark.parametrize("package", OURS)
def test_packages_import_only_downwards(package: str) -> None:
    wrong = [
        f"{name} imports {imported}"
        for name, path in modules()
        if name.split(".")[0] == package
        for imported in imports(path)
        if inside(imported, *OURS)
        and not inside(imported, *MAY_IMPORT[layer(name)])
        and not (layer(name) != "server.verify" and imported.split(".")[0] == package)
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("library", CONFINED)
def test_third_parties_stay_where_they_are_confined(library: str) -> None:
    wrong = [
        f"{name} imports {imported}"
        for name, path in modules()
        for imported in imports(path)
        if inside(imported, library) and not inside(name, *CONFINED[library])
    ]
    assert not wrong, "\n".join(wrong)

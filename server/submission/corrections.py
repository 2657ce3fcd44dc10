"""A corrected report beside the one that was returned: what may differ, and what does."""

from collections.abc import Mapping
from typing import Any

from server.http.errors import Conflict
from server.reports.bundle import LOG, Package
from server.texts import say


def version_of(manifest: Mapping[str, Any]) -> int:
    return int(manifest.get("version", 1))


def require_correction(old: Package, new: Package) -> None:
    """The next version of that very report, whose log goes on where the old one ended.

    Raises Conflict: a returned report gives no leave to tell another history.
    """
    manifest = new.manifest
    follows = version_of(manifest) == version_of(old.manifest) + 1
    if not follows or manifest.get("corrects") != old.sha256:
        raise Conflict("report_differs")
    if not new.files.get(LOG, b"").startswith(old.files.get(LOG, b"-")):
        raise Conflict("report_log_differs")


def differences(old: Package, new: Package) -> list[str]:
    """Each difference between two versions, as a sentence."""
    before, after = (
        {file["name"]: file["sha256"] for file in one.manifest["files"]} for one in (old, new)
    )
    lines = [len(one.files.get(LOG, b"").splitlines()) for one in (old, new)]
    found = [_say("added", name=name) for name in sorted(after.keys() - before.keys())]
    found += [_say("gone", name=name) for name in sorted(before.keys() - after.keys())]
    found += [
        _say("changed", name=name)
        for name in sorted(before.keys() & after.keys())
        if before[name] != after[name] and name != LOG
    ]
    if lines[0] != lines[1]:
        found.append(_say("log", old=lines[0], new=lines[1]))
    same = [name for name in sorted(before) if before[name] == after.get(name)]
    return [*found, _say("same", names=", ".join(same))] if same else found


def _say(key: str, /, **params: object) -> str:
    return say(f"submission.difference.{key}", **params)

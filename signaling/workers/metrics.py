"""Many workers' metrics as one page: each sample says of which worker it is. Pure."""

from __future__ import annotations

from collections.abc import Mapping


def merged(pages: Mapping[int, str]) -> str:
    """Prometheus text pages by worker, as one with a label `worker`."""
    comments: dict[str, list[str]] = {}
    samples: dict[str, list[str]] = {}
    for index, page in sorted(pages.items()):
        for line in page.splitlines():
            if line.startswith("#"):
                name = line.split(" ", 3)[2]
                known = comments.setdefault(name, [])
                if line not in known:
                    known.append(line)
            elif line:
                name, _, value = line.rpartition(" ")
                bare, _, labels = name.partition("{")
                labelled = f'{bare}{{worker="{index}"' + (f",{labels}" if labels else "}")
                samples.setdefault(bare, []).append(f"{labelled} {value}")
    lines = [line for name, found in samples.items() for line in [*comments.get(name, ()), *found]]
    return "\n".join(lines) + "\n"


def gauge(name: str, text: str, value: float) -> str:
    return f"# HELP {name} {text}\n# TYPE {name} gauge\n{name} {value}\n"

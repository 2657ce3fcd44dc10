"""Every Vietnamese sentence the server says, by code; one TOML file per area beside this."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any


class UnknownText(KeyError):
    """No sentence has this code, or a parameter of it was not given."""


def say(code: str, /, **params: Any) -> str:
    """The sentence for `code`, e.g. `say("refused.no_quorum", missing=2)`."""
    try:
        return catalogue()[code].format(**params)
    except (KeyError, IndexError) as error:
        raise UnknownText(f"{code}: {error}") from None


@cache
def catalogue() -> dict[str, str]:
    """All sentences, `table.key` flattened. Raises ValueError when two files differ."""
    texts: dict[str, str] = {}
    for file in sorted(Path(__file__).parent.glob("*.toml")):
        for code, text in _flat(tomllib.loads(file.read_text("utf-8"))):
            if texts.get(code, text) != text:
                raise ValueError(f"{file.name}: {code} says something else in another file")
            texts[code] = text
    return texts


def _flat(table: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for key, value in table.items():
        if isinstance(value, dict):
            found += _flat(value, f"{prefix}{key}.")
        else:
            found.append((prefix + key, str(value)))
    return found

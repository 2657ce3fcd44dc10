"""Every refusal that the code can give has a sentence, and every sentence its parameters."""

import ast
import re
from pathlib import Path

import pytest

from server.texts import UnknownText, catalogue, say

SERVER = Path(__file__).parents[2] / "server"
REFUSALS = ("BadInput", "NotSignedIn", "Forbidden", "NotFound", "Conflict", "TooLarge", "TooMany")
REFUSALS += ("Unavailable",)


def raised() -> list[tuple[str, str, set[str]]]:
    """(file, code, parameters) of every refusal written out in the server's source."""
    found = []
    for path in sorted(SERVER.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            if node.func.id not in REFUSALS or not node.args:
                continue
            code = node.args[0]
            if isinstance(code, ast.Constant) and isinstance(code.value, str):
                given = {word.arg for word in node.keywords if word.arg}
                open_ended = any(word.arg is None for word in node.keywords)
                found.append((path.name, code.value, {"*"} if open_ended else given))
    return found


def test_every_refusal_has_its_sentence() -> None:
    assert len(raised()) > 50
    missing = []
    for file, code, given in raised():
        text = catalogue().get(f"refused.{code}")
        wanted = set(re.findall(r"{(\w+)}", text or ""))
        if text is None or ("*" not in given and not wanted <= given):
            missing.append(f"{file}: {code} {sorted(wanted - given)}")
    assert not missing


def test_an_unknown_code_or_parameter_is_an_error() -> None:
    with pytest.raises(UnknownText):
        say("refused.there_is_no_such_code")
    with pytest.raises(UnknownText):
        say("refused.too_large")
    assert "64 KB" in say("refused.too_large", limit="64 KB")

import io
import json
import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import structlog

from server import logs
from tests.server.site import PASSWORD, Site


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    stream, root = io.StringIO(), logging.getLogger()
    kept, level = root.handlers[:], root.level
    logs.configure("app", stream)
    yield stream
    root.handlers[:] = kept
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    made = Site(tmp_path)
    async with made.running():
        yield made


def test_a_line_is_json_with_process_and_time(lines: io.StringIO) -> None:
    structlog.get_logger().info("started", port=8000)
    line = json.loads(lines.getvalue())
    assert (line["event"], line["process"], line["port"]) == ("started", "app", 8000)
    assert line["timestamp"].endswith("Z")


@pytest.mark.parametrize(
    "private",
    [
        "0900000101",
        "+84 900 000 101",
        "0900 000 101",
        "482913",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJwMDEifQ.c2lnbmF0dXJlLXNpZ25hdHVyZQ1",
        "46Obc9HYs5cI92ksYqfRdjBl05ukHUO7E_VAMP_iW_I",
    ],
)
def test_what_could_identify_or_let_in_is_masked_wherever_it_stands(
    lines: io.StringIO, private: str
) -> None:
    structlog.get_logger().info("done", why=f"for {private} it was so")
    logging.getLogger("library").warning("saw %s", private)
    try:
        raise ValueError(f"cannot use {private}")
    except ValueError as error:
        structlog.get_logger().error("failed", exc_info=error)
    assert private not in lines.getvalue()
    assert lines.getvalue().count("***") >= 3


def test_fields_that_are_private_by_name_are_masked(lines: io.StringIO) -> None:
    structlog.get_logger().info("x", name="Lò Văn Chung", password="a", text="ý kiến")
    assert not any(word in lines.getvalue() for word in ("Chung", '"a"', "ý kiến"))


def test_what_helps_an_operator_stays(lines: io.StringIO) -> None:
    text = "port 18880, seq 150, session n4x7q2, 2026-11-22T16:55:45Z, 12.5 ms"
    structlog.get_logger().info("x", what=text)
    assert json.loads(lines.getvalue())["what"] == text


async def test_signing_in_leaves_nothing_private_in_the_log(site: Site, lines: io.StringIO) -> None:
    await site.person("0900000101", "Lò Văn Chung")
    browser = await site.signed_in("0900000101")
    wrong = {"phone": "0900000101", "password": "nhầm mật khẩu"}
    await site.browser()("POST", "/api/sign-in/password", wrong)
    await site.browser()("POST", "/api/sign-in/password", {"phone": "0900000101"})
    log = lines.getvalue()
    assert '"route": "/api/sign-in/password"' in log
    hidden = ("0900000101", "Chung", PASSWORD, "nhầm", site.secrets["0900000101"])
    for private in (*hidden, browser.http.cookies["chibo"], browser.csrf):
        assert private not in log

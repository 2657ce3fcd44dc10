from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from server.http.openapi import document
from server.http.web import Bundle
from server.routes import ROUTES
from tests.server.site import Browser, Site

SCRIPT = "console.log('chào');" * 200


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    dist = tmp_path / "dist"
    (dist / "assets").mkdir(parents=True)
    (dist / "index.html").write_text("<!doctype html><title>Họp chi bộ</title>")
    (dist / "assets" / "room-a1b2c3.js").write_text(SCRIPT)
    made = Site(tmp_path)
    async with made.running():
        yield made


@pytest.fixture
def browser(site: Site) -> Browser:
    return site.browser()


async def test_a_page_address_gets_the_page_that_draws_it(browser: Browser) -> None:
    for path in ("/", "/buoi-hop/abc", "/mot-lan"):
        answer = await browser("GET", path)
        assert answer.status_code == 200
        assert "Họp chi bộ" in answer.text
        assert answer.headers["cache-control"] == "no-cache"
        again = await browser("GET", path, headers={"If-None-Match": answer.headers["etag"]})
        assert (again.status_code, again.text) == (304, "")


async def test_hashed_files_are_kept_forever_and_sent_compressed(browser: Browser) -> None:
    answer = await browser("GET", "/assets/room-a1b2c3.js")
    assert answer.text == SCRIPT
    assert answer.headers["content-encoding"] == "gzip"
    assert int(answer.headers["content-length"]) < len(SCRIPT) / 10
    assert "immutable" in answer.headers["cache-control"]
    plain = await browser("GET", "/assets/room-a1b2c3.js", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.text == SCRIPT


@pytest.mark.parametrize("path", ["/assets/gone.js", "/api/nothing", "/x.php"])
async def test_a_missing_file_is_not_answered_with_the_page(browser: Browser, path: str) -> None:
    answer = await browser("GET", path)
    assert answer.status_code == 404
    assert answer.json()["code"] == "not_found"


async def test_the_page_may_run_only_our_own_scripts(browser: Browser) -> None:
    policy = (await browser("GET", "/")).headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "connect-src 'self' ws://localhost:7880 http://localhost:7880" in policy
    assert "frame-ancestors 'self'" in policy


async def test_every_answer_says_how_a_browser_must_treat_it(browser: Browser) -> None:
    for path in ("/", "/api/installation", "/api/nothing", "/healthz"):
        headers = (await browser("GET", path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert "camera=(self), microphone=(self)" in headers["permissions-policy"]
        assert "strict-transport-security" not in headers
    assert (await browser("GET", "/api/installation")).headers["cache-control"] == "no-store"


async def test_under_https_the_cookie_is_bound_to_the_host_and_browsers_stay_on_https(
    tmp_path: Path,
) -> None:
    url = "https://hop.muongtha.example"
    made = Site(tmp_path, CHIBO_PUBLIC_URL=url, LIVEKIT_URL="wss://media.example")
    async with made.running():
        await made.person("0900000101", "Lò Văn Chung")
        browser, body = made.browser(), {"phone": "0900000101", "password": "mat khau de thu 1"}
        answer = await browser("POST", "/api/sign-in/password", body, headers={"Origin": url})
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-chibo=")
    for word in ("Secure", "HttpOnly", "SameSite=lax", "Path=/"):
        assert word in cookie
    assert "Domain" not in cookie
    assert answer.headers["strict-transport-security"].startswith("max-age=")


async def test_without_a_bundle_the_page_says_how_to_build_it(tmp_path: Path) -> None:
    made = Site(tmp_path, CHIBO_WEB_DIST=str(tmp_path / "nothing"))
    async with made.running():
        answer = await made.browser()("GET", "/")
    assert answer.status_code == 503
    assert "make run" in answer.text


def test_the_bundles_hash_changes_with_any_file(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("a")
    before = Bundle.load(tmp_path).hash
    assert before == Bundle.load(tmp_path).hash
    (tmp_path / "other.js").write_text("b")
    assert Bundle.load(tmp_path).hash != before


async def test_the_description_of_the_interface_names_every_route(browser: Browser) -> None:
    served = await browser.ok("GET", "/api/openapi.json")
    assert served == document(ROUTES, "chibo", "1")
    assert served["openapi"].startswith("3.1")
    methods = {(r.path, "get" if r.method == "WS" else r.method.lower()) for r in ROUTES}
    assert methods == {(path, m) for path, row in served["paths"].items() for m in row}
    names = set(served["components"]["schemas"])
    references = set(find_references(served))
    assert references <= names


def find_references(value: object) -> list[str]:
    match value:
        case {"$ref": str(reference)}:
            return [reference.rpartition("/")[2]]
        case dict():
            return [name for inner in value.values() for name in find_references(inner)]
        case list():
            return [name for inner in value for name in find_references(inner)]
    return []


async def test_an_error_inside_tells_the_reader_nothing_of_the_inside(
    site: Site, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("server.identity.api.shown", broken)
    answer = await browser("GET", "/api/installation")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "secret detail" not in answer.text

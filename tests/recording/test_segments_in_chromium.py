"""Segments as players get them: a real Chromium plays, seeks and knows their length."""

import http.server
import re
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import sync_playwright

from recording.journal import SegmentHead, Unit
from recording.webm import mux
from signaling.client import assets

pytestmark = pytest.mark.browser

PLAY = """
([tag, url]) => new Promise((done, fail) => {
  const player = document.body.appendChild(document.createElement(tag));
  player.muted = true;
  const facts = {};
  player.onerror = () => fail(new Error(player.error.message));
  player.onloadedmetadata = () => {
    facts.duration = player.duration;
    facts.width = player.videoWidth;
    player.currentTime = 7;
  };
  player.onseeked = () => {
    facts.sought = player.currentTime;
    player.playbackRate = 4;
    player.play();
  };
  player.onended = () => { facts.ended = player.currentTime; done(facts); };
  player.src = url;
})
"""


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves with ranges, as the application does: a player cannot seek without them."""

    extensions_map = {".webm": "video/webm", ".html": "text/html"}  # noqa: RUF012

    def do_GET(self) -> None:
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if wanted is None:
            super().do_GET()
            return
        data = Path(self.translate_path(self.path)).read_bytes()
        first = int(wanted[1])
        last = min(int(wanted[2] or len(data) - 1), len(data) - 1)
        self.send_response(206)
        self.send_header("Content-Type", "video/webm")
        self.send_header("Content-Range", f"bytes {first}-{last}/{len(data)}")
        self.send_header("Content-Length", str(last - first + 1))
        self.end_headers()
        self.wfile.write(data[first : last + 1])

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def facts(
    flash_and_beep: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("played")
    (folder / "index.html").write_text("<!doctype html><body>")
    for asset, name in zip(flash_and_beep, ("video", "audio"), strict=True):
        loaded = assets.read(asset)
        head = SegmentHead("TR", 0, loaded.kind, "an", name, loaded.width, loaded.height)
        units = [Unit(f.time + 77, 0, f.key, f.data) for f in loaded.frames]
        last = loaded.duration - loaded.frames[-1].time
        (folder / f"{name}.webm").write_bytes(mux(head, units, last))
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(Handler, directory=str(folder))
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required"],
        )
        page = browser.new_page()
        page.goto(url)
        yield {
            name: page.evaluate(PLAY, [name, f"{url}/{name}.webm"]) for name in ("video", "audio")
        }
        browser.close()
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("kind", ["video", "audio"])
def test_a_segment_has_a_length_seeks_and_plays_to_its_end(
    facts: dict[str, Any], kind: str
) -> None:
    found = facts[kind]
    assert abs(found["duration"] - 10) < 0.05
    assert abs(found["sought"] - 7) < 0.01
    assert abs(found["ended"] - 10) < 0.1
    assert (found["width"] or 0) == (320 if kind == "video" else 0)

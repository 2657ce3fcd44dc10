"""Two people at real browsers while the media engine is killed: each soon sees the other again."""

import time
from pathlib import Path

import pytest

from tests.e2e.screens import DESKTOP, PATIENCE, PHONE, Screen, chromium
from tests.e2e.stack import ROOT, Stack

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

REMOTE = """() => [...document.querySelectorAll('video')]
  .filter(v => v.srcObject && v.getVideoPlaybackQuality().totalVideoFrames > 2)
  .flatMap(v => v.srcObject.getVideoTracks())
  .filter(t => !t.label.startsWith('fake')).map(t => t.id)"""


async def sees_another_picture(screen: Screen, known: list[str]) -> None:
    """Waits for frames of a remote camera's track that is none of those."""
    await screen.page.wait_for_function(
        f"known => ({REMOTE})().some(id => !known.includes(id))", arg=known, timeout=2 * PATIENCE
    )


async def test_everybody_is_seen_again_after_the_media_engine_was_killed(
    tmp_path: Path,
) -> None:
    assert (ROOT / "web/dist/index.html").exists(), "the web bundle is not built: make browser"
    stack = Stack(tmp_path / "data")
    stack.start()
    try:
        async with chromium() as browser:
            sen = await Screen.open(stack, browser, "Lường Thị Sen", PHONE)
            thinh = await Screen.open(stack, browser, "Quàng Văn Thịnh", DESKTOP)
            for screen in (sen, thinh):
                await screen.sign_in()
                await screen.enter_as_member()
            shown = {}
            for screen in (sen, thinh):
                await sees_another_picture(screen, [])
                shown[screen] = await screen.page.evaluate(REMOTE)
            stack.kill("media")
            killed = time.monotonic()
            for screen in (sen, thinh):
                await sees_another_picture(screen, shown[screen])
            print(f"both pictures are back {time.monotonic() - killed:.1f} s after kill -9")
            assert not sen.troubles + thinh.troubles
    finally:
        stack.stop()

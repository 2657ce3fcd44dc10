"""An unmodified livekit-client in Chromium behind a line that becomes narrow, and wide again."""

from __future__ import annotations

import socket

import pytest
from playwright.async_api import async_playwright

from tests.bench.lines import WIDE, Phase, joined, recovered, until_full, watch
from tests.interop.engine_rig import (
    CHROMIUM,
    CHROMIUM_ARGUMENTS,
    page_server,
    running_engine,
)
from tests.recording.recorder_rig import free_port
from tests.relay import relay

SQUEEZED = Phase("squeezed", 10, rate=200_000)
AGAIN = Phase("open again", 10)


@pytest.mark.browser
async def test_a_squeeze_shrinks_the_picture_and_its_end_brings_it_back() -> None:
    port = free_port(socket.SOCK_DGRAM)
    settings = {"CHIBO_MEDIA_UDP_PORT": str(port), "CHIBO_MEDIA_WORKERS": "1"}
    with running_engine(**settings) as engine, page_server() as page_url:
        async with async_playwright() as playwright, relay(port) as line:
            browser = await playwright.chromium.launch(
                executable_path=CHROMIUM, args=CHROMIUM_ARGUMENTS
            )
            speaker = await joined(browser, page_url, engine.url, "lan")
            await speaker.evaluate("publish()")
            viewer = await joined(browser, page_url, engine.url, "minh", line.port)
            await until_full(viewer, "lan")
            samples = await watch(viewer, line, [SQUEEZED, AGAIN], "lan")
            await browser.close()
    during = [sample for sample in samples if sample["phase"] == SQUEEZED.name]
    assert during[-1]["width"] < WIDE
    settled = during[4:]
    assert sum(sample["frames"] for sample in settled) / len(settled) > 2, during
    assert sum(sample["concealed"] for sample in settled) / len(settled) < 0.2, during
    back = recovered(samples, AGAIN.name)
    assert back is not None, samples
    assert back < 10

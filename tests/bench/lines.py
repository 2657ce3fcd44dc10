"""What a viewer in Chromium sees and hears on bad lines, on our engine and on LiveKit.

A second Chromium shows a moving picture in simulcast layers; the viewer's packets go through the
relay, both ways. Every second the viewer tells frames, picture width and made-up sound.
"""

from __future__ import annotations

import asyncio
import json
import socket
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page, async_playwright

from tests.bench.results import percentile
from tests.recording.recorder_rig import (
    Process,
    free_port,
    livekit_server,
    own_engine,
    running,
    token,
)
from tests.relay import Relay, relay

NAME = "lines"
WIDE = 640  # pixels of the full picture, so that two encoders leave a small machine time
ROUTE = 0.02  # seconds of delay each way


@dataclass(frozen=True, slots=True)
class Phase:
    """Some seconds of one kind of line; `loss` and `delay` both ways, `rate` to the viewer."""

    name: str
    seconds: int
    rate: float | None = None
    loss: float = 0.0
    delay: float = ROUTE
    jitter: float = 0.0
    down: bool = False

    def apply(self, line: Relay) -> None:
        line.down.rate, line.down.down, line.down.jitter = self.rate, self.down, self.jitter
        line.up.down = self.down
        for way in (line.down, line.up):
            way.loss, way.delay = self.loss, self.delay


OPEN = Phase("open", 10)
SCHEDULES: Mapping[str, Sequence[Phase]] = {
    "squeeze to 200 kbit/s": (OPEN, Phase("squeezed", 20, rate=200_000), Phase("open again", 20)),
    "loss 3 %": (OPEN, Phase("loss", 20, loss=0.03)),
    "loss 10 %": (OPEN, Phase("loss", 20, loss=0.1)),
    "loss 30 %": (OPEN, Phase("loss", 20, loss=0.3)),
    "round trip 300 ms": (OPEN, Phase("far", 20, delay=0.15)),
    "round trip 1 s": (OPEN, Phase("far", 20, delay=0.5)),
    "jitter 100 ms": (OPEN, Phase("jitter", 20, jitter=0.1)),
    "outage 8 s": (OPEN, Phase("outage", 8, down=True), Phase("open again", 15)),
}
USUAL = ("squeeze to 200 kbit/s", "loss 10 %", "loss 30 %", "round trip 1 s")


@contextmanager
def _own(folder: Path) -> Iterator[tuple[Process, int]]:
    process = own_engine(folder)
    process.environment["CHIBO_MEDIA_WORKERS"] = "1"  # and so one UDP port
    with running(process):
        yield process, int(process.environment["CHIBO_MEDIA_UDP_PORT"])


@contextmanager
def _livekit(folder: Path) -> Iterator[tuple[Process, int]]:
    process = livekit_server(folder)
    config = Path(process.command[-1])
    settings = json.loads(config.read_text())
    settings["rtc"]["udp_port"] = free_port(socket.SOCK_DGRAM)
    # As a full ICE agent it would find a way around the relay.
    settings["rtc"]["use_ice_lite"] = True
    config.write_text(json.dumps(settings))
    with running(process):
        yield process, settings["rtc"]["udp_port"]


ENGINES: Mapping[str, Callable[[Path], Any]] = {"chibo": _own, "LiveKit 1.13.5": _livekit}


async def joined(browser: Browser, page_url: str, url: str, name: str, port: int = 0) -> Page:
    page = await (await browser.new_context()).new_page()
    await page.goto(page_url)
    await page.evaluate("port => { window.relayPort = port }", port)
    options = {"width": WIDE, "height": WIDE * 9 // 16, "fps": 20}
    await page.evaluate("a => join(...a)", [url, token(name, "lines"), options])
    return page


async def watch(
    viewer: Page, line: Relay, phases: Sequence[Phase], identity: str
) -> list[dict[str, Any]]:
    """One sample a second: frames, width, share of sound made up, the phase it belongs to."""
    samples = []
    before = await viewer.evaluate("who => noticed(who)", identity)
    for phase in phases:
        phase.apply(line)
        for _ in range(phase.seconds):
            await asyncio.sleep(1)
            now = await viewer.evaluate("who => noticed(who)", identity)
            span = now["at"] - before["at"]
            sound = max(1, now["samples"] - before["samples"])
            samples.append(
                {
                    "phase": phase.name,
                    "seconds": round(span, 2),
                    "frames": round(max(0, now["frames"] - before["frames"]) / span, 1),
                    "width": now["width"],
                    "concealed": round(max(0, now["concealed"] - before["concealed"]) / sound, 3),
                }
            )
            before = now
    return samples


def recovered(samples: Sequence[Mapping[str, Any]], phase: str) -> float | None:
    """Seconds from the beginning of a phase until the full picture moves again; None if never."""
    at = 0.0
    for sample in samples:
        if sample["phase"] == phase:
            at += sample["seconds"]
            if sample["width"] >= WIDE and sample["frames"] >= 10:
                return at
    return None


async def until_full(viewer: Page, identity: str) -> None:
    for _ in range(300):
        if (await viewer.evaluate("who => noticed(who)", identity))["width"] >= WIDE:
            return
        await asyncio.sleep(0.1)
    raise AssertionError("the full picture never came")


async def _run(engine: str, schedule: str, seed: int) -> list[dict[str, Any]]:
    from tests.interop.engine_rig import CHROMIUM, CHROMIUM_ARGUMENTS, page_server

    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="chibo-lines-"))
        process, port = stack.enter_context(ENGINES[engine](Path(folder)))
        page_url = stack.enter_context(page_server())
        async with AsyncExitStack() as inner:
            playwright = await inner.enter_async_context(async_playwright())
            line = await inner.enter_async_context(relay(port, seed))
            browser = await playwright.chromium.launch(
                executable_path=CHROMIUM, args=CHROMIUM_ARGUMENTS
            )
            inner.push_async_callback(browser.close)
            speaker = await joined(browser, page_url, process.url, "lan")
            await speaker.evaluate("publish()")
            viewer = await joined(browser, page_url, process.url, "minh", line.port)
            await until_full(viewer, "lan")
            return await watch(viewer, line, SCHEDULES[schedule], "lan")


def measure(schedules: Sequence[str] = USUAL, seed: int = 1) -> dict[str, Any]:
    """Each schedule on each engine; prints a line a second as it goes."""
    found: dict[str, Any] = {"seed": seed, "runs": []}
    for schedule in schedules:
        for engine in ENGINES:
            samples = asyncio.run(_run(engine, schedule, seed))
            run = {"schedule": schedule, "engine": engine, "samples": samples}
            found["runs"].append(run)
            print(f"{schedule}, {engine}")
            print("  " + " ".join(f"{s['frames']:.0f}@{s['width']}" for s in samples))
            print("  " + " ".join(f"{s['concealed']:.0%}" for s in samples), flush=True)
    print(as_table(found))
    return found


def as_table(found: Mapping[str, Any]) -> str:
    """One row per phase and engine."""
    lines = [
        "| Line | Phase | Engine | Frames a second, median | least | Picture width, median | "
        "Sound made up | Full picture after |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for run in found["runs"]:
        phases = list(dict.fromkeys(sample["phase"] for sample in run["samples"]))
        for phase in phases[1:]:
            samples = [sample for sample in run["samples"] if sample["phase"] == phase]
            frames = [sample["frames"] for sample in samples]
            back = recovered(samples, phase) if "again" in phase else None
            sound = sum(sample["concealed"] for sample in samples) / len(samples)
            lines.append(
                f"| {run['schedule']} | {phase} | {run['engine']} | "
                f"{percentile(frames, 0.5):.0f} | {min(frames):.0f} | "
                f"{percentile([s['width'] for s in samples], 0.5):.0f} | {sound:.1%} | "
                f"{_told(back, phase)} |"
            )
    return "\n".join(lines)


def _told(back: float | None, phase: str) -> str:
    if "again" not in phase:
        return ""
    return "never" if back is None else f"{back:.0f} s"

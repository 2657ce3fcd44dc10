"""People at real browsers: what they press, and what they see and hear."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, BrowserContext, Locator, Page, async_playwright, expect

from tests.e2e.eyes import barriers, flaws
from tests.e2e.stack import DemoPerson, Stack, next_codes

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--autoplay-policy=no-user-gesture-required",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
]
DESKTOP = {"width": 1366, "height": 768}
PHONE = {"width": 390, "height": 844}
NARROWEST = {"width": 320, "height": 640}
ARTEFACTS = Path("artifacts/screens")
PATIENCE = 30_000  # ms; the machine may be busy

DECODED = """() => [...document.querySelectorAll('video')]
  .filter(v => v.srcObject && v.srcObject.getVideoTracks().some(t => !t.label.startsWith('fake')))
  .reduce((sum, v) => sum + v.getVideoPlaybackQuality().totalVideoFrames, 0)"""
LOUDNESS = """async () => {
  const streams = [...document.querySelectorAll('audio, video')]
    .map(e => e.srcObject).filter(s => s && s.getAudioTracks().length);
  const context = new AudioContext();
  let loudest = 0;
  const meters = streams.map(s => {
    const analyser = context.createAnalyser();
    context.createMediaStreamSource(new MediaStream(s.getAudioTracks())).connect(analyser);
    return analyser;
  });
  const samples = new Float32Array(2048);
  for (let i = 0; i < 60; i++) {
    await new Promise(done => setTimeout(done, 50));
    for (const meter of meters) {
      meter.getFloatTimeDomainData(samples);
      loudest = Math.max(loudest, Math.max(...samples.map(Math.abs)));
    }
    if (loudest > 0.01) break;
  }
  await context.close();
  return loudest;
}"""


@asynccontextmanager
async def chromium(*more: str) -> AsyncIterator[Browser]:
    """`more` are arguments of the command line; the last of a name counts."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=[*ARGUMENTS, *more]
        )
        try:
            yield browser
        finally:
            await browser.close()


class Screen:
    """One person at one browser."""

    def __init__(self, stack: Stack, person: DemoPerson, context: BrowserContext, page: Page):
        self.stack, self.person, self.context, self.page = stack, person, context, page
        self.troubles: list[str] = []
        self.complaints: list[str] = []  # of `look`
        page.on("pageerror", lambda error: self.troubles.append(str(error)))

    @classmethod
    async def open(
        cls, stack: Stack, browser: Browser, name: str, size: Any, path: str = ""
    ) -> "Screen":
        """At the start page of somebody of the demo, or at `path` of theirs."""
        phone = size == PHONE
        context = await browser.new_context(
            viewport=size,
            locale="vi-VN",
            timezone_id="Asia/Ho_Chi_Minh",
            is_mobile=phone,
            has_touch=phone,
            permissions=["camera", "microphone"],
        )
        await context.add_init_script("try { localStorage.setItem('capture', 'small') } catch {}")
        context.set_default_timeout(PATIENCE)
        screen = cls(stack, stack.people()[name], context, await context.new_page())
        await screen.page.goto(screen.person.url.rstrip("/") + (path or "/"))
        return screen

    async def sign_in(self) -> None:
        page = self.page
        await page.get_by_label("Số điện thoại").fill(self.person.phone)
        await page.get_by_label("Mật khẩu", exact=True).fill(self.person.password)
        await self.press("Đăng nhập")
        code = page.get_by_label("Mã 6 số")
        await code.wait_for()
        for _ in range(3):
            await code.fill(self.stack.code(self.person.name))
            async with page.expect_response("**/api/sign-in/factor") as answered:
                await self.press("Đăng nhập")
            if (await answered.value).status != 401:
                break
            await next_codes()
        await expect(code).to_be_hidden(timeout=PATIENCE)

    async def press(self, name: str | re.Pattern[str]) -> None:
        await self.button(name).first.click()

    def button(self, name: str | re.Pattern[str]) -> Locator:
        exact = isinstance(name, str)
        return self.page.get_by_role("button", name=name, exact=exact).or_(
            self.page.get_by_role("link", name=name, exact=exact)
        )

    async def sees(self, text: str | re.Pattern[str], seconds: float = 30) -> None:
        await expect(self.page.get_by_text(text).first).to_be_visible(timeout=seconds * 1000)

    async def enter_as_member(self) -> None:
        await self.press("Vào họp")
        await self.press("Tôi đã sẵn sàng")

    async def enter_as_chair(self) -> None:
        await self.press("Vào chủ trì")

    async def vote(self, choice: str) -> None:
        """Chooses and sends on the vote sheet, and waits until the ballot is durable."""
        await self.page.get_by_role("radio", name=choice, exact=True).click()
        await self.press(f"Gửi: {choice}")
        await self.sees("Đã ghi nhận")

    def step(self) -> Locator:
        """The next-step bar's own button."""
        return self.step_bar().get_by_role("button").last

    async def press_step(self, person: str = "") -> str:
        """Presses the next lawful step and answers its dialog, if it asks. Returns its label.

        A step can be refused between two looks at it, so it is pressed again as a person would.
        """
        button = self.step()
        for _ in range(20):
            await expect(button).not_to_have_attribute("aria-disabled", "true", timeout=PATIENCE)
            label = (await button.inner_text()).strip()
            await button.click()
            dialog = self.page.get_by_role("dialog")
            if await dialog.count():
                if person:
                    option = dialog.locator("option", has_text=person)
                    value = await option.get_attribute("value")
                    await dialog.get_by_role("combobox").select_option(value)
                await dialog.get_by_role("button").last.click()
            if await self._answered(label) == "done":
                return label
            await self.page.wait_for_timeout(1000)  # reads the reason, then presses again
        raise AssertionError(f"{label} was refused: {await self.step_bar().inner_text()}")

    def step_bar(self) -> Locator:
        return self.page.get_by_role("region", name="Bước tiếp theo")

    async def _answered(self, label: str) -> str:
        """Waits for another step, or a refusal."""
        found = await self.page.wait_for_function(
            """label => {
              if (document.querySelector('p.refused[role=alert]')) return 'refused';
              const bar = document.querySelector('section[aria-label="Bước tiếp theo"]');
              const last = bar ? [...bar.querySelectorAll('button')].at(-1) : null;
              return (last ? last.innerText.trim() : '') === label ? '' : 'done';
            }""",
            arg=label,
            timeout=PATIENCE,
        )
        return str(await found.json_value())

    async def frames(self) -> int:
        """Decoded frames of all remote pictures so far."""
        return int(await self.page.evaluate(DECODED))

    async def sees_moving_pictures(self, seconds: float = 20) -> None:
        before = await self.frames()
        grown = f"before => ({DECODED})() > before + 5"
        await self.page.wait_for_function(grown, arg=before, timeout=seconds * 1000)

    async def hears(self, seconds: float = 20) -> float:
        """The loudest sample heard; fails while it is silence."""
        heard = 0.0
        for _ in range(int(seconds / 3) + 1):
            heard = float(await self.page.evaluate(LOUDNESS))
            if heard > 0.01:
                return heard
        raise AssertionError(f"{self.person.name} hears nothing (loudest sample {heard})")

    async def picture(self, name: str) -> None:
        """Keeps a screenshot as an artefact."""
        await self.page.screenshot(path=ARTEFACTS / f"{name}.png")

    async def look(self, name: str) -> None:
        """Keeps the page as it is on a phone and on a desk, and notes what is wrong with it."""
        own = self.page.viewport_size
        assert own is not None
        self.complaints += [f"{name}: {each}" for each in await barriers(self.page)]
        for size, word in ((PHONE, "phone"), (DESKTOP, "desktop"), (NARROWEST, "narrow")):
            await self.page.set_viewport_size(size)
            await self.page.wait_for_timeout(150)  # the layout follows
            found = await flaws(self.page)
            self.complaints += [f"{name}-{word}: {each}" for each in found]
            if size is not NARROWEST:
                await self.picture(f"{name}-{word}")
        await self.page.set_viewport_size(own)

"""Everybody of one hybrid session: who sits at a screen, who is there without one."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from playwright.async_api import Browser
from playwright.async_api import Error as PlaywrightError

from server.headless import HeadlessMember
from tests.e2e.screens import DESKTOP, PHONE, Screen, chromium
from tests.e2e.stack import Stack

CHAIR, DEPUTY, SECRETARY = "Lò Văn Chung", "Hà Thị Mến", "Vi Thị Duyên"
SEN, LOI, THINH, XUAN, PAO = (
    "Lường Thị Sen",
    "Cầm Bá Lợi",
    "Quàng Văn Thịnh",
    "Tòng Thị Xuân",
    "Giàng A Páo",
)
WATCHER = "Tòng Thị Mai"
WITHOUT_SCREEN = (WATCHER, "Trần Thị Bích Ngọc", "Bạc Cầm Minh", "Sùng A Tủa", "Lò Thị Hoan")


# Seven pages draw their videos without a graphics card.
CALM = "--use-fake-device-for-media-stream=fps=5"


@dataclass(slots=True)
class Meeting:
    """Everybody of the session. `quiet` are there without a screen."""

    stack: Stack
    browser: Browser
    at: dict[str, Screen] = field(default_factory=dict)
    quiet: dict[str, HeadlessMember] = field(default_factory=dict)
    hall: Screen | None = None
    screens: list[Screen] = field(default_factory=list)  # also of those who have gone
    told: dict[str, Any] = field(default_factory=dict)  # to the device
    lying: bool = False  # the server's history changes under Sen's eyes

    def __getitem__(self, name: str) -> Screen:
        return self.at[name]

    @property
    def watcher(self) -> HeadlessMember:
        return self.quiet[WATCHER]

    @property
    def view(self) -> dict[str, Any]:
        return self.watcher.view

    def person(self, name: str) -> dict[str, Any]:
        return next(each for each in self.view["people"] if each["name"] == name)

    async def until(self, holds: Any, seconds: float = 30) -> None:
        await self.watcher.until(holds, seconds)

    async def until_person(self, name: str, seconds: float = 30, **facts: Any) -> None:
        def holds(view: dict[str, Any]) -> bool:
            person = next(each for each in view["people"] if each["name"] == name)
            return all(person[key] == value for key, value in facts.items())

        await self.until(holds, seconds)

    async def sit(self, name: str, size: Any) -> Screen:
        self.at[name] = screen = await Screen.open(self.stack, self.browser, name, size)
        self.screens.append(screen)
        return screen


@asynccontextmanager
async def gathered(stack: Stack) -> AsyncIterator[Meeting]:
    async with AsyncExitStack() as leaving:
        meeting = Meeting(stack, await leaving.enter_async_context(chromium(CALM)))
        for name in WITHOUT_SCREEN:
            account = await stack.account(name)
            leaving.push_async_callback(account.close)
            session = (await account.get("/api/sessions"))["sessions"][0]["id"]
            member = meeting.quiet[name] = HeadlessMember(account, session)
            leaving.push_async_callback(member.leave)
            await member.join()
        for name, size in ((CHAIR, DESKTOP), (SECRETARY, DESKTOP), (SEN, PHONE), (LOI, PHONE)):
            await (await meeting.sit(name, size)).sign_in()
        try:
            yield meeting
        except BaseException:
            for name, screen in meeting.at.items():
                with suppress(PlaywrightError):
                    await screen.picture(f"failed-{name}")
            raise


async def act_on(leader: Screen, name: str, act: str) -> None:
    """Unfolds somebody's line in the people column and presses an act."""
    people = leader.page.get_by_role("region", name="Người dự")
    line = people.get_by_role("listitem").filter(has_text=name).first
    unfold = line.get_by_role("button").first
    if await unfold.get_attribute("aria-expanded") == "false":
        await unfold.click()
    await line.get_by_role("button", name=act).click()


async def other_act(chair: Screen, act: str) -> None:
    """Presses a lawful act that is not the next step."""
    await chair.press("Việc khác")
    await chair.page.get_by_role("dialog").get_by_role("button", name=act).click()

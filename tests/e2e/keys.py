"""A person who has a keyboard and nothing else."""

from playwright.async_api import Page

FOCUSED = """() => {
  const e = document.activeElement;
  if (!e || e === document.body) return null;
  const label = e.labels?.[0]?.innerText || e.getAttribute('aria-label') || e.innerText || '';
  return label.trim().replace(/\\s+/g, ' ');
}"""
# The ring may be drawn by the element or by what is drawn around it, as the code's cells are.
RING = """() => {
  for (let e = document.activeElement, up = 0; e && up < 3; e = e.parentElement, up++) {
    for (const each of [e, ...(up ? e.querySelectorAll(':scope > *, :scope > * > *') : [])]) {
      const {outlineStyle, outlineWidth, borderTopWidth, boxShadow} = getComputedStyle(each);
      if (outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2) return true;
      if (up && (parseFloat(borderTopWidth) >= 2.5 || boxShadow !== 'none')) return true;
    }
  }
  return false;
}"""


class Keys:
    """Tab, Enter and Space on one page. What is focused must always be seen to be."""

    def __init__(self, page: Page) -> None:
        self.page = page

    async def to(self, name: str, presses: int = 80) -> None:
        """Tabs until `name` has the focus. AssertionError with what was passed."""
        passed: list[str] = []
        for _ in range(presses):
            await self.page.keyboard.press("Tab")
            label = await self.page.evaluate(FOCUSED)
            if label is None:
                continue
            passed.append(label[:40])
            if label == name or label.startswith(f"{name} "):
                assert await self.page.evaluate(RING), f"nothing shows that {name} is focused"
                return
        raise AssertionError(f"{name} is not reached by Tab: {passed}")

    async def press(self, name: str, key: str = "Enter") -> None:
        await self.to(name)
        await self.page.keyboard.press(key)

    async def fill(self, name: str, text: str) -> None:
        await self.to(name)
        await self.page.keyboard.type(text)

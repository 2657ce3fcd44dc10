"""What a critical eye objects to on a page: axe-core, overflow, cut words, small targets."""

from functools import cache
from typing import Any

from playwright.async_api import Page

from tests.e2e.stack import ROOT

SERIOUS = ("serious", "critical")
SMALL = 44  # px; the design asks for 48

AXE = """async () => {
  const found = await axe.run(document, {resultTypes: ['violations']});
  return found.violations.map(v => ({
    id: v.id, impact: v.impact, help: v.help,
    where: v.nodes.map(n => n.target.join(' ')).slice(0, 3)
  }));
}"""
# Only what lies on top is looked at: below a modal dialog nothing can be pressed.
FLAWS = """small => {
  const top = [...document.querySelectorAll('dialog[open]')].at(-1) ?? document.body;
  const found = [];
  const name = e => (e.innerText || e.getAttribute('aria-label') || e.id || '').trim()
    .replace(/\\s+/g, ' ').slice(0, 50) + ` <${e.tagName.toLowerCase()}>`;
  const seen = e => e.checkVisibility({visibilityProperty: true, opacityProperty: true});
  const wide = document.documentElement.scrollWidth - innerWidth;
  if (wide > 1) {
    const out = [...top.querySelectorAll('*')].filter(
      e => seen(e) && e.getBoundingClientRect().right > innerWidth + 1).slice(-1)[0];
    found.push(`the page is ${wide} px too wide: ${out ? name(out) : '?'}`);
  }
  for (const e of top.querySelectorAll('*')) {
    const words = [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim());
    if (!words || !seen(e) || e.clientWidth < 2) continue;
    const style = getComputedStyle(e);
    const cutX = e.scrollWidth > e.clientWidth + 1 && style.overflowX !== 'visible';
    const cutY = e.scrollHeight > e.clientHeight + 1 && style.overflowY === 'hidden';
    const scrolls = ['auto', 'scroll'].includes(style.overflowX);
    if ((cutX && !scrolls) || cutY) found.push(`cut off: ${name(e)}`);
  }
  for (const e of top.querySelectorAll('a[href], button, select, input, textarea, summary')) {
    // The bars of a timeline are as long as what they stand for; a list has them as buttons.
    if (!seen(e) || e.closest('.timeline .track')) continue;
    const target = e.closest('label') ?? e;
    const box = target.getBoundingClientRect();
    if (box.width < 2 || box.height < 2) continue;
    const inSentence = e.tagName === 'A' && getComputedStyle(e).display === 'inline';
    if (!inSentence && (box.height < small || box.width < small))
      found.push(`${Math.round(box.width)}x${Math.round(box.height)} px to press: ${name(e)}`);
  }
  return found;
}"""


@cache
def axe_source() -> str:
    return (ROOT / "web/node_modules/axe-core/axe.min.js").read_text()


async def barriers(page: Page) -> list[str]:
    """Serious and critical violations that axe-core finds."""
    await page.evaluate(axe_source())
    found: list[dict[str, Any]] = await page.evaluate(AXE)
    return [
        f"{each['id']} ({each['impact']}): {each['help']}: {', '.join(each['where'])}"
        for each in found
        if each["impact"] in SERIOUS
    ]


async def flaws(page: Page) -> list[str]:
    """What does not fit, is cut off, or is too small to press at the page's present size."""
    found: list[str] = await page.evaluate(FLAWS, SMALL)
    return found

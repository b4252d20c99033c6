"""A lookup's clicks and fields by their shortest way: aimed from our own world while the page is photographed, then done.

Playwright's own click (its helper, its two still frames) costs some 80 ms in every new document. Where anything is unusual
(out of sight, covered, moving, disabled, not plain) it is Playwright that clicks and fills.
"""

import asyncio
from typing import Any

from playwright.async_api import CDPSession, Error

from workers.browser.calls import CallRefused
from workers.browser.ownworld import OwnWorld
from workers.browser.writeguard import FORM, WriteGuard

AIM = f"""async (found) => {{
  if (found.length !== 1) return null;
  const [one] = found;
  const box = () => {{ const r = one.getClientRects()[0]; return r ? [r.x, r.y, r.width, r.height] : null; }};
  const frame = () => new Promise(requestAnimationFrame);
  const before = box();
  await frame(); await frame();
  const now = box();
  if (!before || !now || String(before) !== String(now) || !now[2] || !now[3]) return null;
  if (getComputedStyle(one).visibility !== 'visible' || one.closest(':disabled, [aria-disabled=true]')) return null;
  const x = now[0] + now[2] / 2, y = now[1] + now[3] / 2;
  if (x < 0 || y < 0 || x >= innerWidth || y >= innerHeight || !one.contains(document.elementFromPoint(x, y))) return null;
  return {{ form: ({FORM})(one), x, y }};
}}"""
"""Where to press an element that can be pressed as it stands, and the form it would send."""

FOCUS = """(found, value) => {
  if (found.length !== 1 || !(found[0] instanceof HTMLInputElement) || value === '') return null;
  const [one] = found, box = one.getBoundingClientRect();
  if (!box.width || !box.height || getComputedStyle(one).visibility !== 'visible') return null;
  if (one.readOnly || one.closest(':disabled, [aria-disabled=true]')) return null;
  const typed = ['text', 'search', 'tel', 'email'].includes(one.type);
  if (!typed && one.type !== 'date') return null;
  one.focus();
  if (document.activeElement !== one) return null;
  if (typed) { one.select(); return 'typed'; }
  one.value = value;
  if (one.value !== value) return null;
  for (const kind of ['input', 'change']) one.dispatchEvent(new Event(kind, { bubbles: true, composed: true }));
  return 'chosen';
}"""
"""A field made ready for typing over what it holds; a date is put in at once. Null: something else, or not as it should be."""


async def fill(cdp: CDPSession, world: OwnWorld, chain: list[Any], value: str) -> bool:
    """Whether the field now holds the value, typed as by a person."""
    ready = await world.ask(FOCUS, chain, value)
    if ready == "typed":
        await cdp.send("Input.insertText", {"text": value})
    return ready is not None


async def press(cdp: CDPSession, guard: WriteGuard, x: float, y: float, limit_s: float) -> None:
    """Press there; returns when what it asked for has arrived and can be read. Raises `CallRefused`.

    A page that was asked for is waited for to its end: the old one must never be read in its place.
    """
    coming: set[str] = set()
    arrived: set[str] = set()
    changed = asyncio.Event()
    main = (await cdp.send("Page.getFrameTree"))["frameTree"]["frame"]["id"]
    blocked = guard.blocked

    def asked(event: dict[str, Any]) -> None:
        if event.get("disposition") == "currentTab":
            coming.add(event["frameId"])

    def navigated(event: dict[str, Any]) -> None:
        arrived.add(event["frame"]["id"])

    def ready(_: dict[str, Any]) -> None:
        if main in arrived:
            coming.clear()  # frames of the old page went with it
            changed.set()

    def over(event: dict[str, Any]) -> None:
        if event["frameId"] != main:
            coming.discard(event["frameId"])
            changed.set()

    def within(event: dict[str, Any]) -> None:
        coming.discard(event["frameId"])
        changed.set()

    heard = {
        "Page.frameRequestedNavigation": asked,
        "Page.frameNavigated": navigated,
        "Page.domContentEventFired": ready,
        "Page.frameStoppedLoading": over,
        "Page.frameDetached": over,
        "Page.navigatedWithinDocument": within,
    }
    for name, listener in heard.items():
        cdp.on(name, listener)
    mouse = {"x": x, "y": y, "button": "left", "clickCount": 1}
    try:
        async with asyncio.timeout(limit_s):
            await asyncio.gather(
                cdp.send("Input.dispatchMouseEvent", {"type": "mouseMoved", "x": x, "y": y}),
                cdp.send("Input.dispatchMouseEvent", {"type": "mousePressed", "buttons": 1, **mouse}),
                cdp.send("Input.dispatchMouseEvent", {"type": "mouseReleased", **mouse}),
            )
            await _settled(cdp)
            while coming and guard.blocked == blocked:
                changed.clear()
                await changed.wait()
    except TimeoutError as slow:
        raise CallRefused("down", "The portal did not answer in time.") from slow
    finally:
        for name, listener in heard.items():
            cdp.remove_listener(name, listener)


async def _settled(cdp: CDPSession) -> None:
    """Answered after what the press asked for was told, or ended by the next page, which came sooner."""
    try:
        await cdp.send("Runtime.evaluate", {"expression": "0"})
    except Error as ended:
        if "navigated or closed" not in ended.message:
            raise

"""What a lookup reads from a page: texts with the place where they stood, in one look, hidden ones left out.

The function below is ours and fixed; scripts choose only the element and the shape.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from playwright.async_api import Locator

from carrier_scripts.kit import wire
from workers.browser.calls import CallRefused

READ_MS = 8_000
LONGEST_TEXT = 4_000
MOST_CELLS = 20_000

LOOK = """(roots, shape) => {
  if (shape !== 'texts' && roots.length !== 1) return { count: roots.length };
  const root = roots[0];
  let dx = 0, dy = 0, foreign = false, scroll = [0, 0];
  try {
    scroll = [window.top.scrollX, window.top.scrollY];
    for (let at = window; at !== at.top; at = at.parent) {
      const r = at.frameElement.getBoundingClientRect();
      dx += r.x + at.frameElement.clientLeft; dy += r.y + at.frameElement.clientTop;
    }
  } catch { foreign = true; }
  const box = (e) => { const r = e.getBoundingClientRect(); return [r.x + dx, r.y + dy, r.width, r.height]; };
  const shown = (e) => e.checkVisibility ? e.checkVisibility({ visibilityProperty: true }) : e.getClientRects().length > 0;
  const path = (e) => {
    const parts = [];
    for (let at = e; at && at.nodeType === 1 && parts.length < 8; at = at.parentElement) {
      if (at.id) { parts.unshift('#' + CSS.escape(at.id)); break; }
      const same = at.parentElement ? [...at.parentElement.children].filter((one) => one.localName === at.localName) : [at];
      parts.unshift(at.localName + (same.length > 1 ? `:nth-of-type(${same.indexOf(at) + 1})` : ''));
    }
    return parts.join(' > ');
  };
  const cell = (e) => [(e.innerText ?? e.textContent ?? '').trim(), path(e), box(e)];
  if (shape === 'texts') return { foreign, scroll, cells: roots.filter(shown).map(cell) };
  if (!shown(root)) return { count: 0 };
  const origin = box(root);
  if (shape === 'text') return { foreign, scroll, origin, cells: [cell(root)] };
  if (shape === 'pairs') {
    const pairs = [];
    for (const row of root.querySelectorAll('tr, [role=row]')) {
      const cells = [...row.children].filter(shown);
      if (cells.length === 2) pairs.push([cell(cells[0]), cell(cells[1])]);
    }
    for (const term of root.querySelectorAll('dt')) {
      const value = term.nextElementSibling;
      if (value && value.localName === 'dd' && shown(term)) pairs.push([cell(term), cell(value)]);
    }
    return { foreign, scroll, origin, pairs };
  }
  const isRow = (e) => e.localName === 'tr' || e.getAttribute('role') === 'row';
  const all = [...root.querySelectorAll('tr, [role=row]')].filter((e) => isRow(e) && shown(e));
  const cellsOf = (e) => [...e.querySelectorAll('th, td, [role=cell], [role=gridcell], [role=columnheader], [role=rowheader]')]
    .filter((one) => one.closest('tr, [role=row]') === e && shown(one));
  const heading = (e) => e.closest('thead') || cellsOf(e).every((one) => one.localName === 'th' || one.getAttribute('role') === 'columnheader');
  const head = all.find(heading);
  const rows = all.filter((e) => e !== head && !e.closest('tfoot')).map((e) => cellsOf(e).map(cell)).filter((r) => r.length);
  return { foreign, scroll, origin, head: head ? cellsOf(head).map(cell) : [], rows };
}"""

Raw = tuple[str, str, tuple[float, float, float, float]]
"""Text, selector, box on the page."""


Ask = Callable[[str, str], Awaitable[Any]]
"""The short way to the page: a function and the shape; None when it is not open."""


async def look(locator: Locator, shape: str, ask: Ask) -> dict[str, Any]:
    """The element in that shape; every cell is a `Raw`. One question to the page when it is there already.

    Raises `CallRefused` when there is not exactly one (`texts`: any number), Playwright's time-out when it does not come.
    """
    if shape not in wire.SHAPES:
        raise CallRefused("script_failed", f"there is no shape {shape}")
    told: dict[str, Any] = await ask(LOOK, shape) or await locator.evaluate_all(LOOK, shape)
    if told.get("count") == 0:
        await locator.first.wait_for(state="visible", timeout=READ_MS)
        told = await locator.evaluate_all(LOOK, shape)
    if "count" in told:
        raise CallRefused("unrecognised", "what the script reads is not the only one of its kind")
    dx, dy = await _offset(locator, told)
    if shape in ("text", "texts"):
        return {"cells": [_raw(one, dx, dy) for one in told["cells"]]}
    if shape == "pairs":
        return {"pairs": [(_raw(label, dx, dy), _raw(value, dx, dy)) for label, value in told["pairs"]]}
    rows = [[_raw(one, dx, dy) for one in row] for row in told["rows"]]
    if sum(len(row) for row in rows) > MOST_CELLS:
        raise CallRefused("unrecognised", "a table is larger than a lookup reads")
    return {"head": [_raw(one, dx, dy) for one in told["head"]], "rows": rows}


async def _offset(locator: Locator, told: dict[str, Any]) -> tuple[float, float]:
    """From the window to the page: how far it is scrolled, and where a frame of another origin stands (it cannot know)."""
    across, down = told["scroll"]
    if not told["foreign"] or "origin" not in told:
        return float(across), float(down)
    outer = await locator.bounding_box(timeout=READ_MS)
    return (outer["x"] - told["origin"][0], outer["y"] - told["origin"][1]) if outer else (0, 0)


def _raw(told: list[Any], dx: float, dy: float) -> Raw:
    text, selector, (x, y, w, h) = told
    return str(text)[:LONGEST_TEXT], str(selector)[:300], (x + dx, y + dy, w, h)

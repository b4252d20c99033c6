"""What a lookup reads from a page: texts with the place where they stood, in one look, hidden ones left out.

The function below is ours and fixed; scripts choose only the element and the shape.
"""

from typing import Any

from playwright.async_api import Locator

from carrier_scripts.kit import wire
from workers.browser.facade import CallRefused

READ_MS = 8_000
LONGEST_TEXT = 4_000
MOST_CELLS = 20_000

LOOK = """(root, shape) => {
  const box = (e) => { const r = e.getBoundingClientRect(); return [r.x, r.y, r.width, r.height]; };
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
  const origin = box(root);
  if (shape === 'text') return { origin, cells: [cell(root)] };
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
    return { origin, pairs };
  }
  const isRow = (e) => e.localName === 'tr' || e.getAttribute('role') === 'row';
  const all = [...root.querySelectorAll('tr, [role=row]')].filter((e) => isRow(e) && shown(e));
  const cellsOf = (e) => [...e.querySelectorAll('th, td, [role=cell], [role=gridcell], [role=columnheader], [role=rowheader]')]
    .filter((one) => one.closest('tr, [role=row]') === e && shown(one));
  const heading = (e) => e.closest('thead') || cellsOf(e).every((one) => one.localName === 'th' || one.getAttribute('role') === 'columnheader');
  const head = all.find(heading);
  const rows = all.filter((e) => e !== head && !e.closest('tfoot')).map((e) => cellsOf(e).map(cell)).filter((r) => r.length);
  return { origin, head: head ? cellsOf(head).map(cell) : [], rows };
}"""

Raw = tuple[str, str, tuple[float, float, float, float]]
"""Text, selector, box on the page."""


async def look(locator: Locator, shape: str) -> dict[str, Any]:
    """The element in that shape; every cell is a `Raw`. Raises `CallRefused` when there is not exactly one."""
    if shape not in wire.SHAPES:
        raise CallRefused("script_failed", f"there is no shape {shape}")
    if shape == "texts":
        return await _texts(locator)
    await locator.first.wait_for(state="visible", timeout=READ_MS)
    if await locator.count() != 1:
        raise CallRefused("unrecognised", "what the script reads is not the only one of its kind")
    told: dict[str, Any] = await locator.evaluate(LOOK, shape, timeout=READ_MS)
    outer = await locator.bounding_box(timeout=READ_MS)
    dx, dy = (outer["x"] - told["origin"][0], outer["y"] - told["origin"][1]) if outer else (0, 0)
    if shape == "text":
        return {"cells": [_raw(one, dx, dy) for one in told["cells"]]}
    if shape == "pairs":
        return {"pairs": [(_raw(label, dx, dy), _raw(value, dx, dy)) for label, value in told["pairs"]]}
    rows = [[_raw(one, dx, dy) for one in row] for row in told["rows"]]
    if sum(len(row) for row in rows) > MOST_CELLS:
        raise CallRefused("unrecognised", "a table is larger than a lookup reads")
    return {"head": [_raw(one, dx, dy) for one in told["head"]], "rows": rows}


async def _texts(locator: Locator) -> dict[str, Any]:
    cells = []
    for one in await locator.all():
        if await one.is_visible():
            cells += (await look(one, "text"))["cells"]
    return {"cells": cells}


def _raw(told: list[Any], dx: float, dy: float) -> Raw:
    text, selector, (x, y, w, h) = told
    return str(text)[:LONGEST_TEXT], str(selector)[:300], (x + dx, y + dy, w, h)

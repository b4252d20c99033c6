"""Native `<select>` lists: a screencast does not show them, so the viewer draws them and the choice is set here."""

from dataclasses import dataclass
from typing import Any

from playwright.async_api import CDPSession, Error

OPTIONS = 2000
DESCRIBE = """function() {
  let s = this.nodeType === 1 ? this : this.parentElement;
  s = s && s.closest ? s.closest('select') : null;
  if (!s || s.disabled || s.multiple || s.size > 1) return null;
  s.focus();
  let x = 0, y = 0, w = s.ownerDocument.defaultView;
  const r = s.getBoundingClientRect();
  while (w && w.frameElement) { const f = w.frameElement.getBoundingClientRect(); x += f.left; y += f.top; w = w.parent; }
  const label = s.labels && s.labels[0] ? s.labels[0].innerText : (s.getAttribute('aria-label') || s.name || '');
  return { x: r.left + x, y: r.top + y, w: r.width, h: r.height, label: label.trim().slice(0, 80), index: s.selectedIndex,
           options: Array.from(s.options).slice(0, OPTIONS).map(o => [o.label.slice(0, 200), o.disabled]) };
}""".replace("OPTIONS)", f"{OPTIONS})")
CHOOSE = """function(index) {
  let s = this.nodeType === 1 ? this : this.parentElement;
  s = s.closest('select');
  if (!s || !s.options[index] || s.options[index].disabled) return;
  s.selectedIndex = index;
  s.dispatchEvent(new Event('input', { bubbles: true }));
  s.dispatchEvent(new Event('change', { bubbles: true }));
}"""
FOCUSED = """(() => { let a = document.activeElement;
  while (a && a.contentDocument && a.contentDocument.activeElement) a = a.contentDocument.activeElement;
  return a && a.tagName === 'SELECT' ? a : null; })()"""
SELECTED = """(() => { let d = document, a = d.activeElement;
  while (a && a.contentDocument) { d = a.contentDocument; a = d.activeElement; }
  const secret = a && (a.type === 'password' || !['', 'none'].includes(getComputedStyle(a).webkitTextSecurity || ''));
  if (secret) return '';
  if (a && typeof a.value === 'string') {
    try { if (a.selectionEnd > a.selectionStart) return a.value.slice(a.selectionStart, a.selectionEnd).slice(0, 20000); } catch {}
  }
  return String(d.getSelection() || '').slice(0, 20000); })()"""
OPENING_KEYS = ("Enter", " ", "F4")


@dataclass
class OpenList:
    """A list the viewer shows now."""

    object_id: str
    shown: dict[str, Any]


async def at_point(cdp: CDPSession, x: float, y: float) -> OpenList | None:
    """The drop-down list under the mouse, if there is one."""
    try:
        node = await cdp.send("DOM.getNodeForLocation", {"x": int(x), "y": int(y), "ignorePointerEventsNone": True})
        found = await cdp.send("DOM.resolveNode", {"backendNodeId": node["backendNodeId"]})
    except Error:
        return None
    return await _described(cdp, found["object"].get("objectId"))


async def focused(cdp: CDPSession) -> OpenList | None:
    """The drop-down list that has the keyboard, if one has."""
    try:
        found = await cdp.send("Runtime.evaluate", {"expression": FOCUSED})
    except Error:
        return None
    return await _described(cdp, found["result"].get("objectId"))


async def selected_text(cdp: CDPSession) -> str:
    """What the mouse or the keyboard has selected in the tab, at most 20,000 characters."""
    try:
        found = await cdp.send("Runtime.evaluate", {"expression": SELECTED, "returnByValue": True})
    except Error:
        return ""
    return str(found["result"].get("value") or "")


async def choose(cdp: CDPSession, opened: OpenList, index: int) -> None:
    """Set the choice as a person would: with input and change events."""
    try:
        await cdp.send(
            "Runtime.callFunctionOn",
            {
                "objectId": opened.object_id,
                "functionDeclaration": CHOOSE,
                "arguments": [{"value": index}],
                "userGesture": True,
            },
        )
    except Error:
        return


async def _described(cdp: CDPSession, object_id: str | None) -> OpenList | None:
    if object_id is None:
        return None
    try:
        answer = await cdp.send(
            "Runtime.callFunctionOn", {"objectId": object_id, "functionDeclaration": DESCRIBE, "returnByValue": True}
        )
    except Error:
        return None
    shown = answer["result"].get("value")
    return OpenList(object_id, shown) if shown else None

"""The remote page for a screen reader: its accessibility tree as a short list, and acts on a node by its number there.

Nodes go out as [depth, role, name, number, more]; the viewer builds an off-screen tree of them. What is done there comes back
as real input at the place where the node stands, so that the portal cannot tell it from a mouse.
"""

import asyncio
from typing import Any

from playwright.async_api import CDPSession, Error

MOST_NODES, NAME_CHARACTERS, VALUE_CHARACTERS = 3000, 300, 500
PAUSE_S = 0.7
"""Between two looks: a page that changes all the time must not keep the browser busy."""
FIELDS = frozenset({"textbox", "searchbox", "spinbutton", "DateTime", "Date", "InputTime", "ColorWell"})
LEAVES = FIELDS | {
    "button",
    "link",
    "checkbox",
    "radio",
    "switch",
    "combobox",
    "listbox",
    "menuitem",
    "tab",
    "image",
    "slider",
}
GROUPS = frozenset(
    {"heading", "table", "row", "cell", "columnheader", "rowheader", "list", "listitem", "navigation", "main", "banner"}
    | {"contentinfo", "form", "region", "search", "dialog", "alert", "status", "article", "complementary", "paragraph"}
)
STATES = {"level": int, "checked": str, "expanded": bool, "disabled": bool, "required": bool, "selected": bool}
SECRET = """function() { const kind = getComputedStyle(this).webkitTextSecurity || '';
  return this.type === 'password' || !['', 'none'].includes(kind); }"""
Node = list[Any]


class Mirror:
    """One page's tree, as the viewer has it."""

    def __init__(self, cdp: CDPSession) -> None:
        self._cdp = cdp
        self._last: list[Node] = []

    async def changed(self) -> list[Node] | None:
        """The tree, when it differs from what was told last. Raises Playwright's `Error`."""
        tree = await self._cdp.send("Accessibility.getFullAXTree")
        nodes = await self._short(tree["nodes"])
        if nodes == self._last:
            return None
        self._last = nodes
        return nodes

    async def place(self, number: int) -> tuple[float, float] | None:
        """The middle of a node, scrolled into view; None when it is gone or has no place."""
        try:
            await self._cdp.send("DOM.scrollIntoViewIfNeeded", {"backendNodeId": number})
            quads = (await self._cdp.send("DOM.getContentQuads", {"backendNodeId": number}))["quads"]
        except Error:
            return None
        if not quads:
            return None
        return sum(quads[0][0::2]) / 4, sum(quads[0][1::2]) / 4

    async def fill(self, number: int, value: str) -> None:
        """Replace what a field holds, by focus, selection and typed text. Raises Playwright's `Error`."""
        await self._cdp.send("DOM.focus", {"backendNodeId": number})
        key = {"key": "a", "code": "KeyA", "modifiers": 2, "windowsVirtualKeyCode": 65}
        await self._cdp.send("Input.dispatchKeyEvent", {"type": "rawKeyDown", "commands": ["selectAll"], **key})
        await self._cdp.send("Input.dispatchKeyEvent", {"type": "keyUp", **key})
        await self._cdp.send("Input.insertText", {"text": value})

    def knows(self, number: int) -> bool:
        """Whether the viewer was told of it: nothing else may be acted on."""
        return any(node[3] == number for node in self._last)

    async def _short(self, tree: list[dict[str, Any]]) -> list[Node]:
        by_id = {node["nodeId"]: node for node in tree}
        nodes: list[Node] = []
        roots = [node for node in tree if "parentId" not in node]
        stack = [(root, 0) for root in reversed(roots)]
        while stack and len(nodes) < MOST_NODES:
            node, depth = stack.pop()
            role, name = _text(node, "role"), _text(node, "name")[:NAME_CHARACTERS]
            shown = not node.get("ignored") and (role in LEAVES or role in GROUPS or (role == "StaticText" and name))
            if shown:
                nodes.append([depth, role, name, node.get("backendDOMNodeId", 0), await self._more(node, role)])
            if role in LEAVES and shown:
                continue  # the words inside are its name, or what a field holds
            children = [by_id[one] for one in node.get("childIds", []) if one in by_id]
            stack.extend((child, depth + bool(shown)) for child in reversed(children))
        return nodes

    async def _more(self, node: dict[str, Any], role: str) -> dict[str, Any]:
        more: dict[str, Any] = {}
        for state in node.get("properties", []):
            kind = STATES.get(state["name"])
            value = state["value"].get("value")
            if kind is not None and value not in (None, False, "false"):
                more[state["name"]] = kind(value)
        value = str(node.get("value", {}).get("value") or "")[:VALUE_CHARACTERS]
        if value and role in FIELDS and await self._secret(node.get("backendDOMNodeId", 0)):
            more["secret"] = True
        elif value:
            more["value"] = value
        return more

    async def _secret(self, number: int) -> bool:
        """Whether the picture shows dots there. When in doubt, yes."""
        try:
            found = await self._cdp.send("DOM.resolveNode", {"backendNodeId": number})
            answer = await self._cdp.send(
                "Runtime.callFunctionOn",
                {"objectId": found["object"]["objectId"], "functionDeclaration": SECRET, "returnByValue": True},
            )
        except (Error, KeyError):
            return True
        return answer["result"].get("value") is not False


async def look_on(mirror: Mirror, tell: Any, changed: asyncio.Event) -> None:
    """Tell the tree now, and again after pictures changed, until cancelled."""
    while True:
        changed.clear()
        try:
            async with asyncio.timeout(2 * PAUSE_S):
                nodes = await mirror.changed()
        except (Error, TimeoutError):
            nodes = None
        if nodes is not None:
            tell({"e": "tree", "nodes": nodes})
        await asyncio.sleep(PAUSE_S)
        await changed.wait()


def _text(node: dict[str, Any], part: str) -> str:
    return str(node.get(part, {}).get("value") or "")

"""What a screen reader needs of a page and of its frames, those of other hosts too: one list of nodes, none with a secret's value."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from playwright.async_api import BrowserContext, CDPSession, Error, Frame, Page

from workers.browser.ownworld import WORLD

MOST_NODES, NAME_CHARACTERS, VALUE_CHARACTERS = 3000, 300, 500
LEFT_OUT = "The rest of this page is left out here."
FIELDS = frozenset({"textbox", "searchbox", "spinbutton", "DateTime", "Date", "InputTime", "ColorWell"})
ASKED = FIELDS | {"combobox", "listbox", "slider"}
"""Roles whose element says itself what it holds, and whether that is secret."""
LEAVES = FIELDS | {
    "button",
    "link",
    "checkbox",
    "radio",
    "switch",
    "combobox",
    "menuitem",
    "menuitemcheckbox",
    "menuitemradio",
    "option",
    "tab",
    "treeitem",
    "image",
    "slider",
    "progressbar",
    "meter",
}
GROUPS = frozenset(
    {"heading", "table", "grid", "row", "cell", "gridcell", "columnheader", "rowheader", "caption", "list", "listitem"}
    | {"navigation", "main", "banner", "contentinfo", "form", "region", "search", "dialog", "alertdialog", "article"}
    | {"complementary", "paragraph", "group", "radiogroup", "tablist", "listbox", "Iframe"}
    | {"alert", "status", "log", "timer", "marquee"}
)
SAME = {"grid": "table", "gridcell": "cell", "menuitemcheckbox": "checkbox", "menuitemradio": "radio"}
WITHIN = {"option": "listbox", "tab": "tablist"}
"""Roles that mean something only inside another; elsewhere they are buttons."""
UNNAMED = frozenset({"group", "Iframe"})
"""Groups that are worth telling only by a name."""
SKIPPED = frozenset({"ListMarker", "InlineTextBox", "LineBreak"})
STATES = {
    "level": int,
    "checked": str,
    "pressed": str,
    "expanded": bool,
    "selected": bool,
    "disabled": bool,
    "required": bool,
    "readonly": bool,
    "multiline": bool,
    "busy": bool,
    "invalid": str,
}
TOLD_FALSE = frozenset({"checked", "pressed", "expanded", "selected"})
"""States whose absence says something else than their being off."""
LOOK_INSIDE = """(...all) => all.map((one) => {
  if (!(one instanceof Element)) return { secret: true };
  const dots = getComputedStyle(one).webkitTextSecurity || 'none', input = one instanceof HTMLInputElement;
  if (one.type === 'password' || dots !== 'none') return { secret: true, filled: Boolean(one.value) };
  if (one instanceof HTMLSelectElement) return { multiple: one.multiple, options: [...one.options].slice(0, 500)
    .map((option) => [option.label.slice(0, 200), option.selected, option.disabled || Boolean(option.parentElement.disabled)]) };
  const told = { kind: input ? one.type : one.localName };
  if (typeof one.value === 'string') told.value = one.value;
  if (input) for (const what of ['min', 'max', 'step']) if (one[what]) told[what] = one[what];
  return told;
})"""
GROUP = "portunus-mirror"
Key = tuple[str, str, str]


@dataclass
class Process:
    """What of the page runs in one process: the page itself, or a frame of another site with what stands in it."""

    cdp: CDPSession
    frame: Frame | None
    """None: the page itself."""
    heard: bool = False


@dataclass
class Spot:
    """Where a node is: its process, its frame, its number there."""

    process: Process
    frame: str
    backend: int


@dataclass
class Node:
    """One node. `kids` are its children among the nodes that are told."""

    key: Key
    spot: Spot
    role: str
    name: str
    more: dict[str, Any] = field(default_factory=dict)
    kids: list["Node"] = field(default_factory=list)


@dataclass
class _Document:
    process: Process
    frame: str
    loader: str
    owner: int
    """The element in the document above that it stands in; 0: the page itself."""
    nodes: dict[str, dict[str, Any]]


class Reader:
    """Of one page. It listens for changes only while it is used."""

    def __init__(self, context: BrowserContext, page: Page, cdp: CDPSession, changed: asyncio.Event) -> None:
        self._context, self._page, self._changed = context, page, changed
        self._own = Process(cdp, None)
        self._others: dict[Frame, Process] = {}

    async def read(self) -> tuple[Node, Node | None]:
        """The page's root, and the node that has its focus. Raises Playwright's `Error`."""
        documents = await self._documents()
        if not documents:
            raise Error("the page has no document")
        inside = {(id(one.process), one.owner): one for one in documents[1:] if one.process is documents[0].process}
        inside |= await self._of_other_processes(documents)
        root, asked, focus = _joined(documents[0], inside)
        await asyncio.gather(*(_ask(nodes) for nodes in asked))
        return root, focus

    async def offset(self, process: Process) -> tuple[float, float]:
        """Where a process's picture begins in the page's. Raises Playwright's `Error`."""
        if process.frame is None:
            return 0.0, 0.0
        above, owner = await self._owner(process)
        x, y = await self.offset(above)
        box = (await above.cdp.send("DOM.getBoxModel", {"backendNodeId": owner}))["model"]["content"]
        return x + box[0], y + box[1]

    async def stop(self) -> None:
        """Listen no more."""
        for process in (self._own, *self._others.values()):
            await _quietly(process.cdp, "Accessibility.disable")
            if process.frame is not None:
                await _detached(process.cdp)
        self._others.clear()

    async def _documents(self) -> list[_Document]:
        """The page's own first."""
        await self._meet()
        found = await asyncio.gather(*(self._of(process) for process in (self._own, *self._others.values())))
        return [one for documents in found for one in documents]

    async def _meet(self) -> None:
        """Frames come and go, and move to another process when they go to another site."""
        frames = self._page.frames[1:]
        for gone in [one for one in self._others if one not in frames]:
            del self._others[gone]
        for frame in frames:
            if frame not in self._others:
                try:
                    self._others[frame] = Process(await self._context.new_cdp_session(frame), frame)
                except Error:
                    continue  # it is the process of the frame above

    async def _of(self, process: Process) -> list[_Document]:
        try:
            if not process.heard:
                process.cdp.on("Accessibility.nodesUpdated", lambda _: self._changed.set())
                process.cdp.on("Accessibility.loadComplete", lambda _: self._changed.set())
                await process.cdp.send("Accessibility.enable")
                process.heard = True
            tree = (await process.cdp.send("Page.getFrameTree"))["frameTree"]
        except Error:
            if process.frame is None:
                raise
            self._others.pop(process.frame, None)
            return []
        documents = []
        for frame, top in _frames(tree):
            try:
                nodes = (await process.cdp.send("Accessibility.getFullAXTree", {"frameId": frame["id"]}))["nodes"]
                owner = 0 if top else await _owner_of(process, frame["id"])
            except Error:
                continue  # it went away meanwhile
            by_id = {node["nodeId"]: node for node in nodes}
            documents.append(_Document(process, frame["id"], frame["loaderId"], owner, by_id))
        now = (await process.cdp.send("Page.getFrameTree"))["frameTree"]
        loaders = {frame["id"]: frame["loaderId"] for frame, _ in _frames(now)}
        if any(loaders.get(one.frame) != one.loader for one in documents):
            raise Error("the page went on meanwhile")  # its nodes would get another document's numbers
        return documents

    async def _of_other_processes(self, documents: list[_Document]) -> dict[tuple[int, int], _Document]:
        found = {}
        for document in documents:
            process = document.process
            if process.frame is None:
                continue
            if document.owner:
                found[id(process), document.owner] = document
                continue
            try:
                above, owner = await self._owner(process)
            except Error:
                continue
            found[id(above), owner] = document
        return found

    async def _owner(self, process: Process) -> tuple[Process, int]:
        """The element that a process's frame stands in, and the process of that element."""
        frame = (await process.cdp.send("Page.getFrameTree"))["frameTree"]["frame"]["id"]
        for above in (self._own, *self._others.values()):
            if above is not process:
                try:
                    return above, await _owner_of(above, frame)
                except Error:
                    continue
        raise Error("a frame stands nowhere")


def _joined(
    top: _Document, inside: dict[tuple[int, int], _Document]
) -> tuple[Node, list[list[tuple[_Document, Node]]], Node | None]:
    """The documents as one tree; the nodes to be asked, by document; the one with the focus."""
    root = Node(("", "", ""), Spot(top.process, top.frame, 0), "root", "")
    asked: dict[str, list[tuple[_Document, Node]]] = {}
    focused: dict[str, Node | _Document] = {}
    stack = [(top, one, root, "") for one in reversed(_roots(top))]
    keys: set[Key] = set()
    while stack:
        document, raw, above, live = stack.pop()
        if len(keys) >= MOST_NODES:
            root.kids.append(Node(("", "", "rest"), root.spot, "StaticText", LEFT_OUT))
            break
        role, states = _text(raw, "role"), {one["name"]: one["value"].get("value") for one in raw.get("properties", [])}
        backend = int(raw.get("backendDOMNodeId", 0))
        below = inside.get((id(document.process), backend)) if role.startswith("Iframe") else None
        here, now = above, str(states.get("live", "off"))
        if states.get("focused") and below is not None:
            focused[document.frame] = below
        if _told(raw, role, now not in (live, "off")):
            kind = SAME.get(role, role)
            if role in WITHIN and above.role != WITHIN[role]:
                kind = "button"
            if kind not in LEAVES and kind not in GROUPS and kind != "StaticText":
                kind = "group"
            key = (document.frame, document.loader, f"{kind} {backend or raw['nodeId']}")
            while key in keys:  # words that a style puts before an element have its number
                key = (*key[:2], f"{key[2]}+")
            keys.add(key)
            here = Node(
                key, Spot(document.process, document.frame, backend), kind, _text(raw, "name")[:NAME_CHARACTERS]
            )
            here.more = _more(raw, role, states)
            if now not in (live, "off") and kind not in ("alert", "status", "log", "timer", "marquee"):
                here.more["live"] = now
            above.kids.append(here)
            if role in ASKED:
                asked.setdefault(document.frame, []).append((document, here))
            if states.get("focused") and role in LEAVES:
                focused[document.frame] = here
        if below is not None:
            stack.extend((below, one, here, now) for one in reversed(_roots(below)))
        elif here is above or role not in LEAVES:  # a leaf's words inside are its name, or what it holds
            kids = [document.nodes[one] for one in raw.get("childIds", []) if one in document.nodes]
            stack.extend((document, one, here, now) for one in reversed(kids))
    held: Node | _Document | None = focused.get(top.frame)
    while isinstance(held, _Document):
        held = focused.get(held.frame)
    return root, list(asked.values()), held


def _told(raw: dict[str, Any], role: str, lives: bool) -> bool:
    if raw.get("ignored") or role in SKIPPED:
        return False
    if role in UNNAMED:
        return lives or bool(_text(raw, "name"))
    return lives or role in LEAVES or role in GROUPS or (role == "StaticText" and bool(_text(raw, "name")))


def _more(raw: dict[str, Any], role: str, states: dict[str, Any]) -> dict[str, Any]:
    more: dict[str, Any] = {}
    for name, kind in STATES.items():
        value = states.get(name)
        if value is not None and (name in TOLD_FALSE or value not in (False, "false", "")):
            more[name] = kind(value)
    if "valuetext" in states and role == "slider":
        more["words"] = str(states["valuetext"])[:NAME_CHARACTERS]
    if states.get("hasPopup"):
        more["popup"] = True
    if role in ("progressbar", "meter"):
        more["value"] = str(states.get("valuetext") or raw.get("value", {}).get("value") or "")[:NAME_CHARACTERS]
    if said := _text(raw, "description")[:NAME_CHARACTERS]:
        more["description"] = said
    return more


async def _ask(nodes: list[tuple[_Document, Node]]) -> None:
    """What fields of one document hold, in one question to a world of our own; a field that does not answer counts as secret."""
    cdp, frame = nodes[0][0].process.cdp, nodes[0][0].frame
    try:
        world = await cdp.send("Page.createIsolatedWorld", {"frameId": frame, "worldName": WORLD})
        context = world["executionContextId"]
        objects = await asyncio.gather(*(_resolved(cdp, node.spot.backend, context) for _, node in nodes))
        asked = [node for (_, node), one in zip(nodes, objects, strict=True) if one]
        for (_, node), one in zip(nodes, objects, strict=True):
            if not one:
                node.more["secret"] = True
        answer = await cdp.send(
            "Runtime.callFunctionOn",
            {
                "functionDeclaration": LOOK_INSIDE,
                "executionContextId": context,
                "arguments": [{"objectId": one} for one in objects if one],
                "returnByValue": True,
            },
        )
        told = answer["result"]["value"]
    except (Error, KeyError):
        asked, told = [node for _, node in nodes], [{"secret": True}] * len(nodes)
    finally:
        await _quietly(cdp, "Runtime.releaseObjectGroup", objectGroup=GROUP)
    for node, one in zip(asked, told, strict=True):
        if "value" in one:
            one["value"] = one["value"][:VALUE_CHARACTERS]
        node.more |= {name: value for name, value in one.items() if value not in ("", False)}


async def _resolved(cdp: CDPSession, backend: int, context: int) -> str | None:
    try:
        told = await cdp.send(
            "DOM.resolveNode", {"backendNodeId": backend, "executionContextId": context, "objectGroup": GROUP}
        )
    except Error:
        return None
    return str(told["object"].get("objectId", "")) or None


async def run_on(spot: Spot, function: str, *args: Any) -> None:
    """A function (fixed, ours) on one element, in a world of our own. Raises Playwright's `Error`."""
    cdp = spot.process.cdp
    world = await cdp.send("Page.createIsolatedWorld", {"frameId": spot.frame, "worldName": WORLD})
    one = await _resolved(cdp, spot.backend, world["executionContextId"])
    if one is None:
        return
    told = {"objectId": one, "functionDeclaration": function, "arguments": [{"value": each} for each in args]}
    await cdp.send("Runtime.callFunctionOn", {**told, "userGesture": True})
    await _quietly(cdp, "Runtime.releaseObjectGroup", objectGroup=GROUP)


async def _owner_of(process: Process, frame: str) -> int:
    return int((await process.cdp.send("DOM.getFrameOwner", {"frameId": frame}))["backendNodeId"])


def _frames(tree: dict[str, Any], top: bool = True) -> list[tuple[dict[str, Any], bool]]:
    below = [one for child in tree.get("childFrames", []) for one in _frames(child, top=False)]
    return [(tree["frame"], top), *below]


def _roots(document: _Document) -> list[dict[str, Any]]:
    return [one for one in document.nodes.values() if one.get("parentId") not in document.nodes]


def _text(node: dict[str, Any], part: str) -> str:
    return str(node.get(part, {}).get("value") or "")


async def _quietly(cdp: CDPSession, method: str, **told: Any) -> None:
    try:
        await cdp.send(method, told)
    except Error:
        return


async def _detached(cdp: CDPSession) -> None:
    try:
        await cdp.detach()
    except Error:
        return

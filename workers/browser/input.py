"""The viewer's hands on the page: mouse, wheel, keys and text, in order, within limits; keys are never left pressed."""

import contextlib
import re
from collections import deque
from typing import Any

from playwright.async_api import CDPSession, Error

from workers.browser.tasks import keep

BUTTONS = {0: "left", 1: "middle", 2: "right"}
HELD = {0: 1, 1: 4, 2: 2}
EVENTS_PER_S = 500
TEXT_CHARACTERS = 20_000
WIDEST = 10_000
ALT, CONTROL, META, SHIFT = 1, 2, 4, 8
BLOCKED_WITH_CONTROL = frozenset("jnopstuw")
"""Browser commands (downloads, new window, open, print, save, tab, source, close): nothing of ours should answer them."""
BLOCKED_KEYS = frozenset({"F1", "F3", "F5", "F6", "F10", "F11", "F12", "ContextMenu"})
ON_RECORD = "the portal's browser has no tools and pages of its own here, so that everything in it is on record."
WHY = {
    "s": "pages are not saved to a disk. Print keeps this one as a PDF.",
    "o": "files of the machine are not opened in the portal. Drop one on the page, or use the page's own upload.",
}
"""Why a command is blocked, when there is more to say than `ON_RECORD`."""


class BadInput(ValueError):
    """The viewer sent something that no viewer of ours sends."""


class Hands:
    """Input for one tab."""

    def __init__(self, cdp: CDPSession) -> None:
        self._cdp = cdp
        self._buttons = 0
        self._keys: dict[str, dict[str, Any]] = {}
        self._at = (0.0, 0.0)
        self._dragged: dict[str, Any] | None = None
        """What a drag of the page itself carries: while it lasts the page hears of the drag, not of the mouse."""
        self._recent: deque[float] = deque(maxlen=EVENTS_PER_S)

    async def start(self) -> None:
        """Drags of the page are ours to carry on: this browser has no screen to drag over. Raises Playwright's `Error`."""
        self._cdp.on("Input.dragIntercepted", self._drag_begun)
        await self._cdp.send("Input.setInterceptDrags", {"enabled": True})

    def too_fast(self, now: float) -> bool:
        """Whether this event is beyond 500 in the last second; it is then dropped."""
        flooded = len(self._recent) == EVENTS_PER_S and now - self._recent[0] < 1
        if not flooded:
            self._recent.append(now)
        return flooded

    def mouse(self, event: dict[str, Any]) -> None:
        """`k` is move, down, up or wheel; x and y are page pixels. Raises `BadInput`."""
        kind, x, y = event["k"], _number(event["x"]), _number(event["y"])
        self._at = (x, y)
        told: dict[str, Any] = {"x": x, "y": y, "modifiers": _modifiers(event)}
        if kind == "wheel":
            self._send(
                "Input.dispatchMouseEvent",
                {**told, "type": "mouseWheel", "deltaX": _number(event["dx"]), "deltaY": _number(event["dy"])},
            )
            return
        if kind == "move" and self._dragged is not None:
            self._drag("dragOver", told["modifiers"])
            return
        if kind == "move":
            dragging = next((BUTTONS[one] for one, held in HELD.items() if self._buttons & held), "none")
            self._send(  # without its button a move selects nothing
                "Input.dispatchMouseEvent",
                {**told, "type": "mouseMoved", "button": dragging, "buttons": self._buttons},
            )
            return
        button = int(event.get("b", 0))
        if kind not in ("down", "up") or button not in BUTTONS:
            raise BadInput("mouse")
        self._buttons = self._buttons | HELD[button] if kind == "down" else self._buttons & ~HELD[button]
        if self._dragged is not None and kind == "up" and not self._buttons & HELD[0]:
            self._drop(told["modifiers"])
            return
        told |= {"button": BUTTONS[button], "buttons": self._buttons, "clickCount": min(int(event.get("c", 1)), 3)}
        self._send("Input.dispatchMouseEvent", {**told, "type": "mousePressed" if kind == "down" else "mouseReleased"})

    def key(self, event: dict[str, Any]) -> str | None:
        """A key by its `key` and `code`, as the viewer's layout has them; why not, when it is blocked. Raises `BadInput`."""
        kind, key, code = event["k"], str(event["key"])[:32], str(event["code"])[:32]
        modifiers = _modifiers(event)
        command = _letter(key, code)
        if _blocked(command, modifiers):
            return (
                f"Portunus blocks {_chord(command, modifiers)}: {WHY.get(command.lower(), ON_RECORD)}"
                if kind == "down"
                else None
            )
        if kind not in ("down", "up"):
            raise BadInput("key")
        if self._dragged is not None and key == "Escape":
            self._end_drag()
            return None
        told: dict[str, Any] = {
            "type": "keyUp" if kind == "up" else "keyDown",
            "key": key,
            "code": code,
            "modifiers": modifiers,
            "windowsVirtualKeyCode": int(event.get("kc", 0)) & 0xFFFF,
            "autoRepeat": bool(event.get("r")),
        }
        prints = kind == "down" and len(key) == 1 and not modifiers & (CONTROL | META | ALT)
        if prints or (kind == "down" and key == "Enter"):
            told["text"] = told["unmodifiedText"] = "\r" if key == "Enter" else key
        elif kind == "down":
            told["type"] = "rawKeyDown"
            if modifiers & (CONTROL | META) and command.lower() in EDITING:
                told["commands"] = [EDITING[command.lower()]]
        if kind == "down":
            self._keys[code] = told
        else:
            self._keys.pop(code, None)
        self._send("Input.dispatchKeyEvent", told)
        return None

    def text(self, event: dict[str, Any]) -> None:
        """Composed or pasted text."""
        self._send("Input.insertText", {"text": str(event["v"])[:TEXT_CHARACTERS]})

    def release_all(self) -> None:
        """The viewer lost the focus or is gone: nothing stays pressed."""
        self._end_drag()
        for told in list(self._keys.values()):
            self._send("Input.dispatchKeyEvent", {"type": "keyUp", "key": told["key"], "code": told["code"]})
        self._keys.clear()
        for button, held in HELD.items():
            if self._buttons & held:
                x, y = self._at
                self._send(
                    "Input.dispatchMouseEvent",
                    {"type": "mouseReleased", "x": x, "y": y, "button": BUTTONS[button], "clickCount": 1},
                )
        self._buttons = 0

    def _drag_begun(self, told: dict[str, Any]) -> None:
        self._dragged = told["data"]
        self._drag("dragEnter")
        if not self._buttons & HELD[0]:  # let go before the browser had said so
            self._drop()

    def _drop(self, modifiers: int = 0) -> None:
        self._drag("dragOver", modifiers)
        self._drag("drop", modifiers)
        self._dragged = None

    def _end_drag(self) -> None:
        """Nothing is dropped."""
        if self._dragged is not None:
            self._drag("dragCancel")
            self._dragged = None
            self._buttons &= ~HELD[0]

    def _drag(self, kind: str, modifiers: int = 0) -> None:
        x, y = self._at
        told = {"type": kind, "x": x, "y": y, "data": self._dragged, "modifiers": modifiers}
        self._send("Input.dispatchDragEvent", told)

    def _send(self, method: str, params: dict[str, Any]) -> None:
        """Sent at once and in order; nobody waits for the answer."""
        keep(self._quietly(method, params), method)

    async def _quietly(self, method: str, params: dict[str, Any]) -> None:
        with contextlib.suppress(Error):
            await self._cdp.send(method, params)


LETTER = re.compile(r"Key[A-Z]")
EDITING = {"a": "selectAll", "c": "copy", "x": "cut", "z": "undo", "y": "redo"}


def _letter(key: str, code: str) -> str:
    """What a command goes by: the key where it writes Latin, else its place, as on Cyrillic, Greek and Hebrew keyboards."""
    return code.removeprefix("Key") if len(key) == 1 and not key.isascii() and LETTER.fullmatch(code) else key


def _blocked(key: str, modifiers: int) -> bool:
    if key in BLOCKED_KEYS or (modifiers & ALT and key in ("F4", "ArrowLeft", "ArrowRight", "Home")):
        return True
    commanding = modifiers & (CONTROL | META)
    if commanding and modifiers & SHIFT and key.lower() in ("i", "j", "c", "k"):
        return True
    return bool(commanding) and key.lower() in BLOCKED_WITH_CONTROL


def _chord(key: str, modifiers: int) -> str:
    held = [
        name for bit, name in ((CONTROL, "Ctrl"), (META, "Meta"), (ALT, "Alt"), (SHIFT, "Shift")) if modifiers & bit
    ]
    return "+".join([*held, key.upper() if len(key) == 1 else key])


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not -WIDEST <= value <= WIDEST:
        raise BadInput("number")
    return float(value)


def _modifiers(event: dict[str, Any]) -> int:
    return int(event.get("m", 0)) & 15

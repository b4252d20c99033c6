"""What came of the holder's own press, and what the portal did by itself: files it sends, and when it last heard from her."""

import asyncio

from playwright.async_api import Download, Error, Request

from workers.browser.live import LiveSession

PRESSED_S = 10.0
"""What begins within so long after a press (a click, a key, an answer; no mere move of the mouse) came of it."""
LET_S = 120.0
"""For so long files may come by themselves once she said so: some reports take a minute, and are sent when they are done."""
MOVES = frozenset({"move", "wheel"})
HEARD = frozenset({"document", "xhr", "fetch"})
"""Requests that a portal takes for somebody's doing; pictures and styles are none."""
MOST_BEGUN = 100


def watch(live: LiveSession) -> None:
    """Note what the pages ask for, and whether by hand."""
    live.context.on("request", lambda request: _requested(live, request))


def did(live: LiveSession, kind: str, how: str | None) -> None:
    """The holder did this: a message of hers, and the `k` of one about the mouse."""
    now = asyncio.get_running_loop().time()
    live.hand_at = now
    if kind != "mouse" or how not in MOVES:
        live.pressed_at = now


def let_files_come(live: LiveSession) -> None:
    """For a while a file may come by itself."""
    live.lets_until = asyncio.get_running_loop().time() + LET_S


def asked_for(live: LiveSession, download: Download) -> bool:
    """Whether this file was asked for by hand: its request began soon after a press, however long its answer took."""
    now = asyncio.get_running_loop().time()
    return live.begun.pop(download.url, _by_hand(live)) or now < live.lets_until


def _requested(live: LiveSession, request: Request) -> None:
    by_hand = _by_hand(live)
    try:
        if request.redirected_from is not None:
            by_hand = by_hand or live.begun.get(request.redirected_from.url, False)
        if request.is_navigation_request():
            live.begun[request.url] = by_hand
            while len(live.begun) > MOST_BEGUN:
                del live.begun[next(iter(live.begun))]
        if by_hand and request.resource_type in HEARD:
            live.heard_at = asyncio.get_running_loop().time()
    except Error:
        return  # of a page that is gone


def _by_hand(live: LiveSession) -> bool:
    return asyncio.get_running_loop().time() - live.pressed_at <= PRESSED_S

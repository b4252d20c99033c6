"""HTTP authentication: the server asks the browser for a name and a password. A person answers, and for herself alone.

Found by its 401, so a tab in which nobody is asked costs nothing. What she types goes to the browser and is recorded nowhere; the
browser remembers it until `forget`, which comes before the next person.
"""

import asyncio
import contextlib
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import CDPSession, Error, Frame, Page, Response

from workers.browser.closing import closed
from workers.browser.live import LiveSession, Tab
from workers.browser.recorder import Recorder
from workers.browser.tasks import keep, seen_through

SCHEMES = ("basic", "digest")
REALM = re.compile(r'realm="([^"]*)"', re.IGNORECASE)
REALM_CHARACTERS = 80
FORGET_S = 10.0


@dataclass(frozen=True)
class Challenge:
    """A page that wants a name and a password before it shows itself."""

    frame: Frame
    url: str
    realm: str
    again: bool
    """What was typed before was wrong."""

    def shown(self) -> dict[str, Any]:
        """For the viewer and the recording."""
        host = urlsplit(self.url).hostname or ""
        return {"e": "auth", "host": host, "realm": self.realm, "again": self.again}


def watch(live: LiveSession, page: Page) -> None:
    """Notice when a document of this page is refused for want of a name and a password."""
    page.on("response", lambda response: _document(live, page, response))


def _document(live: LiveSession, page: Page, response: Response) -> None:
    try:
        if not response.request.is_navigation_request():
            return
        frame = response.frame
    except Error:
        return
    tab = next((one for one in live.tabs if one.page is page), None)
    if tab is None:
        return
    if response.status == 401:
        keep(_asked(live, tab, frame, response), "a page asks for a name")
    elif tab.challenge is not None and (frame is tab.challenge.frame or frame == page.main_frame):
        tab.challenge, tab.answered = None, ""


async def _asked(live: LiveSession, tab: Tab, frame: Frame, response: Response) -> None:
    try:
        words = await response.header_value("www-authenticate") or ""
    except Error:
        return
    if words.partition(" ")[0].lower() not in SCHEMES:
        return
    realm = REALM.search(words)
    plain = "".join(one for one in (realm.group(1) if realm else "") if one.isprintable())
    again, tab.answered = tab.answered == response.url, ""
    tab.challenge = Challenge(frame, response.url, plain[:REALM_CHARACTERS], again)
    live.tell("challenge")


@dataclass
class _Answer:
    """What one person typed for one page, while the browser may ask for it."""

    live: LiveSession
    cdp: CDPSession
    challenge: Challenge
    name: str = field(repr=False)
    password: str = field(repr=False)
    recorder: Recorder | None
    """Of the holder's time in which she typed it."""
    given: set[str] = field(default_factory=set)
    """Requests that had it already: a server that asks them again does not want it."""

    async def go_on(self, paused: dict[str, Any]) -> None:
        with contextlib.suppress(Error):
            await self.cdp.send("Fetch.continueRequest", {"requestId": paused["requestId"]})

    async def give(self, asked: dict[str, Any]) -> None:
        request, answered = asked["requestId"], {"response": "CancelAuth"}
        if self._is_meant(asked["authChallenge"]) and request not in self.given:
            self.given.add(request)
            self.live.answered.add(asked["request"]["url"])
            answered = {"response": "ProvideCredentials", "username": self.name, "password": self.password}
        await _say(self.cdp, request, answered)

    def _is_meant(self, told: dict[str, Any]) -> bool:
        """Whether it is for this server, and still for the person who typed it."""
        one, other = urlsplit(str(told.get("origin", ""))), urlsplit(self.challenge.url)
        same = told.get("source") != "Proxy" and (one.scheme, one.netloc) == (other.scheme, other.netloc)
        return same and self.live.recorder is self.recorder


async def answer(live: LiveSession, tab: Tab, name: str, password: str) -> None:
    """Ask for the page again, with these; used once, for its own server alone."""
    challenge, tab.challenge = tab.challenge, None
    if challenge is None:
        return
    tab.answered, recorder = challenge.url, live.recorder
    try:
        try:  # a frame of another host has a session of its own; the page's own frames have none
            cdp = await live.new_cdp(challenge.frame)
        except Error:
            cdp = await live.new_cdp(tab.page)
    except Error:
        return
    typed = _Answer(live, cdp, challenge, name, password, recorder)
    cdp.on("Fetch.requestPaused", lambda paused: keep(typed.go_on(paused), "go on"))
    cdp.on("Fetch.authRequired", lambda asked: keep(typed.give(asked), "give"))
    origin = "{0.scheme}://{0.netloc}/*".format(urlsplit(challenge.url))
    with contextlib.suppress(Error):
        await cdp.send("Fetch.enable", {"patterns": [{"urlPattern": origin}], "handleAuthRequests": True})
        if challenge.frame == tab.page.main_frame:
            await tab.page.reload(wait_until="commit")
        else:
            await challenge.frame.goto(challenge.url, wait_until="commit")
    with contextlib.suppress(Error):
        await cdp.detach()


async def forget(live: LiveSession) -> bool:
    """Before the next person: nothing is opened with what this one typed. False: the browser may still give it.

    Chromium keeps a name and a password while their context lives and has no command against it, but drops what their server
    refuses. So each page is asked for once more with an empty `Authorization`, which is no wrong try there.
    """
    if not live.answered:
        return True
    live.hiding += 1
    page: Page | None = None
    try:
        async with asyncio.timeout(FORGET_S):
            page = await live.context.new_page()
            cdp = await live.new_cdp(page)
            await cdp.send("Network.clearBrowserCache")  # what she was shown for it
            for url in sorted(live.answered):
                if not await _refused(cdp, page, url):
                    return False
                live.answered.discard(url)
    except (Error, TimeoutError):
        return False
    finally:
        for tab in live.tabs:
            tab.challenge, tab.answered = None, ""
        if page is not None:
            live.hidden.discard(page)
            await seen_through(closed(page), "close an empty page")
    return True


async def _refused(cdp: CDPSession, page: Page, url: str) -> bool:
    """Whether the server asks for a name here and the browser has none to give any more."""
    wanted = False

    async def without_name(paused: dict[str, Any]) -> None:
        headers = [*paused["request"]["headers"].items(), ("Authorization", "")]
        told = [{"name": name, "value": value} for name, value in headers]
        with contextlib.suppress(Error):
            await cdp.send("Fetch.continueRequest", {"requestId": paused["requestId"], "headers": told})

    async def leave(asked: dict[str, Any]) -> None:
        nonlocal wanted
        wanted = wanted or asked["request"]["url"] == url
        await _say(cdp, asked["requestId"], {"response": "CancelAuth"})

    def paused(event: dict[str, Any]) -> None:
        keep(without_name(event), "ask without a name")

    def asked(event: dict[str, Any]) -> None:
        keep(leave(event), "leave a server unanswered")

    cdp.on("Fetch.requestPaused", paused)
    cdp.on("Fetch.authRequired", asked)
    await cdp.send("Fetch.enable", {"patterns": [{"urlPattern": "*"}], "handleAuthRequests": True})
    with contextlib.suppress(Error):  # some Chromiums show no page for a 401
        await page.goto(url, wait_until="commit")
    await cdp.send("Fetch.disable")
    cdp.remove_listener("Fetch.requestPaused", paused)
    cdp.remove_listener("Fetch.authRequired", asked)
    return wanted


async def _say(cdp: CDPSession, request_id: str, answered: dict[str, str]) -> None:
    with contextlib.suppress(Error):
        await cdp.send("Fetch.continueWithAuth", {"requestId": request_id, "authChallengeResponse": answered})

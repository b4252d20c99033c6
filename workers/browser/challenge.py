"""HTTP authentication: the server asks the browser for a name and a password. A person answers, each time; nothing is kept.

Found by its 401, so a tab in which nobody is asked costs nothing. What she types goes to the browser and is recorded nowhere.
"""

import contextlib
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import CDPSession, Error, Frame, Page, Response

from workers.browser.live import LiveSession, Tab
from workers.browser.tasks import keep

SCHEMES = ("basic", "digest")
REALM = re.compile(r'realm="([^"]*)"', re.IGNORECASE)
REALM_CHARACTERS = 80


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


async def answer(live: LiveSession, tab: Tab, name: str, password: str) -> None:
    """Ask for the page again, with these; used once, for its own server alone."""
    challenge, tab.challenge = tab.challenge, None
    if challenge is None:
        return
    tab.answered = challenge.url
    try:
        try:  # a frame of another host has a session of its own; the page's own frames have none
            cdp = await live.new_cdp(challenge.frame)
        except Error:
            cdp = await live.new_cdp(tab.page)
    except Error:
        return
    given: set[str] = set()
    cdp.on("Fetch.requestPaused", lambda paused: keep(_go_on(cdp, paused["requestId"]), "go on"))
    cdp.on("Fetch.authRequired", lambda asked: keep(_give(cdp, asked, challenge, given, name, password), "give"))
    origin = "{0.scheme}://{0.netloc}/*".format(urlsplit(challenge.url))
    with contextlib.suppress(Error):
        await cdp.send("Fetch.enable", {"patterns": [{"urlPattern": origin}], "handleAuthRequests": True})
        if challenge.frame == tab.page.main_frame:
            await tab.page.reload(wait_until="commit")
        else:
            await challenge.frame.goto(challenge.url, wait_until="commit")
    with contextlib.suppress(Error):
        await cdp.detach()


async def _go_on(cdp: CDPSession, request_id: str) -> None:
    with contextlib.suppress(Error):
        await cdp.send("Fetch.continueRequest", {"requestId": request_id})


async def _give(
    cdp: CDPSession, asked: dict[str, Any], challenge: Challenge, given: set[str], name: str, password: str
) -> None:
    told = asked["authChallenge"]
    one, other = urlsplit(str(told.get("origin", ""))), urlsplit(challenge.url)
    ours = told.get("source") != "Proxy" and (one.scheme, one.netloc) == (other.scheme, other.netloc)
    answered: dict[str, Any] = {"response": "CancelAuth"}
    if ours and asked["requestId"] not in given:
        given.add(asked["requestId"])
        answered = {"response": "ProvideCredentials", "username": name, "password": password}
    with contextlib.suppress(Error):
        await cdp.send("Fetch.continueWithAuth", {"requestId": asked["requestId"], "authChallengeResponse": answered})

"""The write guard: a page in a lookup's hands reads. What the script did not declare as a read or a search is stopped.

Two walls: a click that would submit a form elsewhere is refused before it happens, with words; and every document, XHR,
fetch, beacon and form post of the page, and of frames in it that have a process of their own, is stopped before it leaves
the browser (CDP Fetch). What would write ends the lookup; other strangers (a count of visitors, say) are stopped, no more.
"""

import re
from typing import Any, Protocol
from urllib.parse import urlsplit

import structlog
from playwright.async_api import Error, Locator, Page

from workers.browser.calls import CallRefused
from workers.browser.closing import closed
from workers.browser.everytarget import Target
from workers.browser.tasks import keep

WATCHED = ("Document", "XHR", "Fetch", "Ping", "Other", "EventSource")
SAFE = frozenset({"GET", "HEAD"})
BLOCKED = "A lookup may not do this at the portal: it is neither a page it reads nor a search. Nothing was sent."
FORM = """(e) => { const form = e.form ?? e.closest('form'); if (!form) return null;
  const submits = e.type === 'submit' || e.type === 'image' || (e.localName === 'button' && (e.type || 'submit') === 'submit');
  const own = (name, its) => e.hasAttribute(name) ? its : null;
  const method = own('formmethod', e.formMethod) || form.getAttribute('method') || 'get';
  const action = own('formaction', e.formAction) || new URL(form.getAttribute('action') || '', document.baseURI).href;
  return submits ? { method: method.toLowerCase(), action } : null; }"""
log = structlog.get_logger("writeguard")


class Declared(Protocol):
    """What a script says it reads."""

    @property
    def reads(self) -> tuple[str, ...]: ...
    @property
    def searches(self) -> tuple[str, ...]: ...
    @property
    def hosts(self) -> frozenset[str]: ...


class WriteGuard:
    """What one portal's lookups may reach."""

    def __init__(self, portal: Declared) -> None:
        self._reads = [_pattern(path) for path in portal.reads]
        self._searches = [_pattern(path) for path in portal.searches]
        self._hosts = portal.hosts
        self.blocked = 0
        """Writes stopped so far in this lookup."""

    def allows(self, method: str, address: str, kind: str) -> bool:
        """Whether this request may leave. Pictures, styles and scripts of the page are not asked about."""
        parts = urlsplit(address)
        if parts.scheme in ("data", "blob", "about"):
            return True
        if parts.scheme != "https" or parts.hostname not in self._hosts:
            return False
        path = parts.path or "/"
        if method in SAFE:
            return kind == "Other" or _fits(path, self._reads) or _fits(path, self._searches)
        return method == "POST" and kind in ("Document", "XHR", "Fetch") and _fits(path, self._searches)

    def writes(self, method: str, address: str, kind: str) -> bool:
        """Whether this would change something at the portal: a form that is posted, wherever to, or what is no reading of its hosts."""
        return method not in SAFE and (kind == "Document" or urlsplit(address).hostname in self._hosts)

    def _own(self, address: str) -> bool:
        """Where the portal's own answer leads (to its sign-in page, say): still one of its hosts."""
        parts = urlsplit(address)
        return parts.scheme == "https" and parts.hostname in self._hosts

    async def check_click(self, element: Locator, timeout_ms: float) -> None:
        """Raises `CallRefused` when the click would submit a form that is no search."""
        self.check_form(await element.evaluate(FORM, timeout=timeout_ms))

    def check_form(self, form: dict[str, str] | None) -> None:
        """Raises `CallRefused` when the form that a click would send, as `FORM` tells it, is no search."""
        if form and not self.allows(form["method"].upper(), form["action"], "Document"):
            self.blocked += 1
            raise CallRefused("refused", BLOCKED)

    async def stand(self, page: Page) -> None:
        """Watch the page from its first request on."""
        cdp = await page.context.new_cdp_session(page)
        await Target.of_page(cdp, _watched, "Fetch.requestPaused", self._judge)
        page.on("popup", _shut)

    async def _judge(self, target: Target, paused: dict[str, Any]) -> None:
        request = paused["request"]
        kind = paused.get("resourceType", "Other")
        led = kind == "Document" and request["method"] in SAFE and "redirectedRequestId" in paused
        allowed = self.allows(request["method"], request["url"], kind) or (led and self._own(request["url"]))
        try:
            if allowed:
                await target.send("Fetch.continueRequest", {"requestId": paused["requestId"]})
                return
            self.blocked += self.writes(request["method"], request["url"], kind)
            log.warning("a lookup's request was stopped", method=request["method"], kind=kind)
            await target.send("Fetch.failRequest", {"requestId": paused["requestId"], "errorReason": "BlockedByClient"})
        except Error:
            return  # the page is gone, and the request with it


async def _watched(target: Target) -> None:
    await target.send("Fetch.enable", {"patterns": [{"resourceType": kind} for kind in WATCHED]})


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.escape(path.removesuffix("*")) + (".*" if path.endswith("*") else ""))


def _fits(path: str, patterns: list[re.Pattern[str]]) -> bool:
    return any(one.fullmatch(path) for one in patterns)


def _shut(opened: Page) -> None:
    keep(closed(opened), "pop-up of a lookup")

"""One portal session with a browser: its context, its tabs, its door, and who listens to it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

from playwright.async_api import BrowserContext, CDPSession, Dialog, Download, Frame, Page

from broker.tabs.service import Claim
from workers.browser.egress import Door
from workers.browser.pool import Shard
from workers.browser.recorder import Recorder
from workers.browser.scriptstore import Loaded, shipped
from workers.browser.trace import Trace
from workers.browser.watching import Watcher

if TYPE_CHECKING:
    from workers.browser.challenge import Challenge


@dataclass
class Tab:
    """A remote tab or pop-up, by a number that never changes while the session lives."""

    number: int
    page: Page
    opener: int | None = None
    title: str = ""
    icon: str = ""
    """Its picture in the tab bar, as a `data:` address of a small PNG."""
    zoom: float = 1.0
    challenge: "Challenge | None" = None
    """What its server wants a name and a password for; nobody has answered yet."""
    answered: str = ""
    """The address for which a name and a password were given last."""


@dataclass
class LiveSession:
    """The browser side of a `PortalSession` row. `changed` and `closed` are told to whoever streams it."""

    claim: Claim
    context: BrowserContext
    door: Door
    shard: Shard
    tabs: list[Tab] = field(default_factory=list)
    active: int = 0
    listeners: list[Callable[[str], None]] = field(default_factory=list)
    """Called with `tabs`, `navigated`, `dialog`, `challenge`, `notice`, `blocked_file`, `watchers` or `ended`."""
    notices: list[str] = field(default_factory=list)
    answered: set[str] = field(default_factory=set)
    """Addresses whose servers were given a name and a password that a person typed: the browser remembers those until `challenge.forget`."""
    shows_secrets: bool = False
    """The page shows an authenticator's seed or recovery codes: nothing of it is kept as evidence."""
    mirrored: bool = False
    """Whether the holder reads with a screen reader."""
    size: tuple[int, int] | None = None
    """Of the holder's window, in CSS pixels; None until she says."""
    hidden: set[Page] = field(default_factory=set)
    """Pages of our own (keep-alive) that are no tabs."""
    hiding: int = 0
    """How many pages of our own are being opened just now."""
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held by whoever drives the pages: a script's verb, or parking."""
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while one holder's time begins or ends: joining, and clearing away what she left."""
    hand_at: float = 0.0
    """When the holder last did anything (the event loop's clock)."""
    pressed_at: float = float("-inf")
    """When she last pressed something: no mere move of the mouse (the event loop's clock)."""
    heard_at: float = float("-inf")
    """When the portal last had a request of hers (the event loop's clock)."""
    lets_until: float = 0.0
    """Until then files may come by themselves (the event loop's clock)."""
    begun: dict[str, bool] = field(default_factory=dict)
    """Addresses that pages went to lately, and whether by hand."""
    taken: tuple[str, int, int] = ("", 0, 0)
    """The lease that files were last taken for, how many, and their bytes."""
    held_by: str | None = None
    """The lease whose recording, viewer and traces in the tab these are; None once they are cleared away."""
    glanced_at: str = ""
    """The address of the page that was looked at last while somebody holds the session."""
    viewer: "asyncio.Task[None] | None" = None
    """The task that streams to the present holder; a newer one replaces it."""
    takes_download: Callable[[Download], None] | None = None
    """Who takes what a page hands out: the present holder's stream. Without one it is thrown away."""
    watchers: "list[Watcher]" = field(default_factory=list)
    """Who looks on; the holder is told of each before they see anything."""
    passed_on: bool = False
    """The present holder goes on where the one before stood: the page is left as it is."""
    lookups: "asyncio.Task[None] | None" = None
    """The task that does lookups while Portunus itself holds the lease; a person's coming cancels it."""
    recorder: Recorder | None = None
    """Runs from the holder's first look to the end of her lease."""
    dialogs: dict[Page, Dialog] = field(default_factory=dict)
    """Alerts, confirms, prompts and beforeunloads nobody has answered; until then their pages take no commands."""
    script: Loaded | None = None
    """The version it runs, for all its verbs; None: the one on this machine."""
    structures: dict[str, list[str]] = field(default_factory=dict)
    """Key pages seen in the present run, by name: fields and landmarks, no words."""
    trace: Trace = field(default_factory=Trace)
    """The steps of the newest run."""
    leaving: bool = False
    """The script is logging out: "Do you want to leave?" is answered with yes."""
    ended: bool = False
    next_keep_alive: float = 0.0
    idle_since: float = 0.0
    proved: float = 0.0
    """When the portal last showed that it is signed in (the event loop's clock)."""
    _numbers: "count[int]" = field(default_factory=count)

    @property
    def id(self) -> str:
        return self.claim.portal_session_id

    @property
    def loaded(self) -> Loaded:
        """The script this session runs."""
        return self.script or shipped(self.claim.portal_key)

    def page_name(self, address: str) -> str:
        """What people call that page of the portal, by its script; empty where it does not say."""
        return self.script.page_name(address) if self.script is not None else ""

    @property
    def held(self) -> bool:
        """Whether a person has looked at it and may come back: her recording still runs."""
        return self.recorder is not None or self.viewer is not None

    @property
    def dialog(self) -> Dialog | None:
        """The oldest unanswered dialog. Pages of one renderer wait together, so it holds up every tab."""
        return next(iter(self.dialogs.values()), None)

    def adopt(self, page: Page, opener: int | None = None) -> Tab:
        """Take a new tab in; it becomes the active one."""
        tab = Tab(next(self._numbers), page, opener)
        self.tabs.append(tab)
        self.active = tab.number
        self.tell("tabs")
        return tab

    def forget(self, page: Page) -> None:
        """A tab has closed; its opener, or the last one left, becomes active."""
        self.dialogs.pop(page, None)
        gone = next((tab for tab in self.tabs if tab.page is page), None)
        if gone is None:
            return
        self.tabs.remove(gone)
        if self.active == gone.number and self.tabs:
            known = {tab.number for tab in self.tabs}
            self.active = gone.opener if gone.opener in known and gone.opener is not None else self.tabs[-1].number
        self.tell("tabs")

    def tab(self, number: int | None = None) -> Tab | None:
        """The tab of that number, or the active one."""
        wanted = self.active if number is None else number
        return next((tab for tab in self.tabs if tab.number == wanted), None)

    def tell(self, what: str) -> None:
        """Tell the listeners."""
        for listener in list(self.listeners):
            listener(what)

    def notice(self, words: str) -> None:
        """Something the user should read, in the bar."""
        if not self.notices or self.notices[-1] != words:
            self.notices.append(words)
            del self.notices[:-20]
            self.tell("notice")

    async def new_cdp(self, page: Page | Frame) -> CDPSession:
        """A DevTools session of its own on this page (or on a frame of another host)."""
        return await self.context.new_cdp_session(page)

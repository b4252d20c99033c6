"""Whoever follows a try-out: told of every step before and after it, and asked what only a person knows."""

import asyncio
import sys
from typing import Any, Protocol

from playwright.async_api import Page

from broker.base.errors import Refused
from carrier_scripts.kit.outcomes import Outcome
from workers.browser import structure
from workers.browser.calls import CallRefused
from workers.browser.facade import Facade
from workers.browser.scriptrun import Done
from workers.browser.trace import done, where
from workers.tryout.saving import Saver


class Watcher(Protocol):
    """One person who watches one run."""

    async def before(self, name: str, args: dict[str, Any]) -> None:
        """The script asks for this; returns when it may be done."""

    async def after(self, name: str, args: dict[str, Any], said: Any, no: CallRefused | None, facade: Facade) -> None:
        """It was done (`said`), or not (`no`)."""

    def tell(self, words: str) -> None:
        """What the person must know or do."""

    async def over(self, ended: Done, page: Page) -> None:
        """The run has ended on this page."""


class AtTheTerminal:
    """The person sits at a terminal: steps on standard error, Enter for the next one."""

    def __init__(self, known: frozenset[str], *, step: bool, saver: Saver | None) -> None:
        self._known, self._step, self._saver = known, step, saver

    async def before(self, name: str, args: dict[str, Any]) -> None:
        self.tell(f"  {done(name, args)} {where(args, self._known)}")
        if self._step:
            await asyncio.to_thread(input, "  Enter to go on ")

    async def after(self, name: str, args: dict[str, Any], said: Any, no: CallRefused | None, facade: Facade) -> None:
        if name != "recognise" or no is not None:
            return
        self.tell(f"    sees {said}")
        if self._saver is not None:
            try:
                await self._saver.keep(facade.page(int(args["page"])), str(said))
            except Refused as refused:
                self.tell(f"    {refused.message}")

    def tell(self, words: str) -> None:
        print(words, file=sys.stderr)

    async def over(self, ended: Done, page: Page) -> None:
        if ended.outcome is not Outcome.SIGNED_IN:
            self.tell("  the page at the end:")
            for feature in await structure.features(page):
                self.tell(f"    {feature}")

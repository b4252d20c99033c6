"""One sign-in with a login of one's own: a browser of its own, the script in its confined process, behind the egress door."""

import asyncio
import time
from types import SimpleNamespace
from typing import Any

from playwright.async_api import Page

from broker.base.settings import Settings
from carrier_scripts.kit.outcomes import Outcome
from carrier_scripts.registry import Script
from workers.browser import find
from workers.browser.calls import CallRefused
from workers.browser.egress import Door, Egress
from workers.browser.facade import Facade, watch_status
from workers.browser.limit import Limit
from workers.browser.pool import Pool, Shard
from workers.browser.scriptrun import Answer, Done, ScriptProcesses
from workers.tryout.desk import CALLS, OwnDesk, OwnLogin
from workers.tryout.watching import Watcher

LIMIT_S = 900.0


async def sign_in(
    chosen: Settings,
    script: Script,
    hosts: frozenset[str],
    sign_in_hosts: frozenset[str],
    login: OwnLogin,
    watcher: Watcher,
    *,
    headed: bool = False,
) -> Done:
    """One sign-in, which the watcher follows. Raises `Unavailable` without a browser (`headed`: one with a window)."""
    found = await asyncio.to_thread(find.with_a_window if headed else find.find, chosen)
    pool = Pool(chosen, found, lambda shard: _shard_died(shard, watcher), headed=headed)
    egress = Egress(chosen.resolve)
    processes = ScriptProcesses(chosen.browser_user, unconfined=chosen.allow_unconfined_scripts)
    renewing: asyncio.Task[None] | None = None
    try:
        await pool.start()
        door = await egress.open(
            session_id="tryout",
            account_id="tryout",
            fence=1,
            hosts=sorted(hosts),
            on_denied=lambda host: watcher.tell(f"    the door refused {host}: it is not one of the script's hosts"),
        )
        renewing = asyncio.ensure_future(_renew(egress, door))
        _, context = await pool.context("tryout", proxy={"server": door.url, "bypass": "<-loopback>"}, locale="en-US")
        live: Any = SimpleNamespace(door=door, tabs=[])
        context.on("page", lambda page: _adopt(live.tabs, page))
        page = await context.new_page()
        facade = Facade(live, page)
        desk = OwnDesk(login, facade, sign_in_hosts, watcher.tell)
        ended = await processes.run(script, "sign_in", _watched(watcher, desk, facade), limit=Limit(LIMIT_S))
        if ended.outcome is Outcome.SIGNED_IN and not desk.proved:
            login.proved()
        await watcher.over(ended, page)
        return ended
    finally:
        if renewing is not None:
            renewing.cancel()
        await processes.stop()
        for door in egress.doors():
            await egress.shut(door)
        await pool.stop()


def _adopt(tabs: list[Any], page: Page) -> None:
    """A page is a tab from when it opens until it closes: a script waits for the new one among them."""
    watch_status(page)
    tab = SimpleNamespace(page=page)
    tabs.append(tab)
    page.on("close", lambda _: tabs.remove(tab))


def _watched(watcher: Watcher, desk: OwnDesk, facade: Facade) -> Answer:
    async def answer(name: str, args: dict[str, Any]) -> Any:
        await watcher.before(name, args)
        try:
            said = await (desk if name in CALLS else facade).call(name, args)
        except CallRefused as no:
            await watcher.after(name, args, None, no, facade)
            raise
        await watcher.after(name, args, said, None, facade)
        return said

    return answer


async def _renew(egress: Egress, door: Door) -> None:
    while True:
        egress.renew(door, time.monotonic())
        await asyncio.sleep(3)


def _shard_died(shard: Shard, watcher: Watcher) -> None:
    del shard
    watcher.tell("    the browser died")

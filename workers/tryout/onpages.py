"""A text from the script editor on the saved pages of its portal, as `portunus script test` does it at a desk.

The text runs in its confined process, the browser has no way out, and each page is answered from its file: no portal is reached.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from broker.base.errors import Unavailable
from broker.base.settings import Settings
from carrier_scripts import place, trees
from carrier_scripts.asking import declared
from carrier_scripts.check import Subject, expected, has_a_page_for_every_sign
from carrier_scripts.registry import Script
from workers.browser import find
from workers.browser.pool import Pool, Shard
from workers.browser.scriptrun import ScriptProcesses
from workers.tryout.pages import Shown, show

LIMIT_S = 600.0
TOO_LONG = "The pages took more than ten minutes; the text may wait for what is not on them."
NONE = (
    "No page of this portal is saved on the machine that runs the browsers, so there is nothing to test on. Save some with "
    "portunus script run {key} --save pages/, read them, and put them into {where} there."
)


@dataclass(frozen=True)
class OnPages:
    """Which text is tested for whom."""

    who: str
    script: Script
    hosts: frozenset[str]

    @classmethod
    def told(cls, said: Mapping[str, Any]) -> "OnPages":
        """From the API's message, which has checked it."""
        return cls(
            str(said["who"]),
            Script(str(said["key"]), list(said["sources"]), str(said["digest"])),
            frozenset(said["hosts"]),
        )


@dataclass(frozen=True)
class Tested:
    """What all pages said together. `missing`: sentences about pages that are still to be saved."""

    right: bool
    words: str
    missing: list[str]


async def run(chosen: Settings, asked: OnPages, tell: Callable[[Shown], Awaitable[None]]) -> Tested:
    """Show the text every saved page, telling of each. Raises `Unavailable` without a browser, or when it takes too long."""
    key = asked.script.key
    folder = place.saved(key)
    files = await asyncio.to_thread(lambda: sorted(folder.glob("*.html")))
    missing = await asyncio.to_thread(_missing, asked.script, folder)
    if not files:
        return Tested(right=False, words=NONE.format(key=key, where=_where(folder, key)), missing=missing)
    try:
        async with asyncio.timeout(LIMIT_S):
            wrong = await _shown(chosen, asked, files, tell)
    except TimeoutError as late:
        raise Unavailable(TOO_LONG) from late
    words = f"{len(files) - wrong} of {len(files)} saved pages are what they should be."
    if missing:
        words += f" {'One thing' if len(missing) == 1 else f'{len(missing)} things'} more to put right, below."
    return Tested(right=not wrong and not missing, words=words, missing=missing)


async def _shown(chosen: Settings, asked: OnPages, files: list[Path], tell: Callable[[Shown], Awaitable[None]]) -> int:
    """How many of these the text took for something else."""
    pool = Pool(chosen, await asyncio.to_thread(find.find, chosen), _died)
    processes = ScriptProcesses(chosen.browser_user, unconfined=chosen.allow_unconfined_scripts)
    wrong = 0
    try:
        await pool.start()
        for file in files:
            html = await asyncio.to_thread(file.read_text, encoding="utf-8")
            shard, context = await pool.context("pages", java_script_enabled=False)
            seen = await show(context, processes, asked.script, asked.hosts, html)
            await pool.give_back(shard, context)
            one = Shown(asked.script.key, file.stem, expected(file), seen)
            wrong += not one.right
            await tell(one)
    finally:
        await processes.stop()
        await pool.stop()
    return wrong


def _died(shard: Shard) -> None:
    """Its page says so."""
    del shard


def _missing(script: Script, folder: Path) -> list[str]:
    """What `check` says about the pages of a text, which a confined process has loaded."""
    try:
        portal = declared(script)
    except ValueError as none:
        raise Unavailable(f"This text could not be tested: {none}") from none
    subject = Subject(script.key, trees.tree(script.sources[-1]["text"]), portal, folder, folder)
    return list(has_a_page_for_every_sign(subject))


def _where(folder: Path, key: str) -> str:
    """Where pages are looked for; in an installation that came without any, where they would be."""
    if folder.parent.is_dir():
        return f"{place.shown(folder)}/"
    return f"pages/{key}/ of a folder of your own, which the setting scripts_dir names"

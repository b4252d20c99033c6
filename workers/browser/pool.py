"""Shards: a few Chromium processes, each with one Playwright connection, never two organizations in one.

A warm shard waits ahead of need, and for whichever organization comes next once there are several. A shard that dies ends its own
sessions only. Everything starts over a pipe: no port.
"""

import asyncio
import contextlib
import os
import pwd
import shlex
import shutil
import stat
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import structlog
from playwright.async_api import Browser, BrowserContext, Error, Playwright, async_playwright

from broker.base.errors import Unavailable
from broker.base.settings import Settings
from workers.browser.find import DISPLAY
from workers.browser.find import Browser as Found
from workers.browser.reaper import new_folder, reap
from workers.browser.tasks import keep

ARGUMENTS = (
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--proxy-bypass-list=<-loopback>",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-domain-reliability",
    "--disable-sync",
    "--no-pings",
    "--no-first-run",
)
NO_WAY_OUT = "http://127.0.0.1:9"
"""The proxy of the default context, which nobody uses: the discard port."""
WIDTH, HEIGHT = 1280, 800
START_S = 30
NEWS_S = 0.1
"""How much later than a call's failure the news of the browser's end may come."""
NO_WINDOW_OPENS = (
    "The browser could not open its window here: run it as the user whose display this is, or leave --headed out."
)
CRASHED = "The browser crashed. Open it again."
log = structlog.get_logger("pool")


@dataclass
class Shard:
    """One Chromium process."""

    playwright: Playwright
    browser: Browser
    organization_id: str | None = None
    contexts: set[BrowserContext] = field(default_factory=set)
    coming: int = 0
    """Contexts that are being made just now: a shard with one is not empty."""
    spares: set[BrowserContext] = field(default_factory=set)
    """Contexts made ahead of need. They hold no session."""
    spares_coming: int = 0
    dead: bool = False
    died: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the process ended by itself, for whoever waits for one of its pages."""
    pid: int | None = None

    @property
    def load(self) -> int:
        return len(self.contexts) + self.coming

    async def crashed(self) -> bool:
        """Whether the process has ended by itself; asked after something failed."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(NEWS_S):
                await self.died.wait()
        return self.dead


class Pool:
    """The shards of this node."""

    def __init__(
        self, settings: Settings, found: Found, on_shard_death: Callable[[Shard], None], *, headed: bool = False
    ) -> None:
        """`headed`: with a window, for somebody who sits there."""
        self._headed = headed
        self._settings = settings
        self._found = found
        self._on_shard_death = on_shard_death
        self._shards: list[Shard] = []
        self._launcher = Path()
        self._temporary = Path()
        self._starting = asyncio.Lock()
        self._organizations: set[str] = set()
        """Whom this node has served: while there is one, no shard waits for another."""
        self.sandbox = "unknown"

    async def start(self) -> None:
        """Make the launcher, start the first shard. Raises `Unavailable` when Chromium cannot run in its sandbox, or not with a window."""
        reap()
        self._temporary = new_folder("portunus-browser-")
        self._temporary.chmod(0o711)
        self._launcher = self._write_launcher()
        try:
            self._shards.append(await self._launch())
        except Error as failed:
            if self._headed:
                raise Unavailable(f"{NO_WINDOW_OPENS} It said: {_first_line(failed)}") from failed
            raise Unavailable(
                "Chromium does not start inside its own sandbox on this machine. Allow unprivileged user namespaces "
                f"(sysctl kernel.unprivileged_userns_clone=1), or see docs/operating.md. It said: {_first_line(failed)}"
            ) from failed

    async def context(
        self, organization_id: str, *, spare: bool = False, **options: Any
    ) -> tuple[Shard, BrowserContext]:
        """A fresh context in a shard of this organization. Raises `Unavailable` when the node is full or the browser is away.

        `spare`: made ahead of need; it becomes a session's by `use_spare`.
        """
        async with self._starting:
            self._check_room()
            shard = self._with_room(organization_id)
            if shard is None:
                shard = await self._launch()
                self._shards.append(shard)
            shard.organization_id = organization_id
            self._organizations.add(organization_id)
            if spare:
                shard.spares_coming += 1
            else:
                shard.coming += 1
        try:
            context = await shard.browser.new_context(viewport={"width": WIDTH, "height": HEIGHT}, **options)
            (shard.spares if spare else shard.contexts).add(context)
        except Error as failed:
            raise Unavailable("The browser is not available just now.") from failed
        finally:
            if spare:
                shard.spares_coming -= 1
            else:
                shard.coming -= 1
        if not self._has_room():
            keep(self._warm_up(), "warm shard")
        return shard, context

    def use_spare(self, shard: Shard, context: BrowserContext) -> None:
        """The spare context is a session's from now on. Raises `Unavailable` when the node is full."""
        self._check_room()
        shard.spares.discard(context)
        shard.contexts.add(context)

    def _check_room(self) -> None:
        if sum(shard.load for shard in self._shards) >= self._settings.max_sessions:
            raise Unavailable(
                "This node has as many portal sessions as it may have. End one, or raise PORTUNUS_MAX_SESSIONS."
            )

    async def give_back(self, shard: Shard, context: BrowserContext) -> None:
        """Close the context; an empty shard is closed too, unless the node's spare waits in it for the same organization."""
        shard.contexts.discard(context)
        shard.spares.discard(context)
        with contextlib.suppress(Error, TimeoutError):
            async with asyncio.timeout(5):
                await context.close()
        if not (shard.load or shard.spares or shard.spares_coming or shard.dead) and len(self._shards) > 1:
            await self._close(shard)

    async def stop(self) -> None:
        """Close every browser and remove what they left."""
        for shard in list(self._shards):
            await self._close(shard)
        shutil.rmtree(self._temporary, ignore_errors=True)

    def numbers(self) -> dict[str, Any]:
        """Shards, contexts and memory (proportional set size, MB) for the status page and the bench."""
        sizes = [_pss(shard.pid) for shard in self._shards if shard.pid]
        return {**self.light_numbers(), "browser_pss_mb": round(sum(sizes) / 1e6, 1)}

    def light_numbers(self) -> dict[str, Any]:
        """The same without the memory, which takes a while to add up."""
        return {
            "shards": len(self._shards),
            "contexts": sum(len(shard.contexts) for shard in self._shards),
            "sandbox": self.sandbox,
            "browser": self._found.version,
        }

    def _with_room(self, organization_id: str | None) -> Shard | None:
        for shard in self._shards:
            if shard.dead or shard.load >= self._settings.shard_size:
                continue
            if shard.organization_id == organization_id or shard.organization_id is None:
                return shard
        return None

    def _has_room(self) -> bool:
        """Whether whoever comes next finds a browser that runs: with one organization so far, that is most likely its own."""
        free = self._with_room(None) is not None
        return free or (len(self._organizations) == 1 and self._with_room(*self._organizations) is not None)

    async def _warm_up(self) -> None:
        async with self._starting:
            if not self._has_room():
                with contextlib.suppress(Error):
                    self._shards.append(await self._launch())

    async def _launch(self) -> Shard:
        sandboxed = not self._settings.allow_unsandboxed_browser
        playwright = await async_playwright().start()
        try:
            async with asyncio.timeout(START_S):
                browser = await playwright.chromium.launch(
                    executable_path=str(self._launcher),
                    headless=not self._headed,
                    downloads_path=str(self._temporary / "downloads"),
                    chromium_sandbox=sandboxed,
                    proxy={"server": NO_WAY_OUT, "bypass": "<-loopback>"},
                    args=[*ARGUMENTS, *self._spki()],
                    ignore_default_args=["--disable-field-trial-config", "--hide-scrollbars"],
                    env={
                        "PORTUNUS_ALLOW_UNSANDBOXED_BROWSER": str(not sandboxed).lower(),
                        **_environment(self._headed),
                    },
                    handle_sigint=False,
                    handle_sigterm=False,
                    handle_sighup=False,
                )
        except BaseException:
            await playwright.stop()
            raise
        shard = Shard(playwright, browser, pid=await _pid(browser))
        self.sandbox = "on" if sandboxed else "OFF"
        browser.on("disconnected", lambda _: self._died(shard))
        return shard

    def _spki(self) -> list[str]:
        keys = ",".join(self._settings.trusted_spki)
        return [f"--ignore-certificate-errors-spki-list={keys}"] if keys else []

    def _died(self, shard: Shard) -> None:
        if shard.dead:
            return
        shard.dead = True
        shard.died.set()
        if shard in self._shards:
            self._shards.remove(shard)
        self._on_shard_death(shard)
        keep(self._after_death(shard), "dead shard")

    async def _after_death(self, shard: Shard) -> None:
        with contextlib.suppress(Error):
            await shard.playwright.stop()
        await self._warm_up()

    async def _close(self, shard: Shard) -> None:
        shard.dead = True
        if shard in self._shards:
            self._shards.remove(shard)
        with contextlib.suppress(Error, TimeoutError):
            async with asyncio.timeout(5):
                await shard.browser.close()
        with contextlib.suppress(Error):
            await shard.playwright.stop()

    def _write_launcher(self) -> Path:
        """Playwright wants one executable file; ours carries the browser's path and the user to become."""
        uid = pwd.getpwnam(self._settings.browser_user).pw_uid if os.geteuid() == 0 else 0
        script = Path(__file__).with_name("launcher.py")
        words = " ".join(shlex.quote(word) for word in (sys.executable, "-I", str(script), self._found.path, str(uid)))
        downloads = self._temporary / "downloads"
        downloads.mkdir(mode=0o700)
        if uid:
            os.chown(downloads, uid, uid)
        file = self._temporary / "browser"
        file.write_text(f'#!/bin/sh\nexec {words} "$@"\n', encoding="utf-8")
        file.chmod(stat.S_IRWXU)
        return file


def _environment(headed: bool) -> dict[str, str | float | bool]:
    kept = ("PATH", "LANG", "LC_ALL", "TMPDIR", *(DISPLAY if headed else ()))
    return {name: os.environ[name] for name in kept if name in os.environ}


async def _pid(browser: Browser) -> int | None:
    """The browser's own process id, as the browser says it: what was started may be a distribution's shell script."""
    asked = await browser.new_browser_cdp_session()
    told = await asked.send("SystemInfo.getProcessInfo")
    await asked.detach()
    return next((int(one["id"]) for one in told["processInfo"] if one["type"] == "browser"), None)


def _pss(pid: int) -> int:
    """Proportional memory of the process and its children, in bytes."""
    total = 0
    with contextlib.suppress(psutil.Error):
        root = psutil.Process(pid)
        for process in (root, *root.children(recursive=True)):
            with contextlib.suppress(psutil.Error):
                total += process.memory_full_info().pss
    return total


def _first_line(failed: Error) -> str:
    return str(failed).splitlines()[0][:200]

"""The lab without Portunus: what the same sign-in costs a plain script, where things are on its pages, and its outbox."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any

import httpx2
from playwright.async_api import Browser, Page, Playwright

from broker.base.errors import Unavailable
from workers.bench.viewer import launch

START = "https://harborline.sim.test/signin"
MAIL_S = 30
LOOK_S = 0.005


@dataclass(frozen=True)
class Straight:
    """A browser that reaches the lab's hosts by its own port."""

    browser: Browser
    facts: dict[str, Any]
    window: bool = False
    """Whether the browser has a window on a display: its page is as large as that."""

    @classmethod
    async def start(cls, playwright: Playwright, facts: dict[str, Any], *, display: str = "") -> "Straight":
        """Headless, or over the whole of an X display."""
        spki = facts["trusted_spki"]
        arguments = [
            f"--host-resolver-rules=MAP *.sim.test 127.0.0.1:{facts['ports']['web']}",
            f"--ignore-certificate-errors-spki-list={spki if isinstance(spki, str) else ','.join(spki)}",
        ]
        return cls(await launch(playwright, *arguments, display=display), facts, window=bool(display))

    async def sign_in(self, username: str, password: str, practice: str) -> tuple[Page, float]:
        """Sign in to Harborline as fast as pages and mail allow; the page at home, and the milliseconds it took."""
        size: dict[str, Any] = {"no_viewport": True} if self.window else {"viewport": {"width": 1280, "height": 800}}
        context = await self.browser.new_context(**size)
        began = time.perf_counter()
        page = await context.new_page()
        await page.goto(START)
        await page.fill("#username", username)
        await page.fill("#password", password)
        await page.click("#signin-button")
        await page.locator("#code").wait_for()
        await page.fill("#code", str((await self.mail(username))["code"]))
        await page.check("#remember-device")
        await page.click("#verify-button")
        await page.locator("#practice-list label.practice-option", has_text=practice).click()
        await page.click("#practice-continue")
        await page.locator("#signed-in-as").wait_for()
        return page, (time.perf_counter() - began) * 1000

    async def mail(self, username: str) -> dict[str, Any]:
        """The newest mail with a code for this login, once it is in the mailbox. Raises `Unavailable` when none comes."""
        end = time.monotonic() + MAIL_S
        async with httpx2.AsyncClient(base_url=self.facts["control"], trust_env=False) as control:
            while time.monotonic() < end:
                outbox = (await control.get("/outbox")).raise_for_status().json()
                for message in reversed(outbox):
                    if message["account"] == username and message["code"] and message["state"] == "sent":
                        return dict(message)
                await asyncio.sleep(LOOK_S)
        raise Unavailable(f"The lab sent no code to {username}.")

    async def forget(self) -> None:
        """As founded: no device is remembered, nobody signed in, the mailbox empty. The next sign-in asks for a code."""
        async with httpx2.AsyncClient(base_url=self.facts["control"], trust_env=False, timeout=20) as control:
            (await control.post("/reset")).raise_for_status()

    async def codes_take(self, carrier: str, seconds: float) -> None:
        """From now on, until it forgets, the carrier sends each code so long after it was asked for."""
        told = {"carrier": carrier, "name": "code_late", "args": {"seconds": seconds}}
        async with httpx2.AsyncClient(base_url=self.facts["control"], trust_env=False) as control:
            (await control.post("/fault", json=told)).raise_for_status()

    async def close(self) -> None:
        await self.browser.close()

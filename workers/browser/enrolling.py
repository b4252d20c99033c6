"""An authenticator's seed off the carrier's own page: its letters, or its QR picture, read in a process of its own."""

import asyncio

from playwright.async_api import ElementHandle

from broker.vault import qrpicture
from broker.vault.totp import Seed

PICTURES = ("img", "svg", "canvas")


async def seed_in(shown: ElementHandle) -> str:
    """The seed that this element shows. Raises `Incomplete` when it shows none, Playwright's `Error` when it is gone."""
    if str(await shown.evaluate("element => element.localName")) in PICTURES:
        seed = await asyncio.to_thread(qrpicture.seed_in, await shown.screenshot())
    else:
        seed = await shown.inner_text()
    Seed.parse(seed)
    return seed

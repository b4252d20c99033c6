"""Idle sessions sleep as sealed state; the remembered device is vaulted at once. Waking is proved, never assumed."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog
from playwright.async_api import BrowserContext, Error

from broker.base.unit import Unit
from broker.directory import service as directory
from broker.tabs import service as tabs
from broker.tabs.service import Claim
from broker.vault.service import Vault
from workers.browser.live import LiveSession

if TYPE_CHECKING:
    from workers.browser.attempt import Node

LARGEST = 200 * 1024
SAVE_S = 10.0
REMEMBERED_DAYS = 1
log = structlog.get_logger("park")

SESSION_STORAGE = "() => [location.origin, Object.entries(sessionStorage)]"
RESTORE = """saved => { const mine = saved[location.origin]; if (mine) for (const [k, v] of mine) sessionStorage.setItem(k, v); }"""


@dataclass(frozen=True)
class Saved:
    """A sleeping session's browser state."""

    storage: Any
    """Playwright's storage state: cookies, local storage, IndexedDB."""
    session_storage: dict[str, list[list[str]]]
    sealed: bytes
    """The same as it was kept, should the session go back to sleep."""


async def save(node: "Node", live: LiveSession) -> bool:
    """Put the session to sleep; False when its state is too large or cannot be read (it then stays awake)."""
    try:
        async with live.lock, asyncio.timeout(SAVE_S):  # a page that hangs never answers
            storage = await live.context.storage_state(indexed_db=True)
            origin, entries = await live.tabs[0].page.evaluate(SESSION_STORAGE)
    except (Error, IndexError, TimeoutError) as unread:
        log.info("cannot be parked", session=live.id, kind=type(unread).__name__)
        return False
    raw = json.dumps({"storage": storage, "session_storage": {origin: entries}}).encode()
    if len(raw) > LARGEST:
        log.info("too large to park", session=live.id, bytes=len(raw))
        return False

    def keep(work: Unit) -> None:
        sealed = node.portunus.vault.seal(work, live.claim.organization_id, ("portal_session", live.id), raw)
        tabs.park(work, live.id, sealed)

    await node.unit(keep)
    return True


def saved_state(work: Unit, vault: Vault, claim: Claim) -> Saved | None:
    """The state to wake with; None for a fresh login. It is used once."""
    sealed = tabs.parked_state(work, claim.portal_session_id) if claim.kind == "revive" else None
    if sealed is None:
        return None
    kept = json.loads(vault.unseal(work, claim.organization_id, ("portal_session", claim.portal_session_id), sealed))
    return Saved(storage=kept["storage"], session_storage=kept["session_storage"], sealed=sealed)


@asynccontextmanager
async def session_storage_back(context: BrowserContext, saved: Saved | None) -> AsyncIterator[None]:
    """Within, a page of a saved origin starts with its session storage, which Playwright's storage state leaves out.

    Not a moment longer: what the portal has put there since must not be overwritten at its next page.
    """
    if saved is None:
        yield
        return
    restoring = await context.add_init_script(f"({RESTORE})({json.dumps(saved.session_storage)})")
    try:
        yield
    finally:
        with suppress(Error):
            await restoring.__aexit__(None, None, None)


async def vault_trusted_device(node: "Node", live: LiveSession) -> None:
    """Keep the cookies that outlive the session: they are what makes the portal remember this device."""
    soon = node.portunus.clock.now().timestamp() + REMEMBERED_DAYS * 86_400
    try:
        cookies = [dict(cookie) for cookie in await live.context.cookies() if cookie.get("expires", -1) > soon]
    except Error:
        return  # it was ended at once
    if not cookies:
        return

    def keep(work: Unit) -> None:
        account = directory.account_by_id(work, live.claim.account_id)
        tabs.keep_trusted_device(work, node.portunus.vault, account, cookies)

    await node.unit(keep)

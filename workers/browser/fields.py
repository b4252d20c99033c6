"""Fields that secrets are typed into: what they are, and that nothing stays in them for a script to ask after."""

import asyncio
from collections.abc import Collection
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import ElementHandle, Error, Frame, Locator, Page
from playwright.async_api import TimeoutError as TooSlow

from workers.browser.calls import CallRefused
from workers.browser.ownworld import Held, world_of

Field = ElementHandle | Held
"""An element that secrets are typed into: held in our own world where that can be, else by Playwright."""
FIELD_MS = 15_000
SEVERAL = "strict mode violation"
"""Playwright's words where a locator that must fit one element fits several."""
LEFT_MS = 5_000
"""How long a page may keep a password that was submitted: some ask the portal behind it before they let go."""
BLANK_MS = 1_000
KIND = "(field) => [field.localName, field.type || '', !field.readOnly && !field.matches(':disabled')]"
SHOWN = """(element) => { const box = element.getBoundingClientRect();
  return element.checkVisibility({ visibilityProperty: true }) && box.width > 0 && box.height > 0; }"""
HOLDS = "(field) => field.isConnected && field.value !== ''"
LET_GO = """(field, ms) => new Promise((done) => {
  const end = Date.now() + ms;
  const look = () => {
    if (!field.isConnected || field.value === '') done(true);
    else if (Date.now() > end) done(false);
    else setTimeout(look, 20);
  };
  look();
})"""
EMPTY = "(field) => { field.value = ''; }"
TYPED_INTO = frozenset({"text", "password", "tel", "number", "email", "search", "url"})


async def the_one(locator: Locator) -> ElementHandle:
    """The one element that fits, once it shows: what is done to it waits for that again, in case the page says so too soon.

    Raises `CallRefused` where several fit, Playwright's `TimeoutError` where none shows in time.
    """
    try:
        handle = await locator.element_handle(timeout=FIELD_MS)
        if not await handle.evaluate(SHOWN):
            await locator.wait_for(state="visible", timeout=FIELD_MS)
            handle = await locator.element_handle(timeout=BLANK_MS)
    except TooSlow:
        raise
    except Error as failed:
        if SEVERAL not in failed.message.partition("\n")[0]:
            raise
        raise CallRefused("unrecognised", "A field the script names is not the only one of its kind.") from failed
    return handle


async def field_of(
    page: Page, chain: list[Any], locator: Locator, hosts: Collection[str], *, password: bool = False
) -> Field:
    """The one element (`locator` is what the chain stands for), an editable field on a page of these hosts.

    Raises as `the_one`, `check_kind` and `check_owner`.
    """
    field = await world_of(page).hold(chain) or await the_one(locator)
    owner, kind = await asyncio.gather(
        check_owner(field, hosts), check_kind(field, password=password), return_exceptions=True
    )
    if (wrong := owner or kind) is not None:  # whose page it is matters more than what field
        raise wrong
    return field


async def check_kind(field: Field, *, password: bool = False) -> None:
    """Raises `CallRefused` unless it is an input one can type into: the text of anything else could be read back."""
    name, kind, editable = await field.evaluate(KIND)
    if name == "input" and kind not in TYPED_INTO and not password:
        raise CallRefused("unrecognised", "A field the script names cannot be typed into.")
    if name != "input" or (password and kind != "password"):
        what = (
            "A password is typed into a password field only."
            if password
            else "Secrets are typed into input fields only."
        )
        raise CallRefused("refused", what)
    if not editable:
        raise CallRefused("unrecognised", "A field the script names cannot be typed into.")
    if isinstance(field, Held):
        field.kind = kind


async def check_owner(field: Field, hosts: Collection[str]) -> None:
    """Raises `CallRefused` unless the frame that owns it, and every frame around that, is https and on one of these hosts."""
    for address in await _owners(field):
        shown = urlsplit(address)
        if shown.scheme != "https" or shown.hostname not in hosts:
            raise CallRefused(
                "led_away",
                f"The field belongs to {shown.hostname or shown.scheme}, which is not among the script's sign_in_hosts. "
                "Nothing was typed.",
            )


async def _owners(field: Field) -> list[str]:
    """Addresses: of its document, and of every one around that."""
    if isinstance(field, Held):  # in the page's main document
        return [str(await field.evaluate("() => location.href"))]
    frame: Frame | None = await field.owner_frame()
    if frame is None:
        raise CallRefused("unrecognised", "A field the script names is gone.")
    addresses = []
    while frame is not None:
        addresses.append(frame.url)
        frame = frame.parent_frame
    return addresses


async def holds(field: Field) -> bool:
    """Whether something stands in it still; a field whose page went away holds nothing."""
    try:
        return bool(await field.evaluate(HOLDS))
    except Error:
        return False


async def let_go(field: Field) -> None:
    """Over when the field is gone or empty; one that keeps what was typed is emptied."""
    with suppress(Error, TimeoutError):
        async with asyncio.timeout(2 * LEFT_MS / 1000):
            if await field.evaluate(LET_GO, LEFT_MS):
                return
    await blank(field)


async def blank(field: Field) -> None:
    """Nothing stands in it any more, as if somebody had deleted it where that can be. A page that hangs is not waited for."""
    with suppress(Error, TimeoutError):
        async with asyncio.timeout(3 * BLANK_MS / 1000):
            if not await holds(field):
                return
            with suppress(Error):
                await field.fill("", timeout=BLANK_MS)
            if await holds(field):  # hidden, shut, or put back by the page
                await field.evaluate(EMPTY)

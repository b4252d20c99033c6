"""What the page showed when a sign-in stopped: masked picture and text, sealed, for whoever must act next."""

import asyncio
import contextlib
import json
import re
from base64 import b64encode
from io import BytesIO
from typing import TYPE_CHECKING

from PIL import Image
from playwright.async_api import Error, Frame, Page

from broker.base.ids import new_id
from broker.base.unit import Unit
from workers.browser import structure
from workers.browser.live import LiveSession

if TYPE_CHECKING:
    from workers.browser.attempt import Node

TEXT_CHARACTERS = 8000
PICTURE_S = 5
READ_MS = 1000
MOST_FRAMES = 40
DOCUMENT = ":root > :is(body, frameset)"
"""A document made of frames has no body."""
SEED = re.compile(r"otpauth(-migration)?://|\b(?=[A-Z]*[2-7])[A-Z2-7]{16,}\b|\b([A-Za-z2-7]{4}[ -]){7}[A-Za-z2-7]{4}\b")
"""What an authenticator's seed looks like on a page that no script knows."""
WITHHELD = "The page shows an authenticator's seed or recovery codes. What it says is not kept."
WITHHELD_WORDS = "What a page of a patient says is not kept."
SQUARE = 24
"""Pixels: larger than a portal's letters."""
MASKED = "input, textarea, select, td, dd, [role=cell], [role=gridcell]"
DOTS = """*, *::before, *::after { -webkit-text-security: disc !important }
:is(button, label, legend, th, input[type=submit], input[type=button]),
:is(button, label, legend, th) :not(input, textarea, select) { -webkit-text-security: none !important }"""
"""Text as dots, in frames and shadow roots too, but for the words of controls."""
DOTTED = """(_, css) => { const sheet = new CSSStyleSheet(); sheet.replaceSync(css); window.__dots = sheet;
document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet]; }"""
"""The same by hand: a sheet that no document tree shows and no policy of the page forbids."""
UNDOTTED = "() => { document.adoptedStyleSheets = document.adoptedStyleSheets.filter(one => one !== window.__dots); delete window.__dots; }"


async def keep_evidence(node: "Node", live: LiveSession) -> str | None:
    """Seal picture, visible text and structure of the newest tab; its id, or None when there is no page.

    In the picture every field is masked, and every cell; all other text is dots but for buttons and labels. Of a page with an
    authenticator's seed or recovery codes neither words nor picture are kept.
    """
    tab = live.tab()
    return await keep_page(node, live, tab.page) if tab is not None else None


async def keep_page(node: "Node", live: LiveSession, page: Page, *, wordless: bool = False) -> str | None:
    """The same of any page of the session. `wordless`: in squares in which no word can be read, and no text: a patient's page."""
    try:
        async with asyncio.timeout(PICTURE_S):
            text, taken = await seen(page, secret=live.shows_secrets)
            title = "" if wordless else await page.title()
        outline = await structure.features(page)
    except (Error, TimeoutError):
        return None
    if wordless:
        text, taken = WITHHELD_WORDS, await asyncio.to_thread(in_squares, taken)
    evidence_id = new_id("evi")
    raw = json.dumps(
        {
            "title": title[:200],
            "text": text[:TEXT_CHARACTERS],
            "outline": outline,
            "png": b64encode(taken).decode(),
        }
    ).encode()

    def seal(work: Unit) -> bytes:
        return node.portunus.vault.seal(work, live.claim.organization_id, ("evidence", evidence_id), raw)

    node.portunus.blobs.append(f"evidence/{evidence_id}", await node.unit(seal))
    return evidence_id


def in_squares(png: bytes) -> bytes:
    """The picture as the mean colours of squares: where things stand, and no word of them."""
    with Image.open(BytesIO(png)) as whole:
        few = max(1, whole.width // SQUARE), max(1, whole.height // SQUARE)
        out = BytesIO()
        whole.convert("RGB").resize(few, Image.Resampling.BOX).resize(whole.size, Image.Resampling.NEAREST).save(
            out, "PNG"
        )
        return out.getvalue()


async def seen(page: Page, *, secret: bool = False) -> tuple[str, bytes]:
    """What the page says, frames too, and how it looks without that; neither where it shows a seed, or is `secret`.

    Raises `Error` or `TimeoutError` for a page that cannot be read, or one of its frames: what it shows might be a seed.
    """
    said = await _said(page)
    read = [frame for frame, text in said.items() if text is not None]
    text = "\n".join(said[frame] or "" for frame in read)
    if secret or SEED.search(text):
        text, masked = WITHHELD, "html"
    else:
        masked = MASKED
    try:
        # Playwright's own `style` leaves out a frame that is on its way to another page
        await asyncio.gather(*(frame.locator(":root").evaluate(DOTTED, DOTS, timeout=READ_MS) for frame in read))
        taken = await page.screenshot(
            mask=[frame.locator(masked) for frame in read],  # a locator does not enter frames: each has its own
            mask_color="#8a949e",
            style=DOTS,
            timeout=PICTURE_S * 1000,
        )
    finally:
        await asyncio.gather(*(_undotted(frame) for frame in read))
    if any(text is None and frame.url for frame, text in said.items()):
        raise Error("A frame came while the picture was taken.")
    return text, taken


async def _undotted(frame: Frame) -> None:
    """The page goes on as it was; a frame that has gone or hangs is left."""
    with contextlib.suppress(Error, TimeoutError):
        async with asyncio.timeout(READ_MS / 1000):
            await frame.evaluate(UNDOTTED)


async def _said(page: Page) -> dict[Frame, str | None]:
    """The text of each document that shows; None: nothing has come into that frame yet."""
    frames = page.frames
    if len(frames) > MOST_FRAMES:
        raise Error("More frames than are read.")
    showing = await asyncio.gather(*(_shows(frame) for frame in frames))
    shown = [frame for frame, shows in zip(frames, showing, strict=True) if shows]
    return dict(zip(shown, await asyncio.gather(*(_text(frame) for frame in shown)), strict=True))


async def _shows(frame: Frame) -> bool:
    """Whether the picture has it: what a hidden frame gives as its text is its scripts."""
    return frame.parent_frame is None or await (await frame.frame_element()).is_visible()


async def _text(frame: Frame) -> str | None:
    try:
        return await frame.locator(DOCUMENT).inner_text(timeout=READ_MS)
    except Error:
        if frame.parent_frame is not None and not frame.url:
            return None  # its server has not answered, and no script has written into it: that could be read
        raise

"""The page as a lookup has it: the usual facade behind the write guard, plus reading with evidence.

Each page state that is read is photographed once; the picture goes into the lookups' recording before the answer counts.
"""

import asyncio
import hashlib
from base64 import b64decode
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from playwright.async_api import CDPSession, Locator, Page
from playwright.async_api import TimeoutError as TooSlow

from broker.base.clock import Clock
from broker.base.ids import new_id
from broker.lookups.evidence import Method, Sighting
from broker.lookups.service import Picture
from workers.browser import calls, ediparts, messages, pdftext
from workers.browser.calls import CallRefused
from workers.browser.facade import Facade
from workers.browser.live import LiveSession
from workers.browser.ownworld import plain, world_of
from workers.browser.reading import Raw, look
from workers.browser.recorder import Recorder
from workers.browser.shortways import AIM, fill, press
from workers.browser.writeguard import WriteGuard

TALLEST = 6_000
"""Pixels of a page that are photographed from its top."""
CLICK_MS = 8_000
PDF_MS = 15_000
STILL = frozenset(
    {"inner_text", "all_inner_texts", "text_content", "is_visible", "is_checked", "count", "get_attribute"}
)
"""Acts that leave the page as it is. What is waited for is not on the last picture."""
SHOWN = """(found) => found.map((one) => { const box = one.getBoundingClientRect();
  return box.width > 0 && box.height > 0 && getComputedStyle(one).visibility === 'visible'; })"""
LOOK_EVERY_S = 0.015
ABSENT = frozenset(
    {
        "inner_text",
        "text_content",
        "get_attribute",
        "is_checked",
        "wait_for",
        "fill",
        "click",
        "check",
        "uncheck",
        "select_option",
        "press",
    }
)


@dataclass
class Eyes:
    """What one lookup has seen so far."""

    sightings: list[Sighting] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    saving: list["asyncio.Task[None]"] = field(default_factory=list)


@dataclass(frozen=True)
class _Photo:
    """The picture of the page as it stands."""

    artifact_id: str
    ms: int
    taking: "asyncio.Task[None]"


class LookupFacade(Facade):
    """One lookup's view of its page."""

    def __init__(
        self,
        live: LiveSession,
        page: Page,
        cdp: CDPSession,
        guard: WriteGuard,
        recorder: Recorder,
        clock: Clock,
    ) -> None:
        super().__init__(live, page)
        self.eyes = Eyes()
        self.files: dict[str, bytes] = {}
        """Files that were read, by artifact; the run seals them."""
        self._cdp = cdp
        self._world = world_of(page)
        self._guard = guard
        self._recorder = recorder
        self._clock = clock
        self.tallest = 0
        """Pixels of the tallest page photographed so far."""
        self._name: str | None = None
        self._photo: _Photo | None = None
        self._calls: dict[str, Callable[..., Awaitable[Any]]] = {
            "goto": self.goto,
            "reload": self.reload,
            "page": self.page_act,
            "url": self.url,
            "recognise": self.recognise,
            "named": self.named,
            "read": self.read,
            "scroll": self.scroll,
            "read_pdf": self.read_pdf,
            "read_835": self.read_835,
        }

    async def goto(self, page: int, url: str) -> None:
        if not self._guard.allows("GET", url, "Document"):
            raise CallRefused("refused", "A lookup may go to the pages its script declares, and no others.")
        await self._leave()
        await super().goto(page, url)

    async def reload(self, page: int) -> None:
        await self._leave()
        await super().reload(page)

    async def page_act(self, page: int, chain: list[Any], act: str, args: list[Any], options: dict[str, Any]) -> Any:
        if act in ABSENT:
            options = {"timeout": CLICK_MS, **options}
        if (no := calls.refused_act(act, args, options)) is not None:
            raise CallRefused("script_failed", no)
        self.locate(page, chain)  # refuses what a script may not look for
        if not set(options) - {"timeout", "state"}:
            told = await self._quickly(chain, act, args, options)
            if told is not None:
                return told if act in ("is_visible", "count") else None
        if act in ("click", "press"):
            await self._guard.check_click(self.locate(page, chain), CLICK_MS)
        if act not in STILL:
            await self._leave()
        answer = await super().page_act(page, chain, act, args, options)
        if act in ("click", "press"):
            await self.page(page).wait_for_load_state("domcontentloaded", timeout=CLICK_MS * 2)
        return answer

    async def _quickly(self, chain: list[Any], act: str, args: list[Any], options: dict[str, Any]) -> bool | int | None:
        """The act done (True) or answered from our own world; None where that cannot be and Playwright is asked."""
        if act == "click":
            return await self._clicked(chain) or None
        if act == "fill":
            await self._leave()
            return await fill(self._cdp, self._world, chain, args[0]) or None
        if act == "wait_for" and options.get("state", "visible") == "visible" and plain(chain) is not None:
            if not await self._came(chain, min(float(options["timeout"]), CLICK_MS) / 1000):
                return None
            await self._leave()
            return True
        if act in ("is_visible", "count"):
            told = await self._world.ask(SHOWN, chain)
            if told is not None and act == "count":
                return len(told)
            return bool(told == [True]) if told is not None and len(told) < 2 else None
        return None

    async def _clicked(self, chain: list[Any]) -> bool:
        """Whether the short way could be gone; it is aimed while the page is photographed, and pressed after that."""
        _, aim = await asyncio.gather(self._leave(), self._world.ask(AIM, chain))
        if aim is None:
            return False
        self._guard.check_form(aim["form"])
        await press(self._cdp, self._guard, aim["x"], aim["y"], CLICK_MS * 2 / 1000)
        return True

    async def _came(self, chain: list[Any], limit_s: float) -> bool:
        """Whether the one element shows within this time."""
        loop = asyncio.get_running_loop()
        end = loop.time() + limit_s
        while loop.time() < end:
            told = await self._world.ask(SHOWN, chain)
            if told == [True]:
                return True
            if told and len(told) > 1:
                return False  # Playwright says what is wrong with that
            await asyncio.sleep(LOOK_EVERY_S)
        return False

    async def named(self, page: int, name: str) -> None:
        del page
        self._name = str(name)[:80]

    async def scroll(self, page: int, chain: list[Any]) -> None:
        await self._leave()
        await self.locate(page, chain).scroll_into_view_if_needed(timeout=CLICK_MS)

    async def read(self, page: int, chain: list[Any], shape: str) -> Any:
        """Texts with their numbers; the page is photographed when it has changed since the last look."""
        locator = self.locate(page, chain)
        frame = " ".join(str(args[0]) for method, args, _ in chain if method == "frame_locator") or None
        seen = await look(locator, shape, lambda function, how: self._world.ask(function, chain, how))
        if self._photo is None:
            artifact_id, ms = new_id("art"), self._recorder.ms()
            self._photo = _Photo(artifact_id, ms, asyncio.ensure_future(self._photograph(artifact_id, ms)))
        artifact_id, ms = self._photo.artifact_id, self._photo.ms

        def numbered(raw: Raw) -> list[Any]:
            text, selector, (x, y, w, h) = raw
            sighting = Sighting(
                artifact_id=artifact_id,
                recording_id=self._recorder.recording_id,
                recording_offset_ms=ms,
                page=self._name or self._live.page_name(self.page(page).url) or None,
                frame=frame,
                selector=selector,
                box=(round(x, 1), round(y, 1), round(w, 1), round(h, 1)),
                raw_text=text[:2000],
            )
            self.eyes.sightings.append(sighting)
            return [text, len(self.eyes.sightings) - 1]

        if shape == "text":
            return numbered(seen["cells"][0])
        if shape == "texts":
            return [numbered(one) for one in seen["cells"]]
        if shape == "pairs":
            return [[numbered(label), numbered(value)] for label, value in seen["pairs"]]
        return {
            "head": [numbered(one) for one in seen["head"]],
            "rows": [[numbered(c) for c in row] for row in seen["rows"]],
        }

    async def read_pdf(self, page: int, chain: list[Any]) -> list[list[Any]]:
        """Follow a link to a PDF and read its lines. Raises `CallRefused` for what is no whole PDF."""
        data = await self._downloaded(page, chain)
        pages = await pdftext.lines_of(data)
        artifact_id = self._kept(data, "pdf")
        return [
            [self._line(line, artifact_id, Method.PDF, number) for line in lines]
            for number, lines in enumerate(pages, 1)
        ]

    async def read_835(self, page: int, chain: list[Any]) -> list[Any]:
        """Follow a link to an 835 and read its segments. Raises `CallRefused` for what is no whole 835."""
        data = await self._downloaded(page, chain)
        segments = ediparts.segments_of(data)
        artifact_id = self._kept(data, "edi835")
        return [self._line(segment, artifact_id, Method.EDI) for segment in segments]

    async def _downloaded(self, page: int, chain: list[Any]) -> bytes:
        link: Locator = self.locate(page, chain)
        await self._guard.check_click(link, CLICK_MS)
        try:
            async with self.page(page).expect_download(timeout=PDF_MS) as coming:
                await link.click(timeout=CLICK_MS)
            download = await coming.value
            if await download.failure() is not None:
                raise CallRefused("unrecognised", "the file was not sent to its end")
            path = await download.path()
            data = await asyncio.to_thread(path.read_bytes)
            await download.delete()
        except TooSlow as none:
            raise CallRefused("unrecognised", "the link leads to no file") from none
        return data

    def _kept(self, data: bytes, kind: str) -> str:
        """The file's artifact id; the run seals it."""
        artifact_id, now = new_id("art"), self._clock.now()
        self.eyes.pictures.append(
            Picture(artifact_id, kind, hashlib.sha256(data).hexdigest(), len(data), now, blob=f"lookups/{artifact_id}")
        )
        self.files[artifact_id] = data
        return artifact_id

    def _line(self, line: str, artifact_id: str, method: Method, number: int | None = None) -> list[Any]:
        self.eyes.sightings.append(
            Sighting(artifact_id=artifact_id, page=self._name, pdf_page=number, method=method, raw_text=line[:2000])
        )
        return [line, len(self.eyes.sightings) - 1]

    async def _leave(self) -> None:
        """The page is about to change: its picture is taken first. Raises what taking it raised."""
        if self._photo is not None:
            await self._photo.taking
        self._photo = None

    async def _photograph(self, artifact_id: str, ms: int) -> None:
        """While the script reads on; written down before the answer counts."""
        metrics = await self._cdp.send("Page.getLayoutMetrics")
        view, whole = metrics["cssVisualViewport"], metrics["cssContentSize"]
        height = min(whole["height"], TALLEST)
        self.tallest = max(self.tallest, int(height))
        clip = {"x": 0, "y": 0, "width": whole["width"], "height": height, "scale": 1}
        asked: dict[str, Any] = {"format": "png", "optimizeForSpeed": True}
        if height > view["clientHeight"] or view["pageY"]:
            asked |= {"clip": clip, "captureBeyondViewport": True}
        shot = await self._cdp.send("Page.captureScreenshot", asked)
        png = b64decode(shot["data"])
        now = self._clock.now()
        frame = messages.frame(0, self._recorder.next_seq(), ms, int(whole["width"]), int(height), png)

        async def save() -> None:
            chunk, place = await self._recorder.keep(frame, ms)
            self.eyes.pictures.append(
                Picture(
                    artifact_id,
                    "screenshot",
                    hashlib.sha256(png).hexdigest(),
                    len(png),
                    now,
                    recording_id=self._recorder.recording_id,
                    offset_ms=ms,
                    chunk=chunk,
                    place=place,
                )
            )

        self.eyes.saving.append(asyncio.ensure_future(save()))

    async def saved(self) -> None:
        """Wait until every picture is taken and written. Raises `RecorderFailed`."""
        await self._leave()
        await asyncio.gather(*self.eyes.saving)

"""The page a script gets: an allowed part of Playwright's async API under Playwright's own names, done by the host."""

from collections.abc import Awaitable, Callable
from typing import Any

from carrier_scripts.kit.reading import PageChanged, Pairs, Seen, Table
from carrier_scripts.kit.wire import ACT_OPTIONS, ACTS, CHAIN, CHAIN_OPTIONS


class HostRefused(Exception):
    """The host did not do what was asked; `code` says why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


Ask = Callable[[str, dict[str, Any]], Awaitable[Any]]
"""Sends one call to the host and waits for its answer."""


class Locator:
    """Where an element is: a recorded chain. Nothing is looked up until something is done to it."""

    def __init__(self, ask: Ask, page: int, chain: list[Any]) -> None:
        self._ask = ask
        self.page = page
        self.chain = chain

    def _then(self, method: str, *args: Any, **options: Any) -> "Locator":
        if method not in CHAIN or not set(options) <= CHAIN_OPTIONS:
            raise ValueError(f"a script cannot use {method} with {sorted(options)}")
        return Locator(self._ask, self.page, [*self.chain, [method, list(args), options]])

    async def _do(self, act: str, *args: Any, **options: Any) -> Any:
        if act not in ACTS or not set(options) <= ACT_OPTIONS:
            raise ValueError(f"a script cannot use {act} with {sorted(options)}")
        told = {"page": self.page, "chain": self.chain, "act": act, "args": list(args), "options": options}
        return await self._ask("page", told)

    def locator(self, selector: str) -> "Locator":
        return self._then("locator", selector)

    def frame_locator(self, selector: str) -> "Locator":
        return self._then("frame_locator", selector)

    def get_by_role(self, role: str, **options: Any) -> "Locator":
        return self._then("get_by_role", role, **options)

    def get_by_label(self, text: str, **options: Any) -> "Locator":
        return self._then("get_by_label", text, **options)

    def get_by_text(self, text: str, **options: Any) -> "Locator":
        return self._then("get_by_text", text, **options)

    def get_by_placeholder(self, text: str, **options: Any) -> "Locator":
        return self._then("get_by_placeholder", text, **options)

    def get_by_title(self, text: str, **options: Any) -> "Locator":
        return self._then("get_by_title", text, **options)

    def get_by_test_id(self, text: str) -> "Locator":
        return self._then("get_by_test_id", text)

    def filter(self, **options: Any) -> "Locator":
        return self._then("filter", **options)

    def nth(self, index: int) -> "Locator":
        return self._then("nth", index)

    @property
    def first(self) -> "Locator":
        return self._then("first")

    @property
    def last(self) -> "Locator":
        return self._then("last")

    async def click(self, **options: Any) -> None:
        await self._do("click", **options)

    async def fill(self, value: str, **options: Any) -> None:
        """Type something that is no secret; secrets are the desk's."""
        await self._do("fill", value, **options)

    async def check(self, **options: Any) -> None:
        await self._do("check", **options)

    async def uncheck(self, **options: Any) -> None:
        await self._do("uncheck", **options)

    async def select_option(self, value: str | None = None, **options: Any) -> None:
        await self._do("select_option", *([] if value is None else [value]), **options)

    async def press(self, key: str, **options: Any) -> None:
        await self._do("press", key, **options)

    async def inner_text(self, **options: Any) -> str:
        return str(await self._do("inner_text", **options))

    async def all_inner_texts(self) -> list[str]:
        return [str(text) for text in await self._do("all_inner_texts")]

    async def text_content(self, **options: Any) -> str:
        return str(await self._do("text_content", **options) or "")

    async def is_visible(self) -> bool:
        return bool(await self._do("is_visible"))

    async def is_checked(self, **options: Any) -> bool:
        return bool(await self._do("is_checked", **options))

    async def count(self) -> int:
        return int(await self._do("count"))

    async def wait_for(self, **options: Any) -> None:
        await self._do("wait_for", **options)

    async def get_attribute(self, name: str, **options: Any) -> str | None:
        value = await self._do("get_attribute", name, **options)
        return None if value is None else str(value)

    # --- lookups: what is read keeps where it was seen

    async def read(self) -> Seen:
        """The one element's visible text. Waits for it; none, or several, is a changed page."""
        return _seen(await self._read("text"))

    async def read_all(self) -> list[Seen]:
        """The visible texts of all elements that fit, now."""
        return [_seen(one) for one in await self._read("texts")]

    async def read_table(self) -> Table:
        """A `<table>`, or rows and cells by their roles, in one look. Hidden rows are left out."""
        told = await self._read("table")
        return Table([_seen(cell) for cell in told["head"]], [[_seen(cell) for cell in row] for row in told["rows"]])

    async def read_pairs(self) -> Pairs:
        """Labels and values: rows of two cells, or the terms and descriptions of a list."""
        return Pairs([(_seen(label), _seen(value)) for label, value in await self._read("pairs")])

    async def read_pdf(self) -> list[list[Seen]]:
        """Click a link to a PDF; its lines, page by page. What is no whole PDF is a changed page."""
        told = await self._ask("read_pdf", {"page": self.page, "chain": self.chain})
        return [[_seen(line) for line in page] for page in told]

    async def read_835(self) -> list[Seen]:
        """Click a link to a remittance (X12 835); its segments. What is no whole 835 is a changed page."""
        return [_seen(one) for one in await self._ask("read_835", {"page": self.page, "chain": self.chain})]

    async def scroll(self) -> None:
        """Bring the element into view: lists that load as one scrolls."""
        await self._ask("scroll", {"page": self.page, "chain": self.chain})

    async def _read(self, shape: str) -> Any:
        return await self._ask("read", {"page": self.page, "chain": self.chain, "shape": shape})


def _seen(told: Any) -> Seen:
    if not isinstance(told, list) or len(told) != 2:
        raise PageChanged("the host read something else")
    return Seen(str(told[0]), int(told[1]))


class Page(Locator):
    """One remote tab. `index` 0 is the first; pop-ups and new tabs come from `wait_for_page`."""

    def __init__(self, ask: Ask, index: int = 0) -> None:
        super().__init__(ask, index, [])
        self.index = index

    async def goto(self, url: str) -> None:
        """Go to an https address on one of the portal's hosts."""
        await self._ask("goto", {"page": self.index, "url": url})

    async def named(self, name: str) -> None:
        """What this page is called in the evidence; never its address, which may hold an identifier."""
        await self._ask("named", {"page": self.index, "name": name})

    async def reload(self) -> None:
        await self._ask("reload", {"page": self.index})

    async def url(self) -> str:
        """The address without its query, which may hold an identifier."""
        return str(await self._ask("url", {"page": self.index}))

    async def overlay(self, shows: str, button: Locator) -> None:
        """From now on, whenever this shows over the page (a cookie banner, a tip), press its button and go on."""
        await self._ask("overlay", {"page": self.index, "shows": shows, "chain": button.chain})

    async def wait_for_page(self, timeout_ms: int = 15_000) -> "Page":
        """The next pop-up or new tab."""
        return Page(self._ask, int(await self._ask("wait_page", {"timeout_ms": timeout_ms})))

    async def pages(self) -> list["Page"]:
        """All tabs that are open."""
        return [Page(self._ask, int(index)) for index in await self._ask("pages", {})]

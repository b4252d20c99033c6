"""The facade on a real page: what shows counts, wherever it stands; what a field holds stays there."""

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest
from playwright.async_api import Page, Route, async_playwright

from broker.base.settings import Settings
from workers.browser.facade import CallRefused, Facade
from workers.browser.find import find
from workers.browser.recognising import first_shown, shows

pytestmark = pytest.mark.browser
HOME = "https://portal.example/signin"
HTML = """<title>Harbor</title><p style="display:none">Your account is locked</p><p class=word hidden>one</p>
<p>Your account is locked</p><p class=word>two</p>
<form><input id=user><input id=password type=password><button id=go type=button>Go</button></form>
<iframe srcdoc="<p hidden>Choose an office</p><p>Choose an office</p>"></iframe>
<script>document.querySelector('#password').addEventListener('input', e => e.target.setAttribute('value', e.target.value))</script>"""


def on_the_page(test: Callable[[Facade, Page], Awaitable[None]]) -> None:
    """A page of the portal's host whose script copies what is typed into the attribute, as some frameworks do."""

    async def within() -> None:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=find(Settings()).path)
            page = await browser.new_page()

            async def serve(route: Route) -> None:
                if route.request.url == HOME:
                    await route.fulfill(content_type="text/html", body=HTML)
                else:
                    await route.abort()

            await page.route("**/*", serve)
            await page.goto(HOME)
            door = SimpleNamespace(allows=lambda host: host == "portal.example", denied=[])
            live: Any = SimpleNamespace(door=door, tabs=[])
            await test(Facade(live, page), page)
            await browser.close()

    asyncio.run(within())


def act(selector: str, name: str, *args: Any, **options: Any) -> dict[str, Any]:
    return {"page": 0, "chain": [["locator", [selector], {}]], "act": name, "args": list(args), "options": options}


def test_words_that_show_count_even_behind_hidden_ones() -> None:
    async def test(facade: Facade, page: Page) -> None:
        assert await shows(page, ["says", "Your account is locked"])
        assert await shows(page, ["sees", ".word"])
        assert await shows(page, ["inside", "iframe", ["says", "Choose an office"]])
        assert not await shows(page, ["says", "one"])

    on_the_page(test)


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("page", act("#password[value^=Q]", "count")),
        ("page", act("#password", "get_attribute", "value")),
        ("page", act("#password", "input_value")),
        ("page", act("xpath=//input[starts-with(@value,'Q')]", "count")),
        ("page", act("#password", "press", "Control+A")),
        ("page", act("#password", "evaluate", "e => e.value")),
        ("recognise", {"page": 0, "signs": [["x", ["sees", "#password[value^=Q]"]]], "but_not": [], "timeout_ms": 0}),
        ("recognise", {"page": 0, "signs": [["x", ["any", ["all", ["sees", "[value^=Q]"]]]]], "but_not": [], "timeout_ms": 0}),
        ("goto", {"page": 0, "url": "file:///etc/passwd"}),
        ("goto", {"page": 0, "url": "https://evil.example/"}),
        ("goto", {"page": 0, "url": "http://portal.example/"}),
        ("goto", {"page": 0, "url": "javascript:alert(1)"}),
        ("goto", {"page": 0, "url": "https://portal.example@evil.example/"}),
        ("goto", {"page": 7, "url": HOME}),
        ("wait_page", {"timeout_ms": "soon"}),
    ],
)  # fmt: skip
def test_a_hostile_call_gets_nothing(name: str, args: dict[str, Any]) -> None:
    async def test(facade: Facade, page: Page) -> None:
        await page.fill("#password", "Quartz")
        with pytest.raises(CallRefused):
            await facade.call(name, args)
        assert page.url == HOME

    on_the_page(test)


def test_a_new_page_that_does_not_come_is_an_unknown_page_and_no_broken_script() -> None:
    async def test(facade: Facade, page: Page) -> None:
        with pytest.raises(CallRefused) as refused:
            await facade.call("wait_page", {"timeout_ms": 1})
        assert refused.value.code == "unrecognised"

    on_the_page(test)


def test_no_text_of_the_page_holds_what_is_typed() -> None:
    async def test(facade: Facade, page: Page) -> None:
        await page.fill("#password", "Quartz")
        for selector in ("body", "form", "#password"):
            for how in ("inner_text", "text_content", "all_inner_texts"):
                assert "Quartz" not in str(await facade.call("page", act(selector, how)))

    on_the_page(test)


@pytest.mark.parametrize(
    "sends", ["this.form.submit()", "location.href = '/chosen'", "setTimeout(() => this.form.submit())"]
)
def test_a_choice_in_a_list_that_sends_its_form_is_over_when_the_next_page_stands(sends: str) -> None:
    """Until then the old page would be read for the new one."""

    async def portal(asked: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
        first = await asked.readline()
        page = f'<form action=/chosen><select name=s onchange="{sends}"><option>One<option>Two</select></form>'
        body = (b"<p id=who>Two</p>" if b"/chosen" in first else page.encode() + b"<p id=who>One</p>").ljust(200)
        answer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close\r\n\r\n" + body)
        answer.close()

    async def test(facade: Facade, page: Page) -> None:
        server = await asyncio.start_server(portal, "127.0.0.1", 0)
        await page.unroute_all()
        await page.goto(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
        await facade.call("page", act("select", "select_option", label="Two"))
        assert await facade.call("page", act("#who", "all_inner_texts")) == ["Two"]
        server.close()

    on_the_page(test)


def in_two_halves(
    first: bytes, rest: asyncio.Event, second: bytes
) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    """A server whose page arrives by half; the other half comes after `rest`."""

    async def answer_slowly(_: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
        answer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close\r\n\r\n" + first.ljust(4096))
        await answer.drain()
        await rest.wait()
        answer.write(second)
        answer.close()

    return answer_slowly


def test_half_a_page_that_comes_while_the_last_one_is_asked_is_not_recognised(monkeypatch: pytest.MonkeyPatch) -> None:
    rest = asyncio.Event()

    slowly = in_two_halves(b"<p id=who>Ana</p>", rest, b"<p id=practice>Saguaro</p>")

    async def test(facade: Facade, page: Page) -> None:
        server = await asyncio.start_server(slowly, "127.0.0.1", 0)
        await page.unroute_all()

        async def asked_while_it_moves(target: Page, signs: list[Any]) -> int | None:
            if target.url == HOME:
                await page.goto(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", wait_until="commit")
                await page.locator("#who").wait_for()
            told = await first_shown(target, signs)
            rest.set()
            return told

        monkeypatch.setattr("workers.browser.facade.first_shown", asked_while_it_moves)
        signs = [["whole", ["sees", "#practice"]], ["half", ["sees", "#who"]]]
        assert await facade.recognise(0, signs, [], 20_000) == "whole"
        server.close()

    on_the_page(test)


def test_half_a_page_is_not_recognised() -> None:
    """A slow portal shows its code field before the words that the code was wrong."""
    rest = asyncio.Event()

    slowly = in_two_halves(b"<input id=code>", rest, b"<p id=wrong>That code was wrong.</p>")

    async def test(facade: Facade, page: Page) -> None:
        server = await asyncio.start_server(slowly, "127.0.0.1", 0)
        await page.unroute_all()
        await page.goto(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", wait_until="commit")
        signs = [["wrong", ["sees", "#wrong"]], ["asks", ["sees", "#code"]]]
        looking = asyncio.ensure_future(facade.recognise(0, signs, [], 20_000))
        await page.locator("#code").wait_for()
        assert await facade.page_act(0, [["locator", ["#code"], {}]], "is_visible", [], {})
        rest.set()
        assert await looking == "wrong"
        server.close()

    on_the_page(test)


SHOWN = [
    (["sees", "#password"], True),
    (["sees", "#nowhere"], False),
    (["says", "no such words"], False),
    (["at", "/signin"], True),
    (["any", ["sees", "#nowhere"], ["at", "/signin"]], True),
    (["all", ["sees", "#nowhere"], ["at", "/signin"]], False),
    (["any", ["says", "no such words"], ["sees", "#password"]], True),
    (["inside", "iframe", ["sees", "#nowhere"]], False),
    (["inside", "iframe", ["says", "Choose an office"]], True),
    (["sees", "button:has-text('Go')"], True),
    (["sees", "#nowhere, .word"], True),
    (["all", ["sees", "#password"], ["any", ["says", "no such words"], ["at", "/sign*"]]], True),
    (["all", ["says", "Your account is locked"], ["says", "no such words"]], False),
]
"""Signs, and whether each shows on the page."""


def test_the_first_sign_that_shows_wins_whatever_is_asked_beside_it() -> None:
    async def test(facade: Facade, page: Page) -> None:
        for above, above_shows in SHOWN:
            for sign, shown in SHOWN:
                first = 0 if above_shows else 1 if shown else None
                assert await first_shown(page, [above, sign]) == first, (above, sign)

    on_the_page(test)


@pytest.mark.parametrize(
    ("words", "gone"),
    [
        ("Locator.click: Target page, context or browser has been closed", True),
        ("CDPSession.send: Protocol error (Runtime.callFunctionOn): Inspected target navigated or closed", True),
        ("Page.goto: Page crashed", True),
        ('Locator.click: Error: strict mode violation: locator("#closed-claims") resolved to 2 elements', False),
        ('Page.goto: Navigation to "https://x.test/closed" is interrupted by another navigation', False),
    ],
)
def test_a_page_that_is_gone_is_told_by_the_browsers_own_words_and_no_selector_of_a_script(
    words: str, gone: bool
) -> None:
    live: Any = SimpleNamespace()
    page: Any = SimpleNamespace()
    facade = Facade(live, page)
    assert (facade._meaning(words)[0] == "script_failed") is gone
    assert facade.broken is gone

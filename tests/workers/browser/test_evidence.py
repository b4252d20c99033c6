"""What is kept of a page: how it looks and its words, of all its documents, and nothing of one with a seed."""

import asyncio
from collections.abc import Awaitable, Callable
from io import BytesIO

import pytest
from PIL import Image
from playwright.async_api import Error, Page, Route, async_playwright

from broker.base.settings import Settings
from workers.browser.evidence import WITHHELD, seen
from workers.browser.find import find

pytestmark = pytest.mark.browser
HTML = """<h1>{name}</h1><p>{name}</p><div>{name}<a href=#>{name}</a></div><ul><li>{name}</li></ul>
<label>Member <input value="{name}"></label><table><tr><td>{name}</td></tr></table><x-card></x-card>
<iframe srcdoc="<div>{name}</div>"></iframe><button>{button}</button>
<script>document.querySelector('x-card').attachShadow({{mode: 'open'}}).innerHTML = '<span>{name}</span>'</script>"""
SITE = "https://portal.example/"
FRAMES = """<html><head><title>Portal</title></head><frameset rows="50%,*"><frame name=top src=top>
<frameset cols="50%,*"><frame name=menu src=menu><frame name=main src=main></frameset></frameset></html>"""
MASK = (138, 148, 158)


async def on(pages: dict[str, str], test: Callable[[Page], Awaitable[None]]) -> None:
    """The test on a page of a portal that has these documents; it refuses `refused` and never answers `silent`."""

    async def serve(route: Route) -> None:
        name = route.request.url.removeprefix(SITE)
        if name == "refused":
            await route.abort()
        elif name != "silent":
            kind = "image/svg+xml" if name.endswith(".svg") else "text/html"
            await route.fulfill(content_type=kind, body=pages[name])

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find(Settings()).path)
        page = await browser.new_page()
        await page.route(SITE + "**", serve)
        await page.goto(SITE, wait_until="domcontentloaded")
        await test(page)
        await browser.close()


def colours(png: bytes, left: float, top: float, right: float, bottom: float) -> set[object]:
    """Of a part of the picture, in shares of its width and height."""
    with Image.open(BytesIO(png)) as whole:
        box = (left * whole.width, top * whole.height, right * whole.width, bottom * whole.height)
        part = whole.convert("RGB").crop(tuple(round(one) for one in box))  # type: ignore[arg-type]
        return {colour for _, colour in part.getcolors(1 << 24) or []}


def of_frames(main: str) -> dict[str, str]:
    return {"": FRAMES, "top": "<h1>Guild</h1>", "menu": "<p>Menu</p>", "main": main}


def pictures(*pages: tuple[str, str]) -> list[bytes]:
    taken: list[bytes] = []

    async def test(page: Page) -> None:
        for name, button in pages:
            await page.set_content(HTML.format(name=name, button=button))
            await page.frame_locator("iframe").locator("div").wait_for()
            taken.append((await seen(page))[1])

    asyncio.run(on({"": ""}, test))
    return taken


def test_two_patients_look_the_same_and_two_buttons_do_not() -> None:
    maria, petra, other = pictures(
        ("Maria Garcia", "Sign in"), ("Petra Wilson", "Sign in"), ("Maria Garcia", "Go away")
    )
    assert maria == petra
    assert maria != other


def test_a_page_made_of_frames_is_read_in_all_of_them() -> None:
    async def test(page: Page) -> None:
        await page.frame_locator("[name=main]").locator("p").wait_for()
        text, _ = await seen(page)
        assert text.split() == ["Guild", "Menu", "Sign", "in"]

    asyncio.run(on(of_frames("<p>Sign in</p>"), test))


def test_cells_and_fields_inside_frames_are_covered_and_their_words_are_dots() -> None:
    async def of(name: str) -> bytes:
        taken: list[bytes] = []

        async def test(page: Page) -> None:
            await page.frame_locator("[name=main]").locator("td").wait_for()
            taken.append((await seen(page))[1])

        main = f'<p>{name}</p><table><tr><td style="background: red">{name}</td></tr></table><input value="{name}" style="background: lime">'
        await on(of_frames(main), test)
        return taken[0]

    maria, petra = asyncio.run(of("Maria Garcia")), asyncio.run(of("Petra Wilson"))
    assert maria == petra
    inside = colours(maria, 0.5, 0.5, 1, 1)
    assert MASK in inside
    assert not inside & {(255, 0, 0), (0, 255, 0)}


def test_a_frame_that_is_on_its_way_to_another_page_is_dots_as_well() -> None:
    async def of(name: str) -> bytes:
        taken: list[bytes] = []

        async def test(page: Page) -> None:
            await page.frame_locator("[name=main]").locator("a").wait_for()
            main = next(frame for frame in page.frames if frame.name == "main")
            async with page.expect_request(SITE + "silent"):
                await main.locator("a").evaluate("link => link.click()")
            taken.append((await seen(page))[1])
            assert await main.evaluate("document.adoptedStyleSheets.length") == 0

        await on(of_frames(f"<p>{name}</p><a href=silent>On</a>"), test)
        return taken[0]

    assert asyncio.run(of("Maria Garcia")) == asyncio.run(of("Petra Wilson"))


def test_a_seed_in_a_frame_withholds_the_words_and_the_picture_of_every_frame() -> None:
    async def test(page: Page) -> None:
        await page.frame_locator("[name=main]").locator("p").wait_for()
        text, png = await seen(page)
        assert text == WITHHELD
        assert colours(png, 0.55, 0.52, 0.95, 0.6) == {MASK}
        assert colours(png, 0.05, 0.02, 0.95, 0.1) == {MASK}

    asyncio.run(on(of_frames("<p>Key: MFZWIZLBONSGKLABGEZDGNBVGY3TQOJQ</p>"), test))


def test_a_frame_that_cannot_be_read_keeps_the_whole_page_from_being_kept() -> None:
    async def test(page: Page) -> None:
        await page.frame_locator("iframe").locator("text").wait_for()
        with pytest.raises(Error):
            await seen(page)

    drawing = '<svg xmlns="http://www.w3.org/2000/svg"><text y="20">MFZWIZLBONSGKLAB</text></svg>'
    asyncio.run(on({"": "<iframe src=a.svg></iframe>", "a.svg": drawing}, test))


def test_a_frame_whose_server_refuses_or_is_silent_costs_no_evidence() -> None:
    async def test(page: Page) -> None:
        text, png = await seen(page)
        assert text.startswith("Sign in")
        assert png

    asyncio.run(on({"": "<p>Sign in</p><iframe src=refused></iframe><iframe src=silent></iframe>"}, test))


def test_a_hidden_frame_says_nothing() -> None:
    async def test(page: Page) -> None:
        text, _ = await seen(page)
        assert text.strip() == "Sign in"

    hidden = "<iframe hidden srcdoc=\"<script>var key = 'MFZWIZLBONSGKLABGEZDGNBVGY3TQOJQ'</script>\"></iframe>"
    asyncio.run(on({"": f"<p>Sign in</p>{hidden}"}, test))

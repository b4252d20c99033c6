"""Fields held in our own world: typed into as by a person, in one turn of the page, and only while they are what they were."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from playwright.async_api import Error, Page

from tests.workers.browser.test_facade import on_the_page
from workers.browser import fields
from workers.browser.calls import CallRefused
from workers.browser.facade import Facade
from workers.browser.ownworld import Held, world_of

pytestmark = pytest.mark.browser
HEARD = """() => {
  window.heard = [];
  for (const kind of ['focus', 'input'])
    document.addEventListener(kind, (event) => heard.push(`${kind} ${event.target.id} ${event.isTrusted}`), true);
}"""


def link(selector: str) -> list[Any]:
    return [["locator", [selector], {}]]


def with_the_page(html: str, test: Callable[[Page], Awaitable[None]]) -> None:
    async def within(facade: Facade, page: Page) -> None:
        del facade
        await page.set_content(html)
        await test(page)

    on_the_page(within)


async def held(page: Page, selector: str) -> Held:
    field = await world_of(page).hold(link(selector))
    assert field is not None
    return field


@pytest.mark.parametrize("kind", ["text", "password", "tel", "email", "number", "search", "url"])
def test_what_stood_in_the_field_is_typed_over_and_the_page_hears_of_it(kind: str) -> None:
    async def test(page: Page) -> None:
        await page.evaluate(HEARD)
        await (await held(page, "#it")).fill("417582")
        assert await page.input_value("#it") == "417582"
        assert await page.evaluate("heard") == ["focus it true", "input it true"]
        await fields.blank(await held(page, "#it"))
        assert await page.input_value("#it") == ""

    with_the_page(f"<input id=it type={kind} value=12>", test)


@pytest.mark.parametrize("what", ["readonly", "disabled"])
def test_a_field_that_opens_late_is_waited_for(what: str) -> None:
    async def test(page: Page) -> None:
        field = await held(page, "#it")
        await page.evaluate(f"() => setTimeout(() => document.querySelector('#it').removeAttribute('{what}'), 100)")
        await field.fill("417582")
        assert await page.input_value("#it") == "417582"

    with_the_page(f"<input id=it {what}>", test)


@pytest.mark.parametrize(
    "trick",
    [
        "document.addEventListener('focus', () => document.querySelector('#other').focus(), true)",
        "document.querySelector('#it').remove()",
        "document.querySelector('#it').readOnly = true",
    ],
)
def test_nothing_is_typed_anywhere_when_the_field_cannot_have_it(trick: str) -> None:
    async def test(page: Page) -> None:
        field = await held(page, "#it")
        await page.evaluate(trick)
        with pytest.raises(Error):
            await field.fill("417582", timeout=200)
        assert await page.evaluate("[...document.querySelectorAll('input')].map((one) => one.value).join('')") == ""

    with_the_page("<input id=it><input id=other>", test)


def test_a_field_of_a_page_that_went_away_takes_nothing() -> None:
    async def test(page: Page) -> None:
        field = await held(page, "#it")
        await page.reload()
        await page.set_content("<input id=it>")
        with pytest.raises(Error):
            await field.fill("417582")
        assert await page.input_value("#it") == ""
        assert not await fields.holds(field)

    with_the_page("<input id=it>", test)


@pytest.mark.parametrize(
    "html",
    [
        "<input class=it><input class=it>",
        "<input class=it hidden>",
        "<div><template shadowrootmode=open><input class=it></template></div>",
        "<p>no field</p>",
    ],
)
def test_what_is_not_one_field_that_shows_is_left_to_playwright(html: str) -> None:
    async def test(page: Page) -> None:
        assert await world_of(page).hold(link(".it")) is None

    with_the_page(html, test)


def test_whose_page_it_is_comes_from_the_document_and_not_from_its_scripts() -> None:
    async def test(page: Page) -> None:
        field = await held(page, "#it")
        await fields.check_owner(field, {"portal.example"})
        with pytest.raises(CallRefused, match=r"belongs to portal\.example"):
            await fields.check_owner(field, {"carrier.example"})

    with_the_page("<input id=it><script>var location2 = 'https://carrier.example/'</script>", test)


def test_a_field_that_goes_is_waited_for_no_longer() -> None:
    async def test(page: Page) -> None:
        field = await held(page, "#it")
        with pytest.raises(Error):
            await field.wait_for_element_state("hidden", timeout=50)
        await page.evaluate("() => setTimeout(() => { document.querySelector('#it').hidden = true; }, 50)")
        await field.wait_for_element_state("hidden", timeout=20_000)

    with_the_page("<input id=it>", test)


SHUT = {
    "hidden": "one.hidden = true",
    "disabled": "one.disabled = true",
    "read-only": "one.readOnly = true",
    "put back by the page": "one.addEventListener('input', () => { one.value = '417582'; })",
    "of another kind": "one.type = 'text'",
}


@pytest.mark.parametrize("how", SHUT)
def test_a_field_is_blanked_however_the_page_left_it(how: str) -> None:
    async def test(page: Page) -> None:
        field = await held(page, "#it")
        await fields.check_kind(field, password=True)
        await field.fill("417582")
        await page.evaluate(f"() => {{ const one = document.querySelector('#it'); {SHUT[how]}; }}")
        await fields.blank(field)
        assert await page.input_value("#it") == ""

    with_the_page("<input id=it type=password>", test)


@pytest.mark.parametrize(
    "change",
    [
        "one.type = 'text'",
        "one.setAttribute('aria-readonly', 'true')",
        "one.closest('form').setAttribute('aria-disabled', 'true')",
        "one.maxLength = 0",
    ],
)
def test_what_a_field_does_not_take_is_no_success(change: str) -> None:
    async def test(page: Page) -> None:
        field = await held(page, "#it")
        await fields.check_kind(field, password=True)
        await page.evaluate(f"() => {{ const one = document.querySelector('#it'); {change}; }}")
        with pytest.raises(Error):
            await field.fill("417582", timeout=200)
        assert await page.input_value("#it") in ("", "saved")

    with_the_page("<form><input id=it type=password value=saved></form>", test)


def test_a_page_that_wakes_up_too_late_gets_nothing() -> None:
    async def test(page: Page) -> None:
        field = await held(page, "#it")
        await page.evaluate(
            "() => setTimeout(() => { const end = Date.now() + 400; while (Date.now() < end); document.title = 'awake'; })"
        )
        with pytest.raises(Error):
            await field.fill("417582", timeout=50)
        await page.wait_for_function("document.title === 'awake'")
        assert await page.input_value("#it") == ""

    with_the_page("<input id=it>", test)

"""Secrets are dots in every picture: whatever the field is called, wherever it stands, also after "show password"."""

import asyncio
from collections.abc import Awaitable, Callable

import numpy as np
import pytest
from playwright.async_api import Page

from tests.workers.browser.test_stream import a_page
from workers.browser import masks, tiles
from workers.browser.live import LiveSession
from workers.browser.screen import Picture

pytestmark = pytest.mark.browser
Steps = Callable[[LiveSession, Page, str], Awaitable[None]]
ADDRESS = "https://portal.test/"


async def _shown(steps: Steps, secret: str) -> Picture:
    async with a_page() as (live, page):
        await live.context.route("**/*", lambda route: route.fulfill(body="<body>", content_type="text/html"))
        await page.goto(ADDRESS)
        await steps(live, page, secret)
        await page.evaluate("document.activeElement.blur()")  # a blinking caret would be a difference
        return tiles.decode(await page.screenshot(), 0, 0)


def _same(steps: Steps) -> bool:
    return np.array_equal(asyncio.run(_shown(steps, "483920")), asyncio.run(_shown(steps, "175604")))


async def _put(page: Page, html: str) -> None:
    await page.evaluate("html => { document.body.innerHTML = html }", html)


async def _plain_field(live: LiveSession, page: Page, secret: str) -> None:
    await _put(page, '<input name="answer">')
    await page.fill("input", secret)


async def _desks_field(live: LiveSession, page: Page, secret: str) -> None:
    await _put(page, '<input name="answer">')
    field = await page.query_selector("input")
    assert field is not None
    await masks.keep_secret(live, field)
    await field.fill(secret)


async def _desks_field_on_the_next_page(live: LiveSession, page: Page, secret: str) -> None:
    await _desks_field(live, page, secret)
    await page.goto(ADDRESS + "wrong-code")
    await _put(page, f'<input name="answer" value="{secret}">')


async def _password_that_is_shown(live: LiveSession, page: Page, secret: str) -> None:
    await _put(page, '<input type="password">')
    await page.fill("input", secret)
    await page.evaluate("document.querySelector('input').type = 'text'")


async def _password_whose_style_the_page_writes_anew(live: LiveSession, page: Page, secret: str) -> None:
    await _password_that_is_shown(live, page, secret)
    await page.evaluate("document.querySelector('input').setAttribute('style', 'color: navy')")


async def _password_that_a_clone_shows(live: LiveSession, page: Page, secret: str) -> None:
    await _put(page, '<input type="password">')
    await page.fill("input", secret)
    await page.evaluate(
        """(() => { const one = document.querySelector('input'), clone = one.cloneNode();
        clone.type = 'text'; clone.value = one.value; clone.removeAttribute('style'); one.replaceWith(clone); })()"""
    )


async def _password_that_a_field_of_the_same_name_shows(live: LiveSession, page: Page, secret: str) -> None:
    await _put(page, '<input type="password" name="word">')
    await page.fill("input", secret)
    await _put(page, f'<input name="word" value="{secret}">')


async def _password_that_the_field_beside_it_shows(live: LiveSession, page: Page, secret: str) -> None:
    await _put(page, '<input type="password" oninput="this.nextSibling.value = this.value"><input>')
    await page.fill("input[type=password]", secret)


async def _password_shown_in_a_shadow_root(live: LiveSession, page: Page, secret: str) -> None:
    await _put(page, "<div>")
    await page.evaluate(
        "document.querySelector('div').attachShadow({mode: 'open'}).innerHTML = '<input type=password>'"
    )
    await page.locator("input").press_sequentially(secret)
    await page.evaluate("document.querySelector('div').shadowRoot.querySelector('input').outerHTML = '<input id=new>'")
    await page.locator("#new").fill(secret)


async def _code_in_a_shadow_root(live: LiveSession, page: Page, secret: str) -> None:
    await _put(page, "<div>")
    await page.evaluate(
        "document.querySelector('div').attachShadow({mode: 'open'}).innerHTML = '<input autocomplete=one-time-code>'"
    )
    await page.locator("input").press_sequentially(secret)


async def _code_after_the_page_replaced_its_sheets(live: LiveSession, page: Page, secret: str) -> None:
    await _put(page, '<input id="otp-1">')
    await page.evaluate("document.adoptedStyleSheets = []")
    await page.locator("input").press_sequentially(secret)


@pytest.mark.parametrize(
    "steps",
    [
        _desks_field,
        _desks_field_on_the_next_page,
        _password_that_is_shown,
        _password_whose_style_the_page_writes_anew,
        _password_that_a_clone_shows,
        _password_that_a_field_of_the_same_name_shows,
        _password_that_the_field_beside_it_shows,
        _password_shown_in_a_shadow_root,
        _code_in_a_shadow_root,
        _code_after_the_page_replaced_its_sheets,
    ],
)
def test_a_secret_does_not_change_the_picture(steps: Steps) -> None:
    assert _same(steps)


def test_what_is_no_secret_does() -> None:
    assert not _same(_plain_field)


COVERED = (
    "type=password",
    "autocomplete=one-time-code",
    "autocomplete='section-a one-time-code'",
    "name=code",
    "name=Code id=x7",
    "name=otp",
    "name=otp-1",
    "id=userOTP",
    "name=OTPCode",
    "name=sms_otp_value",
    "name=passcode",
    "name=verificationCode",
    "name=verification-code-3",
    "id=VERIFICATION_CODE",
    "name=oneTimeCode",
    "name='login[one_time_pin]'",
    "name=mfaCode",
    "name=2faToken",
    "name=txtSecurityCode",
    "name=newPassword",
    "name=pin",
)
ORDINARY = (
    "name=procedure_code",
    "name=procedureCode",
    "name=cdtCode",
    "name='CDT code'",
    "name=diagnosisCode1",
    "name=zipCode",
    "name=zip_code",
    "name=option",
    "name=optionCode",
    "name=PlaceOfServiceCode",
    "name=code1 id=line1_code",
    "name=footprint",
    "name=pilotProgram",
    "name=hotpocket",
    "name=taxonomy_codes",
    "name=denialReasonCode",
    "name=encoded",
    "name=mfaPhone",
    "name=pinnacleId",
    "name=shippingPin",
    "autocomplete=postal-code",
    "type=submit name=verifyCode value=Verify",
    "type=button id=forgotPassword value=Forgot",
)


def test_what_a_field_is_called_says_whether_it_is_covered() -> None:
    async def covered() -> dict[str, bool]:
        async with a_page() as (_, page):
            await _put(page, "".join(f"<input {one}>" for one in (*COVERED, *ORDINARY)))
            said = await page.evaluate(
                "[...document.querySelectorAll('input')].map(one => getComputedStyle(one).webkitTextSecurity === 'disc')"
            )
            return dict(zip((*COVERED, *ORDINARY), said, strict=True))

    found = asyncio.run(covered())
    assert [one for one in COVERED if not found[one]] == []
    assert [one for one in ORDINARY if found[one]] == []

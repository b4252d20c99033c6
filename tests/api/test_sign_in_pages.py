"""The sign-in pages in a real browser: keyboard alone is enough, axe finds nothing, the policy blocks nothing of ours."""

import dataclasses
import socket
import threading
from collections.abc import Iterator

import pyotp
import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, sync_playwright

from api.app import create_app
from broker.base.actor import Actor, ActorKind
from broker.base.clock import SystemClock
from broker.identity import links, people
from broker.identity.models import User
from tests import factories

pytestmark = pytest.mark.browser
OPERATOR = Actor(ActorKind.OPERATOR, "root", "root at the shell")
PASSWORD = "tangerine boat lamp"
CHROMIUMS = ("/usr/bin/chromium-headless-shell", "/usr/bin/chromium")


@pytest.fixture
def served(portunus) -> Iterator:
    """Portunus on a real socket, with a real clock (the browser has one too)."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        settings = portunus.settings.model_copy(update={"public_url": address})
        real = dataclasses.replace(portunus, settings=settings, clock=SystemClock())
        server = uvicorn.Server(uvicorn.Config(create_app(real), log_level="critical", ws="none"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        yield real
        server.should_exit = True
        thread.join(timeout=10)


@pytest.fixture
def page() -> Iterator[Page]:
    import os
    from pathlib import Path

    found = next((path for path in CHROMIUMS if Path(path).exists()), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, chromium_sandbox=os.geteuid() != 0)
        page = browser.new_page()
        page.set_default_timeout(15_000)
        page.blocked = []
        page.on(
            "console", lambda said: page.blocked.append(said.text) if "Content Security Policy" in said.text else None
        )
        yield page
        browser.close()


def press_enter(page: Page) -> None:
    page.wait_for_function("document.activeElement !== document.body")
    with page.expect_navigation():
        page.keyboard.press("Enter")


def no_violations(page: Page) -> None:
    """Neither of our policy nor of accessibility rules. (Axe itself tries an inline style, hence the order.)"""
    assert page.blocked == []
    assert [found["id"] for found in Axe().run(page).response["violations"]] == []
    page.blocked.clear()


def test_new_person_sets_everything_up_and_signs_in_with_the_keyboard_alone(served, page):
    with served.unit(OPERATOR) as work:
        user = factories.user(work, factories.organization(work), email="maria@saguaro.test", role=None)
        people.give_grant(work, role="script_maintainer", user_id=user.id)
        token = links.create_link(work, user, direct=False)
    at = served.settings.public_url
    page.goto(f"{at}/sign-in/link/{token}")
    no_violations(page)
    press_enter(page)
    no_violations(page)
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    press_enter(page)
    press_enter(page)
    no_violations(page)
    assert page.locator("img.qr").evaluate("picture => picture.naturalWidth") > 100
    seed = page.inner_text(".seed").replace(" ", "")
    totp = pyotp.TOTP(seed)
    page.keyboard.type(totp.now())
    press_enter(page)
    assert page.url == f"{at}/scripts"
    no_violations(page)
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/sign-in")
    no_violations(page)
    page.keyboard.type("maria@saguaro.test")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    press_enter(page)
    no_violations(page)
    with served.reading(OPERATOR) as work:
        next_step = work.db.get(User, user.id).totp_last_step + 1
    page.keyboard.type(totp.generate_otp(next_step))
    press_enter(page)
    assert page.url == f"{at}/scripts"
    assert page.blocked == []


def test_wrong_password_is_said_and_the_field_has_the_focus(served, page):
    page.goto(f"{served.settings.public_url}/sign-in")
    page.keyboard.type("nobody@saguaro.test")
    page.keyboard.press("Tab")
    page.keyboard.type("wrong")
    press_enter(page)
    assert page.get_by_role("alert").inner_text().startswith("The e-mail address or the password is wrong.")
    page.wait_for_function("document.activeElement.id === 'password'")
    no_violations(page)


def test_administrators_people_page_is_usable_by_everyone(served, page):
    with served.unit(OPERATOR) as work:
        org = factories.organization(work)
        place = factories.location(work, org)
        ana = factories.user(work, org, "Ana Admin", role="admin")
        factories.user(work, org, "Maria Lopez", locations=[place])
        robot = people.create_service_account(work, org.id, "Nightly eligibility")
        people.give_grant(work, role="service", service_account_id=robot.id)
        token = links.create_link(work, ana)
    at = served.settings.public_url
    page.goto(f"{at}/sign-in/link/{token}")
    press_enter(page)
    page.goto(f"{at}/people")
    no_violations(page)
    page.get_by_role("button", name="New API key for Nightly eligibility").click()
    assert page.locator("code.once").inner_text().startswith("ptn_live_")
    page.get_by_label("Name", exact=True).first.fill("Dan Desk")
    page.get_by_label("E-mail address").fill("dan@saguaro.test")
    page.get_by_role("button", name="Invite").click()
    assert "/sign-in/link/" in page.locator("code.once").inner_text()
    no_violations(page)

"""A recorded sign-in becomes declared facts; what was typed in it is thrown away."""

import ast
from pathlib import Path

import pytest

from carrier_scripts import scaffold, walk

RECORDING = """
import asyncio
from playwright.async_api import Playwright, async_playwright

async def run(playwright: Playwright) -> None:
    browser = await playwright.chromium.launch(headless=False)
    page = await browser.new_page()
    await page.goto("https://providers.harbor.example/signin?next=%2Fhome")
    await page.locator("#user").click()
    await page.locator("#user").fill("mira")
    await page.locator("input[name=\\"password\\"]").fill("Quartz-Heron-7")
    await page.get_by_role("button", name="Sign in").click()
    await page.locator("#otp").fill("123456")
    await page.get_by_role("button", name="Verify").click()
    await page.goto("https://providers.harbor.example/home")
"""


def test_fields_buttons_and_hosts_are_read_in_order() -> None:
    seen = walk.read(RECORDING)
    assert (seen.start, seen.home) == (
        "https://providers.harbor.example/signin",
        "https://providers.harbor.example/home",
    )
    assert (seen.username, seen.password) == ("#user", 'input[name="password"]')
    assert (seen.submit, seen.code, seen.verify) == (
        'role=button[name="Sign in"]',
        "#otp",
        'role=button[name="Verify"]',
    )
    assert seen.hosts == ["providers.harbor.example"]


def test_fields_found_by_their_labels_are_found_again() -> None:
    seen = walk.read(
        RECORDING.replace('locator("#user")', 'get_by_label("User")').replace(
            'locator("input[name=\\"password\\"]")', 'get_by_label("Password")'
        )
    )
    assert (seen.username, seen.password) == ('role=textbox[name="User"]', "input[type=password]")


def test_nothing_that_was_typed_is_kept(tmp_path: Path) -> None:
    (tmp_path / "portals").mkdir()
    (tmp_path / "behaviour").mkdir()
    made = scaffold.create("harbor", scripts=tmp_path, pages=tmp_path / "pages", walk=walk.read(RECORDING))
    text = "".join(file.read_text() for file in made if file.is_file())
    assert "Quartz" not in text
    assert "123456" not in text
    assert 'password="input[name=\\"password\\"]"' in text
    ast.parse((tmp_path / "portals" / "harbor.py").read_text())


@pytest.mark.parametrize("text", ["function () {", "x = 1", "page.goto()"])
def test_what_is_no_recording_says_so(text: str) -> None:
    with pytest.raises(ValueError, match="recording"):
        walk.read(text)

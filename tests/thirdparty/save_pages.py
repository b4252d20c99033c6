"""Save the pages of the third-party applications afresh: python -m tests.thirdparty.save_pages two_step roundcube node_red."""

import asyncio
import sys
import tempfile
from pathlib import Path

import pyotp
from playwright.async_api import Page, async_playwright

from broker.base.settings import Settings
from carrier_scripts import registry
from carrier_scripts.kit.portal import Portal
from carrier_scripts.lab.certificate import certificate
from tests.portals.saving import save
from tests.thirdparty import mail
from tests.thirdparty.node_red import node_red
from tests.thirdparty.roundcube import roundcube
from tests.thirdparty.serving import Running
from tests.thirdparty.two_step import two_step
from workers.browser.find import find

PAGES = Path(__file__).parents[1] / "portals"
WRONG = "not-the-password"


class Walk:
    """Somebody who signs in by hand and keeps each page she sees."""

    def __init__(self, page: Page, app: Running, key: str) -> None:
        self.page, self.app, self.key = page, app, key
        self.portal: type[Portal] = registry.portal(key)

    async def keep(self, name: str, sign: str) -> None:
        await self.page.locator(sign).first.wait_for()
        await save(self.page, PAGES / self.key / f"{name}.html")

    async def password(self, value: str) -> None:
        login = self.portal.login
        await self.page.goto(self.portal.start)
        await self.page.fill(login.username, self.app.username)
        await self.page.fill(login.password, value)
        await self.page.click(login.submit)

    async def code(self, value: str) -> None:
        code = self.portal.code
        assert code is not None
        await self.page.fill(code.field, value)
        await self.page.click(code.submit)

    async def form(self) -> None:
        await self.page.goto(self.portal.start)
        await self.keep("login_form", self.portal.login.username)


async def see_two_step(walk: Walk) -> None:
    await walk.form()
    await walk.password(WRONG)
    await walk.keep("wrong_password", "text=Please enter a correct username")
    await walk.password(walk.app.password)
    await walk.keep("asks_code", "input[name=token-otp_token]")
    await walk.password(walk.app.password)
    await walk.code("000000")
    await walk.keep("wrong_code", "text=Invalid token.")
    await asyncio.sleep(1.5)  # the application takes no code for a second after a wrong one
    await walk.password(walk.app.password)
    await walk.code(pyotp.TOTP(walk.app.seed).now())
    await walk.keep("signed_in", "#user-tools")
    await walk.page.goto(f"https://{walk.app.host}/account/two_factor/")
    await walk.keep("unrecognised", "text=Account Security")


async def see_roundcube(walk: Walk) -> None:
    await walk.form()
    await walk.password(WRONG)
    await walk.keep("wrong_password", "text=Login failed.")
    await walk.password(walk.app.password)
    await walk.keep("signed_in", "#taskmenu a.logout")
    await walk.page.context.clear_cookies()
    for _ in range(4):
        await walk.password(WRONG)
        await walk.page.locator("text=/failed/").first.wait_for()
    await walk.keep("locked", "text=Too many failed login attempts")


async def see_node_red(walk: Walk) -> None:
    await walk.form()
    await walk.password(WRONG)
    await walk.keep("wrong_password", "#node-dialog-login-failed")
    await walk.password(walk.app.password)
    await walk.keep("signed_in", "#red-ui-header-button-user")


async def main(keys: list[str]) -> None:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        proof = certificate(folder)
        with mail.office() as office:
            ways = {
                "two_step": (lambda place: two_step(place, proof), see_two_step),
                "roundcube": (lambda place: roundcube(place, proof, office), see_roundcube),
                "node_red": (lambda place: node_red(place, proof), see_node_red),
            }
            for key in keys or ways:
                serve, see = ways[key]
                (folder / key).mkdir()
                with serve(folder / key) as app:
                    await _signed(app, key, see)


async def _signed(app: Running, key: str, see) -> None:
    arguments = [f"--host-resolver-rules=MAP {host} {where}" for host, where in app.resolve.items()]
    arguments.append(f"--ignore-certificate-errors-spki-list={app.proof.spki}")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find(Settings()).path, args=arguments)
        await see(Walk(await browser.new_page(), app, key))
        await browser.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))

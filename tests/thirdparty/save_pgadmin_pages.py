"""Save pgAdmin's pages afresh: python -m tests.thirdparty.save_pgadmin_pages. Signs in by hand, so it proves the set-up too."""

import asyncio
import tempfile
from pathlib import Path

from aiosmtpd.controller import Controller
from playwright.async_api import Page, async_playwright

from broker.base.settings import Settings
from carrier_scripts.lab.certificate import certificate
from carrier_scripts.portals.pgadmin import Pgadmin
from tests.portals.saving import save
from tests.thirdparty.pgadmin import pgadmin
from tests.thirdparty.serving import Running, free_port
from workers.browser.find import find

PAGES = Path(__file__).parents[1] / "portals" / "pgadmin"


class Inbox:
    """Takes mail; the newest code is on the line after the sentence."""

    def __init__(self) -> None:
        self.codes: asyncio.Queue[str] = asyncio.Queue()
        self.loop = asyncio.get_running_loop()

    async def handle_DATA(self, server: object, session: object, envelope: object) -> str:
        lines = envelope.content.decode().splitlines()
        at = next(n for n, line in enumerate(lines) if "code for authentication" in line)
        self.loop.call_soon_threadsafe(self.codes.put_nowait, lines[at + 1].strip())
        return "250 OK"


async def walk(page: Page, app: Running, inbox: Inbox) -> None:
    login, code = Pgadmin.login, Pgadmin.code

    async def password(value: str) -> None:
        await page.goto(Pgadmin.start)
        await page.fill(login.username, app.username)
        await page.fill(login.password, value)
        await page.click(login.submit)

    async def keep(name: str, sign: str) -> None:
        await page.locator(sign).first.wait_for()
        await save(page, PAGES / f"{name}.html")

    await page.goto(Pgadmin.start)
    await keep("login_form", login.username)
    await password("not-the-password")
    await keep("wrong_password", "text=Incorrect username or password")
    await password(app.password)
    await keep("asks_code", "[data-test=email-validate-view]")
    await page.goto(Pgadmin.home)
    await page.click(code.request)
    right = await inbox.codes.get()
    await page.fill(code.field, "000000" if right != "000000" else "000001")
    await page.click(code.submit)
    await keep("wrong_code", "text=Invalid code")
    await page.goto(Pgadmin.home)
    await page.click(code.request)
    await page.fill(code.field, await inbox.codes.get())
    await page.click(code.submit)
    await keep("signed_in", "[data-test=loggedin-username]")
    page = await page.context.browser.new_page()
    for said in ("2 more attempt", "1 more attempt", "0 more attempt", "Your account is locked"):
        await password("not-the-password")
        await page.locator(f"text={said}").first.wait_for()
    await keep("locked", "text=Your account is locked")


async def main() -> None:
    inbox, port = Inbox(), free_port()
    mail = Controller(inbox, hostname="127.0.0.1", port=port)
    mail.start()
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        with pgadmin(folder, certificate(folder), smtp_port=port, email="office@lab.test") as app:
            arguments = [f"--host-resolver-rules=MAP {host} {where}" for host, where in app.resolve.items()]
            arguments.append(f"--ignore-certificate-errors-spki-list={app.proof.spki}")
            async with async_playwright() as playwright:
                browser = await playwright.chromium.launch(executable_path=find(Settings()).path, args=arguments)
                page = await browser.new_page()
                await walk(page, app, inbox)
                await browser.close()
    mail.stop()


if __name__ == "__main__":
    asyncio.run(main())

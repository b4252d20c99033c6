"""The third-party application and its mail work, before Portunus comes into it."""

import asyncio
import re
from imaplib import IMAP4
from pathlib import Path

import pytest
from playwright.async_api import async_playwright

from broker.base.settings import Settings
from carrier_scripts.lab.certificate import certificate
from carrier_scripts.portals.pgadmin import Pgadmin
from tests.thirdparty import mail
from tests.thirdparty.pgadmin import HOST, SENDER, pgadmin
from tests.thirdparty.python_mail import an_office
from tests.thirdparty.serving import Running
from workers.browser.find import find

pytestmark = [
    pytest.mark.thirdparty,
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.timeout(240),
]


async def ask_for_a_code(app: Running) -> None:
    """Sign in by hand as far as the code page and press its button."""
    arguments = [f"--host-resolver-rules=MAP {host} {where}" for host, where in app.resolve.items()]
    arguments.append(f"--ignore-certificate-errors-spki-list={app.proof.spki}")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find(Settings()).path, args=arguments)
        page = await browser.new_page()
        await page.goto(Pgadmin.start)
        await page.fill(Pgadmin.login.username, app.username)
        await page.fill(Pgadmin.login.password, app.password)
        await page.click(Pgadmin.login.submit)
        await page.click(Pgadmin.code.request)
        await page.locator(Pgadmin.code.field).wait_for()
        await browser.close()


def test_its_code_arrives_in_a_real_mailbox_with_the_servers_verdict(tmp_path: Path) -> None:
    proof = certificate(tmp_path)
    with an_office() as office, pgadmin(tmp_path, proof, smtp_port=office.smtp_port, email=office.address) as app:
        asyncio.run(ask_for_a_code(app))
        with IMAP4("127.0.0.1", office.imap_port, timeout=10) as box:
            box.login(office.address, office.password)
            assert box.select("INBOX")[0] == "OK"
            raw = box.fetch("1", "(RFC822)")[1][0][1].decode()
    assert f"From: {SENDER}" in raw
    assert re.search(rf"{mail.AUTHSERV}; spf=pass.*dkim=pass.*dmarc=pass header.from={HOST}", raw)
    assert re.search(r"code for authentication\.\s+\d{6}", raw)

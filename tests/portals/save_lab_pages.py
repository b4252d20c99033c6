"""Save the pages of the portal lab afresh: python -m tests.portals.save_lab_pages [KEY...]. Faults bring up the rare ones."""

import asyncio
import contextlib
import sys
import tempfile
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urljoin

import pyotp
from playwright.async_api import Browser, Page, async_playwright
from playwright.async_api import TimeoutError as TooSlow

from broker.base.settings import Settings
from carrier_scripts import registry
from carrier_scripts.kit import Question
from tests.labs import RunningLab, running_lab
from tests.portals.saving import save
from workers.browser.find import find

HERE = Path(__file__).parent


class Walk:
    """One visit to one carrier, as a person who knows her way."""

    def __init__(self, lab: RunningLab, page: Page, key: str) -> None:
        self.lab, self.page, self.key = lab, page, key
        self.portal = registry.portal(key)
        self.account = lab.account(f"{key}-1")

    async def start(self, *, past_banner: bool = True) -> None:
        await self.page.goto(self.portal.start)
        if self.key == "pelican_federal" and past_banner:
            with contextlib.suppress(TooSlow):
                await self.page.click("#pfc-accept", timeout=1000)
        for overlay in self.portal.overlays:
            with contextlib.suppress(TooSlow):
                await self.page.locator(overlay.button).click(timeout=2000)

    async def password(self, value: str | None = None, *, mailed: bool = True) -> None:
        await self.start()
        form = self.page.frame_locator(self.portal.login.frame) if self.portal.login.frame else self.page
        await form.locator(self.portal.login.username).fill(self.account.username)
        if self.portal.login.next:
            await self.page.click(self.portal.login.next)
        if self.key == "evergreen_medicaid":
            await self.page.click("#ctl_Public")
        for answered in (step for step in self.portal.between if isinstance(step, Question)):
            question = await self.page.inner_text(answered.question)
            await self.page.fill(answered.field, dict(self.account.answers)[question])
            await self.page.click(answered.submit)
        await form.locator(self.portal.login.password).fill(value or self.account.password)
        await form.locator(self.portal.login.submit).click()
        if self.key == "pelican_federal" and mailed:
            with contextlib.suppress(TooSlow):
                await self.page.click("#pfc-email", timeout=1000)
        if self.key == "union_summit" and mailed:
            with contextlib.suppress(TooSlow):
                await self.page.locator("#method-totp").click(timeout=1000)
        if self.key == "meridian_shared" and mailed:
            other = self.page.locator("#mss-use-email")
            with contextlib.suppress(TooSlow):
                await other.click(timeout=1000)

    reference = ""

    async def code(self, value: str | None = None) -> None:
        if self.portal.code is None:
            return
        if self.portal.code.reference:
            self.reference = await self.page.inner_text(self.portal.code.reference)
        await self.page.fill(self.portal.code.field, value or self.current_code())
        await self.page.click(self.portal.code.submit)

    def current_code(self) -> str:
        if self.reference:
            return str(self.lab.call(self.key, self.reference).get("code", ""))
        if self.account.totp_seed:
            return pyotp.TOTP(self.account.totp_seed).at(int(self.lab.now().timestamp()))
        return self.lab.last_code(self.account.key)

    async def wrong_code(self) -> None:
        right = self.current_code()
        await self.code("123450" if right != "123450" else "123451")

    async def choose(self) -> None:
        if self.key == "union_summit":
            await self.page.locator("label.tin").first.click()
            await self.page.click("#go-office")
            await self.page.wait_for_url(lambda url: url.endswith(("/app/home", "/whats-new")))
        if self.key == "meridian_shared":
            await self.page.click("#mss-office-go")
        if self.key == "sentinel_dental":
            await self.page.locator("label.office-line").first.click()
            await self.page.click("[data-do=office]")
        if self.key == "bluestone_mutual":
            await self.page.locator("label.office-choice").first.click()
            await self.page.click("#officeNext")
        if self.key == "harborline":
            await self.page.locator("label.practice-option").first.click()
            await self.page.click("#practice-continue")
        if self.key == "northgate":
            await self.page.select_option("#organization", index=1)
            await self.page.click("[data-testid=continue]")

    async def in_(self) -> None:
        await self.password()
        await self.code()
        await self.choose()
        await self.page.goto(self.portal.home)

    def fault(self, name: str, **args: object) -> None:
        self.lab.fault(self.key, name, **args)


Way = Callable[[Walk], Awaitable[int | None]]


async def login_form(w: Walk) -> None:
    await w.start()


async def maintenance(w: Walk) -> int:
    w.fault("maintenance", status=503)
    await w.start()
    return 503


async def error(w: Walk) -> int:
    w.fault("error", status=500)
    await w.start()
    return 500


async def captcha(w: Walk) -> None:
    w.fault("captcha")
    await w.start()


async def wrong_password(w: Walk) -> None:
    await w.password("not-the-password-1")


async def locked(w: Walk) -> None:
    w.lab.fault(w.key, "lock", account=w.account.username)
    await w.password()


def aged(days: int) -> Way:
    async def way(w: Walk) -> None:
        w.lab.fault(w.key, "password_age", account=w.account.username, days=days)
        await w.password()
        if "code" not in w.portal.__dict__ or not await w.page.locator(w.portal.code.field).is_visible():
            return
        await w.code()

    return way


async def asks_code(w: Walk) -> None:
    await w.password()


async def wrong_code(w: Walk) -> None:
    await w.password()
    if w.portal.code and w.portal.code.reference:
        w.lab.call(w.key, await w.page.inner_text(w.portal.code.reference))
    await w.wrong_code()


async def void_code(w: Walk) -> None:
    await w.password()
    for _ in range(3):
        await w.wrong_code()


async def late_code(w: Walk) -> None:
    await w.password()
    code = w.current_code()
    w.lab.advance(601)
    await w.code(code)


async def used_code(w: Walk) -> None:
    await w.password()
    code = w.current_code()
    await w.code(code)
    await w.page.context.clear_cookies()
    await w.password()
    await w.code(code)


async def picker(w: Walk) -> None:
    await w.password()
    await w.code()


async def signed_in(w: Walk) -> None:
    await w.in_()


async def unknown(w: Walk) -> None:
    w.fault("unknown_page")
    await w.password()
    await w.code()
    await w.choose()
    await w.page.wait_for_url("**/whats-new")


async def question(w: Walk) -> None:
    await w.start()
    await w.page.fill(w.portal.login.username, w.account.username)
    assert w.portal.login.next
    await w.page.click(w.portal.login.next)


async def wrong_answer(w: Walk) -> None:
    await question(w)
    await w.page.fill("#questionAnswer", "not this")
    await w.page.click("#answerNext")


async def password_page(w: Walk) -> None:
    await question(w)
    if w.key == "evergreen_medicaid":
        await w.page.click("#ctl_Public")
    for answered in (step for step in w.portal.between if isinstance(step, Question)):
        await w.page.fill(answered.field, dict(w.account.answers)[await w.page.inner_text(answered.question)])
        await w.page.click(answered.submit)


async def timed_out(w: Walk) -> None:
    await w.in_()
    w.lab.fault(w.key, "end_sessions")
    await w.page.goto(w.portal.home)


async def left(w: Walk) -> None:
    await w.in_()
    w.page.on("dialog", lambda dialog: asyncio.ensure_future(dialog.accept()))
    if w.portal.sign_out is None:
        await w.page.frame_locator("[name=menu]").locator("#lnkExit").click()
        await w.page.wait_for_url("**/bye.asp*")
        return
    leave = "selector => { const one = document.querySelector(selector); one.form ? one.form.requestSubmit() : one.click(); }"
    await w.page.evaluate(leave, w.portal.sign_out)
    await w.page.wait_for_url(lambda url: url != w.portal.home)


async def elsewhere(w: Walk) -> None:
    await w.in_()
    other = await w.page.context.browser.new_context()
    try:
        await Walk(w.lab, await other.new_page(), w.key).in_()
    finally:
        await other.close()
    await w.page.goto(w.portal.home)


async def terms(w: Walk) -> None:
    w.fault("terms", version=9)
    await w.password()
    await w.code()


async def enrolment(w: Walk) -> None:
    w.fault("enrolment")
    await w.password()


async def backup(w: Walk) -> None:
    await enrolment(w)
    seed = await w.page.inner_text("#ctl_Enrolment code")
    await w.page.fill("#ctl_First", pyotp.TOTP(seed).at(int(w.lab.now().timestamp())))
    await w.page.click("#ctl_Finish")


async def abroad(w: Walk) -> int:
    w.fault("abroad")
    await w.start()
    return 403


async def hold(w: Walk) -> None:
    w.fault("hold")
    await w.password()


async def hints(w: Walk) -> None:
    w.fault("hints")
    await w.start()
    await w.page.locator("#human-check").wait_for()


async def never_called(w: Walk) -> None:
    await w.password()
    await w.code("ABCDEFGH")


async def approval(w: Walk) -> None:
    await w.password(mailed=False)


async def denied(w: Walk) -> None:
    await w.password(mailed=False)
    w.lab.approve(w.key, "0")
    await w.page.wait_for_url("**/denied")


async def methods(w: Walk) -> None:
    await w.password(mailed=False)
    await w.page.locator("#method-passkey").wait_for()


async def passkey(w: Walk) -> None:
    await methods(w)
    await w.page.click("#method-passkey")
    await w.page.locator("#said-passkey").wait_for()


async def recovery(w: Walk) -> None:
    w.fault("recovery")
    await w.password()
    await w.code()


async def disabled(w: Walk) -> None:
    w.fault("dormant", days=90)
    await w.password()


async def late_text(w: Walk) -> None:
    await methods(w)
    await w.page.click("#method-voice")
    await w.page.locator("#go-code").wait_for()
    code = w.lab.last_code(w.account.key)
    w.lab.advance(301)
    await w.code(code)


async def banner(w: Walk) -> None:
    await w.start(past_banner=False)


def owing(fault: str) -> Way:
    async def way(w: Walk) -> None:
        w.fault(fault)
        await w.password()
        await w.code()

    return way


async def where_to_send(w: Walk) -> None:
    await w.password(mailed=False)


async def over_night(w: Walk) -> None:
    w.lab.set_clock(datetime(2026, 7, 1, 3, 50, tzinfo=UTC))  # ten minutes before midnight in the East
    await w.password()
    code = w.current_code()
    w.lab.advance(660)
    await w.code(code)


async def profile(w: Walk) -> None:
    w.fault("profile")
    await w.password()
    await w.code()


async def step_up(w: Walk) -> None:
    await w.in_()
    await w.page.goto("https://northgate.sim.test/remits")


ELIGIBILITY = {
    "copper_mesa_az": "/Office/Eligibility",
    "copper_mesa_nv": "/Office/Eligibility",
    "bluestone_mutual": "/provider/coverage",
    "evergreen_medicaid": "/portal/Eligibility.do",
    "sentinel_dental": "/p/members",
    "tidewater_trust": "/desk/faxback",
    "meridian_shared": "/mss/benefits",
    "union_summit": "/app/eligibility",
    "pelican_federal": "/jz/eligibility",
}


async def eligibility(w: Walk) -> None:
    await w.in_()
    await w.page.goto(urljoin(w.portal.home, ELIGIBILITY.get(w.key, "/eligibility")))


COMMON: dict[str, Way] = {
    "login_form": login_form,
    "down__maintenance": maintenance,
    "down__error": error,
    "captcha": captcha,
    "wrong_password": wrong_password,
    "locked": locked,
    "asks_code": asks_code,
    "wrong_code": wrong_code,
    "signed_in": signed_in,
    "signed_in__eligibility": eligibility,
    "signed_out__timed_out": timed_out,
    "signed_out__left": left,
    "unrecognised": unknown,
}
PAGES: dict[str, dict[str, Way]] = {
    "harborline": COMMON
    | {
        "code_late": late_code,
        "code_late__void": void_code,
        "password_expired": aged(91),
        "between_0__practice": picker,
        "terms_changed": terms,
    },
    "copper_mesa_az": COMMON
    | {
        "code_late": late_code,
        "password_expired": aged(91),
        "needs_person__profile": profile,
        "signed_out__elsewhere": elsewhere,
    },
    "copper_mesa_nv": COMMON | {"code_late": late_code, "password_expired": aged(91), "needs_person__profile": profile},
    "bluestone_mutual": COMMON
    | {
        "code_late": void_code,
        "password_expired": aged(121),
        "terms_changed": terms,
        "wrong_password__answer": wrong_answer,
        "password_form": password_page,
        "between_0__question": question,
        "between_1__office": picker,
    },
    "oldfield_guild": {
        name: way for name, way in COMMON.items() if "code" not in name and name != "signed_in__eligibility"
    }
    | {"password_expired": aged(91)},
    "evergreen_medicaid": COMMON
    | {
        "password_expired": aged(91),
        "password_form": password_page,
        "between_0__computer": question,
        "between_1__warning": aged(80),
        "between_2__enrolment": enrolment,
        "between_3__backup": backup,
    },
    "sentinel_dental": COMMON
    | {
        "code_late": late_code,
        "password_expired": aged(91),
        "needs_person__abroad": abroad,
        "locked__hold": hold,
        "captcha__hints": hints,
        "between_0__office": picker,
    },
    "tidewater_trust": COMMON | {"code_late": never_called, "password_expired": aged(91)},
    "meridian_shared": COMMON
    | {
        "code_late": late_code,
        "wrong_code__denied": denied,
        "password_expired": aged(181),
        "between_0__approval": approval,
        "between_1__office": picker,
    },
    "union_summit": COMMON
    | {
        "code_late": late_text,
        "password_expired": aged(181),
        "password_form": password_page,
        "locked__disabled": disabled,
        "between_2__passkey": passkey,
        "needs_person__recovery": recovery,
        "between_0__methods": methods,
        "between_1__practice": picker,
    },
    "pelican_federal": {name: way for name, way in COMMON.items() if name != "unrecognised"}
    | {
        "code_late": over_night,
        "password_expired": aged(61),
        "needs_person__banner": banner,
        "needs_person__training": owing("training"),
        "needs_person__recertify": owing("recertify"),
        "locked__disabled": disabled,
        "between_0__method": where_to_send,
    },
    "northgate": COMMON
    | {
        "wrong_code__used": used_code,
        "asks_code__step_up": step_up,
        "password_expired": aged(60),
        "between_0__reminder": aged(56),
        "between_1__organization": picker,
    },
}


async def walk(lab: RunningLab, browser: Browser, key: str, name: str, way: Way) -> None:
    lab.reset()
    context = await browser.new_context()
    try:
        page = await context.new_page()
        page.set_default_timeout(10_000)
        status = await way(Walk(lab, page, key))
        await page.wait_for_load_state()
        await save(page, HERE / key / f"{name}.html", status or 200)
        print(f"{key}/{name}.html")
    finally:
        await context.close()


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder, running_lab(Path(folder)) as lab:
        rules = ", ".join(f"MAP {host} {where}" for host, where in lab.resolve.items())
        arguments = [f"--host-resolver-rules={rules}", f"--ignore-certificate-errors-spki-list={lab.spki}"]
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=find(Settings()).path, args=arguments)
            for key in sys.argv[1:] or PAGES:
                for name, way in PAGES[key].items():
                    await walk(lab, browser, key, name, way)
            await browser.close()


if __name__ == "__main__":
    asyncio.run(main())

"""Steps of a sign-in, declared: the login form, the code page, and pages that stand between login and home."""

from dataclasses import dataclass

from carrier_scripts.kit.desk import Desk
from carrier_scripts.kit.page import Page
from carrier_scripts.kit.signs import Sign, sees


@dataclass(frozen=True)
class LoginForm:
    """Selectors of the form. `next` is pressed after the user name where the password has a page of its own."""

    username: str
    password: str
    submit: str
    next: str | None = None

    async def fill(self, page: Page, desk: Desk) -> None:
        """Fill and submit; the desk types."""
        await desk.type_username(page.locator(self.username))
        if self.next:
            await page.locator(self.next).click()
        await desk.type_secret(page.locator(self.password))
        await desk.submit_login(page.locator(self.submit))


@dataclass(frozen=True)
class CodeStep:
    """Selectors of the page that asks for the code."""

    field: str
    submit: str
    remember: str | None = None
    """A box that makes the portal remember this device."""
    request: str | None = None
    """A button that asks the portal to send the code, where it does not send by itself."""

    async def fill(self, page: Page, desk: Desk) -> bool:
        """Type and submit the code; False when none came."""
        if self.request:
            await page.locator(self.request).click()
        if self.remember:
            await page.locator(self.remember).check()
        if not await desk.type_code(page.locator(self.field)):
            return False
        await page.locator(self.submit).click()
        return True


@dataclass(frozen=True)
class Choice:
    """A page (or drop-down) where a practice, organization or office is chosen.

    `options` are the elements that name the choices: the options of a native list (then `select` is the list), or
    labels and buttons, which are clicked.
    """

    question: str
    options: str
    select: str | None = None
    submit: str | None = None

    @property
    def sign(self) -> Sign:
        return sees(self.select or self.options)

    async def act(self, page: Page, desk: Desk) -> bool:
        """Choose what was asked for; False when that is not clear, and nothing is clicked."""
        options = page.locator(self.options)
        texts = [await options.nth(number).text_content() for number in range(await options.count())]
        choice = await desk.choose(self.question, texts)
        if choice is None:
            return False
        if self.select:
            await page.locator(self.select).select_option(label=" ".join(choice.split()))
        else:
            await options.nth(texts.index(choice)).click()
        if self.submit:
            await page.locator(self.submit).click()
        return True


@dataclass(frozen=True)
class Later:
    """A harmless notice with a button of its own to put it off ("Remind me later"). Never terms, never a consent."""

    sign: Sign
    button: str

    async def act(self, page: Page, desk: Desk) -> bool:
        """Put it off."""
        del desk
        await page.locator(self.button).click()
        return True


Between = Choice | Later

"""Steps of a sign-in, declared: the login form, the code page, and pages that stand in between."""

from dataclasses import dataclass

from carrier_scripts.kit.desk import Desk
from carrier_scripts.kit.page import Locator, Page
from carrier_scripts.kit.signs import Sign, inside, sees


@dataclass(frozen=True)
class LoginForm:
    """Selectors of the form. `next` is pressed after the user name where the password has a page of its own.

    `frame`: the frame that holds the form, on portals made of frames.
    """

    username: str
    password: str
    submit: str
    next: str | None = None
    frame: str | None = None

    def sign(self, selector: str) -> Sign:
        """That this field of the form shows."""
        return inside(self.frame, sees(selector)) if self.frame else sees(selector)

    async def name(self, page: Page, desk: Desk) -> None:
        """Fill in the user name, and go to the password where it has a page of its own."""
        where = self._within(page)
        await desk.type_username(where.locator(self.username))
        if self.next:
            await where.locator(self.next).click()

    async def secret(self, page: Page, desk: Desk) -> None:
        """Fill in the password and submit; the desk types."""
        where = self._within(page)
        await desk.type_secret(where.locator(self.password))
        await desk.submit_login(where.locator(self.submit))

    def _within(self, page: Page) -> Locator:
        return page.frame_locator(self.frame) if self.frame else page


@dataclass(frozen=True)
class Recovery:
    """The way to a page where a recovery code (backup code) is typed instead: its link, its field, its button."""

    link: str
    field: str
    submit: str


@dataclass(frozen=True)
class CodeStep:
    """Selectors of the page that asks for the code."""

    field: str
    submit: str
    remember: str | None = None
    """A box that makes the portal remember this device."""
    request: str | None = None
    """A button that asks the portal to send the code, where it does not send by itself."""
    reference: str | None = None
    """What a person must say on the carrier's provider line to hear the code."""
    recovery: Recovery | None = None
    """For logins whose way is a recovery code, one of those that the portal gave out once."""

    async def fill(self, page: Page, desk: Desk, *, again: bool = False) -> bool:
        """Type and submit the code; False when none came. `again`: the page said that the one before was wrong."""
        if self.recovery and await desk.method() == "recovery":
            await page.locator(self.recovery.link).click()
            if not await desk.type_code(page.locator(self.recovery.field)):
                return False
            await page.locator(self.recovery.submit).click()
            return True
        if self.request and not again:
            await page.locator(self.request).click()
        if self.reference and not again:
            await desk.call_line(page.locator(self.reference))
        if self.remember:
            await page.locator(self.remember).check()
        if not await desk.type_code(page.locator(self.field)):
            return False
        await page.locator(self.submit).click()
        if again:
            await desk.code_left()
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
        texts = await options.all_inner_texts()
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


@dataclass(frozen=True)
class Question:
    """A security question between user name and password. The script sees the question, never an answer."""

    question: str
    field: str
    submit: str

    @property
    def sign(self) -> Sign:
        return sees(self.field)

    async def act(self, page: Page, desk: Desk) -> bool:
        """Have the stored answer typed, and submit it."""
        await desk.type_answer(page.locator(self.question), page.locator(self.field))
        await page.locator(self.submit).click()
        return True


@dataclass(frozen=True)
class Method:
    """A page where one chooses how to get the code: a button for each way, by the name of the way."""

    sign: Sign
    buttons: dict[str, str]
    submit: str | None = None

    async def act(self, page: Page, desk: Desk) -> bool:
        """Choose the way that this login has; False when the portal does not offer it."""
        button = self.buttons.get(await desk.method())
        if button is None:
            return False
        await page.locator(button).click()
        if self.submit:
            await page.locator(self.submit).click()
        return True


@dataclass(frozen=True)
class Approval:
    """A page that waits until somebody confirms the sign-in on her telephone, by the number that the page shows.

    `instead`: buttons for logins that get a code in another way, by the name of the way.
    """

    number: str
    instead: dict[str, str]

    @property
    def sign(self) -> Sign:
        return sees(self.number)

    async def act(self, page: Page, desk: Desk) -> bool:
        """Wait for her, or take the other way; False when nobody confirmed in time."""
        button = self.instead.get(await desk.method())
        if button is None:
            return await desk.approval(page.locator(self.number))
        await page.locator(button).click()
        return True


@dataclass(frozen=True)
class Touch:
    """A page that waits until somebody uses the login's passkey or security key, which nobody can use for her."""

    shows: str

    @property
    def sign(self) -> Sign:
        return sees(self.shows)

    async def act(self, page: Page, desk: Desk) -> bool:
        """Wait for her; False when nobody did in time."""
        return await desk.touch(page.locator(self.shows))


@dataclass(frozen=True)
class NewAuthenticator:
    """A page that wants an authenticator set up. `seed`: the element with the QR picture, or with the letters."""

    shows: str
    seed: str
    field: str
    submit: str

    @property
    def sign(self) -> Sign:
        return sees(self.shows)

    async def act(self, page: Page, desk: Desk) -> bool:
        """Have the seed kept and its first code typed, and submit it."""
        await desk.enrol(page.locator(self.seed), page.locator(self.field))
        await page.locator(self.submit).click()
        return True


@dataclass(frozen=True)
class RecoveryCodes:
    """A page that shows the recovery codes of a new authenticator, once; `submit` says that they are kept."""

    codes: str
    submit: str

    @property
    def sign(self) -> Sign:
        return sees(self.codes)

    async def act(self, page: Page, desk: Desk) -> bool:
        """Have them kept, and go on."""
        await desk.keep_recovery_codes(page.locator(self.codes))
        await page.locator(self.submit).click()
        return True


@dataclass(frozen=True)
class Overlay:
    """Something that may come over any page at any time: `button` takes it away. Never terms, never a consent."""

    shows: str
    button: str


Between = Choice | Later | Question | Method | Approval | Touch | NewAuthenticator | RecoveryCodes

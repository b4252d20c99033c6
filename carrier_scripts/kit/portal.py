"""`Portal`: what every carrier script is. Declared facts first; override `sign_in` only when the portal is odd."""

from typing import Any, ClassVar

from carrier_scripts.kit.desk import Desk
from carrier_scripts.kit.lookups import Answer, Asked, NoAnswer
from carrier_scripts.kit.outcomes import NAMES, Outcome
from carrier_scripts.kit.page import Locator, Page
from carrier_scripts.kit.signs import Sign
from carrier_scripts.kit.steps import Approval, Between, Choice, CodeStep, LoginForm, NewAuthenticator, Overlay, Touch

LOGIN_FORM = "login_form"
PASSWORD_FORM = "password_form"
NO_ANSWER = (
    Outcome.UNRECOGNISED, Outcome.DOWN, Outcome.CAPTCHA, Outcome.SIGNED_OUT, LOGIN_FORM, PASSWORD_FORM
)  # fmt: skip
"""After these nobody can say whether the portal took the code that was typed."""
LOOK_MS = 20_000
LEAVE_MS = 10_000
STEPS = 12
"""More pages than this between login and home mean that the script goes in circles."""

Seen = Outcome | str
"""An outcome, `login_form`, `password_form` (a page of its own), or `between:<n>` for a page that stands in between."""


class Portal:
    """A carrier's site: facts that are declared, and a few verbs that use them.

    Every script says `name`, `hosts`, `start`, `login` and `signs`; most say no more than that and `code`.
    """

    name: ClassVar[str]
    hosts: ClassVar[frozenset[str]]
    start: ClassVar[str]
    """Address of the sign-in page."""
    sign_in_hosts: ClassVar[frozenset[str]] = frozenset()
    """The few of `hosts` where a name, a password or a code may be typed; empty: the host of `start` alone."""
    home: ClassVar[str]
    """Address of a cheap page that only a signed-in user sees."""
    automation: ClassVar[str] = "assisted"
    """The strongest mode the carrier's terms are known to allow: attended, assisted or automated."""
    carriers: ClassVar[tuple[str, ...]] = ()
    """The carriers behind a hub; empty: the portal's own name."""

    login: ClassVar[LoginForm]
    code: ClassVar[CodeStep | None] = None
    signs: ClassVar[dict[Outcome, Sign]]
    between: ClassVar[tuple[Between, ...]] = ()
    """Pages that may stand between login and home (or between user name and password), in any order."""
    overlays: ClassVar[tuple[Overlay, ...]] = ()
    """What may come over any page while signing in or out."""
    office: ClassVar[Choice | None] = None
    """A choice that is made on the home page itself."""
    practice: ClassVar[tuple[str, ...]] = ()
    """Selectors of where the signed-in page says for which practice it is signed in."""
    sign_out: ClassVar[str | None] = None
    """The button that signs out."""

    pages: ClassVar[dict[str, str]] = {}
    """What people call its pages, by path (`/claims*`: begins with; the first that fits): in recordings and in evidence."""
    reads: ClassVar[tuple[str, ...]] = ()
    """Lookups: paths a lookup may go to (`/claims*`: begins with). Everything else is stopped by the host."""
    searches: ClassVar[tuple[str, ...]] = ()
    """Lookups: paths of search forms, the only ones a lookup may submit by POST."""
    payer_choice: ClassVar[bool] = False
    """Whether a lookup must say which of the hub's carriers it asks."""

    async def eligibility(self, page: Page, asked: Asked) -> Answer:
        """A member's coverage and benefits. Raises `NoAnswer`, `PageChanged`."""
        del page, asked
        raise NoAnswer("not_supported")

    async def claim_status(self, page: Page, asked: Asked) -> Answer:
        """Claims of a member, or one by its number. Raises `NoAnswer`, `PageChanged`."""
        del page, asked
        raise NoAnswer("not_supported")

    async def download_remittance(self, page: Page, claim: dict[str, Any], answer: Answer) -> None:
        """The 835 of one paid claim of `claim_status`, where the portal offers it: find its link, and `remittance(link, claim, answer)`.

        Called for each of them when the question wants it. A paper that is not fetched is named as missing.
        """
        del page, claim, answer

    async def sign_in(self, page: Page, desk: Desk) -> Outcome:
        """From the start page to a proved, signed-in home page, or the outcome that stopped it."""
        await self._watch_overlays(page)
        await page.goto(self.start)
        but_not: tuple[Seen, ...] = ()
        submitted = code_typed = False
        for _ in range(STEPS):
            seen = await self.recognise(page, but_not=but_not)
            if code_typed and seen in (Outcome.WRONG_CODE, Outcome.CODE_LATE):
                await desk.code_answered(accepted=False)
                if not await self._code_again(page, desk, seen):
                    return Outcome(seen)
                but_not = (Outcome.ASKS_CODE,)
                continue
            if code_typed and seen is Outcome.LOCKED:
                await desk.code_answered(accepted=False)
            elif code_typed and seen not in NO_ANSWER:
                await desk.code_answered(accepted=True)
            code_typed = False
            but_not = (seen,)
            if seen == LOGIN_FORM and not submitted:
                await self.login.name(page, desk)
            if seen == PASSWORD_FORM or (seen == LOGIN_FORM and not self.login.next):
                if submitted:
                    return Outcome.UNRECOGNISED
                await self.login.secret(page, desk)
                submitted = True
            elif seen == LOGIN_FORM and not submitted:
                continue
            elif seen is Outcome.ASKS_CODE and self.code:
                if not await self.code.fill(page, desk):
                    return Outcome.NO_CODE
                code_typed = True
            elif isinstance(seen, str) and seen.startswith("between:"):
                step = self.between[int(seen.partition(":")[2])]
                if not await step.act(page, desk):
                    return Outcome.NEEDS_PERSON
                code_typed = isinstance(
                    step, Approval | Touch | NewAuthenticator
                )  # the next page is the portal's answer to it
            elif seen is Outcome.SIGNED_IN:
                return await self._settle(page, desk)
            else:
                return Outcome(seen) if seen in NAMES else Outcome.UNRECOGNISED
        return Outcome.UNRECOGNISED

    async def _code_again(self, page: Page, desk: Desk, seen: Seen) -> bool:
        """A person's mistyped code is asked for again while the portal's code page still stands."""
        if seen is not Outcome.WRONG_CODE or self.code is None or not await desk.another_code():
            return False
        return await self.code.fill(page, desk, again=True)

    async def _settle(self, page: Page, desk: Desk) -> Outcome:
        if self.office is not None and not await self.office.act(page, desk):
            return Outcome.NEEDS_PERSON
        if self.office is None and type(self).prove is Portal.prove:
            return await self._for_whom(page, desk)  # it has just been seen to be signed in
        return await self.prove(page, desk)

    async def prove(self, page: Page, desk: Desk) -> Outcome:
        """Whether this page is signed in, and for the practice that was asked for."""
        seen = await self.recognise(page)
        if seen is not Outcome.SIGNED_IN:
            return (
                Outcome.SIGNED_OUT if seen == LOGIN_FORM else Outcome(seen) if seen in NAMES else Outcome.UNRECOGNISED
            )
        return await self._for_whom(page, desk)

    async def _for_whom(self, page: Page, desk: Desk) -> Outcome:
        places = self.practice_places(page)
        return Outcome.SIGNED_IN if await desk.confirm_practice(*places) else Outcome.WRONG_PRACTICE

    async def _watch_overlays(self, page: Page) -> None:
        for overlay in self.overlays:
            await page.overlay(overlay.shows, page.locator(overlay.button))

    def practice_places(self, page: Page) -> list[Locator]:
        """Where the page says for which practice it is signed in."""
        return [page.locator(selector) for selector in self.practice]

    async def keep_alive(self, page: Page, desk: Desk) -> Outcome:
        """Look at a cheap signed-in page, so that the portal does not time out, and prove it again."""
        await page.goto(self.home)
        return await self.prove(page, desk)

    async def log_out(self, page: Page, desk: Desk) -> Outcome:
        """Leave the way the portal wants it. A question "Sign out?" of the page is answered with yes by the host."""
        del desk
        if not self.sign_out:
            return Outcome.SIGNED_OUT
        await self._watch_overlays(page)
        await page.locator(self.sign_out).click()
        seen = await self.recognise(page, but_not=(Outcome.SIGNED_IN,), timeout_ms=LEAVE_MS)
        return Outcome.SIGNED_OUT if seen == LOGIN_FORM else Outcome(seen) if seen in NAMES else Outcome.UNRECOGNISED

    async def recognise(self, page: Page, *, but_not: tuple[Seen, ...] = (), timeout_ms: int = LOOK_MS) -> Seen:
        """Which sign shows, read from the top; waits until one does. UNRECOGNISED when none shows in time.

        `but_not` are signs of the page we come from: after a submit the old page may stand a moment longer.
        """
        questions: list[list[object]] = [[outcome.value, sign.to_json()] for outcome, sign in self.signs.items()]
        questions += [[f"between:{number}", step.sign.to_json()] for number, step in enumerate(self.between)]
        questions.append([LOGIN_FORM, self.login.sign(self.login.username).to_json()])
        if self.login.next:
            questions.append([PASSWORD_FORM, self.login.sign(self.login.password).to_json()])
        told = {
            "page": page.index,
            "signs": questions,
            "but_not": [str(seen) for seen in but_not],
            "timeout_ms": timeout_ms,
        }
        seen = await page._ask("recognise", told)
        return Outcome(seen) if seen in NAMES else str(seen)

"""The desk of a try-out: the maintainer's own login, typed by the host as ever; the script sees none of it."""

import asyncio
import getpass
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from playwright.async_api import Error, Locator
from playwright.async_api import TimeoutError as TooSlow

from workers.browser import calls, fields, practice
from workers.browser.facade import CallRefused, Facade
from workers.browser.fields import Field

CODE_LEFT_MS = 5_000
APPROVAL_MS = 180_000
CALLS = frozenset(
    {
        "type_username", "type_secret", "submit_login", "type_answer", "type_code", "resend_code", "code_answered",
        "code_left", "another_code", "method", "call_line", "approval", "touch", "enrol", "keep_recovery_codes", "choose",
        "confirm_practice", "log",
    }
)  # fmt: skip


async def asked_for_an_answer(question: str) -> str:
    """The answer to a security question, typed unseen."""
    return await asyncio.to_thread(getpass.getpass, f"{' '.join(question.split())[:120]} ")


@dataclass
class OwnLogin:
    """Whose login it is. `code` is asked for a one-time code when the portal wants one."""

    username: str
    password: str
    code: Callable[[], Awaitable[str]]
    may_submit: Callable[[], None]
    """Raises `CallRefused` when another try could lock the login."""
    proved: Callable[[], None] = lambda: None
    """Called when the sign-in worked."""
    practice: str = ""
    method: str = ""
    """How the login gets its codes, where the portal offers a choice."""
    answer: Callable[[str], Awaitable[str]] = asked_for_an_answer
    """The answer to a security question."""


class OwnDesk:
    """Answers the calls of a script for one try-out. At most one submit."""

    def __init__(
        self, login: OwnLogin, facade: Facade, sign_in_hosts: frozenset[str], tell: Callable[[str], None] | None = None
    ) -> None:
        self._tell = tell or _on_standard_error
        self._login = login
        self._facade = facade
        self._sign_in_hosts = sign_in_hosts
        self._field: Field | None = None
        self._submitted = False
        self._answered = False
        self.proved = False
        """Whether the portal has taken password and code."""
        self._code_field: Field | None = None

    async def call(self, name: str, args: dict[str, Any]) -> Any:
        """Do one call. Raises `CallRefused`."""
        if name not in CALLS:
            raise CallRefused("script_failed", f"there is no {name[:30]}")
        try:
            calls.check_size(args)
            await self._facade.check_names(args)
            return await getattr(self, name)(**args)
        except Error as failed:
            raise CallRefused("unrecognised", "A field the script names is not on the page.") from failed
        except (TypeError, KeyError, IndexError, ValueError) as wrong:
            raise CallRefused("script_failed", f"{name}: {type(wrong).__name__}") from wrong

    async def type_username(self, page: int, chain: list[Any]) -> None:
        await (await self._owned(page, chain)).fill(self._login.username)

    async def type_secret(self, page: int, chain: list[Any], field: str) -> None:
        if field != "password":
            raise CallRefused("script_failed", f"there is no secret {field}")
        self._field = await self._owned(page, chain, password=True)

    async def submit_login(self, page: int, chain: list[Any]) -> None:
        if self._field is None or self._submitted:
            raise CallRefused("script_failed", "submit_login comes once, after type_secret")
        if not self._answered:
            self._login.may_submit()
        self._submitted = True
        await fields.check_kind(self._field, password=True)
        self._facade.typed.append(self._field)
        try:
            await self._field.fill(self._login.password)
            await self._facade.locate(page, chain).click(timeout=fields.FIELD_MS)
        except Error:
            await fields.blank(self._field)
            raise
        await fields.let_go(self._field)

    async def type_code(self, page: int, chain: list[Any]) -> bool:
        field = await self._owned(page, chain)
        code = (await self._login.code()).strip()
        if code:
            self._facade.typed.append(field)
            await field.fill(code)
            self._code_field = field
        return bool(code)

    async def type_answer(self, page: int, question: list[Any], chain: list[Any]) -> None:
        """A wrong answer counts like a wrong password, so it takes the try."""
        field = await self._owned(page, chain)
        answer = await self._login.answer(await self._facade.locate(page, question).inner_text(timeout=fields.FIELD_MS))
        if not answer:
            raise CallRefused("needs_person", "No answer was given to the portal's security question.")
        if not self._answered:
            self._login.may_submit()
        self._answered = True
        self._facade.typed.append(field)
        await field.fill(answer)

    async def method(self) -> str:
        if not self._login.method:
            self._tell("  the portal offers several ways to get a code: say which with --method")
        return self._login.method or "none"

    async def call_line(self, page: int, chain: list[Any]) -> None:
        reference = await self._facade.locate(page, chain).inner_text(timeout=fields.FIELD_MS)
        self._tell(f"  call the provider line and give the reference {reference.strip()[:20]}")

    async def approval(self, page: int, chain: list[Any]) -> bool:
        number = self._facade.locate(page, chain)
        self._tell(
            f"  choose {(await number.inner_text(timeout=fields.FIELD_MS)).strip()[:10]} on the login's telephone"
        )
        return await self._gone(number)

    async def touch(self, page: int, chain: list[Any]) -> bool:
        self._tell("  use the login's passkey or security key")
        return await self._gone(self._facade.locate(page, chain))

    async def enrol(self, page: int, chain: list[Any], field: list[Any]) -> None:
        del page, chain, field
        raise CallRefused("needs_person", "A try-out sets no authenticator up: it has no vault for the seed.")

    async def keep_recovery_codes(self, page: int, chain: list[Any]) -> None:
        del page, chain
        raise CallRefused("needs_person", "A try-out keeps no recovery codes: it has no vault for them.")

    async def _gone(self, shows: Locator) -> bool:
        try:
            await shows.wait_for(state="hidden", timeout=APPROVAL_MS)
        except TooSlow:
            return False
        return True

    async def another_code(self) -> bool:
        return False  # a try-out tries once

    async def code_left(self) -> None:
        """A page that keeps the code in its field is believed after a while."""
        if self._code_field is not None:
            with suppress(Error):
                await self._code_field.wait_for_element_state("hidden", timeout=CODE_LEFT_MS)

    async def resend_code(self, page: int, chain: list[Any]) -> None:
        await self._facade.locate(page, chain).click(timeout=fields.FIELD_MS)

    async def code_answered(self, accepted: bool) -> None:
        self._tell(f"  the portal {'took' if accepted else 'refused'} the code")
        if accepted and not self.proved:  # the password was right, however the run ends
            self.proved = True
            self._login.proved()

    async def choose(self, question: str, options: list[str]) -> str | None:
        fitting = [one for one in options if self._login.practice and self._login.practice.lower() in one.lower()]
        if len(fitting) == 1:
            return fitting[0]
        self._tell(f"  {len(fitting)} of these fit --practice {self._login.practice!r} ({question[:30]}):")
        for one in options[:20]:
            self._tell(f"    {' '.join(one.split())[:120]}")
        return None

    async def confirm_practice(self, where: list[Any]) -> bool:
        texts = await practice.shown(self._facade, where)
        return not texts or not self._login.practice or self._login.practice.lower() in " ".join(texts).lower()

    async def log(self, words: str) -> None:
        self._tell(f"  script: {words[:300]}")

    async def _owned(self, page: int, chain: list[Any], *, password: bool = False) -> Field:
        where, hosts = self._facade.locate(page, chain), self._sign_in_hosts
        return await fields.field_of(self._facade.page(page), chain, where, hosts, password=password)


def _on_standard_error(words: str) -> None:
    print(words, file=sys.stderr)


async def asked_at_the_keyboard() -> str:
    """The code, from whoever sits here."""
    return await asyncio.to_thread(input, "Code (empty: none came): ")

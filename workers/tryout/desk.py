"""The desk of a try-out: the maintainer's own login, typed by the host as ever; the script sees none of it."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import ElementHandle, Error

from workers.browser.facade import CallRefused, Facade

FIELD_MS = 15_000
CALLS = frozenset(
    {
        "type_username", "type_secret", "submit_login", "type_code", "resend_code", "code_answered", "choose",
        "confirm_practice", "log",
    }
)  # fmt: skip


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


class OwnDesk:
    """Answers the calls of a script for one try-out. At most one submit."""

    def __init__(
        self, login: OwnLogin, facade: Facade, hosts: frozenset[str], tell: Callable[[str], None] | None = None
    ) -> None:
        self._tell = tell or _on_standard_error
        self._login = login
        self._facade = facade
        self._hosts = hosts
        self._field: ElementHandle | None = None
        self._submitted = False

    async def call(self, name: str, args: dict[str, Any]) -> Any:
        """Do one call. Raises `CallRefused`."""
        if name not in CALLS:
            raise CallRefused("script_failed", f"there is no {name[:30]}")
        try:
            return await getattr(self, name)(**args)
        except Error as failed:
            raise CallRefused("unrecognised", "A field the script names is not on the page.") from failed
        except TypeError as wrong:
            raise CallRefused("script_failed", f"{name}: TypeError") from wrong

    async def type_username(self, page: int, chain: list[Any]) -> None:
        await (await self._owned(page, chain)).fill(self._login.username)

    async def type_secret(self, page: int, chain: list[Any], field: str) -> None:
        found = await self._owned(page, chain)
        if field != "password" or await found.get_attribute("type") != "password":
            raise CallRefused("refused", "A password is typed into a password field only.")
        self._field = found

    async def submit_login(self, page: int, chain: list[Any]) -> None:
        if self._field is None or self._submitted:
            raise CallRefused("script_failed", "submit_login comes once, after type_secret")
        self._login.may_submit()
        self._submitted = True
        await self._field.fill(self._login.password)
        await self._facade.locate(page, chain).click(timeout=FIELD_MS)

    async def type_code(self, page: int, chain: list[Any]) -> bool:
        field = await self._owned(page, chain)
        code = (await self._login.code()).strip()
        if code:
            await field.fill(code)
        return bool(code)

    async def resend_code(self, page: int, chain: list[Any]) -> None:
        await self._facade.locate(page, chain).click(timeout=FIELD_MS)

    async def code_answered(self, accepted: bool) -> None:
        self._tell(f"  the portal {'took' if accepted else 'refused'} the code")

    async def choose(self, question: str, options: list[str]) -> str | None:
        del question
        fitting = [one for one in options if self._login.practice and self._login.practice.lower() in one.lower()]
        return fitting[0] if len(fitting) == 1 else None

    async def confirm_practice(self, texts: list[str]) -> bool:
        return not texts or not self._login.practice or self._login.practice.lower() in " ".join(texts).lower()

    async def log(self, words: str) -> None:
        self._tell(f"  script: {words[:300]}")

    async def _owned(self, page: int, chain: list[Any]) -> ElementHandle:
        locator = self._facade.locate(page, chain)
        await locator.wait_for(state="visible", timeout=FIELD_MS)
        handle = await locator.element_handle(timeout=FIELD_MS)
        frame = await handle.owner_frame()
        while frame is not None:
            shown = urlsplit(frame.url)
            if shown.scheme != "https" or shown.hostname not in self._hosts:
                raise CallRefused("refused", f"The field belongs to {shown.hostname}, not to the portal.")
            frame = frame.parent_frame
        return handle


def _on_standard_error(words: str) -> None:
    print(words, file=sys.stderr)


async def asked_at_the_keyboard() -> str:
    """The code, from whoever sits here."""
    return await asyncio.to_thread(input, "Code (empty: none came): ")

"""The host's side of the desk: types secrets and codes, after checking who owns the field; decides which practice.

A password is typed only after the transaction that records `submitting` has committed: `type_secret` notes the field,
`submit_login` commits, types, and presses the button.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import Error, Locator
from playwright.async_api import TimeoutError as TooSlow
from sqlalchemy.exc import DBAPIError

from broker.base.actor import system
from broker.base.errors import BrokerError, Conflict
from broker.base.unit import Unit
from broker.codes import recovery
from broker.codes import service as codes
from broker.tabs import service as tabs
from broker.tabs.states import SessionState
from broker.wiring import Portunus
from workers.browser import arrival, calls, enrolling, fields, masks, practice
from workers.browser.facade import NO_ANSWER, CallRefused, Facade
from workers.browser.fields import Field
from workers.browser.limit import Limit
from workers.browser.live import LiveSession

TURN_S = 660.0
"""Longest wait for one other sign-in's code at the same mailbox or phone (codes live ten minutes at most, and its page takes
a while); each that comes to its end begins it anew."""
TURN_LOOK_S = 2.0
AWAY_S = 1.0
"""How soon a database that did not answer is asked again."""
CODE_LEFT_MS = 5_000
APPROVAL_MS = 120_000
NUMBER = re.compile(r"\d{1,3}")
REFERENCE = re.compile(r"[A-Z0-9-]{4,12}")
ACTOR = system("browserhost")


class Desk:
    """One attempt's desk. Answers the script's calls; nothing it returns is a secret."""

    def __init__(self, portunus: Portunus, live: LiveSession, facade: Facade, limit: Limit) -> None:
        self._portunus = portunus
        self._live = live
        self._facade = facade
        self._limit = limit
        self._claim = live.claim
        self._password_field: Field | None = None
        self._request_id: str | None = None
        self._code_field: Field | None = None
        self._submitted = False
        self.confirmed = False
        """Whether the page, as it stands, was seen to be the wanted practice's."""
        self._enrolling = False
        self._waiting_words = "Waiting for the code."
        self._calls: dict[str, Callable[..., Awaitable[Any]]] = {
            "type_username": self.type_username,
            "type_secret": self.type_secret,
            "submit_login": self.submit_login,
            "type_answer": self.type_answer,
            "method": self.method,
            "call_line": self.call_line,
            "approval": self.approval,
            "touch": self.touch,
            "enrol": self.enrol,
            "keep_recovery_codes": self.keep_recovery_codes,
            "type_code": self.type_code,
            "resend_code": self.resend_code,
            "code_answered": self.code_answered,
            "another_code": self.another_code,
            "code_left": self.code_left,
            "choose": self.choose,
            "confirm_practice": self.confirm_practice,
            "log": self.log,
        }

    def knows(self, name: str) -> bool:
        """Whether this is one of the desk's calls."""
        return name in self._calls

    async def call(self, name: str, args: dict[str, Any]) -> Any:
        """Do one call. Raises `CallRefused`."""
        try:
            calls.check_size(args)
            await self._facade.check_names(args)
            return await self._calls[name](**args)
        except BrokerError as refused:
            raise CallRefused(refused.code, refused.message) from refused
        except TooSlow as slow:
            if arrival.did_not_come(slow):
                raise CallRefused("down", NO_ANSWER) from slow
            raise CallRefused("unrecognised", "A field the script names is not on the page.") from slow
        except Error as failed:
            raise CallRefused("unrecognised", "The page changed while a field was filled.") from failed
        except (TypeError, KeyError, IndexError, ValueError) as wrong:
            raise CallRefused("script_failed", f"{name}: {type(wrong).__name__}") from wrong

    async def type_username(self, page: int, chain: list[Any]) -> None:
        field, name = await asyncio.gather(
            self._field(page, chain),
            self._in_unit(lambda work: tabs.username(work, self._claim.attempt_id, self._claim.fence)),
        )
        await field.fill(name)

    async def type_secret(self, page: int, chain: list[Any], field: str) -> None:
        if field != "password":
            raise CallRefused("script_failed", f"there is no secret {field}")
        self._password_field = await self._field(page, chain, password=True)

    async def submit_login(self, page: int, chain: list[Any]) -> None:
        """Commit the intent, then type, then press; over when the password no longer stands in its field."""
        field = self._password_field
        if field is None:
            raise CallRefused("script_failed", "submit_login comes after type_secret")
        button = self._facade.locate(page, chain)
        await self._check_owner(await fields.the_one(button))
        await masks.keep_secret(self._live, field)
        fence, attempt_id = self._claim.fence, self._claim.attempt_id
        password = await self._release(
            lambda work: tabs.release_password(work, self._portunus.vault, attempt_id, fence)
        )
        await asyncio.gather(fields.check_kind(field, password=True), self._check_owner(field))
        self._facade.typed.append(field)
        try:
            await field.fill(password)
            del password
            await button.click(timeout=fields.FIELD_MS)
        except Error:
            await fields.blank(field)
            raise
        await fields.let_go(field)

    async def _release(self, release: Callable[[Unit], Any]) -> Any:
        """A secret to type. The first one's transaction commits the intent too and opens the code request: that takes the try."""
        if self._submitted:
            return await self._in_unit(release)
        fence, attempt_id = self._claim.fence, self._claim.attempt_id
        self._request_id, released = await self._in_turn(
            lambda work: (tabs.submit(work, attempt_id, fence), release(work))
        )
        self._submitted = True
        return released

    async def _in_turn(self, submit: Callable[[Any], Any]) -> Any:
        """Submit; while another sign-in waits for a code that would look the same, wait: nothing is typed until then."""
        clock, claim = self._portunus.clock, self._claim
        moved, first = clock.monotonic(), None
        async with self._portunus.signals.listen("desk") as ear:
            with self._limit.waived():
                while True:
                    try:
                        return await self._in_unit(submit)
                    except BrokerError as busy:
                        if busy.code != "endpoint-busy" or clock.monotonic() > moved + TURN_S:
                            raise
                    now_first = await self._in_unit(lambda work: tabs.wait_turn(work, claim.attempt_id, claim.fence))
                    if first is None or now_first < first:
                        moved, first = clock.monotonic(), now_first
                    words = "Another sign-in's code comes to the same place first."
                    if now_first > 1:
                        words = f"The codes of {now_first} other sign-ins come to the same place first."
                    await self._progress(SessionState.SIGNING_IN, words)
                    await ear.wait(TURN_LOOK_S)

    async def type_answer(self, page: int, question: list[Any], chain: list[Any]) -> None:
        """The stored answer to exactly this question, or a person."""
        field = await self._field(page, chain)
        asked = await self._facade.locate(page, question).inner_text(timeout=fields.FIELD_MS)
        fence, attempt_id = self._claim.fence, self._claim.attempt_id
        answer = await self._release(
            lambda work: tabs.release_answer(work, self._portunus.vault, attempt_id, fence, asked)
        )
        if answer is None:
            raise CallRefused("needs_person", "The portal asks a security question whose answer is not stored.")
        await self._check_owner(field)
        await masks.keep_secret(self._live, field)
        self._facade.typed.append(field)
        await field.fill(answer)

    async def method(self) -> str:
        claim = self._claim
        return str(await self._in_unit(lambda work: tabs.method(work, claim.attempt_id, claim.fence)))

    async def approval(self, page: int, chain: list[Any]) -> bool:
        """Shows the number to whoever waits, and waits for the page to move on by itself."""
        number = self._facade.locate(page, chain)
        shown = (await number.inner_text(timeout=fields.FIELD_MS)).strip()
        if not NUMBER.fullmatch(shown):
            raise CallRefused("unrecognised", "What the page shows is no number to choose.")
        words = f"Confirm this sign-in on the login's telephone: choose {shown}."
        return await self._by_hand(number, "push", shown, words, "Confirmed on the telephone.")

    async def touch(self, page: int, chain: list[Any]) -> bool:
        """Tells whoever waits that the login's passkey or security key is wanted, and waits for the page to move on."""
        words = "Use this login's passkey or security key now, at the computer where the browser runs."
        return await self._by_hand(self._facade.locate(page, chain), "touch", "", words, "The key was used.")

    async def _by_hand(self, shows: Locator, kind: str, say: str, words: str, done: str) -> bool:
        """The code desk and the tab show what to do; the portal says by its next page that it was done."""
        request_id = self._request_id
        if request_id is not None:
            await self._in_unit(lambda work: codes.ask_person(work, request_id, kind, say))
        await self._progress(SessionState.WAITING_CODE, words)
        try:
            await shows.wait_for(state="hidden", timeout=APPROVAL_MS)
        except TooSlow:
            return False
        if request_id is not None:
            await self._in_unit(lambda work: codes.confirmed(work, request_id))
        await self._progress(SessionState.SIGNING_IN, done)
        return True

    async def enrol(self, page: int, chain: list[Any], field: list[Any]) -> None:
        """With two people's leave: the seed goes from the portal's own page into the vault, and its first code is typed."""
        claim, vault = self._claim, self._portunus.vault
        self._live.shows_secrets = True
        await self._in_unit(lambda work: tabs.may_enrol(work, claim.attempt_id, claim.fence))
        shown = await fields.the_one(self._facade.locate(page, chain))
        await self._check_owner(shown)
        typed_into = await self._field(page, field)
        await masks.keep_secret(self._live, typed_into)
        seed, request_id = await enrolling.seed_in(shown), self._request_id

        def capture(work: Unit) -> str:
            if request_id is not None:
                codes.not_needed(work, request_id)  # the portal asks for this one instead
            return tabs.capture_seed(work, vault, claim.attempt_id, claim.fence, seed)

        code = await self._in_unit(capture)
        await self._check_owner(typed_into)
        self._facade.typed.append(typed_into)
        await typed_into.fill(code)
        self._enrolling = True

    async def keep_recovery_codes(self, page: int, chain: list[Any]) -> None:
        """What the portal shows once, with the new authenticator, goes into the vault."""
        claim, vault = self._claim, self._portunus.vault
        self._live.shows_secrets = True
        shown = []
        for one in (await self._facade.locate(page, chain).element_handles())[: recovery.MOST + 1]:
            await self._check_owner(one)
            shown.append(await one.inner_text())
        await self._in_unit(lambda work: tabs.keep_recovery_codes(work, vault, claim.attempt_id, claim.fence, shown))

    async def call_line(self, page: int, chain: list[Any]) -> None:
        """Only a short reference is taken from the page; the words are ours."""
        shown = (await self._facade.locate(page, chain).inner_text(timeout=fields.FIELD_MS)).strip()
        if not REFERENCE.fullmatch(shown):
            raise CallRefused("unrecognised", "What the page shows is no reference for the provider line.")
        request_id = self._request_id
        if request_id is not None:
            await self._in_unit(lambda work: codes.ask_person(work, request_id, "line", shown))
        line = self._claim.behaviour.get("provider_line") or "the provider line"
        self._waiting_words = f"Call {line}, give the reference {shown}, and hand in the code you are told."

    async def type_code(self, page: int, chain: list[Any]) -> bool:
        """Wait for the code until its deadline, then type it into the checked field."""
        request_id = self._request_id
        if request_id is None:
            raise CallRefused(
                "needs_person",
                "The portal asks for a code, but this login has no way to get one. Set one under Accounts.",
            )
        field = await self._field(page, chain)
        await asyncio.gather(  # while there is time: a code that came is typed at once
            self._progress(
                SessionState.WAITING_CODE, self._waiting_words, lambda work: codes.waiting(work, request_id)
            ),
            masks.keep_secret(self._live, field),
        )
        value = await self._wait_for_code(request_id)
        if value is None:
            return False
        await self._check_owner(field)
        self._facade.typed.append(field)
        await field.fill(value)
        self._code_field = field
        del value
        shown = urlsplit(self._facade.page(page).url)
        where = f"{shown.hostname}{shown.path}"
        await self._progress(
            SessionState.SIGNING_IN, "The code is typed in.", lambda work: codes.typed(work, request_id, where)
        )
        return True

    async def _wait_for_code(self, request_id: str) -> str | None:
        deadline = await self._in_unit(lambda work: codes.deadline(work, request_id))
        async with self._portunus.signals.listen(f"code:{request_id}") as ear:
            while self._portunus.clock.now() < deadline:
                try:
                    taken = await self._in_unit(
                        lambda work: codes.take(work, self._portunus.vault, request_id, self._claim.attempt_id)
                    )
                except DBAPIError:  # away for a moment: the code can still come in time
                    await ear.wait(AWAY_S)
                    continue
                if taken.code is not None:
                    return str(taken.code)
                left = (deadline - self._portunus.clock.now()).total_seconds()
                await ear.wait(max(min(taken.wait_s, left), 0.01))
        return None

    async def resend_code(self, page: int, chain: list[Any]) -> None:
        if self._request_id is None:
            raise CallRefused("script_failed", "no code was asked for")
        request_id = self._request_id
        await self._in_unit(lambda work: codes.resend(work, request_id))
        await self._facade.locate(page, chain).click(timeout=fields.FIELD_MS)

    async def code_answered(self, accepted: bool) -> None:
        claim, vault = self._claim, self._portunus.vault
        if self._enrolling:
            self._enrolling = False
            await self._in_unit(
                lambda work: tabs.enrolment_answered(work, vault, claim.attempt_id, claim.fence, accepted=accepted)
            )
            return
        if self._request_id is not None:
            request_id = self._request_id
            await self._in_unit(lambda work: codes.answered(work, request_id, accepted=accepted))

    async def another_code(self) -> bool:
        """A person's mistyped code may be typed once more: a new request, and a try taken before anything is submitted."""
        claim, wrong = self._claim, self._request_id
        if wrong is None:
            return False
        try:
            again = await self._in_unit(lambda work: tabs.another_code(work, claim.attempt_id, claim.fence, wrong))
        except Conflict:
            return False
        if again is None:
            return False
        self._request_id = again
        self._waiting_words = "The portal did not take the code. Look again, and hand it in once more."
        return True

    async def code_left(self) -> None:
        """A page that keeps the code in its field after a wrong one is believed after a while."""
        if self._code_field is None:
            return
        with suppress(Error):
            await self._code_field.wait_for_element_state("hidden", timeout=CODE_LEFT_MS)

    async def choose(self, question: str, options: list[str]) -> str | None:
        del question
        return practice.chosen(options, self._claim.wanted)

    async def confirm_practice(self, where: list[Any]) -> bool:
        """The host reads the page itself: what a script says that it has read proves nothing."""
        texts = await practice.shown(self._facade, where)
        self.confirmed = practice.is_signed_in_for(texts, self._claim.wanted, self._claim.others)
        return self.confirmed

    async def leave_nothing(self) -> None:
        """The run is over: no secret stays in a field of this page."""
        left, self._facade.typed = self._facade.typed, []
        await asyncio.gather(*(fields.blank(field) for field in left))

    async def log(self, words: str) -> None:
        del words  # a script's own words may hold what it read: they go nowhere yet

    async def _progress(self, state: SessionState, words: str, also: Callable[[Unit], None] | None = None) -> None:
        """How far it is, for whoever waits; `also` is committed with it."""
        claim = self._claim

        def told(work: Unit) -> None:
            if also is not None:
                also(work)
            tabs.progress(work, claim.attempt_id, claim.fence, state, words)

        await self._in_unit(told)

    async def _field(self, page: int, chain: list[Any], *, password: bool = False) -> Field:
        """The one element, an editable field on the portal's own page."""
        where, hosts = self._facade.locate(page, chain), self._claim.sign_in_hosts
        return await fields.field_of(self._facade.page(page), chain, where, hosts, password=password)

    async def _check_owner(self, element: Field) -> None:
        await fields.check_owner(element, self._claim.sign_in_hosts)

    async def _in_unit(self, act: Callable[[Any], Any]) -> Any:
        def run() -> Any:
            with self._portunus.unit(ACTOR) as work:
                return act(work)

        return await asyncio.to_thread(run)

"""The desk: a script's only way to secrets, codes and decisions. It types them; it never tells them.

Before it types, the host checks that the frame which owns the field is https and on one of the portal's hosts, and then
fills that very element.
"""

from collections.abc import Sequence

from carrier_scripts.kit.page import Ask, Locator


class Desk:
    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    async def type_username(self, field: Locator) -> None:
        """Type the login's user name."""
        await self._ask("type_username", _where(field))

    async def type_secret(self, field: Locator, name: str = "password") -> None:
        """Have a stored secret typed. The password itself is typed when `submit_login` is called, not before."""
        await self._ask("type_secret", {**_where(field), "field": name})

    async def submit_login(self, button: Locator) -> None:
        """Take a try of the lockout budget, open the code request, type the password, press the button: in this order."""
        await self._ask("submit_login", _where(button))

    async def type_answer(self, question: Locator, field: Locator) -> None:
        """Have the stored answer to a security question typed, if the question is one of those set up at registration.

        It takes the sign-in's try of the lockout budget: a wrong answer counts like a wrong password.
        """
        await self._ask("type_answer", {**_where(field), "question": question.chain})

    async def method(self) -> str:
        """How this login gets its codes: email, sms, totp, voice, push, provider_line, none, …"""
        return str(await self._ask("method", {}))

    async def approval(self, number: Locator) -> bool:
        """Tell whoever waits which number to choose on the telephone; waits until the page moves on. False: nobody did."""
        return bool(await self._ask("approval", _where(number)))

    async def touch(self, shows: Locator) -> bool:
        """Tell whoever waits to use the login's passkey or security key; waits until the page moves on. False: nobody did."""
        return bool(await self._ask("touch", _where(shows)))

    async def enrol(self, seed: Locator, field: Locator) -> None:
        """Have the authenticator's seed (letters, or a QR picture) taken off the page into the vault, and its code typed.

        The host reads it; a script is not told. Stops the sign-in when two people have not asked for and approved it.
        """
        await self._ask("enrol", {**_where(seed), "field": field.chain})

    async def keep_recovery_codes(self, codes: Locator) -> None:
        """Have the recovery codes that come with a new authenticator taken off the page into the vault."""
        await self._ask("keep_recovery_codes", _where(codes))

    async def call_line(self, reference: Locator) -> None:
        """Tell whoever waits to call the carrier's provider line and to give the reference that the page shows."""
        await self._ask("call_line", _where(reference))

    async def type_code(self, field: Locator) -> bool:
        """Wait for the code and type it. False when none came in time."""
        return bool(await self._ask("type_code", _where(field)))

    async def resend_code(self, button: Locator) -> None:
        """Ask the portal to send the code again; one that comes from before no longer counts."""
        await self._ask("resend_code", _where(button))

    async def code_answered(self, *, accepted: bool) -> None:
        """Tell what the portal said to the code."""
        await self._ask("code_answered", {"accepted": accepted})

    async def another_code(self) -> bool:
        """After a code the portal did not take: whether the person who typed it may look again, in this sign-in.

        It takes a try of the lockout budget. False for codes nobody typed, and when the portal's limit is near or unknown.
        """
        return bool(await self._ask("another_code", {}))

    async def code_left(self) -> None:
        """Wait until the field the code was typed into is gone or empty: only then the page is the portal's answer."""
        await self._ask("code_left", {})

    async def choose(self, question: str, options: Sequence[str]) -> str | None:
        """Which option is the practice (or organization, or office) that was asked for; None when it is not clear."""
        choice = await self._ask("choose", {"question": question, "options": list(options)})
        return None if choice is None else str(choice)

    async def confirm_practice(self, *places: Locator) -> bool:
        """Whether what the portal shows at these places is the practice that was asked for and none of its siblings.

        The host reads them. No run counts as signed in without a yes of its own, after the last thing it did to the page.
        """
        return bool(await self._ask("confirm_practice", {"where": [[place.page, place.chain] for place in places]}))

    async def log(self, words: str) -> None:
        """A line for the maintainer who tries the script out; the office keeps none."""
        await self._ask("log", {"words": words})


def _where(field: Locator) -> dict[str, object]:
    return {"page": field.page, "chain": field.chain}

"""Oldfield Guild Life & Dental. No second factor; everything stands in frames; five failures lock until the Guild's administrator helps."""

from carrier_scripts.kit import Desk, LoginForm, Outcome, Page, Portal, any_of, at, inside, says, sees, status


class OldfieldGuild(Portal):
    name = "Oldfield Guild Life & Dental"
    hosts = frozenset({"oldfieldguild.sim.test"})
    start = "https://oldfieldguild.sim.test/guild/default.asp"
    home = "https://oldfieldguild.sim.test/guild/inside.asp"
    automation = "automated"

    login = LoginForm(frame="[name=main]", username="[name=uid]", password="[name=pwd]", submit="[name=go]")

    signs = {  # read from the top; the first that shows wins
        Outcome.DOWN: any_of(sees("#maintenance"), status(500, 502, 503, 504)),
        Outcome.CAPTCHA: sees("#human-check"),
        Outcome.LOCKED: at("/guild/locked.asp"),
        Outcome.PASSWORD_EXPIRED: at("/guild/oldpwd.asp"),
        Outcome.SIGNED_OUT: at("/guild/bye.asp"),
        Outcome.WRONG_PASSWORD: inside("[name=main]", says("are not on file together")),
        Outcome.SIGNED_IN: inside("[name=top]", sees("#hdr_office")),
    }

    async def practice_texts(self, page: Page) -> list[str]:
        """The office stands in the frame at the top."""
        top = page.frame_locator("[name=top]")
        return [await top.locator(place).inner_text() for place in ("#hdr_office", "#hdr_tin")]

    async def log_out(self, page: Page, desk: Desk) -> Outcome:
        """The menu is a frame of its own."""
        del desk
        await page.frame_locator("[name=menu]").locator("#lnkExit").click()
        seen = await self.recognise(page, but_not=(Outcome.SIGNED_IN,))
        return seen if isinstance(seen, Outcome) else Outcome.UNRECOGNISED

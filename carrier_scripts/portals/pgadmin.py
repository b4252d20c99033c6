"""pgAdmin 4, a web application that nobody here wrote: stands in for a carrier in tests and the demo. Mails a code when asked to."""

from carrier_scripts.kit import CodeStep, Desk, LoginForm, Outcome, Page, Portal, says, sees, status


class Pgadmin(Portal):
    name = "pgAdmin 4"
    hosts = frozenset({"pgadmin.sim.test"})
    start = "https://pgadmin.sim.test/login"
    home = "https://pgadmin.sim.test/browser/"
    automation = "automated"

    login = LoginForm(
        username="input[name=email]", password="input[name=password]", submit="button[name=internal_button]"
    )
    code = CodeStep(
        request="button[name=send_code]",
        field="input[name=code]",
        submit="form[action='/mfa/validate'] button[type=submit]",
    )

    signs = {  # read from the top; the first that shows wins
        Outcome.DOWN: status(500, 502, 503, 504),
        Outcome.LOCKED: says("Your account is locked"),
        Outcome.WRONG_PASSWORD: says("Incorrect username or password"),
        Outcome.WRONG_CODE: says("Invalid code"),
        Outcome.ASKS_CODE: sees("[data-test=email-validate-view]"),
        Outcome.SIGNED_IN: sees("[data-test=loggedin-username]"),
    }

    async def log_out(self, page: Page, desk: Desk) -> Outcome:
        """Its menu leads to a plain address."""
        del desk
        await page.goto("https://pgadmin.sim.test/logout")
        return Outcome.SIGNED_OUT

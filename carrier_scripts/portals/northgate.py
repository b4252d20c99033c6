"""Northgate Exchange, a hub of several payers. Codes from an authenticator; an organization is chosen after signing in."""

from carrier_scripts.kit import Choice, CodeStep, Later, LoginForm, Outcome, Portal, any_of, at, says, sees, status


class Northgate(Portal):
    name = "Northgate Exchange"
    hosts = frozenset({"northgate.sim.test", "payerspaces.sim.test"})
    start = "https://northgate.sim.test/login"
    home = "https://northgate.sim.test/home"
    automation = "automated"
    carriers = (
        "Bellwether Mutual", "Cholla Health Plan", "Cinder Cone Dental", "Ironwood Dental", "Mesquite Mutual", "Palo Verde Benefits",
    )  # fmt: skip

    login = LoginForm(username="input[name=userId]", password="input[name=password]", submit="[data-testid=login]")
    code = CodeStep(field="input[name=otp]", submit="[data-testid=verify]")
    between = (
        Later(at("/password/reminder"), button="[data-testid=later]"),
        Choice("organization", options="#organization option", select="#organization", submit="[data-testid=continue]"),
    )
    practice = ("[data-testid=organization]", "[data-testid=tin]")
    sign_out = "[data-testid=logout]"

    signs = {  # read from the top; the first that shows wins
        Outcome.DOWN: any_of(sees("#maintenance"), status(500, 502, 503, 504)),
        Outcome.CAPTCHA: sees("#human-check"),
        Outcome.LOCKED: at("/login/locked"),
        Outcome.WRONG_PASSWORD: says("User ID or password is incorrect"),
        Outcome.PASSWORD_EXPIRED: at("/password/expired"),
        Outcome.SIGNED_OUT: any_of(says("ended because of inactivity"), says("You have logged out")),
        Outcome.WRONG_CODE: any_of(says("The code is not valid"), says("already been used")),
        Outcome.ASKS_CODE: sees("input[name=otp]"),
        Outcome.SIGNED_IN: sees("[data-testid=signed-in]"),
    }

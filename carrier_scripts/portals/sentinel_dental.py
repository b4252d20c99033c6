"""Sentinel Managed Dental. Watches for programs: when it asks for a human, or holds the account, the script stops and a person takes over."""

from carrier_scripts.kit import Choice, CodeStep, LoginForm, Outcome, Portal, any_of, at, sees, status


class SentinelDental(Portal):
    name = "Sentinel Managed Dental"
    hosts = frozenset({"sentinel.sim.test"})
    start = "https://sentinel.sim.test/p/signin"
    home = "https://sentinel.sim.test/p/dash"
    automation = "assisted"

    login = LoginForm(username="#f-user", password="#f-pass", submit="[data-do=signin]")
    code = CodeStep(field="#f-code", submit="[data-do=text]")
    between = (Choice("office", options="label.office-line", submit="[data-do=office]"),)
    practice = ("[data-who=office]", "[data-who=tin]")
    sign_out = "[data-do=exit]"

    signs = {  # read from the top; the first that shows wins
        Outcome.DOWN: any_of(sees("#maintenance"), status(500, 502, 503, 504)),
        Outcome.CAPTCHA: sees("#human-check"),
        Outcome.NEEDS_PERSON: sees("#abroad"),
        Outcome.LOCKED: any_of(at("/p/locked"), at("/p/hold")),
        Outcome.WRONG_PASSWORD: sees("[data-msg=bad]"),
        Outcome.PASSWORD_EXPIRED: at("/p/renew"),
        Outcome.SIGNED_OUT: at("/p/ended"),
        Outcome.CODE_LATE: sees("[data-msg=oldcode]"),
        Outcome.WRONG_CODE: sees("[data-msg=badcode]"),
        Outcome.ASKS_CODE: sees("#f-code"),
        Outcome.SIGNED_IN: sees("[data-who=office]"),
    }

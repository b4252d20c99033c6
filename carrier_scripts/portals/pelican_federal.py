"""Pelican Federal Contractor J-Z. Its terms forbid programs: `attended`, so nothing here is ever run to sign in; a person does, herself."""

from carrier_scripts.kit import CodeStep, LoginForm, Method, Outcome, Portal, any_of, at, sees, status


class PelicanFederal(Portal):
    name = "Pelican Federal Contractor J-Z"
    hosts = frozenset({"pelicanfederal.sim.test"})
    start = "https://pelicanfederal.sim.test/jz/"
    home = "https://pelicanfederal.sim.test/jz/home"
    automation = "attended"

    login = LoginForm(username="#pfc-id", password="#pfc-pw", submit="#pfc-login")
    code = CodeStep(field="#pfc-code", submit="#pfc-code-go")
    between = (Method(sees("#pfc-email"), buttons={"email": "#pfc-email", "sms": "#pfc-text"}),)
    practice = ("#pfc-provider",)
    sign_out = "#pfc-logout"

    signs = {  # read from the top; the first that shows wins
        Outcome.DOWN: any_of(sees("#maintenance"), status(500, 502, 503, 504)),
        Outcome.CAPTCHA: sees("#human-check"),
        Outcome.NEEDS_PERSON: any_of(sees("#pfc-banner"), at("/jz/training"), at("/jz/recertify"), sees("#abroad")),
        Outcome.LOCKED: any_of(at("/jz/locked"), at("/jz/disabled"), at("/jz/deleted")),
        Outcome.WRONG_PASSWORD: sees("#pfc-bad"),
        Outcome.PASSWORD_EXPIRED: at("/jz/password"),
        Outcome.SIGNED_OUT: at("/jz/ended"),
        Outcome.CODE_LATE: sees("#pfc-code-old"),
        Outcome.WRONG_CODE: sees("#pfc-code-bad"),
        Outcome.ASKS_CODE: sees("#pfc-code"),
        Outcome.SIGNED_IN: sees("#pfc-provider"),
    }

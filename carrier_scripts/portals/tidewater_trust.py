"""Tidewater Benefit Trust. After the password one calls the provider line and gives the reference shown; an agent reads out the code."""

from carrier_scripts.kit import CodeStep, LoginForm, Outcome, Portal, any_of, at, sees, status


class TidewaterTrust(Portal):
    name = "Tidewater Benefit Trust"
    hosts = frozenset({"tidewater.sim.test"})
    start = "https://tidewater.sim.test/desk/enter"
    home = "https://tidewater.sim.test/desk/home"
    automation = "assisted"

    login = LoginForm(username="#deskName", password="#deskSecret", submit="#deskEnter")
    code = CodeStep(field="#spokenCode", submit="#spokenGo", remember="#trustDesk", reference="#callReference")
    practice = ("#deskOffice", "#deskTin")
    sign_out = "#deskExit"

    signs = {  # read from the top; the first that shows wins
        Outcome.DOWN: any_of(sees("#maintenance"), status(500, 502, 503, 504)),
        Outcome.CAPTCHA: sees("#human-check"),
        Outcome.LOCKED: at("/desk/locked"),
        Outcome.WRONG_PASSWORD: sees("#badLogin"),
        Outcome.PASSWORD_EXPIRED: at("/desk/renew"),
        Outcome.SIGNED_OUT: at("/desk/over"),
        Outcome.CODE_LATE: sees("#oldSpoken"),
        Outcome.WRONG_CODE: sees("#badSpoken"),
        Outcome.ASKS_CODE: sees("#spokenCode"),
        Outcome.SIGNED_IN: sees("#deskOffice"),
    }

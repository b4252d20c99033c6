"""Harborline Dental PPO. Codes come by e-mail, once per remembered device; a login serves several practices (TINs)."""

from carrier_scripts.kit import Choice, CodeStep, LoginForm, Outcome, Portal, any_of, at, says, sees, status


class Harborline(Portal):
    name = "Harborline Dental PPO"
    hosts = frozenset({"harborline.sim.test"})
    start = "https://harborline.sim.test/signin"
    home = "https://harborline.sim.test/home"
    automation = "automated"

    login = LoginForm(username="#username", password="#password", submit="#signin-button")
    code = CodeStep(field="#code", submit="#verify-button", remember="#remember-device")
    between = (Choice("practice", options="#practice-list label.practice-option", submit="#practice-continue"),)
    practice = ("#who-practice", "#who-tin")
    sign_out = "#signout-button"

    signs = {  # read from the top; the first that shows wins
        Outcome.DOWN: any_of(sees("#maintenance"), status(500, 502, 503, 504)),
        Outcome.CAPTCHA: sees("#human-check"),
        Outcome.LOCKED: sees("#signin-locked"),
        Outcome.WRONG_PASSWORD: sees("#signin-error"),
        Outcome.PASSWORD_EXPIRED: at("/password/expired"),
        Outcome.SIGNED_OUT: any_of(says("signed out because of inactivity"), at("/signed-out")),
        Outcome.CODE_LATE: any_of(sees("#code-expired"), sees("#code-void")),
        Outcome.WRONG_CODE: sees("#code-error"),
        Outcome.ASKS_CODE: sees("#code"),
        Outcome.TERMS_CHANGED: at("/terms"),
        Outcome.SIGNED_IN: sees("#signed-in-as"),
    }

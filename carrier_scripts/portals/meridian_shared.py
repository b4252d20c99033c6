"""Meridian Shared Services, nine payers. Asks on the owner's telephone for the number it shows; can mail a code instead."""

from carrier_scripts.kit import Approval, Choice, CodeStep, LoginForm, Outcome, Portal, any_of, at, sees, status


class MeridianShared(Portal):
    name = "Meridian Shared Services"
    hosts = frozenset({"meridian.sim.test"})
    start = "https://meridian.sim.test/mss/login"
    home = "https://meridian.sim.test/mss/home"
    automation = "automated"
    carriers = (
        "Alder Creek Dental", "Basin Mutual", "Cordillera Health", "Dry Fork Benefits", "Elkhorn Dental Plan",
        "Foxglove Trust", "Gila Bend Dental", "Hopewell Union", "Indigo Mesa Health",
    )  # fmt: skip

    login = LoginForm(username="#mss-email", password="#mss-pass", submit="#mss-go")
    code = CodeStep(field="#mss-code", submit="#mss-code-go", remember="#mss-trust")
    between = (
        Approval("#mss-number", instead={"email": "#mss-use-email"}),
        Choice("office", options="#mss-office-list option", select="#mss-office-list", submit="#mss-office-go"),
    )
    practice = ("#mss-office",)
    sign_out = "#mss-logout"

    signs = {  # read from the top; the first that shows wins
        Outcome.DOWN: any_of(sees("#maintenance"), status(500, 502, 503, 504)),
        Outcome.CAPTCHA: sees("#human-check"),
        Outcome.LOCKED: at("/mss/locked"),
        Outcome.WRONG_PASSWORD: sees("#mss-bad"),
        Outcome.PASSWORD_EXPIRED: at("/mss/password"),
        Outcome.SIGNED_OUT: at("/mss/ended"),
        Outcome.CODE_LATE: sees("#mss-code-old"),
        Outcome.WRONG_CODE: any_of(sees("#mss-code-bad"), at("/mss/denied")),
        Outcome.ASKS_CODE: sees("#mss-code"),
        Outcome.SIGNED_IN: sees("#mss-office"),
    }

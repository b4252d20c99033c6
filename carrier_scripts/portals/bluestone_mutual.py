"""Bluestone Mutual. Name, a security question, password and a mailed code, each on a page of its own; an agreement every 30 days."""

from carrier_scripts.families.plain_tables import PlainTables, Search
from carrier_scripts.kit import Choice, CodeStep, LoginForm, Outcome, Question, any_of, at, sees, status


class BluestoneMutual(PlainTables):
    name = "Bluestone Mutual"
    hosts = frozenset({"bluestone.sim.test"})
    start = "https://bluestone.sim.test/provider/login"
    home = "https://bluestone.sim.test/provider/home"

    login = LoginForm(username="#loginName", next="#nameNext", password="#loginSecret", submit="#secretNext")
    code = CodeStep(field="#passcode", submit="#passcodeNext")
    between = (
        Question("#questionText", field="#questionAnswer", submit="#answerNext"),
        Choice("office", options="label.office-choice", submit="#officeNext"),
    )
    practice = ("#officeName", "#officeTin")
    sign_out = "#logoutLink"

    reads = ("/provider/home", "/provider/coverage*", "/provider/claims*", "/provider/eob*")
    searches = ("/provider/coverage/inner",)
    search = Search(
        "/provider/coverage", member="#memberNumber", born="#birthDate", frames=("#coverageFrame", "#coverageInner")
    )
    claims, claim = "/provider/claims", "/provider/claims/detail"
    statuses = {  # "Adjusted" says neither what was paid nor whether
        "Received": "received",
        "Processing": "in_process",
        "Paid": "paid",
        "Denied": "denied",
    }

    signs = {  # read from the top; the first that shows wins
        Outcome.DOWN: any_of(sees("#maintenance"), status(500, 502, 503, 504)),
        Outcome.CAPTCHA: sees("#human-check"),
        Outcome.LOCKED: at("/provider/locked"),
        Outcome.WRONG_PASSWORD: any_of(sees("#secretError"), sees("#answerError")),
        Outcome.PASSWORD_EXPIRED: at("/provider/password/old"),
        Outcome.SIGNED_OUT: at("/provider/goodbye"),
        Outcome.CODE_LATE: sees("#passcodeOld"),
        Outcome.WRONG_CODE: sees("#passcodeError"),
        Outcome.ASKS_CODE: sees("#passcode"),
        Outcome.TERMS_CHANGED: at("/provider/agreement"),
        Outcome.SIGNED_IN: sees("#officeName"),
    }

"""Evergreen State Medicaid. User ID, kind of computer, site phrase with the password, authenticator; closed at night with a status of 200."""

from carrier_scripts.kit import CodeStep, Later, LoginForm, Outcome, Portal, any_of, at, sees, status


class EvergreenMedicaid(Portal):
    name = "Evergreen State Medicaid"
    hosts = frozenset({"evergreen.sim.test"})
    start = "https://evergreen.sim.test/portal/Logon.do"
    home = "https://evergreen.sim.test/portal/Home.do"
    automation = "automated"

    login = LoginForm(username="#ctl_UserId", next="#ctl_Continue", password="#ctl_Password", submit="#ctl_LogOn")
    code = CodeStep(field="#ctl_Code", submit="#ctl_Verify")
    between = (
        Later(sees("#ctl_Public"), button="#ctl_Public"),
        Later(sees("#ctl_Warning"), button="#ctl_Later"),
    )
    practice = ("#ctl_Provider", "#ctl_Npi")
    sign_out = "#ctl_LogOff"

    signs = {  # read from the top; the first that shows wins
        Outcome.DOWN: any_of(sees("#maintenance"), status(500, 502, 503, 504)),
        Outcome.CAPTCHA: sees("#human-check"),
        Outcome.LOCKED: at("/portal/Locked.do"),
        Outcome.WRONG_PASSWORD: sees("#ctl_LogonError"),
        Outcome.PASSWORD_EXPIRED: at("/portal/NewPassword.do"),
        Outcome.SIGNED_OUT: at("/portal/Ended.do"),
        Outcome.NEEDS_PERSON: sees(
            "#ctl_Enrolment"
        ),  # an authenticator to set up: its secret is shown once, to its owner
        Outcome.WRONG_CODE: sees("#ctl_CodeError"),
        Outcome.ASKS_CODE: sees("#ctl_Code"),
        Outcome.SIGNED_IN: sees("#ctl_Provider"),
    }

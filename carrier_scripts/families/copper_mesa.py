"""Copper Mesa Dental's office portal, which its member companies share in looks; how it behaves differs from state to state."""

from typing import ClassVar

from carrier_scripts.kit import Choice, CodeStep, LoginForm, Outcome, Portal, Sign, any_of, at, says, sees, status


class CopperMesaPortal(Portal):
    automation = "automated"

    login = LoginForm(username="#UserName", password="#Password", submit="#LoginButton")
    code = CodeStep(field="#VerificationCode", submit="#SubmitCode")
    office = Choice("office", options="#ServiceLocation option", select="#ServiceLocation")
    practice = ("#lblOffice", "#lblTaxId")
    sign_out = "#LogOff"

    signs: ClassVar[dict[Outcome, Sign]] = {  # read from the top; the first that shows wins
        Outcome.DOWN: any_of(sees("#maintenance"), status(500, 502, 503, 504)),
        Outcome.CAPTCHA: sees("#human-check"),
        Outcome.LOCKED: at("/Account/Locked"),
        Outcome.WRONG_PASSWORD: sees(".validation-summary-errors"),
        Outcome.PASSWORD_EXPIRED: at("/Account/ChangePassword"),
        Outcome.SIGNED_OUT: at("/Account/Ended"),
        Outcome.CODE_LATE: says("The code has expired"),
        Outcome.WRONG_CODE: says("The code is incorrect"),
        Outcome.ASKS_CODE: sees("#VerificationCode"),
        Outcome.NEEDS_PERSON: at("/Account/Profile"),
        Outcome.SIGNED_IN: sees(".office-banner"),
    }

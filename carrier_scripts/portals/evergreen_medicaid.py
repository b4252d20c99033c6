"""Evergreen State Medicaid. User ID, kind of computer, site phrase with the password, authenticator; closed at night with a status of 200."""

from typing import Any

from carrier_scripts.families.plain_tables import PlainTables, Search
from carrier_scripts.kit import (
    Answer,
    CodeStep,
    Later,
    Locator,
    LoginForm,
    NewAuthenticator,
    Outcome,
    PageChanged,
    RecoveryCodes,
    Seen,
    any_of,
    at,
    day,
    meaning,
    part,
    said,
    same_id,
    sees,
    status,
    words,
)  # fmt: skip

ORDER = {"PRIMARY": "primary", "SECONDARY": "secondary", "TERTIARY": "tertiary"}


class EvergreenMedicaid(PlainTables):
    name = "Evergreen State Medicaid"
    hosts = frozenset({"evergreen.sim.test"})
    start = "https://evergreen.sim.test/portal/Logon.do"
    home = "https://evergreen.sim.test/portal/Home.do"

    login = LoginForm(username="#ctl_UserId", next="#ctl_Continue", password="#ctl_Password", submit="#ctl_LogOn")
    code = CodeStep(field="#ctl_Code", submit="#ctl_Verify")
    between = (
        Later(sees("#ctl_Public"), button="#ctl_Public"),
        Later(sees("#ctl_Warning"), button="#ctl_Later"),
        NewAuthenticator("#ctl_Enrolment", seed="#ctl_Picture", field="#ctl_First", submit="#ctl_Finish"),
        RecoveryCodes("#ctl_Backup li", submit="#ctl_Saved"),
    )
    practice = ("#ctl_Provider", "#ctl_Npi")
    sign_out = "#ctl_LogOff"

    reads = ("/portal/Home.do", "/portal/Eligibility.do", "/portal/Recipient*", "/portal/Claim*", "/portal/Advice*")
    searches = ("/portal/Eligibility.do",)
    search = Search(
        "/portal/Eligibility.do",
        member="#ctl_Recipient",
        born="#ctl_Dob",
        find="#ctl_Verify270",
        nobody="#ctl_NotFound",
        written="%m/%d/%Y",
    )
    claims, claim = "/portal/Claims.do", "/portal/Claim"
    statuses = {"In process": "in_process", "Suspended": "pended", "Paid": "paid", "Denied": "denied"}

    signs = {  # read from the top; the first that shows wins
        Outcome.DOWN: any_of(sees("#maintenance"), status(500, 502, 503, 504)),
        Outcome.CAPTCHA: sees("#human-check"),
        Outcome.LOCKED: at("/portal/Locked.do"),
        Outcome.WRONG_PASSWORD: sees("#ctl_LogonError"),
        Outcome.PASSWORD_EXPIRED: at("/portal/NewPassword.do"),
        Outcome.SIGNED_OUT: at("/portal/Ended.do"),
        Outcome.WRONG_CODE: sees("#ctl_CodeError"),
        Outcome.ASKS_CODE: sees("#ctl_Code"),
        Outcome.SIGNED_IN: sees("#ctl_Provider"),
    }

    async def read_benefits(self, here: Locator, answer: Answer) -> None:
        """The usual tables, and above them what Medicaid says: it goes before the plan's own words."""
        await super().read_benefits(here, answer)
        told = await here.locator("#ctl_Eligibility").read_pairs()
        if not same_id(told.take("Recipient ID").text, answer.result["patient"]["member_id"].value):
            raise PageChanged("two tables of one page are of two recipients")
        today, other = told.take("Eligible today"), told.take("Other insurance")
        status = answer.result["coverage"]["status"]
        if meaning(today, {"YES": "active", "NO": "inactive"}) is None or (today.text == "YES") != (
            status.value == "active"
        ):
            answer.conflict("Eligible today", today)
        if meaning(other, {"NONE ON FILE": False}):
            answer.result["coverage"]["other_coverage"] = said(False, other)
        else:
            answer.result["coverage"]["other_coverage"] = said(True, other)
            answer.result["coverage"]["cob"] = [_other(other, answer)]
        told.take("Date of birth")
        for label, value in told.rest():
            answer.unplaced(label, value)


def _other(seen: Seen, answer: Answer) -> dict[str, Any]:
    """ "LARCHMONT LIFE DENTAL, PRIMARY, POLICY LL4711, SINCE 01/01/2025"; what is written otherwise is kept word for word too."""
    told = part(seen, r"^([^,]+), \w+, POLICY"), part(seen, r", (\w+), POLICY"), part(seen, r"POLICY (\w+)")
    payer, order, policy = told
    since = part(seen, r"SINCE (\d\d/\d\d/\d{4})$")
    if payer is None or order is None or policy is None or since is None:
        answer.unplaced("Other insurance", seen)
        return {"payer_name": words(seen)}
    return {
        "payer_name": words(payer),
        "order": answer.known("Other insurance", order, ORDER),
        "member_id": words(policy),
        "effective": day(since),
    }

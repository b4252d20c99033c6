"""S10 Tidewater Benefit Trust: one calls, waits, gives a reference, and is read a code; answers look like faxes."""

from datetime import timedelta
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response

from carrier_scripts.lab import behaviours
from carrier_scripts.lab.gate import Rules
from carrier_scripts.lab.house import Fields, House, Paths, account
from carrier_scripts.lab.people import Member
from carrier_scripts.lab.visits import Visit

EASTERN = ZoneInfo("America/New_York")
OPEN_FROM, OPEN_TO = 8, 20
SHORTEST_S, LONGEST_S = 240, 720
CUT_OFF = 10
"""Every tenth call is cut off."""


class TidewaterTrust(House):
    key = "tidewater_trust"
    start_path = "/desk/enter"
    start_template = "login.html"
    home_path = "/desk/home"
    birth_format = "%m/%d/%Y"
    rules: ClassVar[Rules] = Rules(
        idle_s=600, lock_s=3600, wrong_passwords=5, wrong_codes_void=3, code_s=900, password_days=90, device_days=60,
        code_length=8, code_letters="ABCDEFGHJKLMNPQRSTUVWXYZ23456789",
    )  # fmt: skip
    paths = Paths(
        login="/desk/enter", code="/desk/spoken", home="/desk/home", sign_out="/desk/exit", ended="/desk/over",
        locked="/desk/locked", expired="/desk/renew", eligibility="/desk/faxback", benefits="/desk/fax", claims="/desk/claims",
        claim="/desk/claim", eob="/desk/eob",
    )  # fmt: skip
    fields = Fields(
        username="deskName", password="deskSecret", code="spokenCode", member="faxMember", born="faxBorn",
        remember="trustDesk",
    )  # fmt: skip
    says: ClassVar[dict[str, tuple[str, str]]] = {
        "locked": ("Locked for an hour", "Too many tries. The provider line, {line}, can help."),
        "expired": ("A new password, please", "Passwords last 90 days."),
        "timeout": ("Your desk has closed", "Ten minutes went by."),
        "signout": ("Your desk is closed", "Thank you for calling."),
    }  # fmt: skip
    statuses = ("Received", "Pending review", "Paid", "Not payable")
    paid = "Paid"
    denied = "Not payable"
    behaviour = behaviours.USUAL | {
        "idle_timeout_s": 600,
        "mfa_methods": ["provider_line"],
        "code_format": "[A-HJ-NP-Z2-9]{8}",
        "code_ttl_s": 900,
        "resend_supersedes": None,
        "resend_min_interval_s": None,
        "delivery_p95_s": LONGEST_S,
        "lock_s": 3600,
        "trusted_device_days": 60,
        "sharing_policy": "practice_shared",
        "automation_policy": "not_addressed",
    }

    def second_factor(self, request: Request, visit: Visit) -> Response:
        state = account(visit)
        if state.trusts(request.cookies.get(f"{self.key}_device"), self.world.clock.now()):
            return self.enter(visit)
        visit.stage, state.code = "code", None
        visit.about["reference"] = self.world.digits(f"{state.facts.key}/reference", self.world.serial.next())
        return self.go(self.paths.code)

    def call(self, reference: str) -> dict[str, Any]:
        """Somebody calls the provider line with a reference. Says how long it took on the lab's clock, and the code, if any.

        Raises KeyError for a reference that no visit shows.
        """
        now = self.world.clock.now()
        if self.key in self.world.keep_hours and not OPEN_FROM <= now.astimezone(EASTERN).hour < OPEN_TO:
            return {"answered": False, "hold_s": 0, "words": "We are here from 8 a.m. to 8 p.m. Eastern."}
        visit = next(v for v in self.world.visits.at(self.key, "code") if v.about.get("reference") == reference)
        number = self.world.serial.next()
        hold_s = SHORTEST_S + int(self.world.digits("hold", number)) % (LONGEST_S - SHORTEST_S)
        if number % CUT_OFF == 0:
            return {"answered": False, "hold_s": hold_s, "words": "The call was cut off."}
        state = account(visit)
        self.gate.send_code(state, visit, by="provider_line")
        assert state.code is not None
        state.code.expires += timedelta(seconds=hold_s)
        return {"answered": True, "hold_s": hold_s, "code": state.code.value}

    def inner(self, template: str, visit: Visit, http: int = 200, **values: Any) -> Response:
        if template == "benefits.html":
            values["fax"] = self.fax(values["member"])
        values["codes"] = {status: f"{20 + 15 * n}" for n, status in enumerate(self.statuses)}
        return super().inner(template, visit, http, **values)

    def fax(self, member: Member) -> str:
        """A member's benefits as the fax machine would print them."""
        lines = [
            "TIDEWATER BENEFIT TRUST          FAXBACK          PAGE 1 OF 1",
            f"MEMBER.......: {member.id}",
            f"NAME.........: {member.name.upper()}",
            f"BORN.........: {member.born:%m/%d/%Y}",
            f"STATUS.......: {'COVERED' if member.active else 'NOT COVERED'}",
            f"GROUP........: {member.group.upper()} {member.group_number}",
            f"YEARLY MAX...: {member.maximum:>9.2f}   USED {member.used:>9.2f}   LEFT {member.left:>9.2f}",
            f"DEDUCTIBLE...: {member.deductible:>9.2f}   MET  {member.deductible_met:>9.2f}",
            "",
            *(f"{c.category.upper():<28}{c.in_network:>4}%   OUT {c.out_of_network:>4}%" for c in self.coverage),
            "",
            "*** END OF FAX. THIS IS NO PROMISE TO PAY. ***",
        ]
        return "\n".join(lines)

"""S3 Copper Mesa Dental of Nevada: Arizona's look and pages, other rules: mailed codes, remembered computers, benefits as data."""

from datetime import timedelta
from typing import ClassVar

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from carrier_scripts.lab import behaviours
from carrier_scripts.lab.copper_mesa_az import CopperMesaAz
from carrier_scripts.lab.gate import Rules
from carrier_scripts.lab.house import account
from carrier_scripts.lab.site import new_device
from carrier_scripts.lab.visits import Visit

DEVICE_COOKIE = "copper_mesa_nv_device"


class CopperMesaNv(CopperMesaAz):
    key = "copper_mesa_nv"
    looks_like = "copper_mesa_az"
    rules: ClassVar[Rules] = Rules(
        idle_s=1800, absolute_s=14_400, lock_s=900, wrong_passwords=5, wrong_codes_void=3, code_s=300, password_days=90,
        device_days=7,
    )  # fmt: skip
    behaviour = behaviours.COPPER_MESA_AZ | {
        "idle_timeout_s": 1800,
        "absolute_timeout_s": 14_400,
        "warns_before_s": 60,
        "concurrency": "multi",
        "mfa_methods": ["email", "voice"],
        "code_ttl_s": 300,
        "resend_min_interval_s": 0,
        "trusted_device_days": 7,
        "opens_popups": False,
        "sharing_policy": "individual",
    }

    def routes(self) -> list[Route]:
        return [
            self.open("/Account/Voice", self.voice, ("POST",)),
            self.inside("/Office/StayIn", self.stay_in, ("POST",)),
            self.inside("/Office/BenefitData/{member}", self.benefit_data),
            *super().routes(),
        ]

    def show(self, template: str, visit: Visit | None = None, http: int = 200, **values: object) -> HTMLResponse:
        return super().show(template, visit, http, idle=self.rules.idle_s, **values)

    async def voice(self, request: Request, visit: Visit) -> Response:
        if visit.stage != "code":
            return self.go(self._where(visit))
        self.gate.send_code(account(visit), visit, again=True, by="voice")
        visit.message = "called"
        return self.go("/Account/Verify")

    async def stay_in(self, request: Request, visit: Visit) -> Response:
        return Response(status_code=204)

    async def benefit_data(self, request: Request, visit: Visit) -> Response:
        """What the benefits page asks for after it has loaded."""
        member = self.member_shown(request)
        if member is None:
            return JSONResponse({"error": "no such subscriber"}, status_code=404)
        cover = [
            {"category": c.category, "planPays": c.in_network, "deductible": c.deductible, "waiting": c.waiting}
            for c in self.coverage
        ]
        amounts = [
            ("Status", "Eligible" if member.active else "Not eligible"),
            ("Group", f"{member.group} {member.group_number}"),
            ("Annual maximum", f"${member.maximum:,.2f}"),
            ("Used", f"${member.used:,.2f}"),
            ("Remaining", f"${member.left:,.2f}"),
            ("Deductible", f"${member.deductible:,.2f}"),
            ("Deductible met", f"${member.deductible_met:,.2f}"),
        ]
        return JSONResponse({"coverage": cover, "amounts": amounts})

    def _second_factor(self, request: Request, visit: Visit) -> Response:
        if account(visit).trusts(request.cookies.get(DEVICE_COOKIE), self.world.clock.now()):
            return super()._after_code(visit, {})
        return super()._second_factor(request, visit)

    def _after_code(self, visit: Visit, form: dict[str, str]) -> Response:
        answer = super()._after_code(visit, form)
        if form.get("RememberComputer"):
            device, days = new_device(), self.rules.device_days
            account(visit).devices[device] = self.world.clock.now() + timedelta(days=days)
            answer.set_cookie(DEVICE_COOKIE, device, max_age=days * 86400, secure=True, httponly=True, samesite="lax")
        return answer

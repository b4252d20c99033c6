"""S11 Sentinel Managed Dental: looks at its visitors; a proof of a human, a hold, a limit of searches, no visitors from abroad."""

from datetime import datetime, timedelta
from typing import Any, ClassVar
from weakref import WeakKeyDictionary

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from carrier_scripts.lab import behaviours
from carrier_scripts.lab.gate import Rules
from carrier_scripts.lab.house import Fields, House, Paths, account
from carrier_scripts.lab.visits import Visit

SEARCHES = 10
MINUTE = timedelta(seconds=60)


class SentinelDental(House):
    key = "sentinel_dental"
    start_path = "/p/signin"
    start_template = "login.html"
    home_path = "/p/dash"
    picker = True
    rules: ClassVar[Rules] = Rules(
        idle_s=900, lock_s=None, wrong_passwords=3, wrong_codes_lock=3, code_s=180, password_days=90
    )
    paths = Paths(
        login="/p/signin", code="/p/text", resend="/p/text/again", office="/p/office", home="/p/dash", sign_out="/p/exit",
        ended="/p/ended", locked="/p/locked", expired="/p/renew", eligibility="/p/members", benefits="/p/member",
        claims="/p/claims", claim="/p/claim", eob="/p/eob",
    )  # fmt: skip
    fields = Fields(
        username="f_user", password="f_pass", code="f_code", office="f_office", member="f_member", born="f_born"
    )
    says: ClassVar[dict[str, tuple[str, str]]] = {
        "locked": ("Account locked", "Call {line} to have it opened."),
        "hold": ("Account on hold", "We have seen unusual activity. Call us at {line}."),
        "expired": ("Renew your password", "Passwords last 90 days."),
        "timeout": ("Timed out", "Nothing happened for 15 minutes."),
        "signout": ("You have left", "Come back soon."),
        "abroad": ("Not available here", "This site cannot be used from outside the United States."),
    }  # fmt: skip
    statuses = ("Accepted", "Pending", "Paid", "Denied")
    paid = "Paid"
    denied = "Denied"
    behaviour = behaviours.USUAL | {
        "idle_timeout_s": 900,
        "mfa_methods": ["sms"],
        "code_ttl_s": 180,
        "login_failure_limit": 3,
        "lock_s": None,
        "lock_needs": "call",
        "trusted_device_days": 0,
        "provider_picker": True,
        "captcha": "pictures, at random and after a new address",
        "bot_protection": "looks for automated clients; more than 10 searches a minute are answered with 429",
        "automation_policy": "not_addressed",
    }

    def own_routes(self) -> list[Route]:
        self._searched: WeakKeyDictionary[Visit, list[datetime]] = WeakKeyDictionary()
        return [self.open("/p/challenge", self.challenge), self.open("/p/hold", self.hold)]

    async def _fault(self, request: Request) -> Response | None:
        if self.world.faults.on(self.key, "abroad"):
            return self.said("abroad", None, http=403)
        return await super()._fault(request)

    def show(self, template: str, visit: Visit | None = None, http: int = 200, **values: Any) -> HTMLResponse:
        hints = bool(self.world.faults.all(self.key, "hints"))
        return super().show(template, visit, http, **({"hints": hints} | values))

    async def challenge(self, request: Request, visit: Visit) -> Response:
        return self.show("human_check.html")

    async def hold(self, request: Request, visit: Visit) -> Response:
        return self.said("hold", None)

    def second_factor(self, request: Request, visit: Visit) -> Response:
        if "hold" in account(visit).told:
            visit.end("hold")
            self.world.judge.end(visit.id, "hold")
            return self.go("/p/hold")
        return super().second_factor(request, visit)

    async def eligibility(self, request: Request, visit: Visit) -> Response:
        if request.method == "POST":
            now = self.world.clock.now()
            searched = self._searched[visit] = [at for at in self._searched.get(visit, []) if now - at < MINUTE]
            if len(searched) >= SEARCHES:
                wait = MINUTE - (now - searched[0])
                headers = {"retry-after": str(int(wait.total_seconds()) + 1)}
                return PlainTextResponse("Too many searches.", status_code=429, headers=headers)
            searched.append(now)
        return await super().eligibility(request, visit)

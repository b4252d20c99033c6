"""S8 Evergreen State Medicaid: post-backs with a hidden state, a site phrase, an authenticator to enrol, closed at night."""

import secrets
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import pyotp
import segno
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from carrier_scripts.lab import behaviours
from carrier_scripts.lab.authenticator import matching_step
from carrier_scripts.lab.documents import remittance_text
from carrier_scripts.lab.gate import Answer, Rules
from carrier_scripts.lab.house import BOTH, POST, Fields, House, Paths, account
from carrier_scripts.lab.people import Member
from carrier_scripts.lab.visits import Visit

CLOSED_FROM, CLOSED_TO = 0, 4
PACIFIC = ZoneInfo("America/Los_Angeles")
WARN_DAYS = 76
BACKUP_CODES = 8
FORM_TAKES = timedelta(days=3)
AID = ("Children's dental", "Adult, limited", "Pregnancy and after", "Aged, blind, disabled")
PLANS = ("Cedar Valley Health", "Fee for service", "Larchmont Community Plan")


@dataclass(frozen=True)
class Other:
    """Insurance that pays before Medicaid does."""

    payer: str
    order: str
    policy: str
    since: date


@dataclass(frozen=True)
class Aid:
    """What a Medicaid answer says beside the plan."""

    category: str
    plan: str
    spend_down: int
    other: Other | None

    @property
    def insurance(self) -> str:
        """As the page prints it."""
        one = self.other
        return f"{one.payer}, {one.order}, POLICY {one.policy}, SINCE {one.since:%m/%d/%Y}" if one else "NONE ON FILE"


class EvergreenMedicaid(House):
    key = "evergreen_medicaid"
    start_path = "/portal/Logon.do"
    start_template = "login.html"
    home_path = "/portal/Home.do"
    birth_format = "%m/%d/%Y"
    rules: ClassVar[Rules] = Rules(idle_s=1200, lock_s=86_400, wrong_passwords=4, wrong_codes_lock=4, password_days=90)
    paths = Paths(
        login="/portal/Logon.do", code="/portal/Code.do", home="/portal/Home.do", sign_out="/portal/LogOff.do",
        ended="/portal/Ended.do", locked="/portal/Locked.do", expired="/portal/NewPassword.do",
        eligibility="/portal/Eligibility.do", benefits="/portal/Recipient", claims="/portal/Claims.do", claim="/portal/Claim",
        eob="/portal/Advice",
    )  # fmt: skip
    fields = Fields(username="userId", password="password", code="code", member="recipient", born="dob")
    says: ClassVar[dict[str, tuple[str, str]]] = {
        "locked": ("Account locked", "The account is locked for 24 hours. Help desk: {line}."),
        "expired": ("Your password has expired", "Passwords last 90 days; the last 24 cannot be used again."),
        "timeout": ("Your session has expired", "There was no activity for 20 minutes, or a page was posted out of turn."),
        "signout": ("You are logged off", "Close this window on a public computer."),
        "restart": ("Your session has expired", "Please log on again."),
        "lost": ("Form EV-204 received", "A new authenticator can be set up three days from now."),
    }  # fmt: skip
    statuses = ("In process", "Suspended", "Paid", "Denied")
    paid = "Paid"
    denied = "Denied"
    behaviour = behaviours.USUAL | {
        "mfa_methods": ["totp"],
        "code_ttl_s": 30,
        "resend_supersedes": None,
        "resend_min_interval_s": None,
        "delivery_p95_s": 0,
        "wrong_code_limit": 4,
        "login_failure_limit": 4,
        "lock_s": 86_400,
        "trusted_device_days": 0,
        "password_warn_d": 14,
        "password_rules": "8 to 20 characters; the last 24 are remembered",
        "maintenance_windows": ["daily 00:00-04:00 America/Los_Angeles"],
        "sharing_policy": "delegate",
        "automation_policy": "not_addressed",
    }

    def own_routes(self) -> list[Route]:
        return [
            self.open("/portal/Computer.do", self.computer, BOTH),
            self.open("/portal/Password.do", self.password, BOTH),
            self.open("/portal/Enrol.do", self.enrol, BOTH),
            self.open("/portal/Backup.do", self.backup, BOTH),
            self.open("/portal/FormEv204.do", self.paper_form, POST),
            self.open("/portal/Warning.do", self.warning, BOTH),
            self.inside("/portal/Remittance.do", self.remittances),
            self.inside("/portal/Remittance/{check}", self.remittance),
        ]

    def own_stages(self) -> dict[str, str]:
        return {
            "computer": "/portal/Computer.do",
            "password": "/portal/Password.do",
            "enrol": "/portal/Enrol.do",
            "backup": "/portal/Backup.do",
            "warning": "/portal/Warning.do",
        }

    async def _fault(self, request: Request) -> Response | None:
        hour = self.world.clock.now().astimezone(PACIFIC).hour
        if self.key in self.world.keep_hours and CLOSED_FROM <= hour < CLOSED_TO:
            return self.show("maintenance.html")  # with status 200, as the real ones do
        return await super()._fault(request)

    def show(self, template: str, visit: Visit | None = None, http: int = 200, **values: Any) -> HTMLResponse:
        if visit is not None:
            visit.about["state"] = secrets.token_urlsafe(24)
        return super().show(template, visit, http, **values)

    async def posted(self, request: Request, visit: Visit) -> dict[str, str] | None:
        """The form, if it is of the page that was shown last."""
        form = await self.form(request)
        return form if form.get("__STATE") == visit.about.get("state") else None

    # ---- the way in: user ID, computer, phrase and password, authenticator

    async def login(self, request: Request, visit: Visit) -> Response:
        form = await self.posted(request, visit) if request.method == "POST" else None
        if form is None:
            return self.show("login.html", visit, answer="")
        visit.about["username"], visit.stage = form.get("userId", ""), "computer"
        return self.go("/portal/Computer.do")

    async def computer(self, request: Request, visit: Visit) -> Response:
        if visit.stage != "computer":
            return self.go(self.where(visit))
        if request.method == "GET" or await self.posted(request, visit) is None:
            return self.show("computer.html", visit)
        visit.stage = "password"
        return self.go("/portal/Password.do")

    async def password(self, request: Request, visit: Visit) -> Response:
        if visit.stage != "password":
            return self.go(self.where(visit))
        form = await self.posted(request, visit) if request.method == "POST" else None
        number = int(self.world.digits(visit.about["username"].lower(), 1, 4))
        seen: dict[str, Any] = {
            "picture": number % 12,
            "phrase": f"{('amber', 'cedar', 'plain')[number % 3]} river {number}",
        }
        if form is None:
            return self.show("phrase.html", visit, answer="", **seen)
        answer = self.check_password(visit, form, self.client(request))
        if answer is Answer.WRONG:
            return self.show("phrase.html", visit, answer="wrong", **seen)
        return await self.after_password(request, visit, answer)

    def second_factor(self, request: Request, visit: Visit) -> Response:
        visit.stage = "enrol" if "enrolment" in account(visit).told else "code"
        return self.go(self.where(visit))

    async def code_page(self, request: Request, visit: Visit) -> Response:
        if visit.stage != "code":
            return self.go(self.where(visit))
        form = await self.posted(request, visit) if request.method == "POST" else None
        if form is None:
            return self.show("code.html", visit, answer="")
        return self.after_code(visit, self.gate.totp(visit, form.get("code", "")), form)

    async def enrol(self, request: Request, visit: Visit) -> Response:
        """A fresh secret, shown on this page only; without it nobody comes in, and only paper helps."""
        if visit.stage != "enrol":
            return self.go(self.where(visit))
        state = account(visit)
        seed = visit.about.setdefault("seed", pyotp.random_base32())
        form = await self.posted(request, visit) if request.method == "POST" else None
        step = matching_step(seed, form.get("code", ""), self.world.clock.now()) if form else None
        if step is None:
            address = pyotp.TOTP(seed).provisioning_uri(name=state.username, issuer_name="Evergreen")
            picture = segno.make(address).png_data_uri(scale=4, border=4)
            return self.show("enrol.html", visit, seed=seed, picture=picture, wrong=form is not None)
        fresh = tuple(f"EV-{secrets.randbelow(10**8):08d}" for _ in range(BACKUP_CODES))
        state.facts = replace(state.facts, totp_seed=seed, backup_codes=fresh)
        state.told.discard("enrolment")
        state.last_step = step
        visit.stage = "backup"
        return self.go(self.where(visit))

    async def backup(self, request: Request, visit: Visit) -> Response:
        """The recovery codes of the new authenticator, shown once."""
        if visit.stage != "backup":
            return self.go(self.where(visit))
        if request.method == "POST" and await self.posted(request, visit) is not None:
            return self.enter(visit)
        return self.show("backup.html", visit, codes=account(visit).facts.backup_codes)

    async def paper_form(self, request: Request, visit: Visit) -> Response:
        """A lost authenticator: the form that is mailed in takes three days, in which nobody comes in."""
        form = await self.form(request)
        state = self.world.account(self.key, form.get("userId", ""))
        if state is not None:
            self.world.lock(state, int(FORM_TAKES.total_seconds()))
            state.told.add("enrolment")
        return self.said("lost", None)

    def enter(self, visit: Visit) -> Response:
        if visit.stage != "warning" and account(visit).password_days(self.world.clock.now()) >= WARN_DAYS:
            visit.stage = "warning"
            return self.go(self.where(visit))
        return super().enter(visit)

    async def warning(self, request: Request, visit: Visit) -> Response:
        if visit.stage != "warning":
            return self.go(self.where(visit))
        if request.method == "POST" and await self.posted(request, visit) is not None:
            return self.enter(visit)
        left = (self.rules.password_days or 0) - account(visit).password_days(self.world.clock.now())
        return self.show("warning.html", visit, left=left)

    # ---- inside

    async def eligibility(self, request: Request, visit: Visit) -> Response:
        if request.method == "POST" and (await self.form(request)).get("__STATE") != visit.about.get("state"):
            self.gate.leave(visit, "restart")
            return self.go(self.ended(visit))
        return await super().eligibility(request, visit)

    def inner(self, template: str, visit: Visit, http: int = 200, **values: Any) -> Response:
        if template == "benefits.html":
            values["aid"] = self.aid(values["member"])
        return super().inner(template, visit, http, **values)

    def aid(self, member: Member) -> Aid:
        number = int(member.id[-4:])
        other = None if number % 3 else Other("LARCHMONT LIFE DENTAL", "PRIMARY", f"LL{number:04d}", date(2025, 1, 1))
        return Aid(AID[number % 4], PLANS[number % 3], 0 if number % 5 else 125, other)

    def truth(self) -> dict[str, Any]:
        return super().truth() | {"aid": {m.id: asdict(self.aid(m)) for m in self.book.members.values()}}

    async def remittances(self, request: Request, visit: Visit) -> Response:
        return self.inner("remittance.html", visit, claims=[c for c in self.claims(visit) if c.check][:60])

    async def remittance(self, request: Request, visit: Visit) -> Response:
        check = request.path_params["check"].removesuffix(".txt")
        claims = [c for c in self.claims(visit) if c.check == check]
        if not claims:
            return self.inner("not_found.html", visit, http=404)
        return PlainTextResponse(remittance_text(self.carrier, self.place(visit), claims))

"""S2 Copper Mesa Dental of Arizona: one shared login, 90-second codes by text message, newest sign-in wins, a pop-up."""

from typing import Any, ClassVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from carrier_scripts.lab import behaviours
from carrier_scripts.lab.accounts import AccountState
from carrier_scripts.lab.documents import eob_pdf
from carrier_scripts.lab.gate import Answer, Rules
from carrier_scripts.lab.people import Claim
from carrier_scripts.lab.site import Site
from carrier_scripts.lab.visits import Visit

PAGE = 25
ALL = 200


CLASSES = (
    ("I", "Exams, images, cleanings", 100, False),
    ("II", "Fillings, extractions, root canals", 80, True),
    ("III", "Crowns, bridges, dentures", 50, True),
    ("IV", "Orthodontics to age 19", 50, False),
)
"""Class, services, what the plan pays, whether the deductible applies."""
LIMITS = (
    "Cleanings: 2 per calendar year, shared with D4910",
    "Full set of images or panoramic: 1 per 5 years",
    "Bitewing images: 1 set per calendar year; 2 to age 18",
    "Fluoride: 2 per calendar year to age 19",
    "Sealants: once per tooth per 3 years on first and second molars without fillings, to age 16",
    "Crowns: once per tooth per 5 years; paid on the seat date",
    "Downgrade to silver on back teeth",
    "Missing tooth rule does not apply",
    "Coordination: non-duplication",
)


class CopperMesaAz(Site):
    key = "copper_mesa_az"
    start_path = "/Account/Login"
    start_template = "login.html"
    home_path = "/Office/Home"
    rules: ClassVar[Rules] = Rules(
        idle_s=900, lock_s=900, wrong_passwords=5, wrong_codes_lock=3, code_s=90, resend_after_s=30, password_days=90,
        newest_wins=True,
    )  # fmt: skip
    statuses = ("Routed", "Estimated", "Paid", "No-pay", "Denied")
    paid = "Paid"
    denied = "Denied"
    behaviour = behaviours.COPPER_MESA_AZ

    def ended(self, visit: Visit) -> str:
        why = {"elsewhere": "elsewhere", "signout": "logoff"}.get(visit.why_ended or "", "idle")
        return f"/Account/Ended?why={why}"

    def routes(self) -> list[Route]:
        both = ("GET", "POST")
        return [
            self.open("/Account/Login", self.login, both),
            self.open("/Account/Verify", self.verify, both),
            self.open("/Account/Resend", self.resend, ("POST",)),
            self.open("/Account/Locked", self.locked),
            self.open("/Account/ChangePassword", self.change_password, both),
            self.open("/Account/Profile", self.profile, both),
            self.open("/Account/Ended", self.over),
            self.inside("/Account/LogOff", self.log_off, ("POST",)),
            self.inside("/Office/Home", self.home),
            self.inside("/Office/Location", self.location, ("POST",)),
            self.inside("/Office/Eligibility", self.eligibility, both),
            self.inside("/Office/Benefits", self.benefits),
            self.inside("/Office/BenefitsPrint", self.benefits_print),
            self.inside("/Office/Claims", self.claims),
            self.inside("/Office/Claim", self.claim),
            self.inside("/Office/Eob", self.eob),
        ]

    async def login(self, request: Request, visit: Visit) -> Response:
        if request.method == "GET":
            return self.show("login.html", visit, answer="")
        form = await self.form(request)
        answer = self.gate.password(visit, form.get("UserName", ""), form.get("Password", ""), self.client(request))
        match answer:
            case Answer.LOCKED:
                return self.go("/Account/Locked")
            case Answer.PASSWORD_EXPIRED:
                return self.go("/Account/ChangePassword")
            case Answer.OK:
                return self._second_factor(request, visit)
            case _:
                return self.show("login.html", visit, answer=answer.value)

    async def verify(self, request: Request, visit: Visit) -> Response:
        if visit.stage != "code":
            return self.go(self._where(visit))
        if request.method == "GET":
            said, visit.message = visit.message, ""
            return self.show("verify.html", visit, answer=said)
        form = await self.form(request)
        answer = self.gate.check_code(visit, form.get("VerificationCode", ""))
        if answer is Answer.LOCKED:
            visit.end("locked")
            return self.go("/Account/Locked")
        if answer is not Answer.OK:
            return self.show("verify.html", visit, answer=answer.value)
        return self._after_code(visit, form)

    def _second_factor(self, request: Request, visit: Visit) -> Response:
        """A code at every sign-in."""
        visit.stage = "code"
        self.gate.send_code(_account(visit), visit)
        return self.go("/Account/Verify")

    def _after_code(self, visit: Visit, form: dict[str, str]) -> Response:
        if not _account(visit).profile_complete:
            visit.stage = "profile"
            return self.go("/Account/Profile")
        return self._enter(visit)

    async def resend(self, request: Request, visit: Visit) -> Response:
        if visit.stage != "code":
            return self.go(self._where(visit))
        answer = self.gate.send_code(_account(visit), visit, again=True)
        visit.message = "resent" if answer is Answer.OK else answer.value
        return self.go("/Account/Verify")

    async def locked(self, request: Request, visit: Visit) -> Response:
        return self.show("locked.html", visit)

    async def change_password(self, request: Request, visit: Visit) -> Response:
        return self.show("change_password.html", visit)

    async def profile(self, request: Request, visit: Visit) -> Response:
        if visit.stage != "profile":
            return self.go(self._where(visit))
        if request.method == "GET":
            return self.show("profile.html", visit)
        _account(visit).profile_complete = True
        return self._enter(visit)

    async def over(self, request: Request, visit: Visit) -> Response:
        return self.show("ended.html", visit, why=request.query_params.get("why", "idle"))

    async def log_off(self, request: Request, visit: Visit) -> Response:
        self.gate.leave(visit, "signout")
        return self.go("/Account/Ended?why=logoff")

    async def home(self, request: Request, visit: Visit) -> Response:
        return self._show("home.html", visit, claims=self._claims(visit)[:15], icons=range(14))

    async def location(self, request: Request, visit: Visit) -> Response:
        chosen = (await self.form(request)).get("ServiceLocation", "")
        if chosen in [place.key for place in self.places(visit)]:
            visit.location = chosen
        return self.go("/Office/Home")

    async def eligibility(self, request: Request, visit: Visit) -> Response:
        if request.method == "GET":
            return self._show("eligibility.html", visit, missing=False, asked={})
        form = await self.form(request)
        member = self.book.member(form.get("MemberId", ""), form.get("BirthDate", ""))
        if member is None:
            return self._show("eligibility.html", visit, missing=True, asked=form)
        if len(found := self.alike(member)) > 1:
            return self._show("several.html", visit, members=found, path="/Office/Benefits")
        return self.go(f"/Office/Benefits?member={member.id}")

    async def benefits(self, request: Request, visit: Visit) -> Response:
        return self._benefits("benefits.html", request, visit)

    async def benefits_print(self, request: Request, visit: Visit) -> Response:
        return self._benefits("benefits_print.html", request, visit)

    async def claims(self, request: Request, visit: Visit) -> Response:
        status = request.query_params.get("status", "")
        size = ALL if request.query_params.get("all") else PAGE
        found = [c for c in self._claims(visit) if status in ("", c.status)][: None if size == PAGE else ALL]
        pages = 1 if size == ALL else max(1, -(-len(found) // size))
        asked = request.query_params.get("page", "1")
        page = min(max(1, int(asked) if asked.isdigit() else 1), pages)
        greet = "greeted" not in visit.flags
        visit.flags.add("greeted")
        rows = found[(page - 1) * size : page * size]
        return self._show(
            "claims.html", visit, claims=rows, total=len(found), page=page, pages=pages, status=status,
            statuses=self.statuses, greet=greet,
        )  # fmt: skip

    async def claim(self, request: Request, visit: Visit) -> Response:
        claim = self.book.claim(request.query_params.get("number", ""), self.place(visit).key)
        if claim is None:
            return self._show("not_found.html", visit, http=404)
        return self._show("claim.html", visit, claim=claim)

    async def eob(self, request: Request, visit: Visit) -> Response:
        claim = self.book.claim(request.query_params.get("number", ""), self.place(visit).key)
        if claim is None or not claim.check:
            return self._show("not_found.html", visit, http=404)
        paper = eob_pdf(self.carrier, self.place(visit), claim)
        return self.paper(paper, f"EOB_{claim.number}.pdf", "application/pdf")

    def _benefits(self, template: str, request: Request, visit: Visit) -> Response:
        member = self.member_shown(request)
        if member is None:
            return self.go("/Office/Eligibility")
        return self._show(template, visit, member=member, classes=CLASSES, limits=LIMITS)

    def truth(self) -> dict[str, Any]:
        return super().truth() | {"classes": CLASSES, "limits": LIMITS}

    def _show(self, template: str, visit: Visit, http: int = 200, **values: object) -> Response:
        """A page inside: the location list stands on every one."""
        return self.show(template, visit, http, places=self.places(visit), **values)

    def _enter(self, visit: Visit) -> Response:
        visit.location = _account(visit).facts.locations[0]
        return self.arrive(visit)

    def _where(self, visit: Visit) -> str:
        if visit.stage == "ended":
            return self.ended(visit)
        return {"code": "/Account/Verify", "profile": "/Account/Profile", "home": "/Office/Home"}.get(
            visit.stage, "/Account/Login"
        )

    def _claims(self, visit: Visit) -> list[Claim]:
        return self.book.at(self.place(visit).key)


def _account(visit: Visit) -> AccountState:
    assert visit.account is not None
    return visit.account

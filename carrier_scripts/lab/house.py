"""Pages that most carriers have in one form or another: a subclass says paths, field names, words, and what is odd."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, ClassVar

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from carrier_scripts.lab.accounts import AccountState
from carrier_scripts.lab.documents import eob_pdf
from carrier_scripts.lab.gate import Answer
from carrier_scripts.lab.people import Claim
from carrier_scripts.lab.site import Site, new_device
from carrier_scripts.lab.visits import Visit

BOTH = ("GET", "POST")
POST = ("POST",)


@dataclass(frozen=True)
class Paths:
    """Where a carrier keeps its pages."""

    login: str
    home: str
    sign_out: str
    ended: str
    locked: str
    expired: str
    eligibility: str
    benefits: str
    claims: str
    claim: str
    eob: str
    code: str = ""
    resend: str = ""
    office: str = ""
    terms: str = ""
    profile: str = ""


@dataclass(frozen=True)
class Fields:
    """What a carrier calls the fields of its forms."""

    username: str
    password: str
    member: str
    born: str
    code: str = ""
    office: str = ""
    remember: str = "remember"


class House(Site):
    """A carrier with the usual pages. Templates: login, code, home, eligibility, benefits, claims, claim (and office)."""

    paths: ClassVar[Paths]
    fields: ClassVar[Fields]
    says: ClassVar[dict[str, tuple[str, str]]]
    """Title and words of the plain pages: locked, expired, timeout, signout, elsewhere, restart, terms, profile."""
    picker: ClassVar[bool] = False
    """Whether an office is chosen on a page of its own before home."""
    page_size: ClassVar[int] = 25
    news: ClassVar[tuple[str, ...]] = (
        "Attachments can be sent with a claim.", "Check your service addresses.", "Direct deposit is faster than a check.",
        "Lines are closed on state holidays.", "Who to call, and when.",
    )  # fmt: skip
    birth_format: ClassVar[str] = "%Y-%m-%d"

    def routes(self) -> list[Route]:
        paths = self.paths
        optional = [
            (paths.code, self.code_page, BOTH),
            (paths.resend, self.resend, POST),
            (paths.terms, self.terms, BOTH),
            (paths.profile, self.profile, BOTH),
        ]
        return [
            *self.own_routes(),
            self.open(paths.login, self.login, BOTH),
            *(self.open(path, page, methods) for path, page, methods in optional if path),
            self.open(paths.locked, self.locked),
            self.open(paths.expired, self.expired, BOTH),
            self.open(paths.ended, self.over),
            *([self.open(paths.office, self.office, BOTH)] if paths.office else []),
            self.inside(paths.home, self.home),
            self.inside(paths.sign_out, self.sign_out, BOTH),
            self.inside(paths.eligibility, self.eligibility, BOTH),
            self.inside(paths.benefits + "/{member}", self.benefits),
            self.inside(paths.claims, self.claim_list),
            self.inside(paths.claim + "/{number}", self.claim_page),
            self.inside(paths.eob + "/{number}", self.eob),
        ]

    def show(self, template: str, visit: Visit | None = None, http: int = 200, **values: Any) -> HTMLResponse:
        usual = {"paths": self.paths, "fields": self.fields, "news": self.news, "born_as": self.birth_format}
        return super().show(template, visit, http, **(usual | values))

    def own_routes(self) -> list[Route]:
        """Pages that only this carrier has; they come before the usual ones."""
        return []

    def ended(self, visit: Visit) -> str:
        why = visit.why_ended if visit.why_ended in ("elsewhere", "signout", "restart") else "timeout"
        return f"{self.paths.ended}?why={why}"

    def where(self, visit: Visit) -> str:
        """The page this visit belongs on."""
        if visit.stage == "ended":
            return self.ended(visit)
        paths = self.paths
        stages = {
            "code": paths.code,
            "terms": paths.terms,
            "profile": paths.profile,
            "picker": paths.office,
            "home": paths.home,
        }
        return (stages | self.own_stages()).get(visit.stage) or paths.login

    def own_stages(self) -> dict[str, str]:
        """Pages of stages that only this carrier has."""
        return {}

    # ---- the way in

    async def login(self, request: Request, visit: Visit) -> Response:
        if request.method == "GET":
            return self.show("login.html", visit, answer="")
        form = await self.form(request)
        answer = self.check_password(visit, form, self.client(request))
        return await self.after_password(request, visit, answer)

    def check_password(self, visit: Visit, form: dict[str, str], client: tuple[str, int]) -> Answer:
        """The typed password at the gate; the name may have been typed on a page before."""
        name = form.get(self.fields.username, "") or visit.about.get("username", "")
        return self.gate.password(visit, name, form.get(self.fields.password, ""), client)

    async def after_password(self, request: Request, visit: Visit, answer: Answer) -> Response:
        match answer:
            case Answer.LOCKED:
                return self.go(self.paths.locked)
            case Answer.PASSWORD_EXPIRED:
                return self.go(self.paths.expired)
            case Answer.OK:
                return self.second_factor(request, visit)
            case _:
                return self.show("login.html", visit, answer=answer.value)

    def second_factor(self, request: Request, visit: Visit) -> Response:
        """After the right password: a code, unless this device is remembered."""
        state = account(visit)
        if state.trusts(request.cookies.get(f"{self.key}_device"), self.world.clock.now()):
            return self.enter(visit)
        visit.stage = "code"
        self.gate.send_code(state, visit)
        return self.go(self.paths.code)

    async def code_page(self, request: Request, visit: Visit) -> Response:
        if visit.stage != "code":
            return self.go(self.where(visit))
        if request.method == "GET":
            said, visit.message = visit.message, ""
            return self.show("code.html", visit, answer=said)
        form = await self.form(request)
        return self.after_code(visit, self.gate.check_code(visit, form.get(self.fields.code, "")), form)

    def after_code(self, visit: Visit, answer: Answer, form: dict[str, str]) -> Response:
        if answer is Answer.LOCKED:
            visit.end("locked")
            return self.go(self.paths.locked)
        if answer is not Answer.OK:
            return self.show("code.html", visit, answer=answer.value)
        response = self.enter(visit)
        if form.get(self.fields.remember) and self.rules.device_days:
            device, days = new_device(), self.rules.device_days
            account(visit).devices[device] = self.world.clock.now() + timedelta(days=days)
            response.set_cookie(
                f"{self.key}_device", device, max_age=days * 86400, secure=True, httponly=True, samesite="lax"
            )
        return response

    async def resend(self, request: Request, visit: Visit) -> Response:
        if visit.stage != "code":
            return self.go(self.where(visit))
        answer = self.gate.send_code(account(visit), visit, again=True)
        visit.message = "resent" if answer is Answer.OK else answer.value
        return self.go(self.paths.code)

    def enter(self, visit: Visit) -> Response:
        """Past the code: terms when they are new, an incomplete profile, the office, home."""
        state = account(visit)
        if self.paths.terms and self.terms_are_due(state):
            visit.stage = "terms"
        elif self.paths.profile and not state.profile_complete:
            visit.stage = "profile"
        elif self.picker:
            visit.stage = "picker"
        else:
            visit.location = state.facts.locations[0]
            return self.arrive(visit)
        return self.go(self.where(visit))

    def terms_are_due(self, state: AccountState) -> bool:
        return state.terms_accepted < self.world.terms_version

    async def terms(self, request: Request, visit: Visit) -> Response:
        if visit.stage != "terms":
            return self.go(self.where(visit))
        state = account(visit)
        if request.method == "GET":
            return self.show("terms.html", visit, title=self.says["terms"][0], words=self.says["terms"][1])
        if (await self.form(request)).get("answer") != "accept":
            self.gate.leave(visit, "signout")
            return self.go(self.ended(visit))
        state.terms_accepted, state.terms_on = self.world.terms_version, self.world.clock.now()
        self.world.judge.count("terms_accepted", self.key, state.username)
        self.world.judge.note(self.key, state.username, "terms accepted", visit.id)
        return self.enter(visit)

    async def profile(self, request: Request, visit: Visit) -> Response:
        if visit.stage != "profile":
            return self.go(self.where(visit))
        if request.method == "POST":
            account(visit).profile_complete = True
            return self.enter(visit)
        return self.said("profile", visit)

    async def office(self, request: Request, visit: Visit) -> Response:
        if visit.stage not in ("picker", "home"):
            return self.go(self.where(visit))
        places = self.places(visit)
        chosen = (await self.form(request)).get(self.fields.office, "") if request.method == "POST" else ""
        if chosen not in [place.key for place in places]:
            return self.show("office.html", visit, places=places)
        visit.location = chosen
        return self.go(self.paths.home) if visit.home else self.arrive(visit)

    # ---- plain pages

    def said(self, what: str, visit: Visit | None, http: int = 200) -> Response:
        """A page of a title and a few words."""
        title, words = self.says[what]
        return self.show("said.html", visit, http, what=what, title=title, words=words, login=self.paths.login)

    async def locked(self, request: Request, visit: Visit) -> Response:
        return self.said("locked", None)

    async def expired(self, request: Request, visit: Visit) -> Response:
        return self.said("expired", None)

    async def over(self, request: Request, visit: Visit) -> Response:
        why = request.query_params.get("why", "timeout")
        return self.said(why if why in self.says else "timeout", None)

    async def sign_out(self, request: Request, visit: Visit) -> Response:
        self.gate.leave(visit, "signout")
        return self.go(self.ended(visit))

    # ---- inside

    def inner(self, template: str, visit: Visit, http: int = 200, **values: Any) -> Response:
        """A page for signed-in visits, where the list of offices may stand on every one."""
        return self.show(template, visit, http, places=self.places(visit), **values)

    async def home(self, request: Request, visit: Visit) -> Response:
        return self.inner("home.html", visit, claims=self.claims(visit)[:14], icons=range(14))

    async def eligibility(self, request: Request, visit: Visit) -> Response:
        form = await self.form(request) if request.method == "POST" else {}
        if not form.get(self.fields.member):
            return self.inner("eligibility.html", visit, missing=False, asked=form)
        member = self.book.member(form[self.fields.member], self.born(form.get(self.fields.born, "")))
        if member is None:
            return self.inner("eligibility.html", visit, missing=True, asked=form)
        if len(found := self.alike(member)) > 1:
            return self.inner("several.html", visit, members=found, path=self.paths.benefits)
        return self.go(f"{self.paths.benefits}/{member.id}")

    def born(self, text: str) -> str:
        """A typed date of birth in ISO form; what is no date stays as it is."""
        try:
            return datetime.strptime(text.strip(), self.birth_format).date().isoformat()
        except ValueError:
            return text

    async def benefits(self, request: Request, visit: Visit) -> Response:
        member = self.member_shown(request)
        if member is None:
            return self.go(self.paths.eligibility)
        return self.inner("benefits.html", visit, member=member, tab=request.query_params.get("tab", ""))

    async def claim_list(self, request: Request, visit: Visit) -> Response:
        asked = request.query_params
        status, member = asked.get("status", ""), asked.get("member", "").strip().upper()
        found = [c for c in self.claims(visit) if status in ("", c.status) and member in ("", c.member.id)]
        pages = max(1, -(-len(found) // self.page_size))
        page = min(max(1, int(asked["page"]) if asked.get("page", "").isdigit() else 1), pages)
        rows = found[(page - 1) * self.page_size : page * self.page_size]
        return self.inner(
            "claims.html", visit, claims=rows, total=len(found), page=page, pages=pages, status=status, member=member,
            statuses=self.statuses,
        )  # fmt: skip

    async def claim_page(self, request: Request, visit: Visit) -> Response:
        claim = self.book.claim(request.path_params["number"], self.place(visit).key)
        if claim is None:
            return self.inner("not_found.html", visit, http=404)
        return self.inner("claim.html", visit, claim=claim, extra=self.extra(visit, claim))

    def extra(self, visit: Visit, claim: Claim) -> list[tuple[str, str]]:
        """What only this carrier says of a claim: labels and words."""
        return []

    async def eob(self, request: Request, visit: Visit) -> Response:
        claim = self.book.claim(request.path_params["number"].removesuffix(".pdf"), self.place(visit).key)
        if claim is None or not claim.check:
            return self.inner("not_found.html", visit, http=404)
        paper = eob_pdf(self.carrier, self.place(visit), claim)
        return self.paper(paper, f"EOB_{claim.number}.pdf", "application/pdf")

    def claims(self, visit: Visit) -> list[Claim]:
        return self.book.at(self.place(visit).key)

    @property
    def today(self) -> date:
        return self.world.clock.now().date()


def account(visit: Visit) -> AccountState:
    """The login of a visit that has given its password."""
    assert visit.account is not None
    return visit.account

"""S9 Oldfield Guild Life & Dental: frames, Latin-1, alert boxes, eight-letter passwords, and no second factor at all."""

from typing import Any, ClassVar

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from carrier_scripts.lab import behaviours
from carrier_scripts.lab.documents import claims_csv, remittance_835
from carrier_scripts.lab.gate import Answer, Rules
from carrier_scripts.lab.house import Fields, House, Paths, account
from carrier_scripts.lab.people import Claim, Member
from carrier_scripts.lab.visits import Visit

LATER = "taken from a later check"


class OldfieldGuild(House):
    key = "oldfield_guild"
    start_path = "/guild/default.asp"
    start_template = "login.html"
    home_path = "/guild/inside.asp"
    charset = "iso-8859-1"
    rules: ClassVar[Rules] = Rules(idle_s=28_800, lock_s=None, wrong_passwords=5, password_days=90)
    paths = Paths(
        login="/guild/login.asp", home="/guild/inside.asp", sign_out="/guild/exit.asp", ended="/guild/bye.asp",
        locked="/guild/locked.asp", expired="/guild/oldpwd.asp", eligibility="/guild/elig.asp", benefits="/guild/elig",
        claims="/guild/claims.asp", claim="/guild/claim", eob="/guild/eob",
    )  # fmt: skip
    fields = Fields(username="uid", password="pwd", member="cert", born="dob")
    birth_format = "%m/%d/%Y"
    says: ClassVar[dict[str, tuple[str, str]]] = {
        "locked": ("User ID locked", "After five failures a user ID stays locked until the Guild's administrator opens it. Call {line}."),
        "expired": ("Password too old", "Passwords last 90 days. Choose a new one of up to 8 letters and digits."),
        "timeout": ("Session over", "Your session is over."),
        "signout": ("Goodbye", "You have left the dentist service."),
    }  # fmt: skip
    statuses = ("On file", "In review", "Settled", "Declined")
    paid = "Settled"
    denied = "Declined"
    behaviour = behaviours.USUAL | {
        "idle_timeout_s": 28_800,
        "mfa_methods": ["none"],
        "code_format": None,
        "code_ttl_s": None,
        "resend_supersedes": None,
        "resend_min_interval_s": None,
        "delivery_p95_s": None,
        "wrong_code_limit": None,
        "lock_s": None,
        "lock_needs": "admin",
        "trusted_device_days": 0,
        "password_rules": "up to 8 letters and digits",
        "uses_iframes": True,
        "sharing_policy": "practice_shared",
        "automation_policy": "not_addressed",
    }

    def own_routes(self) -> list[Route]:
        return [
            self.open("/guild/default.asp", self.gate_frames),
            self.open("/guild/banner.asp", self.banner),
            self.inside("/guild/top.asp", self.top),
            self.inside("/guild/menu.asp", self.menu),
            self.inside("/guild/welcome.asp", self.welcome),
            self.inside("/guild/claims.csv", self.csv),
            self.inside("/guild/835/{check}", self.remittance),
            self.inside("/guild/checks.asp", self.checks),
            self.inside("/guild/offsets.asp", self.offsets),
            self.inside("/guild/access.asp", self.access),
        ]

    async def gate_frames(self, request: Request, visit: Visit) -> Response:
        return self.show("gate.html", visit, bad=False)

    async def banner(self, request: Request, visit: Visit) -> Response:
        return self.show("banner.html", None)

    async def login(self, request: Request, visit: Visit) -> Response:
        if request.method == "GET":
            return self.show("login.html", visit, bad=bool(request.query_params.get("bad")))
        answer = self.check_password(visit, await self.form(request), self.client(request))
        if answer is Answer.WRONG:
            return self.show("gate.html", visit, bad=True)
        return await self.after_password(request, visit, answer)

    def lookalike(self) -> Response:
        return self.show("login.html", None, bad=False)

    def second_factor(self, request: Request, visit: Visit) -> Response:
        return self.enter(visit)

    async def home(self, request: Request, visit: Visit) -> Response:
        return self.show("inside.html", visit)

    async def top(self, request: Request, visit: Visit) -> Response:
        return self.show("top.html", visit)

    async def menu(self, request: Request, visit: Visit) -> Response:
        return self.show("menu.html", visit)

    async def welcome(self, request: Request, visit: Visit) -> Response:
        return await super().home(request, visit)

    def inner(self, template: str, visit: Visit, http: int = 200, **values: Any) -> Response:
        if template == "benefits.html":
            values["years"] = self.years(values["member"])
        return super().inner(template, visit, http, **values)

    def years(self, member: Member) -> list[tuple[int, int, int]]:
        """This plan year and the two before: year, family maximum, family used. The Guild keeps no count per person."""
        last = self.world.founded_on.year
        return [
            (last - back, member.maximum, member.used if back == 0 else member.used * 7 * back % member.maximum)
            for back in range(3)
        ]

    def truth(self) -> dict[str, Any]:
        offices = {claim.location for claim in self.book.claims}
        over = [claim for office in offices for claim in self.overpaid(self.book.at(office))]
        return super().truth() | {
            "years": {m.id: self.years(m) for m in self.book.members.values()},
            "overpaid": {claim.number: [claim.paid // 10, LATER] for claim in over},
        }

    async def csv(self, request: Request, visit: Visit) -> Response:
        return self.paper(claims_csv(self.claims(visit)).encode(self.charset), "claims.csv", "text/csv")

    async def remittance(self, request: Request, visit: Visit) -> Response:
        check = request.path_params["check"]
        claim = next((c for c in self.claims(visit) if c.check == check), None)
        if claim is None:
            return self.inner("not_found.html", visit, http=404)
        text = remittance_835(self.carrier, self.place(visit), claim, self.today)
        headers = {"content-disposition": f'attachment; filename="{check}.835"'}
        return PlainTextResponse(text, headers=headers)

    async def checks(self, request: Request, visit: Visit) -> Response:
        rows = [(c.check, c.paid_on, c.number, f"${c.paid:,.2f}") for c in self.claims(visit) if c.check][:60]
        return self._listing(visit, "Check register", ("Check", "Date", "Claim", "Amount"), rows, "/guild/835/")

    async def offsets(self, request: Request, visit: Visit) -> Response:
        """Overpayments that the Guild takes back from later checks."""
        rows = [(c.number, f"${c.paid // 10:,.2f}", LATER) for c in self.overpaid(self.claims(visit))]
        return self._listing(visit, "Offsets", ("Claim", "Overpaid", "How"), rows)

    def overpaid(self, claims: list[Claim]) -> list[Claim]:
        """Claims of one office of which too much was paid: a tenth."""
        return [one for one in claims if one.check and one.paid > 200][:40:4]

    def extra(self, visit: Visit, claim: Claim) -> list[tuple[str, str]]:
        over = claim in self.overpaid(self.claims(visit))
        return [("Overpaid", f"${claim.paid // 10:,.2f}, {LATER}")] if over else []

    async def access(self, request: Request, visit: Visit) -> Response:
        """Who signed on when: what an office without a second factor should look at."""
        mine = self.world.judge.log
        rows = [
            (line["at"], line["account"], line["what"])
            for line in reversed(mine)
            if line["carrier"] == self.key and line["account"] == account(visit).username
        ]
        return self._listing(visit, "Access log", ("When", "User ID", "What"), rows[:80])

    def _listing(self, visit: Visit, title: str, head: tuple[str, ...], rows: list[Any], link: str = "") -> Response:
        return self.inner("listing.html", visit, title=title, head=head, rows=rows, link=link)

"""S1 Harborline Dental PPO: mailed codes among advertising, terms, a TIN picker, remembered devices."""

import re
from collections import Counter
from datetime import date, timedelta
from typing import Any, ClassVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from carrier_scripts.lab import behaviours
from carrier_scripts.lab.accounts import AccountState
from carrier_scripts.lab.documents import eob_pdf
from carrier_scripts.lab.gate import Answer, Rules
from carrier_scripts.lab.people import Claim
from carrier_scripts.lab.site import Site, new_device
from carrier_scripts.lab.visits import Visit

PAGE = 25
RECENT = 200
EOB_DAYS = 31
EOB_IDS = 5
EOB_KEPT = timedelta(days=730)
APPEAL = timedelta(days=180)
FREQUENCY = (
    ("Recall visit", "2 in a calendar year"),
    ("Full set of images", "1 in 60 months"),
    ("Bitewing images", "1 in a calendar year"),
    ("Cleaning", "2 in a calendar year, shared with periodontal upkeep"),
    ("Crown, same tooth", "1 in 84 months"),
    ("Fluoride, under age 19", "1 in a calendar year"),
)
PLAN = {
    "began": date(2024, 1, 1),
    "year": "Calendar year",
    "coordination": "Standard; no other coverage on file",
    "missing_tooth": True,
    "address": "P.O. Box 7106, Harbor City",
}
CHARTING = "Please send the charting of this visit"
DEVICE_COOKIE = "harborline_device"


class Harborline(Site):
    key = "harborline"
    start_path = "/signin"
    start_template = "signin.html"
    home_path = "/home"
    rules: ClassVar[Rules] = Rules(
        idle_s=1200, lock_s=1800, wrong_passwords=5, wrong_codes_void=3, code_s=600, password_days=90, device_days=30
    )
    statuses = ("Received", "In review", "Pended", "Paid", "Denied")
    paid = "Paid"
    denied = "Denied"
    behaviour = behaviours.HARBORLINE

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self.asked_for: Counter[tuple[str, str]] = Counter()
        """How often eligibility was searched for a member ID and a day: what a batch's doubles are counted by."""

    def ended(self, visit: Visit) -> str:
        if visit.why_ended == "signout":
            return "/signin"
        return f"/signin?note={'restart' if visit.why_ended == 'restart' else 'timeout'}"

    def routes(self) -> list[Route]:
        both = ("GET", "POST")
        return [
            self.open("/signin", self.sign_in, both),
            self.open("/signin/verify", self.verify, both),
            self.open("/signin/resend", self.resend, ("POST",)),
            self.open("/terms", self.terms, both),
            self.open("/practice", self.practice, both),
            self.open("/password/expired", self.password_expired, both),
            self.open("/signed-out", self.signed_out),
            self.open("/news", self.news),
            self.inside("/home", self.home),
            self.inside("/announcement", self.announcement, ("POST",)),
            self.inside("/eligibility", self.eligibility, both),
            self.inside("/eligibility/{member}", self.benefits),
            self.inside("/claims", self.claims),
            self.inside("/claims/recent", self.recent),
            self.inside("/claims/{number}", self.claim),
            self.inside("/eobs", self.eobs),
            self.inside("/eobs/{number}.pdf", self.eob),
            self.inside("/signout", self.sign_out, ("POST",)),
        ]

    async def sign_in(self, request: Request, visit: Visit) -> Response:
        if request.method == "GET":
            note = request.query_params.get("note", "")
            return self.show("signin.html", visit, answer="", note=note)
        form = await self.form(request)
        answer = self.gate.password(visit, form.get("username", ""), form.get("password", ""), self.client(request))
        if answer is Answer.PASSWORD_EXPIRED:
            return self.go("/password/expired")
        if answer is not Answer.OK:
            return self.show("signin.html", visit, answer=answer.value, note="")
        state = _account(visit)
        if state.trusts(request.cookies.get(DEVICE_COOKIE), self.world.clock.now()):
            return self._after_code(visit)
        visit.stage = "code"
        self.gate.send_code(state, visit)
        return self.go("/signin/verify")

    async def verify(self, request: Request, visit: Visit) -> Response:
        if visit.stage != "code":
            return self.go(self._where(visit))
        if request.method == "GET":
            said, visit.message = visit.message, ""
            return self.show("verify.html", visit, answer=said, left=self._left(visit))
        form = await self.form(request)
        answer = self.gate.check_code(visit, form.get("code", ""))
        if answer is not Answer.OK:
            return self.show("verify.html", visit, answer=answer.value, left=self._left(visit))
        response = self._after_code(visit)
        if form.get("remember"):
            device, days = new_device(), self.rules.device_days
            _account(visit).devices[device] = self.world.clock.now() + timedelta(days=days)
            response.set_cookie(DEVICE_COOKIE, device, max_age=days * 86400, secure=True, httponly=True, samesite="lax")
        return response

    async def resend(self, request: Request, visit: Visit) -> Response:
        if visit.stage != "code":
            return self.go(self._where(visit))
        self.gate.send_code(_account(visit), visit, again=True)
        visit.message = "resent"
        return self.go("/signin/verify")

    async def terms(self, request: Request, visit: Visit) -> Response:
        if visit.stage != "terms":
            return self.go(self._where(visit))
        state = _account(visit)
        if request.method == "GET":
            return self.show("terms.html", visit, version=self.world.terms_version)
        if (await self.form(request)).get("answer") != "accept":
            self.gate.leave(visit, "signout")
            return self.go("/signed-out")
        state.terms_accepted = self.world.terms_version
        self.world.judge.count("terms_accepted", self.key, state.username)
        self.world.judge.note(self.key, state.username, "terms accepted", visit.id)
        return self._after_code(visit)

    async def practice(self, request: Request, visit: Visit) -> Response:
        if visit.stage not in ("picker", "home"):
            return self.go(self._where(visit))
        places = self.places(visit)
        if request.method == "GET":
            return self.show("practice.html", visit, places=places, missing=False)
        chosen = (await self.form(request)).get("tin", "")
        if chosen not in [place.key for place in places]:
            return self.show("practice.html", visit, places=places, missing=True)
        visit.location = chosen
        return self.go("/home") if visit.home else self.arrive(visit)

    async def password_expired(self, request: Request, visit: Visit) -> Response:
        return self.show("password_expired.html", visit)

    async def signed_out(self, request: Request, visit: Visit) -> Response:
        return self.show("signed_out.html", visit)

    async def news(self, request: Request, visit: Visit) -> Response:
        return self.show("signed_out.html", visit)

    async def home(self, request: Request, visit: Visit) -> Response:
        announce = "announced" not in visit.flags
        return self.show("home.html", visit, announce=announce, claims=self._claims(visit)[:12], icons=range(12))

    async def announcement(self, request: Request, visit: Visit) -> Response:
        visit.flags.add("announced")
        return self.go("/home")

    async def eligibility(self, request: Request, visit: Visit) -> Response:
        today = self.world.clock.now().date().isoformat()
        if request.method == "GET":
            return self.show("eligibility.html", visit, today=today, missing=False, asked={})
        form = await self.form(request)
        asked, on = form.get("member_id", ""), form.get("service_date") or today
        self.world.judge.note(self.key, _account(visit).username, f"eligibility search {asked}", visit.id)
        self.asked_for[asked, on] += 1
        if not re.fullmatch(r"[A-Z]{2}\d{9}", asked.strip().upper()):
            return self.show("eligibility.html", visit, today=today, missing=False, malformed=True, asked=form)
        member = self.book.member(asked, form.get("date_of_birth", ""))
        if member is None:
            return self.show("eligibility.html", visit, today=today, missing=True, asked=form)
        if len(found := self.alike(member)) > 1:
            return self.show("several.html", visit, members=found, path="/eligibility")
        return self.go(f"/eligibility/{member.id}?on={on}")

    async def benefits(self, request: Request, visit: Visit) -> Response:
        member = self.member_shown(request)
        if member is None:
            return self.go("/eligibility")
        tab, on = request.query_params.get("tab", "plan"), request.query_params.get("on", "")
        try:
            day = date.fromisoformat(on)
        except ValueError:
            day = self.world.clock.now().date()
        return self.show(
            "benefits.html",
            visit,
            member=member,
            tab=tab,
            on=day,
            plan=PLAN,
            frequency=FREQUENCY,
            history=self.book.history(member.id),
        )

    async def claims(self, request: Request, visit: Visit) -> Response:
        asked = request.query_params
        status, first, last = asked.get("status", ""), asked.get("from", ""), asked.get("to", "")
        found = [
            c
            for c in self._claims(visit)
            if status in ("", c.status) and (first or "0") <= c.served.isoformat() <= (last or "9")
        ]
        pages = max(1, -(-len(found) // PAGE))
        page = min(max(1, _number(asked.get("page"), 1)), pages)
        rows = found[(page - 1) * PAGE : page * PAGE]
        return self._list(visit, rows, total=len(found), page=page, pages=pages, status=status, first=first, last=last)

    async def recent(self, request: Request, visit: Visit) -> Response:
        rows = self._claims(visit)[:RECENT]
        return self._list(visit, rows, total=len(rows), page=1, pages=1, status="", first="", last="")

    async def claim(self, request: Request, visit: Visit) -> Response:
        claim = self.book.claim(request.path_params["number"], self.place(visit).key)
        if claim is None:
            return self.show("not_found.html", visit, http=404)
        return self.show("claim.html", visit, claim=claim, eob=self._eob_kept(claim), **self.wanted(claim))

    async def eobs(self, request: Request, visit: Visit) -> Response:
        asked = request.query_params
        rows: list[Claim] = []
        problem = ""
        if asked.get("ids"):
            ids = asked["ids"].replace(",", " ").split()
            if len(ids) > EOB_IDS:
                problem = f"Enter at most {EOB_IDS} claim numbers."
            else:
                rows = [c for c in self._claims(visit) if c.number in ids and c.check]
        elif asked.get("from") and asked.get("to"):
            rows, problem = self._eob_range(visit, asked["from"], asked["to"])
        if rows and not all(self._eob_kept(c) for c in rows):
            problem = "EOBs older than 24 months are not available."
            rows = [c for c in rows if self._eob_kept(c)]
        return self.show("eobs.html", visit, claims=rows, problem=problem, asked=dict(asked), searched=bool(asked))

    async def eob(self, request: Request, visit: Visit) -> Response:
        claim = self.book.claim(request.path_params["number"], self.place(visit).key)
        if claim is None or not claim.check or not self._eob_kept(claim):
            return self.show("not_found.html", visit, http=404)
        paper = eob_pdf(self.carrier, self.place(visit), claim)
        return self.paper(paper, f"EOB_{claim.number}.pdf", "application/pdf", shown="inline")

    async def sign_out(self, request: Request, visit: Visit) -> Response:
        self.gate.leave(visit, "signout")
        return self.go("/signed-out")

    def wanted(self, claim: Claim) -> dict[str, Any]:
        """By when a denied claim may be appealed, and which papers Harborline waits for."""
        papers = [
            f"Charting of tooth {line.tooth or 'all'}, {line.code}" for line in claim.lines if line.remark == CHARTING
        ]
        return {"appeal": claim.received + APPEAL if claim.status == self.denied else None, "papers": papers}

    def truth(self) -> dict[str, Any]:
        return super().truth() | {
            "frequency": FREQUENCY,
            "plan": PLAN,
            "history": {member_id: self.book.history(member_id) for member_id in self.book.members},
            "wanted": {claim.number: self.wanted(claim) for claim in self.book.claims},
            "asked_for": [[member_id, on, times] for (member_id, on), times in self.asked_for.items()],
        }

    def _after_code(self, visit: Visit) -> Response:
        """Past the code: terms when they are new, then the practice."""
        state = _account(visit)
        if state.terms_accepted < self.world.terms_version:
            visit.stage = "terms"
            return self.go("/terms")
        visit.stage = "picker"
        return self.go("/practice")

    def _list(self, visit: Visit, rows: list[Claim], **values: Any) -> Response:
        return self.show("claims.html", visit, claims=rows, statuses=self.statuses, **values)

    def _where(self, visit: Visit) -> str:
        """The page this visit belongs on."""
        if visit.stage == "ended":
            return self.ended(visit)
        return {"code": "/signin/verify", "terms": "/terms", "picker": "/practice", "home": "/home"}.get(
            visit.stage, "/signin"
        )

    def _left(self, visit: Visit) -> int:
        code = _account(visit).code
        return (self.rules.wrong_codes_void or 0) - (code.wrong if code else 0)

    def _claims(self, visit: Visit) -> list[Claim]:
        return self.book.at(self.place(visit).key)

    def _eob_kept(self, claim: Claim) -> bool:
        return claim.served >= self.world.clock.now().date() - EOB_KEPT

    def _eob_range(self, visit: Visit, first: str, last: str) -> tuple[list[Claim], str]:
        try:
            start, end = date.fromisoformat(first), date.fromisoformat(last)
        except ValueError:
            return [], "Enter both dates."
        if end < start or (end - start).days > EOB_DAYS:
            return [], f"Choose a range of at most {EOB_DAYS} days."
        if end < self.world.clock.now().date() - EOB_KEPT:
            return [], "EOBs older than 24 months are not available."
        return [c for c in self._claims(visit) if start <= c.served <= end and c.check], ""


def _account(visit: Visit) -> AccountState:
    assert visit.account is not None
    return visit.account


def _number(text: str | None, default: int) -> int:
    return int(text) if text and text.isdigit() else default

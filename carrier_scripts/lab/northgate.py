"""S4 Northgate Exchange: a hub with authenticator codes, organization and payer pickers, a frame, a second host."""

import secrets
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, ClassVar

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from carrier_scripts.lab import behaviours
from carrier_scripts.lab.accounts import AccountState
from carrier_scripts.lab.authenticator import matching_step
from carrier_scripts.lab.documents import claims_csv, remittance_835
from carrier_scripts.lab.gate import Answer, Rules
from carrier_scripts.lab.people import FIRST, Claim, Member
from carrier_scripts.lab.site import Site
from carrier_scripts.lab.visits import Visit

PAGE = 25
ALL = 200
WARN_DAYS = 55
HAND_OFF = timedelta(seconds=60)
SPACES_HOST = "payerspaces.sim.test"
SPACES_PAGES = {"/enter", "/space"}
SPACES_COOKIE = "payerspaces_visit"
PAYERS = (
    "Bellwether Mutual",
    "Cholla Health Plan",
    "Cinder Cone Dental",
    "Ironwood Dental",
    "Mesquite Mutual",
    "Palo Verde Benefits",
)
PAYER_IDS = {name: f"NGX{number:02d}" for number, name in enumerate(PAYERS, 1)}
CODES = {"Accepted": "A2:20", "In process": "P1:38", "Finalized": "F1:65", "Rejected": "A3:21"}
"""X12 507 and 508, as 277s say it."""


@dataclass(frozen=True)
class HandOff:
    """A one-time way into the second host."""

    visit: Visit
    payer: str
    until: datetime


class Northgate(Site):
    key = "northgate"
    start_path = "/login"
    start_template = "login.html"
    home_path = "/home"
    rules: ClassVar[Rules] = Rules(idle_s=1200, lock_s=None, wrong_passwords=5, wrong_codes_lock=5, password_days=60)
    statuses = ("Accepted", "In process", "Finalized", "Rejected")
    paid = "Finalized"
    denied = "Rejected"
    behaviour = behaviours.NORTHGATE

    def ended(self, visit: Visit) -> str:
        return f"/login?ended={'logout' if visit.why_ended == 'signout' else 'idle'}"

    def routes(self) -> list[Route]:
        both = ("GET", "POST")
        self._hand_offs: dict[str, HandOff] = {}
        self._guests: dict[str, HandOff] = {}
        return [
            self.open("/login", self.login, both),
            self.open("/login/2step", self.two_step, both),
            self.open("/login/backup", self.backup, both),
            self.open("/login/locked", self.locked),
            self.open("/unlock/{token}", self.unlock),
            self.open("/password/reminder", self.reminder),
            self.open("/password/later", self.later),
            self.open("/password/expired", self.expired),
            self.open("/organizations", self.organizations, both),
            self.inside("/step-up", self.step_up, both),
            self.inside("/home", self.home),
            self.inside("/logout", self.log_out, ("POST",)),
            self.inside("/eligibility", self.eligibility, both),
            self.inside("/eligibility/result", self.result),
            self.inside("/claims", self.claims),
            self.inside("/claims/all", self.all_claims),
            self.inside("/claims/export.csv", self.export),
            self.inside("/claims/{number}", self.claim),
            self.inside("/remits", self.remits),
            self.inside("/remits/835", self.remittance),
            self.inside("/enrollment", self.enrollment),
            self.inside("/fees", self.fees),
            self.inside("/payer-spaces/go", self.to_spaces),
            self.open("/enter", self.enter),
            self.open("/space", self.space),
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The second host has its own few pages, and no others."""
        on_spaces = Request(scope).url.hostname == SPACES_HOST
        if on_spaces != (scope["path"] in SPACES_PAGES) and not scope["path"].startswith("/assets/"):
            await self.show("not_found.html", None, http=404)(scope, receive, send)
            return
        await super().__call__(scope, receive, send)

    # ---- sign-in

    async def login(self, request: Request, visit: Visit) -> Response:
        if request.method == "GET":
            return self.show("login.html", visit, answer="", ended=request.query_params.get("ended", ""))
        form = await self.form(request)
        answer = self.gate.password(visit, form.get("userId", ""), form.get("password", ""), self.client(request))
        match answer:
            case Answer.LOCKED:
                return self._locked(request, visit, form.get("userId", ""))
            case Answer.PASSWORD_EXPIRED:
                return self.go("/password/expired")
            case Answer.OK:
                visit.stage = "code"
                return self.go("/login/2step")
            case _:
                return self.show("login.html", visit, answer=answer.value, ended="")

    async def two_step(self, request: Request, visit: Visit) -> Response:
        if visit.stage != "code":
            return self.go(self._where(visit))
        if request.method == "GET":
            return self.show("two_step.html", visit, answer="", backup=False)
        answer = self._totp(visit, (await self.form(request)).get("otp", ""))
        return self._after_code(request, visit, answer, backup=False)

    async def backup(self, request: Request, visit: Visit) -> Response:
        if visit.stage != "code":
            return self.go(self._where(visit))
        if request.method == "GET":
            return self.show("two_step.html", visit, answer="", backup=True)
        answer = self._backup(visit, (await self.form(request)).get("backup", ""))
        return self._after_code(request, visit, answer, backup=True)

    async def locked(self, request: Request, visit: Visit) -> Response:
        return self.show("locked.html", visit)

    async def unlock(self, request: Request, visit: Visit) -> Response:
        token = request.path_params["token"]
        for state in self.world.of(self.key, None):
            if state.unlock_token and secrets.compare_digest(state.unlock_token, token):
                state.unlock()
                self.world.judge.note(self.key, state.username, "unlocked by mail")
                return self.show("unlocked.html", visit)
        return self.show("not_found.html", visit, http=404)

    async def reminder(self, request: Request, visit: Visit) -> Response:
        if visit.stage != "reminder":
            return self.go(self._where(visit))
        left = (self.rules.password_days or 0) - _account(visit).password_days(self.world.clock.now())
        return self.show("reminder.html", visit, left=left)

    async def later(self, request: Request, visit: Visit) -> Response:
        if visit.stage == "reminder":
            visit.stage = "picker"
        return self.go(self._where(visit))

    async def expired(self, request: Request, visit: Visit) -> Response:
        return self.show("password_expired.html", visit)

    async def organizations(self, request: Request, visit: Visit) -> Response:
        if visit.stage not in ("picker", "home"):
            return self.go(self._where(visit))
        places = self.places(visit)
        if request.method == "GET":
            return self.show("organizations.html", visit, places=places)
        chosen = (await self.form(request)).get("organization", "")
        if chosen not in [place.key for place in places]:
            return self.show("organizations.html", visit, places=places)
        visit.location = chosen
        return self.go("/home") if visit.home else self.arrive(visit)

    async def step_up(self, request: Request, visit: Visit) -> Response:
        after = request.query_params.get("next", "/home")
        after = after if after.startswith("/") and not after.startswith("//") else "/home"
        if request.method == "GET":
            return self.show("step_up.html", visit, answer="", after=after)
        answer = self._totp(visit, (await self.form(request)).get("otp", ""))
        if answer is Answer.OK:
            visit.flags.add("stepped_up")
            return self.go(after)
        if answer is Answer.LOCKED:
            visit.end("locked")
            return self._locked(request, visit, _account(visit).username)
        return self.show("step_up.html", visit, answer=answer.value, after=after)

    async def log_out(self, request: Request, visit: Visit) -> Response:
        self.gate.leave(visit, "signout")
        return self.go("/login?ended=logout")

    # ---- inside

    async def home(self, request: Request, visit: Visit) -> Response:
        if self._unusual(visit) and "stepped_up" not in visit.flags:
            return self.go("/step-up?next=/home")
        return self.show("home.html", visit, claims=self._claims(visit)[:14], payers=PAYERS, icons=range(16))

    async def eligibility(self, request: Request, visit: Visit) -> Response:
        form = await self.form(request) if request.method == "POST" else {}
        asked = bool(form.get("member_id"))
        if asked:
            visit.flags = {f for f in visit.flags if not f.startswith("asked:")}
            visit.flags.add(
                f"asked:{form['member_id']}|{form.get('dob', '')}|{form.get('payer', '')}|{form.get('as_of', '')}"
            )
        return self.show("eligibility.html", visit, payers=PAYERS, asked=asked, form=form)

    async def result(self, request: Request, visit: Visit) -> Response:
        asked = next((f.removeprefix("asked:") for f in visit.flags if f.startswith("asked:")), "|||")
        member_id, born, payer, as_of = asked.split("|")
        member = self.book.member(member_id, born)
        day = date.fromisoformat(as_of) if as_of else self.world.clock.now().date()
        about = self.about(member) if member else {}
        return self.show(
            "result.html", visit, member=member, members=self.alike(member) if member else [], payer=payer, as_of=day,
            payer_id=PAYER_IDS.get(payer, ""), **about,
        )  # fmt: skip

    def about(self, member: Member) -> dict[str, Any]:
        """Whose plan it is, and whether the office belongs to its network."""
        relationship = ("Self", "Self", "Spouse", "Child")[int(member.id[-2:]) % 4]
        subscriber = (
            member.name if relationship == "Self" else f"{FIRST[int(member.id[-2:]) % len(FIRST)]} {member.last}"
        )
        office = "Out of network" if member.plan == "Basic" else f"In network, Exchange Dental {member.plan.split()[0]}"
        return {"relationship": relationship, "subscriber": subscriber, "office": office}

    def truth(self) -> dict[str, Any]:
        return super().truth() | {
            "about": {member.id: self.about(member) for member in self.book.members.values()},
            "payer_ids": PAYER_IDS,
            "codes": CODES,
        }

    async def claims(self, request: Request, visit: Visit) -> Response:
        found = self._claims(visit)
        pages = -(-len(found) // PAGE)
        asked = request.query_params.get("page", "1")
        page = min(max(1, int(asked) if asked.isdigit() else 1), pages)
        return self.show(
            "claims.html",
            visit,
            claims=found[(page - 1) * PAGE : page * PAGE],
            total=len(found),
            page=page,
            pages=pages,
        )

    async def all_claims(self, request: Request, visit: Visit) -> Response:
        found = self._claims(visit)
        return self.show("claims.html", visit, claims=found[:ALL], total=len(found), page=1, pages=1)

    async def export(self, request: Request, visit: Visit) -> Response:
        headers = {"content-disposition": 'attachment; filename="claims.csv"'}
        return PlainTextResponse(claims_csv(self._claims(visit)), media_type="text/csv", headers=headers)

    async def claim(self, request: Request, visit: Visit) -> Response:
        claim = self.book.claim(request.path_params["number"], self.place(visit).key)
        if claim is None:
            return self.show("not_found.html", visit, http=404)
        return self.show("claim.html", visit, claim=claim, code=CODES[claim.status])

    async def remits(self, request: Request, visit: Visit) -> Response:
        if refused := self._money(visit, "/remits"):
            return refused
        paid = [c for c in self._claims(visit) if c.check][:ALL]
        return self.show("remits.html", visit, claims=paid)

    async def remittance(self, request: Request, visit: Visit) -> Response:
        if refused := self._money(visit, "/remits"):
            return refused
        check = request.query_params.get("check", "")
        claim = next((c for c in self._claims(visit) if c.check and c.check == check), None)
        if claim is None:
            return self.show("not_found.html", visit, http=404)
        paper = remittance_835(self.carrier, self.place(visit), claim, self.world.clock.now().date())
        return self.paper(paper.encode(), f"{check}.835", "text/plain; charset=utf-8")

    async def enrollment(self, request: Request, visit: Visit) -> Response:
        return self._money(visit, "/enrollment") or self.show("enrollment.html", visit)

    async def fees(self, request: Request, visit: Visit) -> Response:
        if _account(visit).facts.role != "biller":
            return self.show("denied.html", visit, http=403)
        return self.show("fees.html", visit)

    # ---- the second host

    async def to_spaces(self, request: Request, visit: Visit) -> Response:
        token = secrets.token_urlsafe(24)
        payer = request.query_params.get("payer", PAYERS[0])
        self._hand_offs[token] = HandOff(
            visit, payer if payer in PAYERS else PAYERS[0], self.world.clock.now() + HAND_OFF
        )
        return self.go(self.absolute(request, SPACES_HOST, f"/enter?token={token}"))

    async def enter(self, request: Request, visit: Visit) -> Response:
        """A hand-off is good once and for a minute."""
        handed = self._hand_offs.pop(request.query_params.get("token", ""), None)
        if handed is None or self.world.clock.now() > handed.until:
            return self.show("space_refused.html", None, http=403)
        guest = secrets.token_urlsafe(18)
        self._guests[guest] = handed
        answer = self.go("/space")
        answer.set_cookie(SPACES_COOKIE, guest, secure=True, httponly=True, samesite="lax")
        return answer

    async def space(self, request: Request, visit: Visit) -> Response:
        handed = self._guests.get(request.cookies.get(SPACES_COOKIE, ""))
        if handed is None or not handed.visit.home:
            return self.show("space_refused.html", None, http=403)
        handed.visit.seen_at = self.world.clock.now()
        return self.show("space.html", handed.visit, payer=handed.payer)

    # ---- rules

    def _totp(self, visit: Visit, typed: str) -> Answer:
        state, now = _account(visit), self.world.clock.now()
        judge = self.world.judge
        judge.count("code_submits", self.key, state.username)
        if state.locked(now):
            judge.count("wasted_tries", self.key, state.username)
            return Answer.LOCKED
        step = matching_step(state.facts.totp_seed, typed, now)
        if step is None:
            return self.gate.wrong_code(state, visit)
        if step <= state.last_step:
            judge.count("codes_replayed", self.key, state.username)
            answer = self.gate.wrong_code(state, visit)
            return Answer.REPLAYED if answer is Answer.WRONG else answer
        state.last_step = step
        self.gate.code_accepted(state, visit)
        return Answer.OK

    def _backup(self, visit: Visit, typed: str) -> Answer:
        state = _account(visit)
        self.world.judge.count("code_submits", self.key, state.username)
        if state.locked(self.world.clock.now()):
            self.world.judge.count("wasted_tries", self.key, state.username)
            return Answer.LOCKED
        if typed.strip() in set(state.facts.backup_codes) - state.backup_used:
            state.backup_used.add(typed.strip())
            self.gate.code_accepted(state, visit)
            return Answer.OK
        return self.gate.wrong_code(state, visit)

    def _after_code(self, request: Request, visit: Visit, answer: Answer, *, backup: bool) -> Response:
        if answer is Answer.LOCKED:
            visit.end("locked")
            return self._locked(request, visit, _account(visit).username)
        if answer is not Answer.OK:
            return self.show("two_step.html", visit, answer=answer.value, backup=backup)
        old = _account(visit).password_days(self.world.clock.now()) >= WARN_DAYS
        visit.stage = "reminder" if old else "picker"
        return self.go(self._where(visit))

    def _locked(self, request: Request, visit: Visit, username: str) -> Response:
        """Each lock mails its link once."""
        state = self.world.account(self.key, username)
        if state and state.unlock_token and f"mailed:{state.unlock_token}" not in state.told:
            state.told.add(f"mailed:{state.unlock_token}")
            link = self.absolute(request, self.carrier.hosts[0], f"/unlock/{state.unlock_token}")
            self.world.postbox.post(self.gate.writer.unlock(state, link, self.world.serial.next()))
        return self.go("/login/locked")

    def _money(self, visit: Visit, path: str) -> Response | None:
        """Payment pages: billers only, and only after a second code."""
        if _account(visit).facts.role != "biller":
            return self.show("denied.html", visit, http=403)
        return None if "stepped_up" in visit.flags else self.go(f"/step-up?next={path}")

    def _unusual(self, visit: Visit) -> bool:
        hours = _account(visit).usual_hours
        return hours is not None and not hours[0] <= self.world.clock.now().hour < hours[1]

    def _where(self, visit: Visit) -> str:
        if visit.stage == "ended":
            return self.ended(visit)
        return {
            "code": "/login/2step",
            "reminder": "/password/reminder",
            "picker": "/organizations",
            "home": "/home",
        }.get(visit.stage, "/login")

    def _claims(self, visit: Visit) -> list[Claim]:
        return self.book.at(self.place(visit).key)


def _account(visit: Visit) -> AccountState:
    assert visit.account is not None
    return visit.account

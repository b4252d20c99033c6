"""S5 Union Summit Health: one page that draws itself, fields in shadow roots, a choice of methods, a token that dies early."""

import secrets
from datetime import timedelta
from typing import Any, ClassVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from carrier_scripts.lab import behaviours
from carrier_scripts.lab.gate import Answer, Rules
from carrier_scripts.lab.house import POST, Fields, House, Paths, account
from carrier_scripts.lab.people import Claim, Member
from carrier_scripts.lab.skin import plain
from carrier_scripts.lab.visits import Visit

TOKEN_S = 900
UNUSED = timedelta(days=90)
METHODS = {
    "sms": "Text message",
    "voice": "Telephone call",
    "totp": "Authenticator app",
    "passkey": "Passkey on this device",
}
SAID = ("locked", "expired", "disabled", "passkey", "timeout", "signout")


class UnionSummit(House):
    key = "union_summit"
    start_path = "/app/signin"
    start_template = "app.html"
    home_path = "/app/home"
    picker = True
    rules: ClassVar[Rules] = Rules(
        idle_s=1800, lock_s=3600, wrong_passwords=5, wrong_codes_lock=5, code_s=300, password_days=180
    )
    paths = Paths(
        login="/app/signin", home="/app/home", sign_out="/app/signout", ended="/app/over", locked="/app/locked",
        expired="/app/expired", eligibility="/app/eligibility", benefits="/app/member", claims="/app/claims",
        claim="/app/claim", eob="/app/eob", office="/app/office",
    )  # fmt: skip
    fields = Fields(
        username="identifier", password="secret", code="passcode", office="office", member="member", born="born"
    )
    says: ClassVar[dict[str, tuple[str, str]]] = {
        "locked": ("Your ID is locked", "Wait an hour, or call Provider Service."),
        "expired": ("Choose a new password", "Passwords last 180 days."),
        "disabled": ("Your ID is disabled", "It was not used for 90 days. Your access administrator can restore it."),
        "passkey": ("Use your passkey", "Hold it against this device."),
        "timeout": ("You have been signed out", "There was no activity for 30 minutes."),
        "signout": ("You have signed out", "Close the browser."),
    }  # fmt: skip
    statuses = ("Received", "In process", "Finalized", "Denied")
    paid = "Finalized"
    denied = "Denied"
    behaviour = behaviours.USUAL | {
        "idle_timeout_s": 1800,
        "mfa_methods": ["sms", "voice", "totp", "webauthn"],
        "code_ttl_s": 300,
        "wrong_code_limit": 5,
        "lock_s": 3600,
        "trusted_device_days": 0,
        "password_max_age_d": 180,
        "dormancy_disable_d": 90,
        "tin_picker": True,
        "sharing_policy": "individual",
        "automation_policy": "not_addressed",
    }

    def routes(self) -> list[Route]:
        api = {
            "identifier": self.identifier, "password": self.password, "method": self.method, "code": self.passcode,
            "recovery": self.recovery, "office": self.tin, "signout": self.leave_app,
        }  # fmt: skip
        return [
            self.open("/api/start", self.start),
            *(self.open(f"/api/{name}", answer, POST) for name, answer in api.items()),
            self.open("/api/passkey", self.passkey),
            self.open("/api/me", self.me),
            self.open("/api/member", self.member, POST),
            self.open("/api/claim/{number}", self.one_claim),
            self.open("/app/{rest:path}", self.shell),
        ]

    async def shell(self, request: Request, visit: Visit) -> Response:
        """The same page at every address; what it shows it asks for."""
        return self.show("app.html", None)

    async def told(self, request: Request) -> dict[str, str]:
        body = await request.json()
        return plain({str(name): str(value) for name, value in body.items()}) if isinstance(body, dict) else {}

    def view(self, view: str, path: str, **more: Any) -> Response:
        return JSONResponse({"view": view, "path": f"/app/{path}", **more})

    def plain_view(self, what: str) -> Response:
        title, words = self.says[what]
        return self.view("said", what, what=what, title=title, words=words)

    async def start(self, request: Request, visit: Visit) -> Response:
        """What belongs at this address for this visit; whoever is signed in gets a fresh token."""
        path = request.query_params.get("path", "").removeprefix("/app/")
        if visit.home:
            visit.about["token"] = secrets.token_urlsafe(18)
            visit.about["token_at"] = self.world.clock.now().isoformat()
            number = path.removeprefix("claims/") if path.startswith("claims/") else ""
            view = "claim" if number else "eligibility" if path == "eligibility" else "home"
            return self.view(view, path or "home", token=visit.about["token"], number=number)
        if visit.stage == "ended" and path != "signin":
            return self.plain_view("signout" if visit.why_ended == "signout" else "timeout")
        if path in SAID:
            return self.plain_view(path)
        return self.view("identifier", "signin")

    # ---- the way in, a view each

    async def identifier(self, request: Request, visit: Visit) -> Response:
        visit.about["username"] = (await self.told(request)).get("identifier", "")
        visit.stage = "password"
        return self.view("password", "password")

    async def password(self, request: Request, visit: Visit) -> Response:
        if visit.stage != "password":
            return self.view("identifier", "signin")
        answer = self.check_password(visit, await self.told(request), self.client(request))
        if answer is Answer.LOCKED:
            return self.plain_view("locked")
        if answer is Answer.PASSWORD_EXPIRED:
            return self.plain_view("expired")
        if answer is not Answer.OK:
            return self.view("password", "password", wrong=True)
        state = account(visit)
        if state.used_at and self.world.clock.now() >= state.used_at + UNUSED:
            visit.end("disabled")
            self.world.judge.end(visit.id, "disabled")
            return self.plain_view("disabled")
        visit.stage = "methods"
        offered = [{"key": key, "words": words} for key, words in METHODS.items()]
        return self.view("methods", "methods", offered=offered)

    async def method(self, request: Request, visit: Visit) -> Response:
        if visit.stage != "methods":
            return self.view("identifier", "signin")
        chosen = (await self.told(request)).get("method", "")
        if chosen not in METHODS:
            return self.plain_view("passkey")
        if chosen == "passkey":
            visit.stage = "passkey"
            self.world.judge.note(self.key, account(visit).username, "asked for the passkey", visit.id)
            return self.plain_view("passkey")
        visit.about["method"], visit.stage = chosen, "code"
        if chosen != "totp":
            self.gate.send_code(account(visit), visit, by=chosen)
        return self.view("code", "code", words=f"{METHODS[chosen]}: six digits, good for 5 minutes.")

    async def passkey(self, request: Request, visit: Visit) -> Response:
        """What the page asks every moment while it waits for the key."""
        if visit.stage != "passkey":
            return self.view("identifier", "signin")
        if "touched" not in visit.flags:
            return JSONResponse({"view": "wait"})
        self.gate.code_accepted(account(visit), visit)
        return self.tree(visit)

    def touch(self, username: str) -> bool:
        """Somebody holds the login's key against the device; True when a page waits for it."""
        for visit in self.world.visits.at(self.key, "passkey"):
            if account(visit).username == username:
                visit.flags.add("touched")
                return True
        return False

    async def passcode(self, request: Request, visit: Visit) -> Response:
        if visit.stage != "code":
            return self.view("identifier", "signin")
        typed = (await self.told(request)).get("passcode", "")
        by_app = visit.about["method"] == "totp"
        answer = self.gate.totp(visit, typed) if by_app else self.gate.check_code(visit, typed)
        if answer is Answer.LOCKED:
            visit.end("locked")
            return self.plain_view("locked")
        if answer is not Answer.OK:
            late = answer in (Answer.CODE_EXPIRED, Answer.VOID)
            return self.view("code", "code", words=METHODS[visit.about["method"]], wrong=not late, late=late)
        state = account(visit)
        if "recovery" in state.told:  # shown once, after the first sign-in with a new method
            visit.stage = "recovery"
            return self.view("recovery", "recovery", code=self.world.digits(f"{state.facts.key}/recovery", 1, 10))
        return self.tree(visit)

    async def recovery(self, request: Request, visit: Visit) -> Response:
        if visit.stage != "recovery":
            return self.view("identifier", "signin")
        account(visit).told.discard("recovery")
        return self.tree(visit)

    def tree(self, visit: Visit) -> Response:
        visit.stage = "picker"
        places = [{"key": p.key, "words": f"{p.legal_name}, TIN ending {p.tin_ending}"} for p in self.places(visit)]
        return self.view("tree", "office", group="Saguaro Dental Partners", places=places)

    async def tin(self, request: Request, visit: Visit) -> Response:
        chosen = (await self.told(request)).get("office", "")
        if visit.stage != "picker":
            return self.view("identifier", "signin")
        if chosen not in [place.key for place in self.places(visit)]:
            return self.tree(visit)
        visit.location = chosen
        account(visit).used_at = self.world.clock.now()
        return JSONResponse({"view": "home", "to": self.arrive(visit).headers["location"]})

    async def leave_app(self, request: Request, visit: Visit) -> Response:
        self.gate.leave(visit, "signout")
        return self.plain_view("signout")

    # ---- inside: a token of fifteen minutes in a page of thirty

    def token_holds(self, request: Request, visit: Visit) -> bool:
        asked = request.headers.get("authorization", "").removeprefix("Bearer ")
        made = visit.about.get("token_at")
        if not visit.home or not made or not secrets.compare_digest(asked, visit.about["token"]):
            return False
        return (self.world.clock.now().isoformat() < made) or self.age(made) < TOKEN_S

    def age(self, made: str) -> float:
        return (self.world.clock.now() - type(self.world.clock.now()).fromisoformat(made)).total_seconds()

    async def me(self, request: Request, visit: Visit) -> Response:
        if not self.token_holds(request, visit):
            return JSONResponse({"error": "token"}, status_code=401)
        place = self.place(visit)
        claims = [self.claim_row(c) for c in self.claims(visit)[:40]]
        told = {"user": account(visit).username, "office": place.legal_name, "tin": place.tin_ending, "claims": claims}
        return JSONResponse(told)

    async def member(self, request: Request, visit: Visit) -> Response:
        if not self.token_holds(request, visit):
            return JSONResponse({"error": "token"}, status_code=401)
        asked = await self.told(request)
        member = self.book.member(asked.get("member", ""), asked.get("born", ""))
        return JSONResponse({"found": member is not None, "facts": self.facts(member) if member else []})

    async def one_claim(self, request: Request, visit: Visit) -> Response:
        if not self.token_holds(request, visit):
            return JSONResponse({"error": "token"}, status_code=401)
        claim = self.book.claim(request.path_params["number"], self.place(visit).key)
        if claim is None:
            return JSONResponse({"number": None})
        row = self.claim_row(claim)
        names = {"number": "Claim", "adjusted": "Adjusted as", "memberId": "Member ID", "served": "Date of service"}
        names |= {"status": "Status", "billed": "Billed", "paid": "Paid", "check": "Check/EFT"}
        return JSONResponse({"number": claim.number, "facts": [(words, row[name]) for name, words in names.items()]})

    def claim_row(self, claim: Claim) -> dict[str, Any]:
        return {
            "number": claim.number, "adjusted": self.adjusted(claim), "member": claim.member.name,
            "memberId": claim.member.id, "served": f"{claim.served:%m/%d/%Y}", "status": claim.status,
            "billed": claim.billed, "paid": claim.paid, "check": claim.check or "",
        }  # fmt: skip

    def adjusted(self, claim: Claim) -> str:
        """Every seventh claim was adjusted, and has a second number since."""
        return f"{claim.number}A1" if int(claim.number[-5:]) % 7 == 0 else ""

    def facts(self, member: Member) -> list[tuple[str, str]]:
        """A medical answer: amounts for one and for the family, an account, referrals, other coverage."""
        number = int(member.id[-3:])
        return [
            ("Member", member.name),
            ("Member ID", member.id),
            ("Coverage", "Active" if member.active else "Terminated"),
            ("Plan", member.plan),
            ("Group", f"{member.group} {member.group_number}"),
            ("Deductible, individual", f"${member.deductible * 10:,.2f}"),
            ("Deductible met, individual", f"${member.deductible_met * 10:,.2f}"),
            ("Deductible, family", f"${member.deductible * 20:,.2f}"),
            ("Out-of-pocket, individual", f"${member.maximum * 2:,.2f}"),
            ("Out-of-pocket met, individual", f"${member.used:,.2f}"),
            ("Health reimbursement account", f"${number:,.2f}"),
            ("Referral needed", "Yes" if number % 2 else "No"),
            ("Other coverage", "None on file" if number % 3 else "Yes, updated 01/15/2026"),
        ]

    def truth(self) -> dict[str, Any]:
        return super().truth() | {
            "facts": {m.id: self.facts(m) for m in self.book.members.values()},
            "adjusted": {c.number: self.adjusted(c) for c in self.book.claims if self.adjusted(c)},
        }

"""S7 Bluestone Mutual: a name, a security question, a password and a mailed code; three sessions; frames in frames."""

from datetime import timedelta
from typing import ClassVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from carrier_scripts.lab import behaviours
from carrier_scripts.lab.accounts import AccountState
from carrier_scripts.lab.documents import eob_pdf, remittance_zip
from carrier_scripts.lab.gate import Answer, Rules
from carrier_scripts.lab.house import BOTH, Fields, House, Paths, account
from carrier_scripts.lab.people import Claim
from carrier_scripts.lab.visits import Visit

TERMS_LAST = timedelta(days=30)


class BluestoneMutual(House):
    key = "bluestone_mutual"
    start_path = "/provider/login"
    start_template = "login.html"
    home_path = "/provider/home"
    rotates = True
    page_size = 10
    picker = True
    rules: ClassVar[Rules] = Rules(
        idle_s=1500, lock_s=1800, wrong_passwords=5, wrong_codes_void=3, code_s=600, password_days=120, cap=3
    )
    paths = Paths(
        login="/provider/login", code="/provider/code", resend="/provider/code/again", office="/provider/office",
        terms="/provider/agreement", home="/provider/home", sign_out="/provider/logout", ended="/provider/goodbye",
        locked="/provider/locked", expired="/provider/password/old", eligibility="/provider/coverage",
        benefits="/provider/coverage/member", claims="/provider/claims", claim="/provider/claims/detail", eob="/provider/eob",
    )  # fmt: skip
    fields = Fields(
        username="loginName", password="loginSecret", code="passcode", office="officeKey", member="memberNumber",
        born="birthDate",
    )  # fmt: skip
    says: ClassVar[dict[str, tuple[str, str]]] = {
        "locked": ("Your access is suspended", "Too many entries did not match. It opens again in 30 minutes. Provider desk: {line}."),
        "expired": ("Time for a new password", "Passwords last 120 days."),
        "timeout": ("Your session has ended", "You did nothing for 25 minutes, or went back a page."),
        "signout": ("You are logged out", "Thank you."),
        "elsewhere": ("Your session has ended", "This name has been used in three other places since."),
        "restart": ("Please start again", "Your log-in took too long."),
        "terms": ("Provider agreement", "Please read and accept the agreement. We ask every 30 days."),
    }  # fmt: skip
    statuses = ("Received", "Processing", "Paid", "Denied", "Adjusted")
    paid = "Paid"
    denied = "Denied"
    behaviour = behaviours.USUAL | {
        "idle_timeout_s": 1500,
        "concurrency": "cap",
        "mfa_methods": ["security_question", "email"],
        "trusted_device_days": 0,
        "password_max_age_d": 120,
        "terms_reaccept_d": 30,
        "security_questions": "1 of 3",
        "provider_picker": True,
        "uses_iframes": True,
        "automation_policy": "not_addressed",
    }

    def own_routes(self) -> list[Route]:
        return [
            self.open("/provider/question", self.question, BOTH),
            self.open("/provider/password", self.password, BOTH),
            self.inside("/provider/coverage/frame", self.frame),
            self.inside("/provider/coverage/inner", self.eligibility, BOTH),
            self.inside("/provider/remittance/{check}", self.remittance),
        ]

    def own_stages(self) -> dict[str, str]:
        return {"question": "/provider/question", "password": "/provider/password"}

    async def login(self, request: Request, visit: Visit) -> Response:
        if request.method == "GET":
            return self.show("login.html", visit, answer="")
        visit.about["username"] = (await self.form(request)).get(self.fields.username, "")
        state = self.world.account(self.key, visit.about["username"])
        answers = state.facts.answers if state else ()
        asked = len(self.world.judge.log) % 3  # a name nobody has is asked something, too
        visit.about["question"] = answers[asked][0] if answers else "What was the name of your first street?"
        visit.stage = "question"
        return self.go("/provider/question")

    async def question(self, request: Request, visit: Visit) -> Response:
        if visit.stage != "question":
            return self.go(self.where(visit))
        question = visit.about["question"]
        if request.method == "GET":
            return self.show("question.html", visit, question=question, answer="")
        state = self.world.account(self.key, visit.about["username"])
        typed = (await self.form(request)).get("answer", "").strip().casefold()
        if state is None or typed != dict(state.facts.answers)[question].casefold():
            if state and self.gate.wrong_answer(state, visit) is Answer.LOCKED:
                return self.go(self.paths.locked)
            return self.show("question.html", visit, question=question, answer="wrong")
        visit.stage = "password"
        return self.go("/provider/password")

    async def password(self, request: Request, visit: Visit) -> Response:
        if visit.stage != "password":
            return self.go(self.where(visit))
        if request.method == "GET":
            return self.show("password.html", visit, answer="")
        answer = self.check_password(visit, await self.form(request), self.client(request))
        if answer is Answer.WRONG:
            return self.show("password.html", visit, answer="wrong")
        return await self.after_password(request, visit, answer)

    def terms_are_due(self, state: AccountState) -> bool:
        late = state.terms_on is not None and self.world.clock.now() >= state.terms_on + TERMS_LAST
        return late or super().terms_are_due(state)

    async def frame(self, request: Request, visit: Visit) -> Response:
        return self.inner("frame.html", visit)

    async def eligibility(self, request: Request, visit: Visit) -> Response:
        """The outer page holds a frame, which holds a frame, in which one searches and reads."""
        if request.url.path == self.paths.eligibility:
            return self.inner("coverage.html", visit)
        return await super().eligibility(request, visit)

    def claims(self, visit: Visit) -> list[Claim]:
        """Newest first; with the fault `claims_land` one more has arrived at every look."""
        found = super().claims(visit)
        held_back = 12
        if not self.world.faults.all(self.key, "claims_land"):
            return found
        landed = int(visit.about.get("landed", "0"))
        visit.about["landed"] = str(landed + 1)
        return found[max(0, held_back - landed) :]

    async def eob(self, request: Request, visit: Visit) -> Response:
        claim = self.book.claim(request.path_params["number"].removesuffix(".pdf"), self.place(visit).key)
        if claim is None or not claim.check:
            return self.inner("not_found.html", visit, http=404)
        paper = eob_pdf(self.carrier, self.place(visit), claim, break_after=1)
        return self.paper(paper, f"EOB_{claim.number}.pdf", "application/pdf")

    async def remittance(self, request: Request, visit: Visit) -> Response:
        check = request.path_params["check"].removesuffix(".zip")
        claims = [c for c in super().claims(visit) if c.check == check]
        if not claims:
            return self.inner("not_found.html", visit, http=404)
        paper = remittance_zip(self.carrier, self.place(visit), claims)
        return self.paper(paper, f"remittance_{check}.zip", "application/zip")

    def second_factor(self, request: Request, visit: Visit) -> Response:
        visit.stage = "code"
        self.gate.send_code(account(visit), visit)
        return self.go(self.paths.code)

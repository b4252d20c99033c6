"""S12 Meridian Shared Services: nine payers, a number to approve on a telephone, grids that load as one scrolls."""

from typing import Any, ClassVar

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from carrier_scripts.lab import behaviours
from carrier_scripts.lab.gate import Rules
from carrier_scripts.lab.house import POST, Fields, House, Paths, account
from carrier_scripts.lab.visits import Visit

PAYERS = (
    "Alder Creek Dental", "Basin Mutual", "Cordillera Health", "Dry Fork Benefits", "Elkhorn Dental Plan", "Foxglove Trust",
    "Gila Bend Dental", "Hopewell Union", "Indigo Mesa Health",
)  # fmt: skip
PROCEDURES = 836
SCREEN = 40
SHOWN = 200
APPROVE_S = 120


def procedures(number: int) -> list[dict[str, Any]]:
    """What a plan pays for each procedure; `number` is of the member."""
    return [
        {
            "code": f"D{100 + n * 11:04d}",
            "words": f"Procedure {n + 1} of the schedule",
            "pays": (100, 80, 80, 50, 0)[(n + number) % 5],
            "limit": ("none", "1 in 12 months", "2 a year", "1 in 60 months")[(n * 7 + number) % 4],
        }
        for n in range(PROCEDURES)
    ]


class MeridianShared(House):
    key = "meridian_shared"
    start_path = "/mss/login"
    start_template = "login.html"
    home_path = "/mss/home"
    picker = True
    rules: ClassVar[Rules] = Rules(
        idle_s=1800, lock_s=1800, wrong_passwords=6, wrong_codes_void=3, code_s=600, password_days=180, device_days=90
    )
    paths = Paths(
        login="/mss/login", code="/mss/code", resend="/mss/code/again", office="/mss/office", home="/mss/home",
        sign_out="/mss/logout", ended="/mss/ended", locked="/mss/locked", expired="/mss/password", eligibility="/mss/benefits",
        benefits="/mss/member", claims="/mss/claims", claim="/mss/claim", eob="/mss/eob",
    )  # fmt: skip
    fields = Fields(
        username="mssUser", password="mssPass", code="mssCode", office="mssOffice", member="mssMember", born="mssBorn",
        remember="mssTrust",
    )  # fmt: skip
    says: ClassVar[dict[str, tuple[str, str]]] = {
        "locked": ("Locked for 30 minutes", "Too many tries. Help: {line}."),
        "expired": ("Choose a new password", "Passwords last 180 days."),
        "timeout": ("Logged out", "You were away for 30 minutes."),
        "signout": ("Logged out", "See you soon."),
        "denied": ("Not approved", "The number was not chosen in time, or another one was."),
    }  # fmt: skip
    statuses = ("Sent", "With payer", "Paid", "Rejected")
    paid = "Paid"
    denied = "Rejected"
    behaviour = behaviours.USUAL | {
        "idle_timeout_s": 1800,
        "mfa_methods": ["push", "email"],
        "login_failure_limit": 6,
        "trusted_device_days": 90,
        "password_max_age_d": 180,
        "provider_picker": True,
        "sharing_policy": "practice_shared",
        "automation_policy": "permitted_in_writing",
    }

    def own_routes(self) -> list[Route]:
        return [
            self.open("/mss/push", self.push),
            self.open("/mss/push/state", self.push_state),
            self.open("/mss/push/email", self.by_mail, POST),
            self.open("/mss/denied", self.not_approved),
            self.inside("/mss/api/procedures/{member}", self.procedure_rows),
            self.inside("/mss/api/claims", self.claim_rows),
            self.inside("/mss/notices", self.notices),
        ]

    def own_stages(self) -> dict[str, str]:
        return {"push": "/mss/push"}

    def show(self, template: str, visit: Visit | None = None, http: int = 200, **values: Any) -> HTMLResponse:
        return super().show(template, visit, http, **({"payers": PAYERS} | values))

    # ---- a number on the page, the same number on a telephone

    def second_factor(self, request: Request, visit: Visit) -> Response:
        state, now = account(visit), self.world.clock.now()
        if state.trusts(request.cookies.get(f"{self.key}_device"), now):
            return self.enter(visit)
        visit.stage = "push"
        serial = self.world.serial.next()
        visit.about["number"] = str(10 + int(self.world.digits("push", serial)) % 90)
        visit.about["asked"] = now.isoformat()
        self.world.postbox.outbox.append(self.gate.writer.spoken(state, visit.about["number"], serial, by="push"))
        self.world.judge.note(self.key, state.username, "asked on the telephone", visit.id)
        return self.go("/mss/push")

    async def push(self, request: Request, visit: Visit) -> Response:
        if visit.stage != "push":
            return self.go(self.where(visit))
        return self.show("push.html", visit, number=visit.about["number"])

    async def push_state(self, request: Request, visit: Visit) -> Response:
        """What the page asks every moment."""
        if visit.stage == "push" and "approved" in visit.flags:
            visit.stage = "approved"
            self.gate.code_accepted(account(visit), visit)
            self.enter(visit)
        if visit.stage == "push" and "denied" in visit.flags:
            visit.end("denied")
            self.world.judge.end(visit.id, "denied")
            return JSONResponse({"go": "/mss/denied"})
        return JSONResponse({"go": None if visit.stage == "push" else self.where(visit)})

    def approve(self, number: str) -> bool:
        """On her telephone the owner chooses a number; True when a page shows that one."""
        for visit in self.world.visits.at(self.key, "push"):
            right = visit.about["number"] == number
            visit.flags.add("approved" if right else "denied")
            return right
        return False

    async def by_mail(self, request: Request, visit: Visit) -> Response:
        if visit.stage != "push":
            return self.go(self.where(visit))
        visit.stage = "code"
        self.gate.send_code(account(visit), visit, by="email")
        return self.go(self.paths.code)

    async def not_approved(self, request: Request, visit: Visit) -> Response:
        return self.said("denied", None)

    # ---- inside

    def inner(self, template: str, visit: Visit, http: int = 200, **values: Any) -> Response:
        return super().inner(template, visit, http, **({"total": PROCEDURES} | values))

    async def procedure_rows(self, request: Request, visit: Visit) -> Response:
        member = self.member_shown(request)
        asked = request.query_params
        start, end = (int(asked[name]) if asked.get(name, "").isdigit() else 0 for name in ("from", "to"))
        return JSONResponse(procedures(int(member.id[-2:]))[start : min(end, start + SCREEN)] if member else [])

    async def claim_rows(self, request: Request, visit: Visit) -> Response:
        """Forty at a time, and never more than two hundred, which is said in small print only."""
        after = request.query_params.get("after", "0")
        found = self.claims(visit)
        start = int(after) if after.isdigit() else 0
        rows = found[:SHOWN][start : start + SCREEN]
        told = [
            {
                "number": c.number, "member": c.member.name, "memberId": c.member.id, "served": f"{c.served:%m/%d/%Y}",
                "status": c.status, "billed": f"${c.billed:,.2f}", "paid": f"${c.paid:,.2f}",
            }
            for c in rows
        ]  # fmt: skip
        over = start + len(rows) >= min(SHOWN, len(found))
        return JSONResponse({"claims": told, "over": over, "truncated": len(found) > SHOWN})

    async def notices(self, request: Request, visit: Visit) -> Response:
        return self.inner("notices.html", visit, claims=[c for c in self.claims(visit) if c.check][:30])

    def truth(self) -> dict[str, Any]:
        kinds = {m.id: procedures(int(m.id[-2:])) for m in self.book.members.values()}
        return super().truth() | {"procedures": kinds, "claims_shown": SHOWN}

"""S6 Pelican Federal Contractor J-Z: forbids programs; one code for the whole day; leaving without logging out locks."""

from datetime import datetime, time, timedelta
from typing import ClassVar
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from carrier_scripts.lab import behaviours
from carrier_scripts.lab.accounts import AccountState, LiveCode
from carrier_scripts.lab.gate import Answer, Rules
from carrier_scripts.lab.house import BOTH, Fields, House, Paths, account
from carrier_scripts.lab.visits import Visit

EASTERN = ZoneInfo("America/New_York")
LOCK_S, LONG_LOCK_S = 900, 10_800
SLOWEST_S = 900
DISABLED, DELETED = timedelta(days=30), timedelta(days=120)


class PelicanFederal(House):
    key = "pelican_federal"
    start_path = "/jz/"
    start_template = "login.html"
    home_path = "/jz/home"
    rules: ClassVar[Rules] = Rules(
        idle_s=900, lock_s=LOCK_S, wrong_passwords=3, wrong_codes_lock=3, password_days=60, code_length=4
    )
    paths = Paths(
        login="/jz/login", code="/jz/code", home="/jz/home", sign_out="/jz/logout", ended="/jz/ended", locked="/jz/locked",
        expired="/jz/password", eligibility="/jz/eligibility", benefits="/jz/beneficiary", claims="/jz/claims",
        claim="/jz/claim", eob="/jz/remittance",
    )  # fmt: skip
    fields = Fields(username="pfcUser", password="pfcPass", code="pfcCode", member="mbi", born="dob")
    birth_format = "%m/%d/%Y"
    says: ClassVar[dict[str, tuple[str, str]]] = {
        "locked": ("Your ID is locked", "Wait 15 minutes. Trying before that makes it three hours."),
        "expired": ("Your password has expired", "Passwords last 60 days; the last 12 cannot be used again."),
        "disabled": ("Your ID is disabled", "It was not used for 30 days. Your approver can restore it for 90 more."),
        "deleted": ("Your ID was deleted", "It was not used for 120 days. Register again."),
        "training": ("Annual security training", "Complete the training before you go on."),
        "recertify": ("Recertification is due", "Your approver must confirm you within 45 days."),
        "timeout": ("Your session ended", "There was no activity for 15 minutes. Your ID is locked for 15 minutes."),
        "signout": ("You have logged out", "Thank you for using Log Out."),
        "abroad": ("Not available", "This portal is open to users in the United States only."),
    }  # fmt: skip
    statuses = ("Received", "Pending", "Finalized", "Denied")
    paid = "Finalized"
    denied = "Denied"
    behaviour = behaviours.USUAL | {
        "idle_timeout_s": 900,
        "keepalive_allowed": False,
        "concurrency": "locks_account",
        "formal_logout_required": True,
        "logout_lock_s": LOCK_S,
        "mfa_methods": ["email", "sms"],
        "code_format": r"\d{4}",
        "code_ttl_s": None,
        "code_reuse_window_s": 86_400,
        "code_fixed_expiry": "23:59 America/New_York",
        "resend_supersedes": False,
        "delivery_p95_s": SLOWEST_S,
        "login_failure_limit": 3,
        "failure_window_s": 7200,
        "lock_s": LOCK_S,
        "trusted_device_days": 0,
        "password_max_age_d": 60,
        "password_rules": "12 or more characters; the last 12 are remembered",
        "dormancy_disable_d": 30,
        "dormancy_delete_d": 120,
        "recertify_d": 365,
        "annual_training": True,
        "automation_policy": "prohibited",
    }

    def own_routes(self) -> list[Route]:
        return [self.open("/jz/", self.banner, BOTH), self.open("/jz/method", self.method, BOTH)] + [
            self.open(f"/jz/{what}", self.plain_page, BOTH) for what in ("disabled", "deleted", "training", "recertify")
        ]

    def own_stages(self) -> dict[str, str]:
        return {"method": "/jz/method", "training": "/jz/training", "recertify": "/jz/recertify"}

    async def _fault(self, request: Request) -> Response | None:
        if self.world.faults.on(self.key, "abroad"):
            return self.said("abroad", None, http=403)
        return await super()._fault(request)

    async def banner(self, request: Request, visit: Visit) -> Response:
        if request.method == "GET":
            return self.show("banner.html", visit)
        visit.flags.add("banner")
        return self.go("/jz/login")

    async def login(self, request: Request, visit: Visit) -> Response:
        if "banner" not in visit.flags:
            return self.go("/jz/")
        return await super().login(request, visit)

    def check_password(self, visit: Visit, form: dict[str, str], client: tuple[str, int]) -> Answer:
        """An ID that was left without Log Out is locked; a try while it is locked makes the lock longer."""
        state = self.world.account(self.key, form.get(self.fields.username, ""))
        if state is not None and not state.locked(self.world.clock.now()):
            for left in self.world.visits.signed_in(self.key, state):
                self.gate.leave(left, "elsewhere")
                self.world.lock(state, LOCK_S)
        was_locked = state is not None and state.locked(self.world.clock.now())
        answer = super().check_password(visit, form, client)
        visit.flags.add("banner")
        if state is not None and was_locked:
            state.locked_until = self.world.clock.now() + timedelta(seconds=LONG_LOCK_S)
        return answer

    def second_factor(self, request: Request, visit: Visit) -> Response:
        state = account(visit)
        unused = self.world.clock.now() - state.used_at if state.used_at else timedelta()
        for limit, what in ((DELETED, "deleted"), (DISABLED, "disabled")):
            if unused >= limit:
                visit.end(what)
                self.world.judge.end(visit.id, what)
                return self.go(f"/jz/{what}")
        visit.stage = "method"
        return self.go("/jz/method")

    async def method(self, request: Request, visit: Visit) -> Response:
        if visit.stage != "method":
            return self.go(self.where(visit))
        chosen = (await self.form(request)).get("method", "") if request.method == "POST" else ""
        if chosen not in ("email", "sms"):
            return self.show("method.html", visit)
        visit.stage = "code"
        self.send_day_code(account(visit), visit, chosen)
        return self.go(self.paths.code)

    def send_day_code(self, state: AccountState, visit: Visit, method: str) -> None:
        """The same code all day, another one for the other method; it may be long under way."""
        world, now = self.world, self.world.clock.now()
        today = now.astimezone(EASTERN).date()
        ends = datetime.combine(today, time(23, 59), EASTERN)
        value = world.digits(f"{state.facts.key}/{method}/{today}", 0, 4)
        state.code = LiveCode(value, now, ends)
        serial = world.serial.next()
        world.judge.count("codes_sent", self.key, state.username)
        if method == state.facts.channel:
            message = self.gate.writer.code(state, value, serial)
            message.due += timedelta(seconds=int(world.digits("way", serial)) % SLOWEST_S)
            world.postbox.post(message)
        else:
            world.postbox.outbox.append(self.gate.writer.spoken(state, value, serial, by=method))

    def after_code(self, visit: Visit, answer: Answer, form: dict[str, str]) -> Response:
        owes = next((what for what in ("training", "recertify") if what in account(visit).told), None)
        if answer is Answer.OK and owes:
            visit.stage = owes
            return self.go(self.where(visit))
        if answer is Answer.OK:
            account(visit).used_at = self.world.clock.now()
        return super().after_code(visit, answer, form)

    async def plain_page(self, request: Request, visit: Visit) -> Response:
        return self.said(request.url.path.removeprefix("/jz/"), None)

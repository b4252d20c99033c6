"""What every simulated carrier's web site has in common: visits, faults, idle time, pages, the judge's eyes."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import asdict, replace
from datetime import date, timedelta
from typing import Any, ClassVar

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from carrier_scripts.lab import assets, founding, people
from carrier_scripts.lab.facts import Location
from carrier_scripts.lab.founding import LOOKALIKE_HOSTS
from carrier_scripts.lab.gate import Gate, Rules
from carrier_scripts.lab.judge import Client
from carrier_scripts.lab.messages import Writer
from carrier_scripts.lab.people import COVERAGE, Cover
from carrier_scripts.lab.skin import plain, reskin
from carrier_scripts.lab.visits import Visit
from carrier_scripts.lab.world import World

Page = Callable[[Request, Visit], Awaitable[Response]]
FORBIDDEN = ("/account/close", "/payments/change-bank", "/trap")
WHATS_NEW = "/whats-new"


class Site:
    """A carrier's web site as one ASGI application. A subclass names its pages, rules and words."""

    key: ClassVar[str]
    rules: ClassVar[Rules]
    start_path: ClassVar[str]
    start_template: ClassVar[str]
    home_path: ClassVar[str]
    statuses: ClassVar[tuple[str, ...]]
    paid: ClassVar[str]
    denied: ClassVar[str]
    behaviour: ClassVar[dict[str, Any]]
    looks_like: ClassVar[str | None] = None
    """A sibling whose pages it shares."""
    charset: ClassVar[str] = "utf-8"
    rotates: ClassVar[bool] = False
    """Whether each page brings a new session cookie, and ends the one before."""
    coverage: ClassVar[tuple[Cover, ...]] = COVERAGE
    """What its plans pay, by category."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.carrier = founding.carrier(self.key)
        self.gate = Gate(world, self.key, self.rules, Writer(self.carrier, world.clock))
        self.cookie = f"{self.key}_visit"
        self._pages = Environment(
            loader=FileSystemLoader(
                [assets.TEMPLATES / folder for folder in (self.key, self.looks_like, "common") if folder]
            ),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._pages.globals.update(usd=_usd, day=_day)
        self._app = Starlette(routes=[*self._common_routes(), *self.routes()])

    # ---- what a carrier says of itself

    def routes(self) -> list[Route]:
        raise NotImplementedError

    def ended(self, visit: Visit) -> str:
        """Where a visit that has ended is sent."""
        raise NotImplementedError

    @property
    def book(self) -> people.Book:
        return people.book(self.carrier, self.statuses, self.paid, self.denied, self.world.founded_on)

    # ---- pages

    def open(self, path: str, page: Page, methods: tuple[str, ...] = ("GET",)) -> Route:
        """A page anyone may see; the visit is made when there is none."""

        async def endpoint(request: Request) -> Response:
            return await page(request, request.state.visit)

        return Route(path, endpoint, methods=list(methods))

    def inside(self, path: str, page: Page, methods: tuple[str, ...] = ("GET",)) -> Route:
        """A page for signed-in visits only."""

        async def endpoint(request: Request) -> Response:
            visit: Visit = request.state.visit
            if not visit.home:
                return self.go(self.ended(visit) if visit.stage == "ended" else self.start_path)
            return await page(request, visit)

        return Route(path, endpoint, methods=list(methods))

    def show(self, template: str, visit: Visit | None = None, http: int = 200, **values: Any) -> HTMLResponse:
        page = self._pages.get_template(template)
        place = self.place(visit) if visit and visit.home else None
        common = {
            "coverage": self.coverage,
            "carrier": self.carrier,
            "visit": visit,
            "account": visit.account if visit else None,
            "place": place,
        }
        return HTMLResponse(page.render(common | values), status_code=http)

    def go(self, path: str) -> RedirectResponse:
        return RedirectResponse(path, status_code=303)

    def place(self, visit: Visit) -> Location:
        """The practice this visit is signed in for."""
        wrong = self.world.faults.on(
            self.key, "wrong_practice", account=visit.account.username if visit.account else None
        )
        return founding.location(str(wrong.args.get("location", "flagstaff")) if wrong else visit.location or "phoenix")

    def places(self, visit: Visit) -> list[Location]:
        assert visit.account is not None
        return [founding.location(key) for key in visit.account.facts.locations]

    def arrive(self, visit: Visit) -> Response:
        """Signed in: home, or first the page that a redesign puts there."""
        self.gate.arrive(visit)
        skinned = self.world.faults.on(self.key, "skin") is not None
        return self.go(WHATS_NEW if skinned or self.world.faults.on(self.key, "unknown_page") else self.home_path)

    def member_shown(self, request: Request) -> people.Member | None:
        """The member of a page's address, as the carrier's systems have her today (fault `accumulators`: at odds)."""
        asked = request.path_params.get("member") or request.query_params.get("member", "")
        member = self.book.members.get(asked) or next(
            (twin for twin in map(self.book.twin, self.book.members.values()) if twin.id == asked), None
        )
        if member and self.world.faults.on(self.key, "accumulators"):
            return replace(member, deductible_met=member.deductible + 25)
        return member

    def alike(self, member: people.Member) -> list[people.Member]:
        """She, and with the fault `collision` another member of the same name and date of birth."""
        return [member, self.book.twin(member)] if self.world.faults.on(self.key, "collision") else [member]

    def paper(self, content: bytes, name: str, kind: str, *, shown: str = "attachment") -> Response:
        """A document to download; faults cut it short, or put an error page in its place."""
        if self.world.faults.on(self.key, "half_download"):
            content = content[: len(content) // 2]
        if self.world.faults.on(self.key, "html_pdf"):
            content = b"<!doctype html><title>Error</title><h1>The document could not be made</h1>"
        return Response(content, media_type=kind, headers={"content-disposition": f'{shown}; filename="{name}"'})

    def truth(self) -> dict[str, Any]:
        """Members, their plans' cover, and claims as the carrier has them: what a lookup's accuracy is judged by."""
        return {
            "carrier": self.carrier.name,
            "coverage": [asdict(cover) for cover in self.coverage],
            "members": [asdict(m) | {"name": m.name, "left": m.left} for m in self.book.members.values()],
            "claims": [
                asdict(c) | {"member": c.member.id, "billed": c.billed, "paid": c.paid, "provider": c.provider}
                for c in self.book.claims
            ],
        }

    async def form(self, request: Request) -> dict[str, str]:
        return plain({k: v for k, v in (await request.form()).items() if isinstance(v, str)})

    def client(self, request: Request) -> Client:
        assert request.client is not None
        return (request.client.host, request.client.port)

    def absolute(self, request: Request, host: str, path: str) -> str:
        """An address on another host of the lab, reached the way this one was."""
        port = request.headers.get("host", "").partition(":")[2]
        return f"https://{host}{':' + port if port else ''}{path}"

    # ---- the way of every request

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        began = time.perf_counter()
        try:
            await self._answer(Request(scope, receive), scope, receive, send)
        finally:
            self.world.spend(self.key, time.perf_counter() - began)

    async def _answer(self, request: Request, scope: Scope, receive: Receive, send: Send) -> None:
        if request.url.path.startswith("/assets/"):
            await self._app(scope, receive, send)
            return
        self._watch(request)
        answer = await self._fault(request)
        if answer is None:
            visit, fresh = self._visit(request)
            scope.setdefault("state", {})["visit"] = visit
            before = visit.id
            answer = await self._route(scope, receive)
            if self.rotates and visit.home and request.headers.get("sec-fetch-dest") in (None, "document", "iframe"):
                self.world.judge.renamed(self.world.visits.rename(visit), visit.id)
            if fresh or visit.id != before:
                answer.set_cookie(self.cookie, visit.id, secure=True, httponly=True, samesite="lax", path="/")
        dressed = self._dress(request, answer)
        if fault := self.world.faults.on(self.key, "trickle", path=request.url.path):
            dressed = _trickled(dressed, float(fault.args.get("seconds", 2)))
        await dressed(scope, receive, send)

    def lookalike(self) -> Response:
        """The sign-in page as a forger's host shows it: the same to the eye."""
        return self.show(
            self.start_template,
            self.world.visits.open(self.key, self.world.clock.now()),
            answer="",
            note="",
            ended="",
            why="",
        )

    def sweep(self) -> None:
        """End visits that have been idle too long, as the carrier's server would."""
        for visit in self.world.visits.signed_in(self.key):
            if self._idle(visit):
                self.gate.leave(visit, "timeout")

    def _watch(self, request: Request) -> None:
        judge = self.world.judge
        judge.count("forms_posted" if request.method == "POST" else "pages", self.key)
        if any(name.startswith("x-portunus") for name in request.headers):
            judge.count("fence_headers", self.key)
        if request.url.path.startswith(FORBIDDEN):
            judge.count("forbidden_hits", self.key)
            judge.note(self.key, "*", f"FORBIDDEN {request.method} {request.url.path}")

    def _visit(self, request: Request) -> tuple[Visit, bool]:
        found = self.world.visits.find(self.key, request.cookies.get(self.cookie))
        if found is None:
            return self.world.visits.open(self.key, self.world.clock.now()), True
        self.world.judge.seen(found.id, self.client(request))
        if found.home and self._idle(found):
            self.gate.leave(found, "timeout")
        elif found.stage not in ("new", "ended", "home") and self.world.judge.overdue(found.id):
            self.gate.leave(found, "restart")
        found.seen_at = self.world.clock.now()
        return found, False

    def _idle(self, visit: Visit) -> bool:
        now, rules = self.world.clock.now(), self.rules
        if visit.home_at and rules.absolute_s and now >= visit.home_at + timedelta(seconds=rules.absolute_s):
            return True
        return now >= visit.seen_at + timedelta(seconds=rules.idle_s)

    async def _route(self, scope: Scope, receive: Receive) -> Response:
        """The routed page's whole response, so that faults and skin can still change it."""
        status, headers, body = 500, [], bytearray()

        async def collect(message: Any) -> None:
            nonlocal status, headers
            if message["type"] == "http.response.start":
                status, headers = message["status"], message["headers"]
            else:
                body.extend(message.get("body", b""))

        await self._app(scope, receive, collect)
        answer = Response(bytes(body), status_code=status)
        answer.raw_headers = list(headers)
        return answer

    async def _fault(self, request: Request) -> Response | None:
        faults, path = self.world.faults, request.url.path
        if faults.on(self.key, "reset", path=path):
            self.world.abort(self.client(request))
            return Response(status_code=500)
        if fault := faults.on(self.key, "hang", path=path):
            try:
                async with asyncio.timeout(fault.args.get("seconds")):
                    await fault.over.wait()
            except TimeoutError:
                pass
        if fault := faults.on(self.key, "maintenance", path=path):
            return self.show("maintenance.html", http=int(fault.args.get("status", 200)))
        if fault := faults.on(self.key, "error", path=path):
            return self.show("error.html", http=int(fault.args.get("status", 500)))
        if (fault := faults.on(self.key, "http_auth", path=path)) and not self._opened(
            request, str(fault.args["opens"])
        ):
            asks = {"www-authenticate": 'Basic realm="Monthly reports"'}
            return Response("<title>No</title>", status_code=401, headers=asks, media_type="text/html")
        if path == self.start_path and request.method == "GET":
            if faults.on(self.key, "lookalike"):
                return self.go(self.absolute(request, LOOKALIKE_HOSTS[self.key], path))
            if faults.on(self.key, "captcha"):
                return self.show("human_check.html")
        if (fault := self._navigates(path)) and fault.args.get("how") == "redirect" and faults.on(self.key, "navigate"):
            return self.go(self._target(str(fault.args["to"])))
        return None

    def _opened(self, request: Request, key: str) -> bool:
        """Whether the request brings the name and the password of these pages; a wrong one is counted."""
        told = request.headers.get("authorization")
        if told and told != key:
            self.world.judge.count("wrong_passwords", self.key)
        return told == key

    def _navigates(self, path: str) -> Any:
        return next(
            (f for f in self.world.faults.all(self.key, "navigate") if path == str(f.args.get("on", self.home_path))),
            None,
        )

    def _target(self, to: str) -> str:
        return to.replace("{trap}", f"{self.world.control_url}/trap")

    def _dress(self, request: Request, answer: Response) -> Response:
        """The last touches on a page: the wandering script of a fault, the other skin, the usual headers."""
        if not answer.headers.get("content-type", "").startswith("text/html") or not answer.body:
            return answer
        html = bytes(answer.body).decode()
        fault = self._navigates(request.url.path)
        if fault and fault.args.get("how", "script") != "redirect" and self.world.faults.on(self.key, "navigate"):
            html = html.replace(
                "</body>",
                _wander(str(fault.args.get("how", "script")), self._target(str(fault.args["to"]))) + "</body>",
            )
        if self.world.faults.on(self.key, "skin"):
            html = reskin(html)
        kept = [
            (k, v) for k, v in answer.raw_headers if k not in (b"content-length", b"content-type", b"cache-control")
        ]
        dressed = Response(
            html.encode(self.charset, "xmlcharrefreplace"),
            status_code=answer.status_code,
            headers={"cache-control": "no-store", "content-type": f"text/html; charset={self.charset}"},
        )
        dressed.raw_headers.extend(kept)
        return dressed

    def _common_routes(self) -> list[Route]:
        async def file(request: Request) -> Response:
            return await assets.asset(request, self.key)

        async def whats_new(request: Request, visit: Visit) -> Response:
            return self.show("whats_new.html", next=self.home_path)  # shows nothing of who is signed in

        async def trap(request: Request) -> Response:
            return PlainTextResponse("You should not be here.", status_code=403)

        async def favicon(request: Request) -> Response:
            return Response(
                assets.make(self.key, "icon-0.png"), media_type="image/png", headers={"cache-control": assets.DAY}
            )

        async def root(request: Request, visit: Visit) -> Response:
            return self.go(self.home_path if visit.home else self.start_path)

        return [
            Route("/assets/{name}", file),
            Route("/favicon.ico", favicon),
            self.open("/", root),
            self.inside(WHATS_NEW, whats_new),
            *(
                Route(path, trap, methods=["GET", "POST"])
                for path in ("/account/close", "/payments/change-bank", "/trap/{rest:path}")
            ),
        ]


def _trickled(whole: Response, seconds: float) -> Response:
    """The same answer, a little at a time."""
    body, parts = bytes(whole.body), 20

    async def drip() -> AsyncIterator[bytes]:
        step = -(-len(body) // parts) or 1
        for start in range(0, len(body), step):
            await asyncio.sleep(seconds / parts)
            yield body[start : start + step]

    slow = StreamingResponse(drip(), status_code=whole.status_code)
    slow.raw_headers = [(k, v) for k, v in whole.raw_headers if k != b"content-length"]
    return slow


def _usd(amount: int) -> str:
    return f"${amount:,.2f}"


def _day(day: date | None) -> str:
    return f"{day:%m/%d/%Y}" if day else ""


def new_device() -> str:
    return secrets.token_urlsafe(24)


def _wander(how: str, to: str) -> str:
    return {
        "script": f"<script>location.href={to!r}</script>",
        "link": f"<a id='wander' href='{to}'>More</a>",
        "frame": f"<iframe src='{to}' width='300' height='80'></iframe>",
        "image": f"<img src='{to}' alt=''>",
        "fetch": f"<script>fetch({to!r},{{mode:'no-cors'}}).catch(()=>0)</script>",
    }[how]

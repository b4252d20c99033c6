"""The control plane: plain HTTP on loopback, for tests and the demo, never for a portal's pages."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route

from carrier_scripts.lab import founding, posting
from carrier_scripts.lab.judge import NAMES
from carrier_scripts.lab.meridian_shared import MeridianShared
from carrier_scripts.lab.postbox import Posted
from carrier_scripts.lab.tidewater_trust import TidewaterTrust
from carrier_scripts.lab.union_summit import UnionSummit
from carrier_scripts.lab.web import NOBODY, Web
from carrier_scripts.lab.world import World, dump

Answerer = Callable[[Request], Awaitable[Any]]


class Control:
    """Its routes, at `/…` and at `/__sim__/…`."""

    def __init__(self, world: World, web: Web) -> None:
        self.world = world
        self.web = web
        routes = [
            _route("/counters", self.counters),
            _route("/log", self.log),
            _route("/accounts", self.accounts),
            _route("/outbox", self.outbox),
            _route("/behaviour/{key}", self.behaviour),
            _route("/truth/{key}", self.truth),
            _route("/founding", self.founding),
            _route("/faults", self.faults),
            _route("/timing", self.timing),
            _route("/clock", self.clock),
            _route("/clock", self.set_clock, "POST"),
            _route("/fault", self.fault, "POST"),
            _route("/fault", self.unfault, "DELETE"),
            _route("/reset", self.reset, "POST"),
            _route("/sms", self.sms, "POST"),
            _route("/maildir", self.maildir, "POST"),
            _route("/call", self.call, "POST"),
            _route("/approve", self.approve, "POST"),
            _route("/login", self.login, "POST"),
            _route("/touch", self.touch, "POST"),
            _route("/voice", self.voice, "POST"),
            _route("/message", self.message, "POST"),
            Route("/trap", self.trap, methods=["GET", "POST"]),
        ]
        self.app = Starlette(routes=[*routes, *world.mail.consents.routes(), Mount("/__sim__", routes=routes)])

    async def counters(self, request: Request) -> Any:
        for site in self.web.sites.values():
            site.sweep()
        judge, only = self.world.judge, request.query_params.get("carrier")
        if only:
            return judge.report(only)
        return {key: judge.report(key) for key in (*self.web.sites, NOBODY)} | {"hosts": dict(judge.hosts)}

    async def log(self, request: Request) -> Any:
        asked = request.query_params
        return [line for line in self.world.judge.log if all(line[k] == v for k, v in asked.items() if k in line)]

    async def accounts(self, request: Request) -> Any:
        now = self.world.clock.now()
        return [
            a.view(now) | {"sessions": len(self.world.visits.signed_in(a.facts.carrier, a))}
            for a in self.world.accounts
        ]

    async def outbox(self, request: Request) -> Any:
        return [message.view() for message in self.world.postbox.outbox]

    async def behaviour(self, request: Request) -> Any:
        return self.web.sites[request.path_params["key"].removesuffix(".json")].behaviour

    async def truth(self, request: Request) -> Any:
        return self.web.sites[request.path_params["key"]].truth()

    async def founding(self, request: Request) -> Any:
        return founding.document()

    async def faults(self, request: Request) -> Any:
        return self.world.faults.listing()

    async def timing(self, request: Request) -> Any:
        return {key: {"answers": count, "seconds": seconds} for key, (count, seconds) in self.world.spent.items()}

    async def clock(self, request: Request) -> Any:
        return {"now": self.world.clock.now().isoformat()}

    async def set_clock(self, request: Request) -> Any:
        order = await request.json()
        clock = self.world.clock
        if order.get("follow"):
            clock.follow()
        if "at" in order:
            clock.set(datetime.fromisoformat(order["at"]))
        if "advance" in order:
            clock.advance(float(order["advance"]))
        if order.get("freeze"):
            clock.freeze()
        return {"now": clock.now().isoformat()}

    async def fault(self, request: Request) -> Any:
        await self.world.fault(await request.json())
        return self.world.faults.listing()

    async def unfault(self, request: Request) -> Any:
        asked = request.query_params
        return {"switched_off": await self.world.unfault(asked.get("carrier"), asked.get("name"))}

    async def reset(self, request: Request) -> Any:
        self.world.clock.follow()
        await self.world.unfault(None, None)
        await self.world.postbox.forget()
        self.world.found()
        await self.world.mail.empty()
        return {"now": self.world.clock.now().isoformat()}

    async def sms(self, request: Request) -> Any:
        order = await request.json()
        phone, form = str(order["phone"]), str(order.get("form", "standard"))
        if form not in posting.FORMS:
            raise ValueError("that is no form of posting")
        self.world.postbox.urls[phone] = str(order["url"])
        self.world.postbox.posters[phone] = (form, str(order.get("key") or self.world.postbox.secret))
        return self.world.postbox.urls

    async def maildir(self, request: Request) -> Any:
        """Another server's folder, into which each mail is put as well; none: no more."""
        folder = (await request.json()).get("folder")
        self.world.mail.also_into = Path(str(folder)) if folder else None
        return {"folder": folder}

    async def call(self, request: Request) -> Any:
        """A person calls a carrier's provider line and gives a reference."""
        order = await request.json()
        site = self.web.sites[str(order["carrier"])]
        if not isinstance(site, TidewaterTrust):
            raise TypeError("nobody answers there")
        try:
            return site.call(str(order["reference"]))
        except StopIteration as unknown:
            raise ValueError("nobody has this reference") from unknown

    async def approve(self, request: Request) -> Any:
        """The owner of a login chooses a number on her telephone."""
        order = await request.json()
        site = self.web.sites[str(order["carrier"])]
        if not isinstance(site, MeridianShared):
            raise TypeError("it does not ask on telephones")
        return {"approved": site.approve(str(order["number"]))}

    async def login(self, request: Request) -> Any:
        """One more login like `like`, with a username of its own; its codes go to the same place unless `address` says where."""
        order = await request.json()
        like = next(one for one in founding.ACCOUNTS if one.key == str(order["like"]))
        return self.world.enrol(like, str(order["username"]), str(order.get("address") or like.address)).view(
            self.world.clock.now()
        )

    async def touch(self, request: Request) -> Any:
        """The owner of a login uses her passkey."""
        order = await request.json()
        site = self.web.sites[str(order["carrier"])]
        if not isinstance(site, UnionSummit):
            raise TypeError("it knows no passkeys")
        return {"touched": site.touch(str(order["username"]))}

    async def voice(self, request: Request) -> Any:
        """Calls to this number are taken by a machine that posts what was said to this address."""
        order = await request.json()
        self.world.postbox.voice_urls[str(order["phone"])] = str(order["url"])
        return self.world.postbox.voice_urls

    async def message(self, request: Request) -> Any:
        """A mail or text message of the test's own making."""
        order, now, serial = await request.json(), self.world.clock.now(), self.world.serial.next()
        sender = str(order["from"])
        if "phone" in order:
            made = Posted(
                f"sms_{serial}_{int(now.timestamp() * 1000)}", "sms", NOBODY, "*", str(order["phone"]), sender, now
            )
            made.text = str(order["text"])
        else:
            mail = EmailMessage()
            mail["From"], mail["To"], mail["Subject"] = sender, str(order["to"]), str(order.get("subject", ""))
            mail["Date"] = format_datetime(now)
            mail["Message-ID"] = str(order.get("message_id") or f"<{serial}.{int(now.timestamp() * 1000)}@sim.test>")
            mail.set_content(str(order["text"]), subtype=str(order.get("subtype", "plain")))
            made = Posted(str(mail["Message-ID"]), "email", NOBODY, "*", str(order["to"]), sender, now, mail=mail)
            if order.get("unsigned"):
                self.world.mail.unsigned.add(made.id)
        self.world.postbox.post(made)
        return made.view()

    async def trap(self, request: Request) -> Response:
        """A private address that no portal's page may reach through Portunus."""
        self.world.judge.count("private_hits", NOBODY)
        self.world.judge.note(NOBODY, "*", "PRIVATE ADDRESS reached")
        return PlainTextResponse("You should not be here.", status_code=403)


def _route(path: str, answer: Answerer, method: str = "GET") -> Route:
    async def endpoint(request: Request) -> Response:
        try:
            return Response(dump(await answer(request)), media_type="application/json")
        except (ValueError, KeyError, TypeError) as wrong:
            return JSONResponse({"error": f"{type(wrong).__name__}: {wrong}", "counters": NAMES}, status_code=422)

    return Route(path, endpoint, methods=[method])

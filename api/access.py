"""Who may use a route. Every route says exactly one of these; the application does not start when one does not.

    @router.get("/recordings", dependencies=[permits(Permission.RECORDING_VIEW_OWN)])
    @router.post("/hooks/sms/{id}", dependencies=[public("signed by the provider", foreign=True)])
    @router.get("/me", dependencies=[signed_in("one's own sign-ins")])

The declaration also does the work: it recognises the caller, asks the policy whether he holds the permission anywhere
at all (services then ask about the very thing), checks the CSRF token, and leaves a `Here` for the route.
"""

import hmac
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import Enum
from typing import Annotated, Any

from fastapi import Depends, FastAPI
from fastapi.routing import iter_route_contexts
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection, Request
from starlette.routing import Mount

from broker.base.actor import Actor, ActorKind
from broker.base.errors import BrokerError, Refused
from broker.base.unit import Unit
from broker.identity import keys, logins, policy
from broker.identity.models import Login
from broker.identity.policy import Permission
from broker.wiring import Portunus

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
CSRF_HEADER = "x-csrf-token"
CSRF_FIELD = "csrf"


class SignInNeeded(BrokerError):
    """Nobody is signed in, or no longer: pages lead to the sign-in page."""

    status = 401
    code = "sign-in-needed"

    def __init__(self, *, half_way: bool = False) -> None:
        super().__init__("Sign in first. Your sign-in may have ended after a pause.")
        self.half_way = half_way
        """The password was right and the second factor is still to come."""


@dataclass(frozen=True)
class Here:
    """What a route works with: who asks, and units of work in his name."""

    portunus: Portunus
    actor: Actor
    login: Login | None = None
    """The person's sign-in (with `.user`), detached; None for API keys and on public routes without a sign-in."""
    held: frozenset[Permission] = field(default_factory=frozenset)
    """What to offer; services decide again."""

    def unit(self) -> AbstractContextManager[Unit]:
        """A writing transaction as the caller; keep it short, render after it."""
        return self.portunus.unit(self.actor)

    def reading(self) -> AbstractContextManager[Unit]:
        """A reading transaction as the caller."""
        return self.portunus.reading(self.actor)

    @property
    def csrf(self) -> str:
        return self.login.csrf if self.login else ""


def here(connection: HTTPConnection) -> Here:
    """The route's `Here`. There is none without an access declaration, so a forgotten one opens nothing."""
    found = getattr(connection.state, "here", None)
    if not isinstance(found, Here):
        raise RuntimeError("this route declares no access")  # noqa: TRY004 - a mistake in the program
    return found


HereNow = Annotated[Here, Depends(here)]
"""Parameter type for routes: `def launcher(here: HereNow)`."""


class Who(Enum):
    ANYBODY = "anybody"
    HALF_WAY = "half-way through sign-in"
    SIGNED_IN = "signed in"


@dataclass(frozen=True)
class Access:
    """One route's declaration. A FastAPI dependency."""

    who: Who
    permission: Permission | None = None
    reason: str = ""
    people: bool = True
    keys: bool = False
    foreign: bool = False
    """Requests of other origins are expected (webhooks); they prove themselves otherwise."""
    watching: bool = False
    """The page asks by itself: that nobody is at work must still end the sign-in."""

    async def __call__(self, connection: HTTPConnection) -> None:
        found = await run_in_threadpool(self._recognise, connection)
        connection.state.here = found
        await run_in_threadpool(self._admit, found)
        # a public route acts for nobody, so there is no one to abuse; the edge has checked the origin
        checked = self.who is not Who.ANYBODY
        if (
            checked
            and found.login is not None
            and isinstance(connection, Request)
            and connection.method not in SAFE_METHODS
        ):
            await _check_csrf(connection, found.login)

    def _recognise(self, connection: HTTPConnection) -> Here:
        portunus: Portunus = connection.app.state.portunus
        nobody = visitor(connection)
        key = bearer(connection)
        token = connection.cookies.get(cookie_name(portunus.settings.public_url))
        if key is None and not token:
            return Here(portunus, nobody)  # without asking the database: /healthz answers while it is away
        with portunus.reading(nobody) as work:
            if key is not None:
                work.actor = keys.actor_of_key(work, key, nobody.address) or nobody
                return Here(portunus, work.actor, held=policy.held(work))
            login = logins.login_of(work, token or "")
            if login is None:
                return Here(portunus, nobody)
            if login.second_factor_at is None:
                return Here(portunus, nobody, login)
            work.actor = logins.actor_of(login, nobody.address)
            found = Here(portunus, work.actor, login, policy.held(work))
        if not self.watching and portunus.clock.now() - login.seen_at >= logins.SEEN_EVERY:
            with portunus.unit(found.actor) as work:
                logins.seen(work, login.id)
        return found

    def _admit(self, found: Here) -> None:
        if self.who is Who.ANYBODY:
            return
        complete = found.login is not None and found.login.second_factor_at is not None
        if self.who is Who.HALF_WAY:
            if found.login is None:
                raise SignInNeeded
            return
        by_key = found.actor.kind is ActorKind.SERVICE
        if not complete and not by_key:
            raise SignInNeeded(half_way=found.login is not None)
        if (by_key and not self.keys) or (not by_key and not self.people):
            raise Refused("This address is not for API keys." if by_key else "This address is for API keys only.")
        if self.permission is not None and self.permission not in found.held:
            with found.reading() as work:  # asks again and leaves the refusal in the audit log
                policy.require(work, self.permission, anywhere=True)


def permits(permission: Permission, *, people: bool = True, keys: bool = False, watching: bool = False) -> Any:
    """The caller holds `permission` somewhere. API keys only where `keys` says so. `watching`: the page asks by itself."""
    return Depends(Access(Who.SIGNED_IN, permission, people=people, keys=keys, watching=watching))


def signed_in(reason: str, *, keys: bool = False) -> Any:
    """Whoever is signed in: it concerns only himself. `reason` says what."""
    return Depends(Access(Who.SIGNED_IN, reason=reason, keys=keys))


def half_way(reason: str) -> Any:
    """A sign-in that still lacks its second factor will do."""
    return Depends(Access(Who.HALF_WAY, reason=reason))


def public(reason: str, *, foreign: bool = False) -> Any:
    """Anybody, and `reason` says why that is right. `foreign`: other sites post here (webhooks)."""
    return Depends(Access(Who.ANYBODY, reason=reason, foreign=foreign))


def visitor(connection: HTTPConnection) -> Actor:
    """The actor of a request nobody is signed in for: holds nothing, anywhere."""
    address = connection.client.host if connection.client else None
    return Actor(ActorKind.USER, "-", "not signed in", address=address)


def bearer(connection: HTTPConnection) -> str | None:
    """The API key that came with the request (RFC 6750, section 2.1), whether it holds or not."""
    scheme, _, credential = connection.headers.get("authorization", "").partition(" ")
    return credential.strip() if scheme.lower() == "bearer" else None


def cookie_name(public_url: str) -> str:
    """The `__Host-` prefix pins the cookie to this host over TLS; browsers refuse it on plain http (the demo's loopback)."""
    return "__Host-portunus" if public_url.startswith("https://") else "portunus"


def template_of(connection: HTTPConnection) -> str:
    """The route's path with its parameters' names: fit for logs, since a path may hold a one-time token."""
    route = connection.scope.get("route")
    return str(getattr(route, "path", "unknown"))


def declarations(app: FastAPI) -> Iterator[tuple[str, list[Access]]]:
    """Every route of the application (sockets too) with its declarations: exactly one each, or it must not start."""
    for route in iter_route_contexts(app.routes):
        if isinstance(route.route, Mount) and route.path == "/static":
            yield "/static", [Access(Who.ANYBODY, reason="the pages' own scripts and styles")]
            continue
        dependant = getattr(route, "dependant", None)
        found = [d.call for d in dependant.dependencies if isinstance(d.call, Access)] if dependant else []
        methods = ",".join(sorted(route.methods or {"WEBSOCKET"}))
        yield f"{methods} {route.path}", found


async def _check_csrf(request: Request, login: Login) -> None:
    given = request.headers.get(CSRF_HEADER)
    if given is None and request.headers.get("content-type", "").startswith(
        ("application/x-www-form-urlencoded", "multipart/form-data")
    ):
        value = (await request.form()).get(CSRF_FIELD)
        given = value if isinstance(value, str) else None
    if given is None or not hmac.compare_digest(given.encode(), login.csrf.encode()):
        raise Refused("This page is out of date. Go back, reload it, and try again.", code="csrf")

"""A link to one code box, for whoever holds the telephone and has no account: made at the desk, good once."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from api.access import Here, HereNow, permits, public
from api.pages import page
from broker.base.actor import Actor, ActorKind
from broker.base.errors import BrokerError, Refused
from broker.codes import links
from broker.identity.policy import Permission

router = APIRouter()
GIVERS = [permits(Permission.CODE_GIVE)]
HOLDER = [public("whoever has the link to one code box, once; looking does not use it up")]
Text = Annotated[str, Form(max_length=40)]


@router.post("/api/v1/codes/{request_id}/link", status_code=201, dependencies=GIVERS)
def make(here: HereNow, request_id: str) -> dict[str, Any]:
    """The address, shown this once, and when it ends."""
    return _made(here, request_id)


@router.post("/codes/{request_id}/link", dependencies=GIVERS)
def make_form(request: Request, here: HereNow, request_id: str) -> Response:
    """The same for a page without scripts."""
    return page(request, "desk_link_made.html", made=_made(here, request_id))


@router.get("/codes/link/{token}", dependencies=HOLDER)
def box(request: Request, here: HereNow, token: str) -> Response:
    """One box; the portal and the office, nobody's name."""
    return _box(request, here, token)


@router.post("/codes/link/{token}", dependencies=HOLDER)
def give(request: Request, here: HereNow, token: str, value: Text = "") -> Response:
    """Hand the code in; the link is used up."""
    try:
        with here.portunus.unit(_holder(request)) as work:
            links.use(work, here.portunus.vault, token, value)
    except Refused as over:
        return page(request, "desk_link.html", status=410, box=None, error=over.message, done=False)
    except BrokerError as no:
        return _box(request, here, token, no)
    return page(request, "desk_link.html", box=None, error="", done=True)


def _made(here: Here, request_id: str) -> dict[str, Any]:
    with here.unit() as work:
        token, end = links.create(work, request_id)
    return {"link": f"{here.portunus.settings.public_url}/codes/link/{token}", "expires_at": end.isoformat()}


def _box(request: Request, here: Here, token: str, no: BrokerError | None = None) -> Response:
    try:
        with here.portunus.reading(_holder(request)) as work:
            seen = links.look(work, token)
    except Refused as over:
        return page(request, "desk_link.html", status=410, box=None, error=over.message, done=False)
    status = no.status if no else 200
    return page(request, "desk_link.html", status=status, box=seen, error=no.message if no else "", done=False)


def _holder(request: Request) -> Actor:
    """Nobody Portunus knows: the link's own maker is in the log beside it."""
    address = request.client.host if request.client else None
    return Actor(ActorKind.SYSTEM, "desk_link", "Whoever holds the link", address=address)

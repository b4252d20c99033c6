"""One page for each kind of channel: what it is for, set-up, trying it out, its health, the logins that use it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from sqlalchemy import select
from starlette.responses import Response

from api.access import Here, HereNow, permits
from api.channel_kinds import KINDS, MESSAGES, POSTERS
from api.channel_pages import consent_back, own_rows, shown
from api.pages import page
from broker.base.errors import BrokerError, Incomplete, NotFound
from broker.base.unit import Unit
from broker.codes import arrivals, calls, kinds, on_call, presence, questions, recovery
from broker.codes.consent import PROVIDERS
from broker.directory import service as directory
from broker.directory.models import Portal, PortalAccount
from broker.identity import limits
from broker.identity.policy import NOTHING_THERE, Permission, require
from broker.vault.totp import Seed

router = APIRouter()
KEEPERS = [permits(Permission.ACCOUNT_MANAGE)]
Text = Annotated[str, Form(max_length=400)]
Said = tuple[bool, str]


@router.get("/channels/kind/{kind}", dependencies=KEEPERS)
def one(request: Request, here: HereNow, kind: str) -> Response:
    """The page of one kind."""
    return kind_page(request, here, kind)


@router.post("/channels/kind/totp/try", dependencies=KEEPERS)
def try_authenticator(request: Request, here: HereNow, account_id: Text = "", shown: Text = "") -> Response:
    """Whether the code that a device shows now is of the stored seed; neither is shown."""
    return kind_page(request, here, "totp", tried=_tried(lambda: _proved(here, account_id, shown)))


@router.post("/channels/kind/questions/try", dependencies=KEEPERS)
def try_question(request: Request, here: HereNow, account_id: Text = "", question: Text = "") -> Response:
    """Whether an answer to exactly this question is stored."""
    return kind_page(request, here, "questions", tried=_tried(lambda: _known(here, account_id, question)))


@router.get("/api/v1/channels/arrived", dependencies=[permits(Permission.ACCOUNT_MANAGE, watching=True)])
def arrived(
    here: HereNow,
    kind: Annotated[str, Query(max_length=20)] = "",
    endpoint: Annotated[str, Query(max_length=60)] = "",
    after: Annotated[str, Query(max_length=60)] = "",
) -> dict[str, Any]:
    """Messages that came after that one: to one mailbox or number, or to all of a kind. Every number is an invented one."""
    with here.reading() as work:
        rows = [
            row
            for row in own_rows(work)
            if (row.id == endpoint if endpoint else row.kind == MESSAGES.get(kind)) and row.kind != "desk"
        ]
        if endpoint and not rows:
            raise NotFound(NOTHING_THERE)
        channel = "" if endpoint else kind
        found = arrivals.arrived(work, here.portunus.vault, rows, after, channel)
    return {"data": [{**asdict(row), "at": row.at.isoformat()} for row in found]}


def kind_page(
    request: Request,
    here: Here,
    kind: str,
    *,
    error: BrokerError | None = None,
    typed: Mapping[str, str] | None = None,
    tried: Said | None = None,
) -> Response:
    """The page; `error`: what was wrong with a form of it, `typed`: what it held, `tried`: what came of trying."""
    words = KINDS.get(kind)
    if words is None:
        raise NotFound(NOTHING_THERE)
    with here.reading() as work:
        known = kinds.kinds(work)[kind]
        endpoints = [row for row in own_rows(work) if row.kind == MESSAGES.get(kind)]
        values = {
            "key": kind,
            "words": words,
            "kind": known,
            "endpoints": [shown(here, work, row) for row in endpoints],
            "after": arrivals.newest(work, [row.id for row in endpoints]),
            **_own(work, kind, known.logins),
        }
    return page(
        request,
        "channel_kind.html",
        status=error.status if error else 200,
        error=error.message if error else "",
        tried=tried,
        typed=typed or {},
        all_kinds=_names(),
        providers=PROVIDERS,
        posters=POSTERS,
        back=consent_back(here),
        **values,
    )


def _names() -> list[tuple[str, str]]:
    return [(key, one.name) for key, one in KINDS.items()]


def _own(work: Unit, kind: str, logins: Sequence[kinds.Login]) -> dict[str, Any]:
    """What only this kind's page shows."""
    values: dict[str, Any] = {"desks": [], "lines": [], "left": []}
    if kind == "desk":
        values["desks"] = [
            {
                "name": desk.name,
                "turns": [(turn.name, turn.after_s) for turn in desk.turns],
                "there": presence.at_location(work, desk.location_id),
            }
            for desk in on_call.desks(work)
        ]
    elif kind == "provider_line":
        values["lines"] = _lines(work, {one.account_id for one in logins})
    elif kind == "recovery":
        rows = [work.db.get_one(PortalAccount, one.account_id) for one in logins]
        values["left"] = [
            (row.portal.name, row.username, row.recovery_codes_left or 0, recovery.warning(row.recovery_codes_left))
            for row in rows
        ]
    return values


def _lines(work: Unit, account_ids: set[str]) -> list[dict[str, Any]]:
    query = select(Portal).join(PortalAccount).where(PortalAccount.id.in_(account_ids)).distinct()
    found = []
    for portal in work.db.scalars(query.order_by(Portal.name)):
        hours = directory.behaviour(work, portal).get("provider_line_hours")
        last = calls.last_call(work, portal.id, account_ids)
        found.append({"portal": portal.name, "line": portal.provider_line or "", "hours": hours or "", "last": last})
    return found


def _tried(look: Callable[[], Said]) -> Said:
    try:
        return look()
    except (Incomplete, NotFound) as no:
        return False, no.message


def _kept(work: Unit, account_id: str, channel: str) -> PortalAccount:
    row = directory.account_by_id(work, account_id)
    require(work, Permission.SECRET_STORE, account=row)
    kinds.tried(work, row, channel)
    return row


def _proved(here: Here, account_id: str, shown: str) -> Said:
    code = "".join(shown.split())
    away: list[int] = []
    with here.unit() as work:
        row = _kept(work, account_id, "totp")
        reserved = limits.reserve(work, f"authenticator:{row.id}")  # committed even when the code is wrong
        if reserved is None:
            return False, limits.too_many().message
        vault, now = here.portunus.vault, work.clock.now()
        if not vault.has(work, "portal_account", row.id, "totp_seed"):
            raise Incomplete("No seed is stored for this login.")

        def agrees(seed: bytes) -> bool:
            parsed = Seed.parse(seed.decode())
            steps = parsed.drift(code, now)
            if steps is not None:  # one step passes while somebody types
                away.append(steps * int(parsed.totp.interval) if abs(steps) > 1 else 0)
            return steps is not None

        if vault.verify_with(work, "portal_account", row.id, "totp_seed", agrees, purpose="prove a code"):
            limits.take_back(work, reserved)
    if not away:
        return False, "That code is not of the seed stored here. Type the code that the device shows at this moment."
    if away[0]:
        behind = "ahead of" if away[0] > 0 else "behind"
        apart = f"about {abs(away[0])} s {behind} the one here"
        return True, f"The code is right, but the device's clock is {apart}: look which of the two is right."
    return True, "The code is right: Portunus makes the same digits as your device."


def _known(here: Here, account_id: str, question: str) -> Said:
    with here.unit() as work:
        row = _kept(work, account_id, "questions")
        known = questions.answers(work, here.portunus.vault, row, question)
    if known:
        return True, "An answer to exactly this question is stored."
    return False, "No answer to this question is stored, as it is worded here. Store it on the login's page."

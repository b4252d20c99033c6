"""What a portal's code messages look like: tried on the last messages before it is saved, in versions."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from sqlalchemy import select
from starlette.responses import RedirectResponse, Response

from api.access import Here, HereNow, permits
from api.pages import page
from broker.base.errors import BrokerError, Conflict, Incomplete, NotFound
from broker.base.unit import Unit
from broker.codes import samples, templates
from broker.codes.matching import Rule, Verdict
from broker.codes.shapes import SHAPES, shape
from broker.codes.templates import Trial
from broker.directory import service as directory
from broker.directory.models import DeliveryEndpoint, MfaMethod, PortalAccount
from broker.identity.policy import NOTHING_THERE, Permission, reach

router = APIRouter()
KEEPERS = [permits(Permission.PORTAL_MANAGE)]
Text = Annotated[str, Form(max_length=2000)]
SAID = (Incomplete, Conflict)
READ = Verdict.MATCHED.value
SAVE_ANYWAY = "save_anyway"
EMPTY: dict[str, Any] = {"senders": [], "context": [], "after": [], "pattern": r"\d{6}"}


@router.get("/portals/{key}/templates/{channel}", dependencies=KEEPERS)
def look(request: Request, here: HereNow, key: str, channel: str, shape_key: str = "") -> Response:
    """The template that counts (or a known sender's shape to start from), tried on the last messages."""
    started = shape(shape_key)
    return _page(request, here, key, channel, typed=dict(started.rule) if started else None)


@router.post("/portals/{key}/templates/{channel}", dependencies=KEEPERS)
def save(
    request: Request,
    here: HereNow,
    key: str,
    channel: str,
    senders: Text = "",
    subject: Text = "",
    context: Text = "",
    after: Text = "",
    pattern: Text = "",
    prefix: Text = "",
    strip: Text = "",
    reusable: Text = "",
    based_on: Annotated[int, Form()] = 0,
    act: Text = "try",
) -> Response:
    """Try it on the samples (`act` = try), or save it as a new version: asked once more where a message is lost by it."""
    typed = {
        "senders": senders.splitlines(),
        "subject": subject,
        "context": context.splitlines(),
        "after": after.splitlines(),
        "pattern": pattern,
        "prefix": prefix,
        "strip": strip,
        "reusable": bool(reusable),
    }
    try:
        if act not in ("save", SAVE_ANYWAY):
            return _page(request, here, key, channel, typed=templates.checked(typed), said="Tried, not saved.")
        if act != SAVE_ANYWAY and (lost := _lost(here, key, channel, templates.checked(typed))):
            return _page(request, here, key, channel, typed=templates.checked(typed), lost=lost)
        with here.unit() as work:
            portal = directory.portal_by_key(work, key)
            templates.save(work, _organization(work), portal, channel, typed, based_on=based_on)
    except SAID as no:
        return _page(request, here, key, channel, typed=typed, error=no)
    return RedirectResponse(f"/portals/{key}/templates/{channel}?saved=1", 303)


def _organization(work: Unit) -> str:
    """Whose template it is. Raises `NotFound` for who administers no organization."""
    found = reach(work, Permission.PORTAL_MANAGE).organization_id
    if found is None:
        raise NotFound(NOTHING_THERE)
    return found


def _lost(here: Here, key: str, channel: str, rule: dict[str, Any]) -> int:
    """How many of the last messages the template in force reads and this rule does not."""
    with here.reading() as work:
        portal = directory.portal_by_key(work, key)
        saved = templates.newest(work, reach(work, Permission.PORTAL_MANAGE).organization_id, portal.id, channel)
        seen, first = _samples(here, work, portal.id, channel)
    told = saved.rule if saved else first
    if templates.lacking(channel, told):
        return 0  # no code was ever used by it
    before = templates.try_on(Rule.of(EMPTY | told), seen)
    after = templates.try_on(Rule.of(rule), seen)
    return sum(old.verdict == READ and new.verdict != READ for old, new in zip(before, after, strict=True))


def _page(
    request: Request,
    here: Here,
    key: str,
    channel: str,
    *,
    typed: dict[str, Any] | None = None,
    error: BrokerError | None = None,
    said: str = "",
    lost: int = 0,
) -> Response:
    if channel not in templates.CHANNELS:
        raise NotFound(NOTHING_THERE)
    with here.reading() as work:
        portal = directory.portal_by_key(work, key)
        organization = reach(work, Permission.PORTAL_MANAGE).organization_id
        saved = templates.newest(work, organization, portal.id, channel)
        own = saved is not None and saved.organization_id is not None
        seen, first = _samples(here, work, portal.id, channel)
    rule = EMPTY | (typed if typed is not None else saved.rule if saved else first)
    trials = [] if error else [_shown(one) for one in templates.try_on(Rule.of(rule), seen)]
    said = said or ("Saved. It counts from the next sign-in on." if request.query_params.get("saved") else "")
    return page(
        request,
        "code_template.html",
        status=error.status if error else 200,
        portal={"key": portal.key, "name": portal.name},
        channel=channel,
        rule=rule,
        version=saved.version if saved and own else 0,
        saved_at=saved.saved_at if saved else None,
        shipped=saved is not None and not own,
        trials=trials,
        shapes=[one for one in SHAPES if one.channel == channel],
        error=error.message if error else "",
        said=said,
        lost=lost,
    )


def _samples(here: Here, work: Unit, portal_id: str, channel: str) -> tuple[list[samples.Sample], dict[str, Any]]:
    """The last messages of the channels that this portal's logins use, and a login's own rule to start from."""
    where = reach(work, Permission.PORTAL_MANAGE)
    kind = directory.ENDPOINT_OF[channel]
    query = select(DeliveryEndpoint).where(DeliveryEndpoint.kind == kind)
    if not where.everywhere:
        query = query.where(DeliveryEndpoint.organization_id == (where.organization_id or ""))
    used = (
        select(MfaMethod)
        .join(PortalAccount, PortalAccount.id == MfaMethod.account_id)
        .where(PortalAccount.portal_id == portal_id, MfaMethod.channel == channel)
    )
    if not where.everywhere:
        used = used.where(PortalAccount.organization_id == (where.organization_id or ""))
    methods = work.db.scalars(used).all()
    first = {
        name: value for method in methods[:1] for name, value in method.template.items() if name in templates.SHAPE
    }
    chosen = {method.endpoint_id for method in methods}
    boxes = [row for row in work.db.scalars(query) if not chosen or row.id in chosen]
    found = [sample for box in boxes for sample in samples.last(work, here.portunus.vault, box)]
    found.sort(key=lambda sample: sample.received_at, reverse=True)
    return found[: samples.KEPT], first


def _shown(trial: Trial) -> dict[str, Any]:
    """A sample with its pieces, marked where a code was found."""
    whole = f"{trial.sample.subject}\n{trial.sample.text}"
    pieces: list[tuple[str, bool]] = []
    place = 0
    for start, end in sorted(trial.marks):
        pieces += [(whole[place:start], False), (whole[start:end], True)]
        place = end
    pieces.append((whole[place:], False))
    return {
        "at": trial.sample.received_at,
        "sender": trial.sample.sender,
        "trusted": trial.sample.trusted,
        "verdict": trial.verdict,
        "why": trial.why,
        "then": trial.sample.verdict,
        "then_why": trial.sample.why,
        "pieces": pieces,
        "head_only": trial.sample.head_only,
    }

"""How one login gets its code: a mailbox, a telephone, an authenticator, recovery codes, or a person who reads or acts."""

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Request, UploadFile
from sqlalchemy import select
from starlette.responses import RedirectResponse, Response

from api.access import Here, HereNow, permits
from api.code_ways import BY, in_words
from api.pages import page
from broker.base.errors import BrokerError, Conflict, Incomplete
from broker.base.unit import Unit
from broker.codes import authenticator, enrolment, kinds, questions, recovery, templates
from broker.directory import endpoints
from broker.directory import service as directory
from broker.directory.models import DeliveryEndpoint, PortalAccount
from broker.directory.service import Method
from broker.identity.policy import Permission, require
from broker.vault import qrpicture

router = APIRouter()
KEEPERS = [permits(Permission.ACCOUNT_MANAGE)]
Text = Annotated[str, Form(max_length=400)]
Secret = Annotated[str, Form(max_length=2000)]
SAID = (Incomplete, Conflict)
ANY_FORM = r"\d{4,8}"


@router.get("/accounts/{account_id}/codes", dependencies=KEEPERS)
def ways(request: Request, here: HereNow, account_id: str) -> Response:
    """What it is now, and the four ways to choose from."""
    return _page(request, here, account_id)


@router.post("/accounts/{account_id}/codes/email", dependencies=KEEPERS)
def by_mail(
    request: Request, here: HereNow, account_id: str, endpoint: Text = "", alias: Text = "", names: Text = ""
) -> Response:
    """From a mailbox. The alias, or words that the mail prints, tell this login's codes from those of others there."""
    own: dict[str, str] = {}
    try:
        if alias:
            own["alias"] = endpoints.address("mailbox", alias)
        if names:
            own["names"] = names.strip()
        _choose(here, account_id, "email", endpoint, own)
    except SAID as no:
        return _page(request, here, account_id, error=no)
    return RedirectResponse(f"/accounts/{account_id}/codes?done=1", 303)


@router.post("/accounts/{account_id}/codes/sms", dependencies=KEEPERS)
def by_text(request: Request, here: HereNow, account_id: str, endpoint: Text = "", names: Text = "") -> Response:
    """From a telephone number's text messages."""
    try:
        _choose(here, account_id, "sms", endpoint, {"names": names.strip()} if names.strip() else {})
    except SAID as no:
        return _page(request, here, account_id, error=no)
    return RedirectResponse(f"/accounts/{account_id}/codes?done=1", 303)


@router.post("/accounts/{account_id}/codes/voice", dependencies=KEEPERS)
def by_call(request: Request, here: HereNow, account_id: str, endpoint: Text = "") -> Response:
    """From calls to a telephone number that a provider takes and writes down."""
    try:
        _choose(here, account_id, "voice", endpoint, {})
    except SAID as no:
        return _page(request, here, account_id, error=no)
    return RedirectResponse(f"/accounts/{account_id}/codes?done=1", 303)


@router.post("/accounts/{account_id}/codes/recovery", dependencies=KEEPERS)
def by_recovery_code(request: Request, here: HereNow, account_id: str, codes: Secret = "", use: Text = "") -> Response:
    """The portal's recovery codes go into the vault; `use`: from now on a sign-in takes one of them."""
    try:
        kept = recovery.parsed(codes)
        with here.unit() as work:
            row = _kept(work, account_id)
            require(work, Permission.SECRET_STORE, account=row)
            recovery.keep(work, here.portunus.vault, row, kept)
            if use:
                directory.prefer_method(work, row, Method("recovery"))
    except SAID as no:
        return _page(request, here, account_id, error=no)
    if not use:
        return _page(
            request, here, account_id, said=f"{len(kept)} recovery codes are stored, for the day they are needed."
        )
    return RedirectResponse(f"/accounts/{account_id}/codes?done=1", 303)


@router.post("/accounts/{account_id}/codes/totp", dependencies=KEEPERS)
def by_authenticator(
    request: Request,
    here: HereNow,
    account_id: str,
    seed: Secret = "",
    digits: Text = "6",
    algorithm: Text = "SHA1",
    period: Text = "30",
    shown: Text = "",
    picture: UploadFile | None = None,
) -> Response:
    """From a seed, typed or in the picture of its QR code, proved with the code that another device shows now.

    Digits, algorithm and seconds are of a seed typed as letters; an address or picture says its own.

    Tells when that device's clock and ours disagree.
    """
    said = ""
    try:
        if picture is not None and picture.size:
            if seed:
                raise Incomplete("Give either the picture or the letters, not both.")
            seed = qrpicture.seed_in(picture.file.read(qrpicture.LARGEST_BYTES + 1))
        elif seed and not seed.strip().lower().startswith("otpauth:"):
            seed = "otpauth://totp/typed?" + urlencode(
                {"secret": "".join(seed.split()), "digits": digits, "algorithm": algorithm, "period": period}
            )
        with here.unit() as work:
            apart = authenticator.keep_seed(work, here.portunus.vault, _kept(work, account_id), seed, shown)
        said = authenticator.clocks_apart(apart)
    except SAID as no:
        return _page(request, here, account_id, error=no)
    if said:
        return _page(request, here, account_id, said=said)
    return RedirectResponse(f"/accounts/{account_id}/codes?done=1", 303)


@router.post("/accounts/{account_id}/codes/desk", dependencies=KEEPERS)
def by_hand(request: Request, here: HereNow, account_id: str, pattern: Text = ANY_FORM, by: Text = "") -> Response:
    """A person receives it and types it in at the code desk, or does there what the portal wants (`by`)."""
    try:
        if by not in BY:
            raise Incomplete("Choose what the person does.")
        with here.unit() as work:
            row = _kept(work, account_id)
            rule = templates.checked({"pattern": pattern or ANY_FORM}) | ({"by": by} if by else {})
            line = f"provider line {row.portal.provider_line}" if row.portal.provider_line else ""
            directory.prefer_method(work, row, Method("desk", None, line if by == "provider_line" else "", rule))
    except SAID as no:
        return _page(request, here, account_id, error=no)
    return RedirectResponse(f"/accounts/{account_id}/codes?done=1", 303)


@router.post("/accounts/{account_id}/codes/questions", dependencies=KEEPERS)
def security_question(
    request: Request, here: HereNow, account_id: str, question: Secret = "", answer: Secret = ""
) -> Response:
    """One more question of the portal with its answer, beside those stored."""
    try:
        with here.unit() as work:
            row = _kept(work, account_id)
            require(work, Permission.SECRET_STORE, account=row)
            questions.keep(work, here.portunus.vault, row, {" ".join(question.split()): answer.strip()})
    except SAID as no:
        return _page(request, here, account_id, error=no)
    return _page(request, here, account_id, said="The answer is stored. It is typed when the portal asks exactly this.")


def _asked(work: Unit, account: PortalAccount) -> dict[str, Any] | None:
    """The new authenticator that is under way, for the page."""
    row = enrolment.of_account(work, account.id)
    if row is None:
        return None
    return {
        "id": row.id,
        "state": row.state,
        "asked_by": row.asked_by_name,
        "mine": row.asked_by == work.actor.id,
        "approved_by": row.approved_by_name,
        "until": row.expires_at.strftime("%H:%M") if row.expires_at else "",
    }


def _choose(here: Here, account_id: str, channel: str, endpoint_id: str, own: dict[str, str]) -> None:
    with here.unit() as work:
        row = _kept(work, account_id)
        endpoint = work.db.get(DeliveryEndpoint, endpoint_id) if endpoint_id else None
        if endpoint is None or endpoint.organization_id != row.organization_id:
            raise Incomplete("Choose one of the organization's channels; add it under Channels first.")
        before = next((one for one in row.mfa_methods if one.channel == channel), None)
        kept = {name: value for name, value in (before.template if before else {}).items() if name in templates.SHAPE}
        saved = templates.newest(work, row.organization_id, row.portal_id, channel)
        rule = {**kept, **own, "pattern": kept.get("pattern", r"\d{6}")}
        if templates.lacking(channel, saved.rule if saved else kept):
            what = {"email": "mails", "sms": "text messages", "voice": "calls"}[channel]
            raise Incomplete(f"First say what this portal's {what} look like: the link stands below the form.")
        directory.prefer_method(
            work, row, Method(channel, endpoint.id, endpoints.masked(own.get("alias") or endpoint.address), rule)
        )


def _own(row: PortalAccount, channel: str) -> dict[str, Any]:
    """What tells this login's messages from those of others, as it was said last."""
    return next((dict(one.template) for one in row.mfa_methods if one.channel == channel), {})


def _kept(work: Unit, account_id: str) -> PortalAccount:
    row = directory.account_by_id(work, account_id)
    require(work, Permission.ACCOUNT_MANAGE, account=row)
    return row


def _page(
    request: Request, here: Here, account_id: str, *, error: BrokerError | None = None, said: str = ""
) -> Response:
    with here.reading() as work:
        row = _kept(work, account_id)
        known = work.db.scalars(
            select(DeliveryEndpoint)
            .where(DeliveryEndpoint.organization_id == row.organization_id)
            .order_by(DeliveryEndpoint.name)
        ).all()
        now = row.mfa_methods[0] if row.mfa_methods else None
        by = str(now.template.get("by", "")) if now and now.channel == "desk" else ""
        values = {
            "ways": BY,
            "by": by,
            "provider_line": row.portal.provider_line or "",
            "recovery_left": row.recovery_codes_left,
            "recovery_warning": recovery.warning(row.recovery_codes_left),
            "account": {
                "id": row.id,
                "portal": row.portal.name,
                "portal_key": row.portal.key,
                "username": row.username,
            },
            "now": in_words(now.channel, by) if now else "no second factor",
            "at": now.endpoint.name if now and now.endpoint else "",
            "kind": kinds.kind_of(now.channel, by) if now else "desk",
            "template": dict(now.template) if now else {},
            "own": {channel: _own(row, channel) for channel in ("email", "sms", "voice")},
            "has_answers": questions.stored(work, here.portunus.vault, row),
            "mailboxes": [(one.id, one.name, one.address) for one in known if one.kind == "mailbox"],
            "phones": [(one.id, one.name, one.address) for one in known if one.kind == "phone"],
            "enrolment": _asked(work, row),
            "stores": Permission.SECRET_STORE in here.held,
            "has_seed": here.portunus.vault.has(work, "portal_account", row.id, "totp_seed"),
        }
    said = said or ("Stored. The next sign-in gets its code this way." if request.query_params.get("done") else "")
    return page(
        request,
        "account_codes.html",
        status=error.status if error else 200,
        error=error.message if error else "",
        said=said,
        **values,
    )

"""The channels' pages: rows found within reach, added, and shown with health, users and last messages."""

from typing import Any

from fastapi import Request
from sqlalchemy import select
from starlette.responses import Response

from api.access import Here
from api.pages import page
from broker.base.errors import BrokerError, Conflict, NotFound
from broker.base.unit import Unit
from broker.codes import service as codes
from broker.codes import timing
from broker.codes.consent import PROVIDERS
from broker.directory import endpoints
from broker.directory import service as directory
from broker.directory.models import DeliveryEndpoint, MfaMethod
from broker.identity.policy import NOTHING_THERE, Permission, organization_of, reach

UNSET = {
    "provider": "standard",
    "host": "",
    "port": 993,
    "tls": True,
    "username": "",
    "folder": "INBOX",
    "trusted_authserv": None,
}


def add(work: Unit, kind: str, name: str, address: str, settings: dict[str, Any], custodian: str) -> DeliveryEndpoint:
    """A new channel of the actor's organization. Raises `Conflict` (not hers to add, or there already), `Incomplete`."""
    where = reach(work, Permission.ACCOUNT_MANAGE)
    organization = where.organization_id or organization_of(work)
    if not organization or (not where.everywhere and where.organization_id is None):
        raise Conflict("Only who administers the whole organization can add a channel.")
    kept = endpoints.address(kind, address)
    taken = select(DeliveryEndpoint.id).where(DeliveryEndpoint.kind == kind, DeliveryEndpoint.address == kept)
    if work.db.scalar(taken.limit(1)):
        raise Conflict("There is a channel with this address already.")
    return directory.create_endpoint(
        work, organization, kind=kind, name=name or kept, address=kept, settings=settings, custodian=custodian or None
    )


def store(here: Here, work: Unit, row: DeliveryEndpoint, field: str, value: str) -> None:
    """Put a channel's secret into the vault."""
    here.portunus.vault.put(work, row.organization_id, "delivery_endpoint", row.id, field, value.encode())


def kept_row(work: Unit, endpoint_id: str) -> DeliveryEndpoint:
    """A channel of the actor's own organization. Raises `NotFound`."""
    row = work.db.get(DeliveryEndpoint, endpoint_id)
    where = reach(work, Permission.ACCOUNT_MANAGE)
    if row is None or not (where.everywhere or row.organization_id == where.organization_id):
        raise NotFound(NOTHING_THERE)
    return row


def list_page(request: Request, here: Here, error: BrokerError | None = None) -> Response:
    """All of them, those in trouble first."""
    with here.reading() as work:
        where = reach(work, Permission.ACCOUNT_MANAGE)
        query = select(DeliveryEndpoint).order_by(DeliveryEndpoint.kind, DeliveryEndpoint.name)
        if not where.everywhere:
            query = query.where(DeliveryEndpoint.organization_id == (where.organization_id or ""))
        rows = [_shown(here, work, row) for row in work.db.scalars(query)]
    rows.sort(key=lambda row: row["health"] not in ("down", "unlinked", "gone"))
    said = error.message if error else ""
    return page(
        request,
        "channels.html",
        status=error.status if error else 200,
        rows=rows,
        error=said,
        providers=PROVIDERS,
        back=consent_back(here),
    )


def consent_back(here: Here) -> str:
    """Where a mail provider sends its user back to; registered there with the client id."""
    return f"{here.portunus.settings.public_url}/channels/consent/back"


def one_page(
    request: Request,
    here: Here,
    endpoint_id: str,
    *,
    error: BrokerError | None = None,
    secret: str = "",
    consent_url: str = "",
) -> Response:
    """One of them. `secret`: a key that was just made; `consent_url`: where the mailbox's owner is to be asked."""
    with here.reading() as work:
        row = kept_row(work, endpoint_id)
        shown = _shown(here, work, row)
        messages = codes.messages(work, [row.id], limit=15)
    return page(
        request,
        "channel.html",
        status=error.status if error else 200,
        row=shown,
        messages=messages,
        secret=secret,
        consent_url=consent_url,
        back=consent_back(here),
        hook=f"{here.portunus.settings.public_url}/hooks/sms/{row.address.lstrip('+')}",
        voice_hook=f"{here.portunus.settings.public_url}/hooks/voice/{row.address.lstrip('+')}",
        error=error.message if error else "",
    )


def _shown(here: Here, work: Unit, row: DeliveryEndpoint) -> dict[str, Any]:
    consent = row.settings.get("consent")
    field = {"mailbox": "client_secret" if consent else "mailbox_password", "phone": "webhook_secret"}.get(row.kind)
    stored = here.portunus.vault.set_at(work, "delivery_endpoint", row.id, field) if field else None
    users = work.db.scalars(select(MfaMethod).where(MfaMethod.endpoint_id == row.id, MfaMethod.preference == 0)).all()
    return {
        "id": row.id,
        "kind": row.kind,
        "name": row.name,
        "address": row.address,
        "custodian": row.custodian or "",
        "settings": UNSET | row.settings,
        "health": row.health,
        "health_words": row.health_words or "",
        "health_at": row.health_at,
        "consent": consent and PROVIDERS[consent["provider"]].name,
        "stored_at": stored[0] if stored else None,
        "logins": sorted(f"{one.account.portal.name} {one.account.username}" for one in users),
        "clock_s": _clock(row),
    }


def _clock(row: DeliveryEndpoint) -> int:
    """By how many seconds the mail server's clock seems to be off."""
    return round(timing.clock_error(row.cursor.get("lags", [])).total_seconds())

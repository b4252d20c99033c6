"""The channels' pages: rows found within reach, added, and shown with health, users and last messages."""

from collections.abc import Sequence
from typing import Any

from fastapi import Request
from sqlalchemy import select
from starlette.responses import Response

from api.access import Here
from api.channel_kinds import KINDS, POSTERS
from api.pages import page
from broker.base.errors import BrokerError, Conflict, NotFound
from broker.base.unit import Unit
from broker.codes import arrivals, kinds, timing
from broker.codes.consent import PROVIDERS, tenant_of
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
    endpoints.refuse_taken(work, organization, kind, kept, settings.get("folder") or "INBOX")
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
    if (
        row is None
        or row.kind == endpoints.REMOVED
        or not (where.everywhere or row.organization_id == where.organization_id)
    ):
        raise NotFound(NOTHING_THERE)
    return row


def own_rows(work: Unit) -> Sequence[DeliveryEndpoint]:
    """The channels of the actor's own organization, by kind and name."""
    where = reach(work, Permission.ACCOUNT_MANAGE)
    query = select(DeliveryEndpoint).where(DeliveryEndpoint.kind != endpoints.REMOVED)
    query = query.order_by(DeliveryEndpoint.kind, DeliveryEndpoint.name)
    if not where.everywhere:
        query = query.where(DeliveryEndpoint.organization_id == (where.organization_id or ""))
    return work.db.scalars(query).all()


def list_page(request: Request, here: Here, said: str = "") -> Response:
    """The kinds, and all mailboxes and numbers, those in trouble first."""
    with here.reading() as work:
        rows = [shown(here, work, row) for row in own_rows(work)]
        found = kinds.kinds(work)
    rows.sort(key=lambda row: row["health"] not in ("down", "unlinked", "gone"))
    return page(request, "channels.html", rows=rows, kinds=[(KINDS[key], one) for key, one in found.items()], said=said)


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
        told = shown(here, work, row)
        messages = arrivals.last(work, here.portunus.vault, row, 15)
    return page(
        request,
        "channel.html",
        status=error.status if error else 200,
        row=told,
        messages=messages,
        after=messages[0].id if messages else "",
        secret=secret,
        consent_url=consent_url,
        back=consent_back(here),
        posters=POSTERS,
        hook=f"{here.portunus.settings.public_url}/hooks/sms/{row.address.lstrip('+')}",
        voice_hook=f"{here.portunus.settings.public_url}/hooks/voice/{row.address.lstrip('+')}",
        error=error.message if error else "",
    )


def shown(here: Here, work: Unit, row: DeliveryEndpoint) -> dict[str, Any]:
    """A channel as its pages show it; no secret."""
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
        "client_id": consent["client_id"] if consent else "",
        "tenant": tenant_of(consent) if consent else "",
        "stored_at": stored[0] if stored else None,
        "logins": sorted(f"{one.account.portal.name} {one.account.username}" for one in users),
        "clock_s": _clock(row),
    }


def _clock(row: DeliveryEndpoint) -> int:
    """By how many seconds the mail server's clock seems to be off."""
    return round(timing.clock_error(row.cursor.get("lags", [])).total_seconds())

"""Webhooks: who is told, what about, and how often it is tried. A message names a lookup and its state; never a patient."""

import base64
import json
import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from sqlalchemy import select, update

from broker.audit import service as audit
from broker.audit.acts import Act
from broker.base.db import changed
from broker.base.errors import Incomplete, NotFound, Refused
from broker.base.ids import new_id
from broker.base.unit import Unit
from broker.identity.policy import NOTHING_THERE, Permission, organization_of, reach, require
from broker.lookups.models import WebhookDelivery, WebhookSubscription
from broker.vault.service import Vault

OWNER, FIELD = "webhook_subscription", "webhook_secret"
PREFIX = "whsec_"
"""Of a secret in its base64 form: Standard Webhooks."""
MOST = 10
TRIES = (5, 30, 120, 600, 1800, 7200, 21600, 43200)
"""Seconds between tries; then it is given up. The API still has every result."""
STUCK = timedelta(minutes=2)


@dataclass(frozen=True)
class Message:
    """One message, ready to be signed and posted."""

    id: str
    subscription_id: str
    url: str
    secret: str
    body: str
    tries: int


def subscribe(work: Unit, vault: Vault, url: str) -> tuple[WebhookSubscription, str]:
    """A new subscriber and its signing secret, shown this once.

    Raises `Incomplete` for an address that is not https, `Refused` for who may not ask at every location.
    """
    _require_whole(work)
    organization = organization_of(work) or ""
    parts = urlsplit(url)
    local = parts.hostname in ("127.0.0.1", "localhost", "::1")
    if not parts.hostname or parts.username or parts.scheme not in (("https", "http") if local else ("https",)):
        raise Incomplete("A webhook's address begins with https:// and holds no password.")
    if len(of_organization(work)) >= MOST:
        raise Incomplete(f"There are {MOST} webhooks already. End one first.")
    row = WebhookSubscription(
        id=new_id("whk"),
        organization_id=organization,
        url=url[:500],
        created_by=work.actor.id,
        created_at=work.clock.now(),
        ended_at=None,
    )
    work.db.add(row)
    secret = os.urandom(24)
    vault.put(work, organization, OWNER, row.id, FIELD, secret)
    audit.record(work, Act.WEBHOOK_CREATED, "webhook", row.id, detail={"host": parts.hostname})
    return row, PREFIX + base64.b64encode(secret).decode()


def of_organization(work: Unit) -> list[WebhookSubscription]:
    """The actor's organization's subscribers. Raises `Refused` for who may not ask at every location."""
    _require_whole(work)
    return list(
        work.db.scalars(
            select(WebhookSubscription).where(
                WebhookSubscription.organization_id == (organization_of(work) or ""),
                WebhookSubscription.ended_at.is_(None),
            )
        )
    )


def unsubscribe(work: Unit, vault: Vault, subscription_id: str) -> None:
    """Nothing more is sent; the secret is destroyed. Raises `NotFound`, `Refused`."""
    _require_whole(work)
    row = work.db.get(WebhookSubscription, subscription_id)
    if row is None or row.ended_at is not None or row.organization_id != organization_of(work):
        raise NotFound(NOTHING_THERE)
    row.ended_at = work.clock.now()
    vault.destroy(work, OWNER, row.id, FIELD)
    audit.record(work, Act.WEBHOOK_ENDED, "webhook", row.id)


def _require_whole(work: Unit) -> None:
    """Subscribers hear of every lookup of the organization: not for who may ask at one of its locations only."""
    require(work, Permission.LOOKUP_RUN, anywhere=True)
    where = reach(work, Permission.LOOKUP_RUN)
    if not where.everywhere and where.organization_id is None:
        work.denials.append(f"{Permission.LOOKUP_RUN.value} webhooks")
        raise Refused("Webhooks tell of every location's lookups: your roles hold for some locations only.")


def tell(work: Unit, organization_id: str, event: str, thing_id: str) -> None:
    """Note a message for every subscriber of the organization; it goes out after the commit."""
    now = work.clock.now()
    for row in work.db.scalars(
        select(WebhookSubscription).where(
            WebhookSubscription.organization_id == organization_id, WebhookSubscription.ended_at.is_(None)
        )
    ):
        message = WebhookDelivery(
            id=new_id("msg"),
            subscription_id=row.id,
            event=event,
            thing_id=thing_id,
            state="waiting",
            next_at=now,
            created_at=now,
            status=None,
        )
        work.db.add(message)
        work.enqueue("send_webhook", message.id)


def claim(work: Unit, vault: Vault, message_id: str) -> Message | None:
    """Take a message that is due, once. None when it is not there to take."""
    now = work.clock.now()
    taken = work.db.execute(
        update(WebhookDelivery)
        .where(WebhookDelivery.id == message_id, WebhookDelivery.state == "waiting", WebhookDelivery.next_at <= now)
        .values(state="sending", tries=WebhookDelivery.tries + 1, next_at=now + STUCK)
    )
    if changed(taken) == 0:
        return None
    row = work.db.get_one(WebhookDelivery, message_id, populate_existing=True)
    to = work.db.get_one(WebhookSubscription, row.subscription_id)
    if to.ended_at is not None:
        row.state = "given_up"
        return None
    secret = vault.use(work, OWNER, to.id, FIELD, purpose="sign a webhook")
    thing = {
        "id": row.thing_id,
        "href": f"/api/v1/{'lookup-batches' if row.thing_id.startswith('bat') else 'lookups'}/{row.thing_id}",
    }
    body = json.dumps({"type": row.event, "timestamp": row.created_at.isoformat(), "data": thing})
    return Message(row.id, to.id, to.url, PREFIX + base64.b64encode(secret).decode(), body, row.tries)


def answered(work: Unit, message_id: str, status: int | None) -> None:
    """What the subscriber said (None: nothing). 2xx is taken; 410 ends the subscription; anything else is tried again."""
    row = work.db.get_one(WebhookDelivery, message_id)
    row.status = status
    if status is not None and 200 <= status < 300:
        row.state = "sent"
        return
    if status == 410 or row.tries > len(TRIES):
        row.state = "given_up"
        if status == 410:
            work.db.get_one(WebhookSubscription, row.subscription_id).ended_at = work.clock.now()
            audit.record(work, Act.WEBHOOK_ENDED, "webhook", row.subscription_id, outcome="gone")
        return
    row.state, row.next_at = "waiting", work.clock.now() + timedelta(seconds=TRIES[row.tries - 1])


def due(work: Unit, limit: int = 200) -> list[str]:
    """Messages to send now; those whose sender died in between count as not sent."""
    now = work.clock.now()
    work.db.execute(
        update(WebhookDelivery)
        .where(WebhookDelivery.state == "sending", WebhookDelivery.next_at <= now)
        .values(state="waiting")
    )
    return list(
        work.db.scalars(
            select(WebhookDelivery.id)
            .where(WebhookDelivery.state == "waiting", WebhookDelivery.next_at <= now)
            .order_by(WebhookDelivery.next_at)
            .limit(limit)
        )
    )


def forget(work: Unit, before: datetime) -> None:
    """Messages that are long over."""
    for row in work.db.scalars(
        select(WebhookDelivery)
        .where(WebhookDelivery.state.in_(("sent", "given_up")), WebhookDelivery.created_at < before)
        .limit(1000)
    ):
        work.db.delete(row)

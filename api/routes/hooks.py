"""Text messages, posted by an SMS provider: verified, bounded, each counted once; the answer tells a forger nothing."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import APIRouter, Request, Response
from sqlalchemy import func, select
from standardwebhooks import Webhook, WebhookVerificationError
from starlette.concurrency import run_in_threadpool

from api.access import public
from api.deps import PortunusNow
from broker.base.actor import system
from broker.base.unit import Unit
from broker.codes import service as codes
from broker.codes.matching import Arrival
from broker.codes.models import CodeMessage
from broker.directory.models import DeliveryEndpoint
from broker.wiring import Portunus

router = APIRouter()
ACTOR = system("sms")
BODY_BYTES = 16 * 1024
TEXT_CHARACTERS = 2000
PER_MINUTE = 60
TWILIO = "x-twilio-signature"


@router.post("/hooks/sms/{number}", dependencies=[public("signed by the provider", foreign=True)])
async def sms(number: str, request: Request, portunus: PortunusNow) -> Response:
    """204 for a genuine message (also the second time), 401 for anything else, 429 for a flood."""
    body = await request.body()
    if len(body) > BODY_BYTES or not number.isascii() or not number.isdigit():
        return Response(status_code=401)
    form = dict(await request.form()) if TWILIO in request.headers else {}
    headers = {name.lower(): value for name, value in request.headers.items()}
    status = await run_in_threadpool(_take, portunus, f"+{number}", headers, body, form)
    return Response(status_code=status)


def _take(portunus: Portunus, number: str, headers: dict[str, str], body: bytes, form: dict[str, Any]) -> int:
    with portunus.unit(ACTOR) as work:
        endpoint = work.db.scalar(
            select(DeliveryEndpoint).where(DeliveryEndpoint.kind == "phone", DeliveryEndpoint.address == number)
        )
        if endpoint is None or not portunus.vault.has(work, "delivery_endpoint", endpoint.id, "webhook_secret"):
            return 401
        if _flooded(work, endpoint):
            return 429
        secret = portunus.vault.use(
            work, "delivery_endpoint", endpoint.id, "webhook_secret", purpose="verify a text message"
        ).decode()
        url = f"{portunus.settings.public_url}/hooks/sms/{number.lstrip('+')}"
        arrival = (
            _twilio(endpoint, secret, url, headers, form, body, work.clock.now())
            if TWILIO in headers
            else _standard(endpoint, secret, headers, body, work.clock.now())
        )
        if arrival is None:
            return 401
        codes.receive(work, portunus.vault, endpoint, arrival)
    return 204


def _flooded(work: Unit, endpoint: DeliveryEndpoint) -> bool:
    since = work.clock.now() - timedelta(minutes=1)
    count = select(func.count()).where(CodeMessage.endpoint_id == endpoint.id, CodeMessage.received_at > since)
    return (work.db.scalar(count) or 0) >= PER_MINUTE


def _standard(
    endpoint: DeliveryEndpoint, secret: str, headers: dict[str, str], body: bytes, now: datetime
) -> Arrival | None:
    """The Standard Webhooks form (https://www.standardwebhooks.com): signature over id, timestamp and body."""
    try:
        Webhook(secret).verify(body, headers)
        told = json.loads(body)
        text, sender, number = str(told["text"]), str(told["from"]), str(told["id"])
    except (WebhookVerificationError, ValueError, KeyError, TypeError):
        return None
    return _arrival(endpoint, number, sender, text, body, now)


def _twilio(
    endpoint: DeliveryEndpoint,
    secret: str,
    url: str,
    headers: dict[str, str],
    form: dict[str, Any],
    body: bytes,
    now: datetime,
) -> Arrival | None:
    """Twilio's form: HMAC-SHA1 over the address and the sorted parameters (twilio.com/docs/usage/security)."""
    signed = url + "".join(f"{name}{form[name]}" for name in sorted(form))
    expected = base64.b64encode(hmac.digest(secret.encode(), signed.encode(), hashlib.sha1)).decode()
    if not hmac.compare_digest(expected.encode(), headers[TWILIO].encode()):  # bytes: a header may hold any letter
        return None
    try:
        return _arrival(endpoint, str(form["MessageSid"]), str(form["From"]), str(form["Body"]), body, now)
    except KeyError:
        return None


def _arrival(endpoint: DeliveryEndpoint, number: str, sender: str, text: str, body: bytes, now: datetime) -> Arrival:
    return Arrival(
        endpoint_id=endpoint.id,
        channel="sms",
        external_id=number,
        sender=sender.lower(),
        trusted=True,
        recipients=frozenset(),
        subject="",
        text=text[:TEXT_CHARACTERS],
        received_at=now.astimezone(UTC),
        raw_digest=hashlib.sha256(body).hexdigest(),
    )

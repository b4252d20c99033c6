"""Text messages and calls, posted by a provider: verified, bounded, each counted once; the answer tells a forger nothing."""

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request, Response
from sqlalchemy import func, select
from standardwebhooks import Webhook, WebhookVerificationError
from starlette.concurrency import run_in_threadpool

from api.access import public
from api.deps import PortunusNow
from broker.base.actor import system
from broker.base.unit import Unit
from broker.codes import service as codes
from broker.codes import spoken
from broker.codes.matching import Arrival
from broker.codes.models import CodeMessage
from broker.directory.models import DeliveryEndpoint
from broker.wiring import Portunus

router = APIRouter()
ACTOR = system("sms")
BODY_BYTES = 16 * 1024
TEXT_CHARACTERS = 2000
RECORDING_CHARACTERS = 500
FIELDS = 200
MINUTE = timedelta(minutes=1)
PER_SENDER = 60
PER_NUMBER = 600
"""Text messages a minute."""
SMS_PATH, VOICE_PATH = "/hooks/sms/", "/hooks/voice/"
SECRET_CHARACTERS = 16
"""A shorter secret could be guessed: nothing signed with one is believed."""
TWILIO = "x-twilio-signature"
GATEWAY = "x-signature"
GATEWAY_TIME = "x-timestamp"
GATEWAY_AGE_S = 300
LAST = {"sms": "text message", "voice": "call"}
NOT_WRITTEN_DOWN = (
    "A call was recorded, and nobody wrote down what it says: listen to it at the provider, and type the code."
)
ANOTHER_NUMBER = (
    "Messages to another number are posted to this one's address, and not used: check at the provider which address "
    "each number has."
)
NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Post:
    """What came, before anybody vouches for it."""

    number: str
    """Digits, without the plus sign."""
    headers: dict[str, str]
    body: bytes
    at: datetime = NEVER
    """When it came, by our clock."""
    way: str = "sms"
    """sms or voice."""


@router.post(SMS_PATH + "{number}", dependencies=[public("signed by the provider", foreign=True)])
async def sms(number: str, request: Request, portunus: PortunusNow) -> Response:
    """204 for a genuine message (also the second time), 422 for one to another number, 429 for a flood, else 401.

    `api/sms_gate.py` has let through only what is signed and short; it is judged once more, against the stored key.
    """
    return await _answered("sms", number, request, portunus)


@router.post(VOICE_PATH + "{number}", dependencies=[public("signed by the provider", foreign=True)])
async def voice(number: str, request: Request, portunus: PortunusNow) -> Response:
    """A call that the provider wrote down, or only recorded; answers as for text messages."""
    return await _answered("voice", number, request, portunus)


async def _answered(way: str, number: str, request: Request, portunus: Portunus) -> Response:
    headers = {name.lower(): value for name, value in request.headers.items()}
    post = Post(number, headers, await request.body(), portunus.clock.now(), way)
    return Response(status_code=await run_in_threadpool(_take, portunus, post))


def _take(portunus: Portunus, post: Post) -> int:
    url = f"{portunus.settings.public_url}/hooks/{post.way}/{post.number}"
    with portunus.unit(ACTOR) as work:
        endpoint = work.db.scalar(
            select(DeliveryEndpoint).where(
                DeliveryEndpoint.kind == "phone", DeliveryEndpoint.address == f"+{post.number}"
            )
        )
        if endpoint is None or not portunus.vault.has(work, "delivery_endpoint", endpoint.id, "webhook_secret"):
            return 401
        arrival = (_arrival if post.way == "sms" else _call)(endpoint, post, work.clock.now())
        if arrival is not None and _flooded(work, endpoint, arrival.sender):
            return 429
        if arrival is None or not portunus.vault.verify_with(
            work,
            "delivery_endpoint",
            endpoint.id,
            "webhook_secret",
            lambda secret: signed(post, secret.decode(errors="replace"), url),
            purpose="verify a text message" if post.way == "sms" else "verify a call",
        ):
            return 401
        if _for_another_number(arrival, endpoint):
            endpoint.health_words, endpoint.health_at = ANOTHER_NUMBER, work.clock.now()
            return 422
        codes.receive(work, portunus.vault, endpoint, arrival)
        endpoint.health, endpoint.health_words = "up", f"Its last {LAST[post.way]} came, signed as it must be."
        endpoint.health_at = work.clock.now()
    return 204


def _for_another_number(arrival: Arrival, endpoint: DeliveryEndpoint) -> bool:
    """Whether the provider says that it was sent to another number. One key often serves all numbers of a practice."""
    return any(_digits(number) != _digits(endpoint.address) for number in arrival.addressed)


def _digits(number: str) -> str:
    return "".join(letter for letter in number if letter.isdigit())


def _flooded(work: Unit, endpoint: DeliveryEndpoint, sender: str) -> bool:
    """Whether too many came in the last minute. Anybody can write to a telephone: the provider signs that too.

    A sender whose code is waited for is limited by its own messages only: others cannot use up its turn.
    """
    since = work.clock.now() - MINUTE
    recent = select(func.count()).where(CodeMessage.endpoint_id == endpoint.id, CodeMessage.received_at > since)
    if (work.db.scalar(recent.where(CodeMessage.sender == sender[:200])) or 0) >= PER_SENDER:
        return True
    return (work.db.scalar(recent) or 0) >= PER_NUMBER and not codes.expects(work, endpoint.id, sender)


def signed(post: Post, secret: str, url: str) -> bool:
    """Whether the post bears a signature by this key, in the form of the provider that posts."""
    if len(secret.removeprefix("whsec_")) < SECRET_CHARACTERS:
        return False
    if TWILIO in post.headers:
        return _signed_by_twilio(post, secret, url)
    return _signed_by_gateway(post, secret) if GATEWAY in post.headers else _signed_by_standard(post, secret)


def _signed_by_gateway(post: Post, secret: str) -> bool:
    """SMS Gateway for Android (docs.sms-gate.app, Webhooks): HMAC-SHA256 in hexadecimal over body and timestamp."""
    stamp = post.headers.get(GATEWAY_TIME, "")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
        return False
    if abs(int(stamp) - post.at.timestamp()) > GATEWAY_AGE_S:
        return False
    expected = hmac.digest(secret.encode(), post.body + stamp.encode(), "sha256").hex()
    return hmac.compare_digest(expected.encode(), post.headers[GATEWAY].lower().encode())


def _signed_by_standard(post: Post, secret: str) -> bool:
    """The Standard Webhooks form (https://www.standardwebhooks.com): signature over id, timestamp and body."""
    try:
        Webhook(secret).verify(post.body, post.headers)
    except (WebhookVerificationError, ValueError, RuntimeError):
        return False
    return True


def _signed_by_twilio(post: Post, secret: str, url: str) -> bool:
    """Twilio's form: HMAC-SHA1 over the address and the sorted parameters (twilio.com/docs/usage/security)."""
    form = _form(post.body)
    if form is None:
        return False
    signed = url + "".join(f"{name}{value}" for name in sorted(form) for value in sorted(set(form[name])))
    expected = base64.b64encode(hmac.digest(secret.encode(), signed.encode(), hashlib.sha1))
    return hmac.compare_digest(expected, post.headers[TWILIO].encode())  # bytes: a header may hold any letter


def _form(body: bytes) -> dict[str, list[str]] | None:
    """The fields of a URL-encoded form; None for anything else (Twilio sends nothing else)."""
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=FIELDS
        )
    except ValueError:
        return None
    form: dict[str, list[str]] = {}
    for name, value in pairs:
        form.setdefault(name, []).append(value)
    return form


def _arrival(endpoint: DeliveryEndpoint, post: Post, now: datetime) -> Arrival | None:
    """The message in a post whose signature is right; None when it is no text message."""
    try:
        if TWILIO in post.headers:
            form = _form(post.body) or {}
            message_id, sender, text = form["MessageSid"][0], form["From"][0], form["Body"][0]
            to, had_at = form["To"][0], None
        elif GATEWAY in post.headers:
            told = json.loads(post.body)["payload"]
            message_id = f"sha256:{hashlib.sha256(post.body).hexdigest()}"  # the app's own ids repeat with the text
            sender, text = str(told["phoneNumber"]), str(told["message"])
            to, had_at = told.get("recipient"), _moment(told.get("receivedAt"))
        else:
            told = json.loads(post.body)
            message_id, sender, text = post.headers["webhook-id"], str(told["from"]), str(told["text"])
            to, had_at = told.get("to"), _moment(told.get("received_at"))
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return Arrival(
        endpoint_id=endpoint.id,
        channel="sms",
        external_id=message_id,
        sender=sender.lower(),
        trusted=True,
        recipients=frozenset(),
        subject="",
        text=text[:TEXT_CHARACTERS],
        received_at=now.astimezone(UTC),
        raw_digest=hashlib.sha256(post.body).hexdigest(),
        addressed=_whole(to),
        existed_at=had_at,
    )


def _whole(number: object) -> frozenset[str]:
    """A number with its country; telephones also tell their own in shorter forms, which say nothing."""
    return frozenset({number}) if isinstance(number, str) and number.startswith("+") else frozenset()


def _moment(told: object) -> datetime | None:
    """When the telephone had it, if it says so in ISO 8601 with its offset from UTC."""
    try:
        moment = datetime.fromisoformat(str(told))
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo is not None else None


def _call(endpoint: DeliveryEndpoint, post: Post, now: datetime) -> Arrival | None:
    """The call in a post whose signature is right: what was said, with digits as digits; None when it is no call.

    Twilio: the transcription callback, and the recording status callback, which has no words.
    """
    recording = ""
    try:
        if TWILIO in post.headers:
            form = {name: values[0] for name, values in (_form(post.body) or {}).items()}
            call_id = form.get("TranscriptionSid") or form["RecordingSid"]
            caller, said, to = form.get("From", ""), form.get("TranscriptionText", ""), form.get("To")
            recording = form.get("RecordingUrl", "")
        elif GATEWAY in post.headers:
            return None
        else:
            told = json.loads(post.body)
            call_id, caller = post.headers["webhook-id"], str(told["from"])
            said, to = str(told.get("transcript") or ""), told.get("to")
            recording = str(told.get("recording") or "")
            if not said and not recording:
                return None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return Arrival(
        endpoint_id=endpoint.id,
        channel="voice",
        external_id=f"call:{call_id}",
        sender=caller.lower()[:200],
        trusted=True,
        recipients=frozenset(),
        subject="",
        text=spoken.written(said)[:TEXT_CHARACTERS],
        received_at=now.astimezone(UTC),
        raw_digest=hashlib.sha256(post.body).hexdigest(),
        unreadable=None if said.strip() else NOT_WRITTEN_DOWN,
        recording=recording if len(recording) <= RECORDING_CHARACTERS and recording.isprintable() else "",
        addressed=_whole(to),
    )

"""The gate before the text-message webhook: a forged post is answered here, before any database work.

The keys of all telephones are read together, at most once a second however many forged posts come, so that
neither a flood nor invented numbers cost more than the arithmetic of one signature. What passes is judged once more by
the route, against the stored key.
"""

import asyncio
import hashlib
import time
from collections import OrderedDict
from dataclasses import dataclass, field

import structlog
from sqlalchemy import select
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.routes.hooks import BODY_BYTES, SMS_PATH, VOICE_PATH, Post, signed
from broker.base.actor import system
from broker.directory.models import DeliveryEndpoint
from broker.vault.service import Key
from broker.wiring import Portunus

ACTOR = system("sms")
READS_PER_S = 1.0
"""How often the keys are read again when a post does not fit the ones at hand: a new key counts that soon."""
READS_AT_ONCE = 10
REMEMBERED = 2000
"""Genuine posts that are known again when they are replayed."""
TOLD_EVERY_S = 10.0
log = structlog.get_logger("sms")


@dataclass
class Allowance:
    """So many a second, and a few at once."""

    per_s: float
    most: float
    left: float = field(init=False)
    at: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.left = self.most

    def take(self) -> bool:
        """Whether one more is allowed now."""
        now = time.monotonic()
        self.left = min(self.most, self.left + (now - self.at) * self.per_s)
        self.at = now
        if self.left < 1:
            return False
        self.left -= 1
        return True


class SmsGate:
    """ASGI layer: lets through to `app` what bears a telephone's own signature, and everything that is no text message."""

    def __init__(self, app: ASGIApp, portunus: Portunus) -> None:
        self.app = app
        self._portunus = portunus
        self._keys: dict[str, Key] = {}
        self._reads = Allowance(READS_PER_S, READS_AT_ONCE)
        self._reading = asyncio.Lock()
        self._taken: OrderedDict[bytes, None] = OrderedDict()
        self._refused = 0
        self._told_at = time.monotonic()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST" or not scope["path"].startswith((SMS_PATH, VOICE_PATH)):
            await self.app(scope, receive, send)
            return
        body = await bounded(receive)
        way, _, number = scope["path"].removeprefix("/hooks/").partition("/")
        if body is None or not (number.isascii() and number.isdigit()):
            await self._answer(scope, send, 401)
            return
        headers = {name.lower(): value for name, value in Headers(scope=scope).items()}
        post = Post(number, headers, body, self._portunus.clock.now(), way)
        digest = _digest(post)
        if digest in self._taken:
            await self._answer(scope, send, 204)  # as the first time
        elif await self._genuine(post):
            await self.app(scope, _again(body), self._noting(digest, send))
        else:
            await self._answer(scope, send, 401)

    async def _genuine(self, post: Post) -> bool:
        url = f"{self._portunus.settings.public_url}/hooks/{post.way}/{post.number}"

        def fits() -> bool:
            key = self._keys.get(post.number)
            return key is not None and key.agrees(lambda secret: signed(post, secret.decode(errors="replace"), url))

        if fits():
            return True
        if not self._reads.take():
            return False
        async with self._reading:
            if not fits():
                self._keys = await asyncio.to_thread(self._read)
        return fits()

    def _read(self) -> dict[str, Key]:
        """The keys of all telephones by their digits. One whose row was tampered with has none: nobody is believed there."""
        with self._portunus.reading(ACTOR) as work:
            phones = work.db.execute(
                select(DeliveryEndpoint.id, DeliveryEndpoint.address).where(DeliveryEndpoint.kind == "phone")
            ).all()
            keys = self._portunus.vault.keys(work, "delivery_endpoint", [row.id for row in phones], "webhook_secret")
        return {row.address.lstrip("+"): keys[row.id] for row in phones if row.id in keys}

    def _noting(self, digest: bytes, send: Send) -> Send:
        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 204:
                self._taken[digest] = None
                if len(self._taken) > REMEMBERED:
                    self._taken.popitem(last=False)
            await send(message)

        return noting

    async def _answer(self, scope: Scope, send: Send, status: int) -> None:
        """No line in the log for each: a flood would fill the disk. Refusals are counted and told together."""
        scope["state"]["unlogged"] = True
        self._refused += status == 401
        now = time.monotonic()
        if self._refused and now - self._told_at > TOLD_EVERY_S:
            log.warning("text messages refused", count=self._refused, seconds=round(now - self._told_at))
            self._refused, self._told_at = 0, now
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})


async def bounded(receive: Receive) -> bytes | None:
    """The body, or None as soon as it is longer than any text message."""
    body, more = bytearray(), True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            return None  # whoever posted is gone
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > BODY_BYTES:
            return None
    return bytes(body)


def _again(body: bytes) -> Receive:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def _digest(post: Post) -> bytes:
    told = hashlib.sha256(
        f"{post.way}\n{post.number}\n{post.headers.get('webhook-id', '')}\n".encode("utf-8", "replace")
    )
    for name in sorted(name for name in post.headers if name.endswith(("signature", "timestamp"))):
        told.update(post.headers[name].encode("utf-8", "replace") + b"\n")
    told.update(post.body)
    return told.digest()

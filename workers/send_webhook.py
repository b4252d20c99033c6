"""Task: post one webhook message, signed as Standard Webhooks says, and note what the subscriber answered."""

import ipaddress
import socket
from urllib.parse import urlsplit

import httpx2
import structlog
from standardwebhooks.webhooks import Webhook

from broker.base.actor import system
from broker.base.settings import settings
from broker.lookups import hooks
from broker.lookups.hooks import Message
from broker.wiring import Portunus

PERMISSION = "system"
TIMEOUT_S = 10.0
ACTOR = system("webhooks")
log = structlog.get_logger("webhook")


def look(portunus: Portunus, message_id: str) -> None:
    """Claimed in the database first: delivered three times it is posted once."""
    with portunus.unit(ACTOR) as work:
        message = hooks.claim(work, portunus.vault, message_id)
    if message is None:
        return
    status = post(portunus, message)
    with portunus.unit(ACTOR) as work:
        hooks.answered(work, message_id, status)
    log.info("webhook", message=message_id, status=status, tries=message.tries)


def post(portunus: Portunus, message: Message) -> int | None:
    """HTTP status, or None when there was no answer. A public name that leads into our own network is not followed."""
    parts = urlsplit(message.url)
    if not _outside(parts.hostname or ""):
        return None
    now = portunus.clock.now()
    headers = {
        "content-type": "application/json",
        "user-agent": "portunus",
        "webhook-id": message.id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(message.secret).sign(message.id, now, message.body),
    }
    try:
        with httpx2.Client(timeout=TIMEOUT_S, follow_redirects=False, trust_env=False) as client:
            return client.post(message.url, content=message.body, headers=headers).status_code
    except httpx2.HTTPError:
        return None


def _outside(host: str) -> bool:
    """Loopback is for who runs everything on one machine and said so in the address; other private places are not ours to post to."""
    if host in ("127.0.0.1", "localhost", "::1"):
        return urlsplit(settings().public_url).hostname in ("127.0.0.1", "localhost", "::1")
    try:
        found = {info[4][0] for info in socket.getaddrinfo(host, None)}
    except OSError:
        return False
    return all(ipaddress.ip_address(address).is_global for address in found)

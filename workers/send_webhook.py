"""Task: post one webhook message, signed as Standard Webhooks says, and note what the subscriber answered."""

import ipaddress
import socket
from urllib.parse import urlsplit, urlunsplit

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
LOOPBACK = ("127.0.0.1", "localhost", "::1")
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
    """HTTP status, or None when there was no answer. The name is resolved once, and only that address is connected to."""
    parts = urlsplit(message.url)
    host = parts.hostname or ""
    address = address_of(host)
    if address is None:
        return None
    now = portunus.clock.now()
    headers = {
        "host": parts.netloc,
        "content-type": "application/json",
        "user-agent": "portunus",
        "webhook-id": message.id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(message.secret).sign(message.id, now, message.body),
    }
    place = f"[{address}]" if ":" in address else address
    url = urlunsplit(parts._replace(netloc=f"{place}:{parts.port}" if parts.port else place, fragment=""))
    try:
        with httpx2.Client(timeout=TIMEOUT_S, follow_redirects=False, trust_env=False) as client:
            named = {"sni_hostname": host}  # whose certificate it must be
            return client.post(url, content=message.body, headers=headers, extensions=named).status_code
    except httpx2.HTTPError:
        return None


def address_of(host: str) -> str | None:
    """Where to connect; None for a place inside our own network.

    Loopback is for who runs everything on one machine and said so in the address.
    """
    if host in LOOPBACK:
        return host if urlsplit(settings().public_url).hostname in LOOPBACK else None
    try:
        found = [str(info[4][0]) for info in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)]
    except (OSError, UnicodeError):
        return None
    return found[0] if found and all(ipaddress.ip_address(one).is_global for one in found) else None

"""Where codes arrive: checks of what an administrator types about a mailbox, phone or desk, and changes to it."""

import re
from collections.abc import Mapping
from typing import Any

from broker.audit import service as audit
from broker.audit.acts import Act
from broker.base.errors import Incomplete
from broker.base.unit import Unit
from broker.directory import checks
from broker.directory.models import DeliveryEndpoint

HOSTNAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?|[0-9a-f:]{2,39}")
ADDRESS = re.compile(r"[^\s@<>(),:;\"\\]{1,64}@[a-z0-9.-]{1,190}", re.IGNORECASE)
NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
LOOPBACK = ("127.0.0.1", "::1", "localhost")


def mailbox_settings(values: Mapping[str, Any]) -> dict[str, Any]:
    """Host, port, TLS, user, folder and receiving server of a mailbox. Raises `Incomplete` in words."""
    host = str(values.get("host") or "").strip().lower()
    if not HOSTNAME.fullmatch(host):
        raise Incomplete("The mail server's host is a name like imap.example.com.")
    port = str(values.get("port") or "993").strip()
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise Incomplete("The port is a number; IMAP over TLS is 993.")
    tls = bool(values.get("tls", True))
    if not tls and host not in LOOPBACK:
        raise Incomplete("A mailbox on another machine is read over TLS only.")
    authserv = str(values.get("trusted_authserv") or "").strip().lower()
    if authserv and not HOSTNAME.fullmatch(authserv):
        raise Incomplete("The receiving server is the name that stands first in its Authentication-Results header.")
    return {
        "host": host,
        "port": int(port),
        "tls": tls,
        "username": checks.name(str(values.get("username") or ""), "The user name"),
        "folder": checks.name(str(values.get("folder") or "INBOX"), "The folder"),
        "trusted_authserv": authserv or None,
    }


def address(kind: str, text: str) -> str:
    """The address of an endpoint in the form it is kept. Raises `Incomplete`."""
    text = text.strip()
    if kind == "mailbox" and not ADDRESS.fullmatch(text):
        raise Incomplete("A mailbox has one e-mail address, like codes@example.com.")
    if kind == "phone":
        text = "+" + re.sub(r"[\s().-]", "", text).lstrip("+")
        if not NUMBER.fullmatch(text):
            raise Incomplete("A telephone number begins with + and the country: +1 602 555 0142.")
    return text.lower() if kind == "mailbox" else text


def change_endpoint(
    work: Unit, row: DeliveryEndpoint, *, name: str, custodian: str | None, settings: Mapping[str, Any] | None = None
) -> None:
    """What it is called, who keeps it, how it is reached; its health is unknown until it is tried again."""
    row.name = checks.name(name, "The endpoint's name", 120)
    row.custodian = checks.name(custodian, "Who keeps it", 120) if custodian else None
    if settings is not None and dict(settings) != row.settings:
        row.settings = dict(settings)
        row.health, row.health_words, row.health_at = "unknown", "Changed; it is tried now.", work.clock.now()
    audit.record(
        work, Act.ENDPOINT_CHANGED, "delivery_endpoint", row.id, location_id=row.location_id, detail={"kind": row.kind}
    )

"""Where codes arrive: checks of what an administrator types about a mailbox, phone or desk, and changes to it."""

import re
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from broker.audit import service as audit
from broker.audit.acts import Act
from broker.base.errors import Conflict, Incomplete
from broker.base.unit import Unit
from broker.directory import checks
from broker.directory.models import DeliveryEndpoint, MfaMethod

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


def masked(address: str) -> str:
    """An e-mail address or number as people recognise it and strangers cannot use it."""
    return f"{address[0]}•••@{address.rpartition('@')[2]}" if "@" in address else f"•••• {address[-4:]}"


REMOVED = "removed"


def change_endpoint(
    work: Unit,
    row: DeliveryEndpoint,
    *,
    name: str,
    custodian: str | None,
    settings: Mapping[str, Any] | None = None,
    new_address: str | None = None,
) -> None:
    """What it is called, who keeps it, how it is reached; its health is unknown until it is tried again."""
    row.name = checks.name(name, "The endpoint's name", 120)
    row.custodian = checks.name(custodian, "Who keeps it", 120) if custodian else None
    moved = new_address is not None and new_address != row.address
    if moved:
        row.address = str(new_address)
        for method in work.db.scalars(select(MfaMethod).where(MfaMethod.endpoint_id == row.id)):
            if not method.template.get("alias"):
                method.masked_destination = masked(row.address)
    if moved or (settings is not None and dict(settings) != row.settings):
        row.settings = dict(settings if settings is not None else row.settings)
        row.health, row.health_words, row.health_at = "unknown", "Changed; it is tried now.", work.clock.now()
    audit.record(
        work, Act.ENDPOINT_CHANGED, "delivery_endpoint", row.id, location_id=row.location_id, detail={"kind": row.kind}
    )


def refuse_taken(work: Unit, organization_id: str, kind: str, address: str, folder: str, but: str = "") -> None:
    """Raises `Conflict` when this mailbox folder is set up in the organization, or this number anywhere: posts name only the number."""
    same = select(DeliveryEndpoint).where(
        DeliveryEndpoint.kind == kind, DeliveryEndpoint.address == address, DeliveryEndpoint.id != but
    )
    for other in work.db.scalars(same):
        if kind == "phone" and other.organization_id != organization_id:
            raise Conflict("This number is in use here by somebody else. Ask who runs this Portunus.")
        if kind == "phone":
            raise Conflict("There is a channel with this number already.")
        if other.organization_id == organization_id and (other.settings.get("folder") or "INBOX") == folder:
            raise Conflict("There is a channel with this address and folder already.")


def remove_endpoint(work: Unit, row: DeliveryEndpoint) -> None:
    """Nothing comes to it any more; what came stays in the log. Raises `Conflict` while a login gets its codes there."""
    used = work.db.scalars(
        select(MfaMethod).where(MfaMethod.endpoint_id == row.id, MfaMethod.preference == 0).limit(5)
    ).all()
    if used:
        logins = ", ".join(f"{one.account.portal.name} {one.account.username}" for one in used)
        raise Conflict(
            f"Codes of {logins} come here. Choose another way for them first: Accounts, “How it gets its code”."
        )
    audit.record(
        work, Act.ENDPOINT_CHANGED, "delivery_endpoint", row.id, location_id=row.location_id, detail={"kind": REMOVED}
    )
    row.kind = REMOVED

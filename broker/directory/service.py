"""Find and change practices, portals, accounts and endpoints. Each change is an audit entry.

Who may do it is decided by the caller (`identity.policy` lies above this feature).
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import select

from broker.audit import service as audit
from broker.audit.acts import Act
from broker.base.errors import Conflict, Incomplete, NotFound
from broker.base.ids import new_id
from broker.base.unit import Unit
from broker.directory import checks
from broker.directory.locations import change_location, create_location, locations_of
from broker.directory.models import (
    BehaviourFact,
    Carrier,
    DeliveryEndpoint,
    Location,
    MfaMethod,
    Organization,
    Portal,
    PortalAccount,
    ScriptVersion,
)

__all__ = ["change_location", "create_location", "locations_of"]
"""What other files of this feature add to its door."""

SCRIPT_KEY = re.compile(r"(?=.{2,60}$)[a-z][a-z0-9]*(_[a-z0-9]+)*")
PROPOSED = "proposed"
"""A portal's status before anybody but its author has seen its script."""
AUTOMATION = ("attended", "assisted", "automated")
LOGIN_KINDS = ("individual", "practice_shared", "delegate", "service")
CHANNELS = ("email", "sms", "voice", "totp", "recovery", "desk")
ENDPOINT_OF = {"email": "mailbox", "sms": "phone", "voice": "phone", "desk": "desk"}


@dataclass(frozen=True)
class Fact:
    """One observed value of a portal's behaviour, with where it was seen and when."""

    value: Any
    source: str
    verified_on: date


@dataclass(frozen=True)
class Method:
    """How an account gets its codes, as an administrator says it."""

    channel: str
    endpoint_id: str | None = None
    masked_destination: str = ""
    template: Mapping[str, Any] = field(default_factory=dict)


# --- practices


def create_organization(work: Unit, name: str, kind: str = "group_practice") -> Organization:
    """Raises `Incomplete` for an impossible name."""
    row = Organization(id=new_id("org"), name=checks.name(name, "The organization's name"), kind=kind)
    work.db.add(row)
    work.db.flush()
    audit.record(work, Act.ORGANIZATION_CREATED, "organization", row.id, detail={"name": row.name})
    return row


# --- portals and their scripts


def register_portal(
    work: Unit,
    *,
    key: str,
    name: str,
    start_url: str,
    hosts: Sequence[str],
    automation: str,
    carriers: Sequence[str],
    facts: Mapping[str, Fact],
    script_digest: str,
    provider_line: str | None = None,
) -> Portal:
    """Add or update what a shipped script says about its portal; an administrator's own facts are kept, and so are address
    and hosts of a known portal: they go with the version in force (`scripts.keep_shipped`).

    A shipped script version counts as approved by the release it came with.
    """
    if automation not in AUTOMATION:
        raise Incomplete(f"The automation mode of {key} must be one of {', '.join(AUTOMATION)}.")
    row = work.db.scalar(select(Portal).where(Portal.key == key))
    told = {"name": name, "provider_line": provider_line}
    if row is None:
        row = Portal(id=new_id("por"), key=key, automation=automation, status="active", **told)
        row.start_url, row.hosts = start_url, checks.hosts(list(hosts))
        work.db.add(row)
        audit.record(work, Act.PORTAL_REGISTERED, "portal", row.id, detail={"key": key, "automation": automation})
    elif any(getattr(row, field) != value for field, value in told.items()):
        for attribute, value in told.items():
            setattr(row, attribute, value)
        audit.record(work, Act.PORTAL_CHANGED, "portal", row.id, detail={"key": key})
    if row.status == PROPOSED:
        row.status = "active"
    row.carriers = [_carrier(work, carrier) for carrier in carriers]
    work.db.flush()
    known = {fact.field: fact for fact in sorted(row.facts, key=lambda fact: fact.recorded_at)}
    for fact_name, fact in facts.items():
        latest = known.get(fact_name)
        if latest is None or (latest.recorded_by == work.actor.id and latest.value != fact.value):
            record_behaviour(work, row, fact_name, fact)
    _register_script(work, row, script_digest)
    return row


def propose_portal(
    work: Unit, *, key: str, name: str, start_url: str, hosts: Sequence[str], carriers: Sequence[str]
) -> Portal:
    """A portal that somebody has written a first script for: off until another person has approved that, and attended until
    somebody has read its terms. Raises `Incomplete` for an impossible key."""
    if not SCRIPT_KEY.fullmatch(key):
        raise Incomplete("A portal's key is the script's file name: lower-case letters, digits, single underscores.")
    row = Portal(
        id=new_id("por"),
        key=key,
        name=checks.name(name, "The portal's name"),
        start_url=start_url,
        hosts=checks.hosts(list(hosts)),
        automation="attended",
        provider_line=None,
        status=PROPOSED,
    )
    row.carriers = [_carrier(work, carrier) for carrier in carriers]
    work.db.add(row)
    work.db.flush()
    audit.record(work, Act.PORTAL_REGISTERED, "portal", row.id, detail={"key": key, "automation": "attended"})
    return row


def _carrier(work: Unit, name: str) -> Carrier:
    known = work.db.scalar(select(Carrier).where(Carrier.name == name))
    if known is None:
        known = Carrier(id=new_id("car"), name=checks.name(name, "The carrier's name"))
        work.db.add(known)
    return known


def _register_script(work: Unit, portal: Portal, digest: str) -> None:
    if work.db.get(ScriptVersion, digest):
        return
    now = work.clock.now()
    row = ScriptVersion(
        digest=digest, portal_id=portal.id, author="portunus", approved_by="release", approved_at=now, registered_at=now
    )
    work.db.add(row)
    work.db.flush()
    audit.record(work, Act.SCRIPT_REGISTERED, "script_version", digest[:32], detail={"portal": portal.key})
    audit.record(work, Act.SCRIPT_APPROVED, "script_version", digest[:32], detail={"approved_by": "release"})


def record_behaviour(work: Unit, portal: Portal, field_name: str, fact: Fact) -> None:
    """Note a newly observed value; older ones stay as history."""
    row = BehaviourFact(
        id=new_id("fact"),
        portal_id=portal.id,
        field=field_name,
        value=fact.value,
        source=fact.source,
        verified_on=fact.verified_on,
        recorded_by=work.actor.id,
        recorded_at=work.clock.now(),
    )
    work.db.add(row)
    work.db.flush()
    audit.record(work, Act.BEHAVIOUR_RECORDED, "portal", portal.id, detail={"field": field_name, "source": fact.source})


def behaviour(work: Unit, portal: Portal) -> dict[str, Any]:
    """The newest value of every known fact about the portal."""
    rows = work.db.scalars(
        select(BehaviourFact)
        .where(BehaviourFact.portal_id == portal.id)
        .order_by(BehaviourFact.recorded_at, BehaviourFact.id)
    )
    return {row.field: row.value for row in rows}


def facts_of(work: Unit, portal: Portal) -> list[BehaviourFact]:
    """The newest fact of every known field, by field."""
    rows = work.db.scalars(
        select(BehaviourFact)
        .where(BehaviourFact.portal_id == portal.id)
        .order_by(BehaviourFact.recorded_at, BehaviourFact.id)
    )
    return sorted({row.field: row for row in rows}.values(), key=lambda row: row.field)


def correct_behaviour(work: Unit, portal: Portal, field_name: str, text: str, source: str) -> None:
    """A person corrects a known value. Raises `Incomplete` for a field that is not known, another kind of value, no source."""
    known = behaviour(work, portal)
    if field_name not in known:
        raise Incomplete("That field is not in this portal's record; new fields come with its script.")
    if len(source.split()) < 2:
        raise Incomplete("Say in a few words where this is known from.")
    try:
        value = json.loads(text)
    except ValueError:
        value = text.strip()
    if type(value) is not type(known[field_name]) or (isinstance(value, int) and value < 0):
        raise Incomplete(f"The value must be of the same kind as {json.dumps(known[field_name])}.")
    record_behaviour(work, portal, field_name, Fact(value, " ".join(source.split())[:500], work.clock.now().date()))


def portal_by_key(work: Unit, key: str) -> Portal:
    """Raises `NotFound`."""
    found = work.db.scalar(select(Portal).where(Portal.key == key))
    if found is None:
        raise NotFound(f"There is no portal {key}.")
    return found


# --- endpoints and accounts


def create_endpoint(
    work: Unit,
    organization_id: str,
    *,
    kind: str,
    name: str,
    address: str,
    settings: Mapping[str, Any],
    location_id: str | None = None,
    custodian: str | None = None,
) -> DeliveryEndpoint:
    """A mailbox, phone or desk where codes arrive. Secrets go into the vault, never into `settings`."""
    if kind not in ("mailbox", "phone", "desk"):
        raise Incomplete("An endpoint is a mailbox, a phone or a desk.")
    if any("password" in word or "secret" in word for word in settings):
        raise Incomplete("A password or secret is stored in the vault, not in an endpoint's settings.")
    row = DeliveryEndpoint(
        id=new_id("end"),
        organization_id=organization_id,
        kind=kind,
        name=checks.name(name, "The endpoint's name", 120),
        address=checks.name(address, "The address"),
        settings=dict(settings),
        location_id=location_id,
        custodian=custodian,
        health_at=None,
    )
    work.db.add(row)
    work.db.flush()
    audit.record(
        work, Act.ENDPOINT_CREATED, "delivery_endpoint", row.id, location_id=location_id, detail={"kind": kind}
    )
    return row


def create_account(
    work: Unit,
    *,
    portal: Portal,
    username: str,
    login_kind: str,
    locations: Sequence[Location],
    methods: Sequence[Method],
    shared_reason: str | None = None,
    review_on: date | None = None,
    owner_id: str | None = None,
    label: str = "",
) -> PortalAccount:
    """One login at one portal. Raises `Incomplete` (a shared login needs a reason and a review date), `Conflict`."""
    if login_kind not in LOGIN_KINDS:
        raise Incomplete(f"The kind of login must be one of {', '.join(LOGIN_KINDS)}.")
    if not locations:
        raise Incomplete("Choose at least one location this login is for.")
    if len({place.organization_id for place in locations}) > 1:
        raise Incomplete("A login belongs to one organization: its locations must too.")
    if login_kind == "practice_shared" and not (shared_reason and review_on):
        raise Incomplete("A shared login needs a reason and a date to review it.")
    username = checks.name(username, "The username", 120)
    if work.db.scalar(
        select(PortalAccount.id).where(PortalAccount.portal_id == portal.id, PortalAccount.username == username)
    ):
        raise Conflict("This portal has an account with that username already.")
    row = PortalAccount(
        id=new_id("acc"),
        organization_id=locations[0].organization_id,
        portal=portal,
        username=username,
        label=checks.name(label, "The label", 60) if label.strip() else "",
        login_kind=login_kind,
        locations=list(locations),
        shared_reason=shared_reason,
        review_on=review_on,
        owner_id=owner_id,
        mfa_methods=[_method(work, number, method) for number, method in enumerate(methods)],
    )
    work.db.add(row)
    work.db.flush()
    audit.record(
        work,
        Act.ACCOUNT_CREATED,
        "portal_account",
        row.id,
        account_id=row.id,
        detail={"portal": portal.key, "login_kind": login_kind, "locations": len(locations)},
    )
    return row


def label_account(work: Unit, account: PortalAccount, label: str) -> None:
    """What people call this login on its tiles; empty: the ends of its username. Raises `Incomplete`."""
    account.label = checks.name(label, "The label", 60) if label.strip() else ""
    audit.record(
        work, Act.ACCOUNT_CHANGED, "portal_account", account.id, account_id=account.id, detail={"label": account.label}
    )
    work.signal("tiles")


def _method(work: Unit, preference: int, method: Method) -> MfaMethod:
    if method.channel not in CHANNELS:
        raise Incomplete(f"A code comes by one of {', '.join(CHANNELS)}.")
    endpoint = work.db.get(DeliveryEndpoint, method.endpoint_id) if method.endpoint_id else None
    wanted = ENDPOINT_OF.get(method.channel)
    if wanted in ("mailbox", "phone") and (endpoint is None or endpoint.kind != wanted):
        raise Incomplete(f"A code by {method.channel} needs the {wanted} it arrives at.")
    return MfaMethod(
        id=new_id("mfa"),
        channel=method.channel,
        endpoint=endpoint,
        masked_destination=method.masked_destination,
        preference=preference,
        template=dict(method.template),
    )


def prefer_method(work: Unit, account: PortalAccount, method: Method) -> None:
    """From now on this account's codes come this way first; the ways before stay behind it. Raises `Incomplete`."""
    row = _method(work, 0, method)
    known = [
        one for one in account.mfa_methods if (one.channel, one.endpoint_id) == (method.channel, method.endpoint_id)
    ]
    if known and method.template:
        known[0].template, known[0].masked_destination = dict(method.template), method.masked_destination
    ways = [*known, *(one for one in account.mfa_methods if one not in known)] if known else [row, *account.mfa_methods]
    for number, one in enumerate(ways):
        one.preference = number
    account.mfa_methods[:] = ways
    work.db.flush()
    audit.record(
        work, Act.ACCOUNT_CHANGED, "portal_account", account.id, account_id=account.id, detail={"codes": method.channel}
    )


def park_account(work: Unit, account: PortalAccount, status: str, words: str) -> None:
    """No further attempt until a person releases the account."""
    account.status, account.status_words, account.status_at = status, words, work.clock.now()
    audit.record(
        work, Act.ACCOUNT_PARKED, "portal_account", account.id, account_id=account.id, outcome=status, reason=words
    )
    work.signal("tiles")


def release_account(work: Unit, account: PortalAccount, reason: str) -> None:
    """A person says that the cause is dealt with. Raises `Incomplete` without a reason."""
    if len(reason.strip()) < 5:
        raise Incomplete("Say in a few words what was put right.")
    account.status, account.status_words, account.status_at = "active", None, work.clock.now()
    audit.record(work, Act.ACCOUNT_RELEASED, "portal_account", account.id, account_id=account.id, reason=reason)
    work.signal("tiles")


def account_by_id(work: Unit, account_id: str) -> PortalAccount:
    """Raises `NotFound`."""
    found = work.db.get(PortalAccount, account_id)
    if found is None:
        raise NotFound("There is no such portal account.")
    return found

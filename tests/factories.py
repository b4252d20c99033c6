"""One factory per entity: rows a test needs, with believable synthetic values. People in tests have names."""

from datetime import date
from itertools import count
from typing import Any

from broker.base.ids import new_id
from broker.base.unit import Unit
from broker.codes.matching import Arrival
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
    TaxEntity,
)
from broker.identity.models import Grant, User

_numbers = count(1)


def organization(work: Unit, name: str = "Saguaro Dental Group", kind: str = "dso") -> Organization:
    row = Organization(id=new_id("org"), name=name, kind=kind)
    work.db.add(row)
    work.db.flush()
    return row


def location(work: Unit, org: Organization, key: str = "phoenix", **values: Any) -> Location:
    entity = TaxEntity(
        id=new_id("tin"),
        organization_id=org.id,
        legal_name=values.pop("legal_name", f"Saguaro Family Dental of {key.title()} PLLC"),
        tin=values.pop("tin", f"8600{next(_numbers):05d}"),
    )
    row = Location(
        id=new_id("loc"),
        organization_id=org.id,
        key=key,
        name=values.pop("name", f"Saguaro Family Dental {key.title()}"),
        npi=values.pop("npi", "1999999984"),
        city=values.pop("city", key.title()),
        time_zone="America/Phoenix",
        tax_entities=[entity],
        **values,
    )
    work.db.add(row)
    work.db.flush()
    return row


def portal(
    work: Unit, key: str = "harborline", *, automation: str = "automated", digest: str = "d" * 64, **facts: Any
) -> Portal:
    row = Portal(
        id=new_id("por"),
        key=key,
        name=key.replace("_", " ").title(),
        start_url=f"https://{key}.sim.test/",
        hosts=[f"{key}.sim.test"],
        automation=automation,
        provider_line=None,
        carriers=[Carrier(id=new_id("car"), name=f"{key} carrier")],
    )
    work.db.add(row)
    work.db.flush()
    for field, value in ({"login_failure_limit": 5, "failure_window_s": 1800, "code_ttl_s": 600} | facts).items():
        work.db.add(
            BehaviourFact(
                id=new_id("fact"),
                portal_id=row.id,
                field=field,
                value=value,
                source="test",
                verified_on=date(2026, 11, 1),
                recorded_by="test",
                recorded_at=work.clock.now(),
            )
        )
    version(work, row, digest)
    return row


def version(work: Unit, portal: Portal, digest: str) -> ScriptVersion:
    """A version that came with Portunus."""
    row = ScriptVersion(
        digest=digest if len(digest) == 64 else digest.ljust(64, "0"),
        portal_id=portal.id,
        author="test",
        approved_by="release",
        approved_at=work.clock.now(),
        registered_at=work.clock.now(),
    )
    work.db.add(row)
    work.db.flush()
    return row


def endpoint(
    work: Unit, org: Organization, kind: str = "mailbox", address: str = "codes@lab.test", **values: Any
) -> DeliveryEndpoint:
    row = DeliveryEndpoint(
        id=new_id("end"),
        organization_id=org.id,
        kind=kind,
        name=values.pop("name", f"{kind} of the front desk"),
        address=address,
        settings=values.pop("settings", {}),
        health_at=None,
        **values,
    )
    work.db.add(row)
    work.db.flush()
    return row


def account(
    work: Unit,
    portal: Portal,
    locations: list[Location],
    *,
    username: str | None = None,
    login_kind: str = "individual",
    channel: str | None = "email",
    endpoint: DeliveryEndpoint | None = None,
    template: dict[str, Any] | None = None,
) -> PortalAccount:
    row = PortalAccount(
        id=new_id("acc"),
        organization_id=locations[0].organization_id,
        portal_id=portal.id,
        username=username or f"saguaro{next(_numbers)}",
        login_kind=login_kind,
        locations=locations,
        portal=portal,
    )
    if channel:
        row.mfa_methods.append(
            MfaMethod(
                id=new_id("mfa"),
                channel=channel,
                endpoint=endpoint,
                masked_destination="c•••@lab.test" if channel == "email" else "•••• 0142",
                template=template or {"senders": ["codes@harborline.sim.test"], "pattern": r"\d{6}"},
            )
        )
    work.db.add(row)
    work.db.flush()
    return row


def user(
    work: Unit,
    org: Organization,
    name: str = "Maria Lopez",
    *,
    role: str | None = "biller",
    locations: list[Location] | None = None,
    email: str | None = None,
) -> User:
    row = User(
        id=new_id("usr"),
        organization_id=org.id,
        email=email or f"{name.split()[0].lower()}{next(_numbers)}@saguaro.test",
        name=name,
        created_at=work.clock.now(),
    )
    work.db.add(row)
    work.db.flush()
    if role:
        for place in locations or [None]:
            work.db.add(
                Grant(
                    id=new_id("gra"),
                    user_id=row.id,
                    role=role,
                    location_id=place.id if place else None,
                    granted_by="test",
                    granted_at=work.clock.now(),
                )
            )
        work.db.flush()
    return row


def arrival(work: Unit, endpoint: DeliveryEndpoint, text: str, **values: Any) -> Arrival:
    """A mail of Harborline's that reaches the endpoint now, confirmed by its server, unless `values` say otherwise."""
    number = next(_numbers)
    usual: dict[str, Any] = {
        "endpoint_id": endpoint.id,
        "channel": "email",
        "external_id": f"<{number}@x>",
        "sender": "codes@harborline.sim.test",
        "trusted": True,
        "recipients": frozenset(),
        "subject": "Your code",
        "text": text,
        "received_at": work.clock.now(),
        "raw_digest": f"{number:064x}",
    }
    return Arrival(**usual | values)

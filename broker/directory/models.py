"""Practices and portals: who bills, from where, at which carrier's site, with which login, and where its codes go.

The many-to-many facts of the field are kept: a hub serves many carriers, one login covers many locations and TINs, one
mailbox or phone receives the codes of many logins.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Column, ForeignKey, String, Table, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from broker.base.db import Base

portal_carrier = Table(
    "portal_carrier",
    Base.metadata,
    Column("portal_id", ForeignKey("portal.id"), primary_key=True),
    Column("carrier_id", ForeignKey("carrier.id"), primary_key=True),
)
account_location = Table(
    "account_location",
    Base.metadata,
    Column("account_id", ForeignKey("portal_account.id"), primary_key=True),
    Column("location_id", ForeignKey("location.id"), primary_key=True),
)
location_tax_entity = Table(
    "location_tax_entity",
    Base.metadata,
    Column("location_id", ForeignKey("location.id"), primary_key=True),
    Column("tax_entity_id", ForeignKey("tax_entity.id"), primary_key=True),
)


class Organization(Base):
    __tablename__ = "organization"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(20))
    """dso, billing_company, group_practice, solo"""


class TaxEntity(Base):
    __tablename__ = "tax_entity"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    organization_id: Mapped[str] = mapped_column(ForeignKey("organization.id"))
    legal_name: Mapped[str] = mapped_column(String(200))
    tin: Mapped[str] = mapped_column(String(9))
    """Nine digits; shown as its last four."""


class Location(Base):
    """A practice office. `practice_signs` are the words a portal shows when it is signed in for this office."""

    __tablename__ = "location"
    __table_args__ = (UniqueConstraint("organization_id", "key"),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    organization_id: Mapped[str] = mapped_column(ForeignKey("organization.id"))
    key: Mapped[str] = mapped_column(String(60))
    """Short name for commands and URLs: `phoenix`."""
    name: Mapped[str] = mapped_column(String(200))
    npi: Mapped[str] = mapped_column(String(10))
    city: Mapped[str] = mapped_column(String(80))
    time_zone: Mapped[str] = mapped_column(String(60))

    tax_entities: Mapped[list[TaxEntity]] = relationship(secondary=location_tax_entity)


class Carrier(Base):
    __tablename__ = "carrier"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    name: Mapped[str] = mapped_column(String(200), unique=True)


class Portal(Base):
    """A carrier's site. `key` is the carrier script's file name."""

    __tablename__ = "portal"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    key: Mapped[str] = mapped_column(String(60), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    start_url: Mapped[str] = mapped_column(String(500))
    hosts: Mapped[list[str]]
    automation: Mapped[str] = mapped_column(String(12))
    """attended, assisted or automated; unknown terms allow assisted at most."""
    provider_line: Mapped[str | None] = mapped_column(String(40))
    status: Mapped[str] = mapped_column(String(12), default="active")

    carriers: Mapped[list[Carrier]] = relationship(secondary=portal_carrier)
    facts: Mapped[list["BehaviourFact"]] = relationship(back_populates="portal")


class BehaviourFact(Base):
    """One known fact about how a portal behaves, with its source; newest per field counts."""

    __tablename__ = "behaviour_fact"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    portal_id: Mapped[str] = mapped_column(ForeignKey("portal.id"), index=True)
    field: Mapped[str] = mapped_column(String(60))
    value: Mapped[Any] = mapped_column(JSON)
    source: Mapped[str] = mapped_column(String(500))
    verified_on: Mapped[date]
    recorded_by: Mapped[str] = mapped_column(String(60))
    recorded_at: Mapped[datetime]

    portal: Mapped[Portal] = relationship(back_populates="facts")


class ScriptVersion(Base):
    """A carrier script's exact bytes, named by their hash. Only an approved version runs."""

    __tablename__ = "script_version"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    """SHA-256 in hexadecimal over the script and what it imports from `carrier_scripts`."""
    portal_id: Mapped[str] = mapped_column(ForeignKey("portal.id"), index=True)
    author: Mapped[str] = mapped_column(String(60))
    approved_by: Mapped[str | None] = mapped_column(String(60))
    approved_at: Mapped[datetime | None]
    registered_at: Mapped[datetime]


class DeliveryEndpoint(Base):
    """Where codes arrive: a mailbox, a phone or a person's desk. One endpoint may serve many accounts."""

    __tablename__ = "delivery_endpoint"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    organization_id: Mapped[str] = mapped_column(ForeignKey("organization.id"))
    kind: Mapped[str] = mapped_column(String(12))
    """mailbox, phone, desk; removed: nothing comes to it any more, it is kept for what did"""
    name: Mapped[str] = mapped_column(String(120))
    address: Mapped[str] = mapped_column(String(200))
    """E-mail address, E.164 number, or the desk's location key."""
    location_id: Mapped[str | None] = mapped_column(ForeignKey("location.id"))
    custodian: Mapped[str | None] = mapped_column(String(120))
    settings: Mapped[dict[str, Any]]
    """mailbox: host, port, tls, username, folder, trusted_authserv. phone: provider. Secrets live in the vault."""
    health: Mapped[str] = mapped_column(String(20), default="unknown")
    health_at: Mapped[datetime | None]
    health_words: Mapped[str | None] = mapped_column(String(300))
    cursor: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """mailbox: uidvalidity and uidnext already read."""


class PortalAccount(Base):
    """One login at one portal. The password is in the vault; here are its state and its fence."""

    __tablename__ = "portal_account"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    organization_id: Mapped[str] = mapped_column(ForeignKey("organization.id"))
    portal_id: Mapped[str] = mapped_column(ForeignKey("portal.id"))
    username: Mapped[str] = mapped_column(String(120))
    label: Mapped[str] = mapped_column(String(60), default="")
    """What people call this login, where a portal has several: "Front desk", "Dr. Lee"."""
    login_kind: Mapped[str] = mapped_column(String(20))
    """individual, practice_shared, delegate, service"""
    status: Mapped[str] = mapped_column(String(20), default="active")
    """active, or parked with the outcome that parked it: locked, wrong_password, password_expired, …"""
    status_words: Mapped[str | None] = mapped_column(String(300))
    status_at: Mapped[datetime | None]
    owner_id: Mapped[str | None] = mapped_column(String(40))
    """The user who looks after this login at the carrier."""
    shared_reason: Mapped[str | None] = mapped_column(String(300))
    """Why a shared login is used; required when login_kind is practice_shared."""
    review_on: Mapped[date | None]
    fence: Mapped[int] = mapped_column(default=0)
    """Raised by every claim of this account; the egress proxy serves only the newest."""
    last_login_at: Mapped[datetime | None]
    totp_last_step: Mapped[int] = mapped_column(BigInteger, default=-1)
    """Newest authenticator time step released for this account: a step is released once."""
    recovery_codes_left: Mapped[int | None]
    """How many of the portal's recovery codes are still in the vault; empty when none were ever stored."""

    portal: Mapped[Portal] = relationship()
    locations: Mapped[list[Location]] = relationship(secondary=account_location)
    mfa_methods: Mapped[list["MfaMethod"]] = relationship(back_populates="account", order_by="MfaMethod.preference")

    __table_args__ = (UniqueConstraint("portal_id", "username"),)


class MfaMethod(Base):
    """How the portal delivers this account's codes, in order of preference."""

    __tablename__ = "mfa_method"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("portal_account.id"), index=True)
    channel: Mapped[str] = mapped_column(String(20))
    """email, sms, voice, totp, recovery, desk (a person types it in, or acts: `by` in the template says what)"""
    endpoint_id: Mapped[str | None] = mapped_column(ForeignKey("delivery_endpoint.id"))
    masked_destination: Mapped[str] = mapped_column(String(120), default="")
    preference: Mapped[int] = mapped_column(default=0)
    template: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """What a code message of this portal looks like: senders, subject, code pattern, alias."""

    account: Mapped[PortalAccount] = relationship(back_populates="mfa_methods")
    endpoint: Mapped[DeliveryEndpoint | None] = relationship()

    @property
    def way(self) -> str:
        """The channel; at the code desk what the person there does (provider_line, push, …), and desk when nobody said."""
        return str(self.template.get("by") or self.channel) if self.channel == "desk" else self.channel

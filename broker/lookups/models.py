"""Lookups, their results and pictures, batches, and who is told. Whatever names a patient is sealed."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from broker.base.db import Base
from broker.directory.models import Location, Portal, PortalAccount

FAR = datetime(9999, 1, 1, tzinfo=UTC)


class LookupBatch(Base):
    """Many lookups from one file or program. What it holds is counted from its rows."""

    __tablename__ = "lookup_batch"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    organization_id: Mapped[str] = mapped_column(ForeignKey("organization.id"), index=True)
    described: Mapped[bytes] = mapped_column(LargeBinary)
    """Its name and its file's own headings, sealed: people write patients into both."""
    requester_kind: Mapped[str] = mapped_column(String(12))
    requester_id: Mapped[str] = mapped_column(String(60))
    requester_name: Mapped[str] = mapped_column(String(120))
    created_at: Mapped[datetime]
    not_before: Mapped[datetime | None]
    """A scheduled batch starts then."""
    paused_at: Mapped[datetime | None]
    cancelled_at: Mapped[datetime | None]
    told_at: Mapped[datetime | None]
    """When its subscribers were told that it is through: once, until it is asked again."""
    max_age_s: Mapped[int | None]
    """A result this much older than its start will do."""
    rows: Mapped[int] = mapped_column(default=0)


class Lookup(Base):
    """One question to one portal. States: see `lookups.states`."""

    __tablename__ = "lookup"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    organization_id: Mapped[str] = mapped_column(ForeignKey("organization.id"), index=True)
    kind: Mapped[str] = mapped_column(String(16))
    portal_id: Mapped[str] = mapped_column(ForeignKey("portal.id"))
    location_id: Mapped[str] = mapped_column(ForeignKey("location.id"))
    account_id: Mapped[str | None] = mapped_column(ForeignKey("portal_account.id"))
    """The login that asks; empty when none covers the location."""
    batch_id: Mapped[str | None] = mapped_column(ForeignKey("lookup_batch.id"))
    requester_kind: Mapped[str] = mapped_column(String(12))
    requester_id: Mapped[str] = mapped_column(String(60))
    requester_name: Mapped[str] = mapped_column(String(120))
    subject: Mapped[bytes] = mapped_column(LargeBinary(32))
    """Keyed digest of the question: equal questions have equal ones."""
    asked: Mapped[bytes] = mapped_column(LargeBinary)
    """The question, sealed."""
    priority: Mapped[int] = mapped_column(default=5)
    """0 a person waits, 5 a program, 9 a batch."""
    state: Mapped[str] = mapped_column(String(20))
    state_at: Mapped[datetime]
    created_at: Mapped[datetime]
    not_before: Mapped[datetime]
    """Queued ones are not taken earlier."""
    deadline: Mapped[datetime | None]
    due_by: Mapped[datetime] = mapped_column(default=FAR)
    """The deadline, or a day that never comes: what the queue is ordered by."""
    runs: Mapped[int] = mapped_column(default=0)
    """How often it was started."""
    yielded: Mapped[int] = mapped_column(default=0)
    """How often a person took the portal from it: those starts are not held against it."""
    failures: Mapped[int] = mapped_column(default=0)
    """How often it ended without an answer and was queued again."""
    lease_id: Mapped[str | None] = mapped_column(ForeignKey("lease.id"))
    """The lease it runs under."""
    error: Mapped[str | None] = mapped_column(String(40))
    error_evidence: Mapped[str | None] = mapped_column(String(60))
    """Id of the sealed page that a script did not know."""
    error_seen: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Where the reason for the failure was seen: sealed JSON list of sightings."""
    put_away_at: Mapped[datetime | None]
    """Somebody has dealt with its failure: it leaves the top of the list."""
    result_id: Mapped[str | None] = mapped_column(ForeignKey("lookup_result.id"))
    """Its own result, or a recent one of the same question."""
    ended_at: Mapped[datetime | None]

    portal: Mapped[Portal] = relationship()
    location: Mapped[Location] = relationship()
    account: Mapped[PortalAccount | None] = relationship()
    batch: Mapped[LookupBatch | None] = relationship()

    __table_args__ = (
        Index("ix_lookup_next", "account_id", "state", "priority", "due_by", "not_before", "id"),
        Index("ix_lookup_state", "state", "due_by"),
        Index("ix_lookup_listing", "organization_id", "id"),
        Index("ix_lookup_batch_subject", "batch_id", "subject"),
        Index("ix_lookup_batch_state", "batch_id", "state"),
    )


class LookupResult(Base):
    """One answer, never changed."""

    __tablename__ = "lookup_result"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    organization_id: Mapped[str] = mapped_column(ForeignKey("organization.id"))
    subject: Mapped[bytes] = mapped_column(LargeBinary(32), index=True)
    matter: Mapped[bytes] = mapped_column(LargeBinary(32), index=True)
    """Keyed digest of the patient or claim it is about: equal whenever and with whatever papers it was asked."""
    captured_at: Mapped[datetime]
    schema_version: Mapped[str] = mapped_column(String(20))
    script_version: Mapped[str] = mapped_column(String(64))
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    """The result as JSON, compressed, sealed."""
    fields: Mapped[int]
    """How many values it has."""
    unmapped: Mapped[int]


class LookupArtifact(Base):
    """A picture inside a recording (its chunk), or a file of its own (blob), that evidence points to."""

    __tablename__ = "lookup_artifact"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    organization_id: Mapped[str] = mapped_column(ForeignKey("organization.id"))
    lookup_id: Mapped[str] = mapped_column(ForeignKey("lookup.id"), index=True)
    kind: Mapped[str] = mapped_column(String(12))
    sha256: Mapped[str] = mapped_column(String(64))
    size: Mapped[int]
    captured_at: Mapped[datetime]
    recording_id: Mapped[str | None] = mapped_column(ForeignKey("recording.id"))
    offset_ms: Mapped[int | None]
    chunk: Mapped[int | None]
    place: Mapped[int | None]
    """Where its chunk begins in the recording's file."""
    blob: Mapped[str | None] = mapped_column(String(120))


class BatchRow(Base):
    """One row of a file, as it came in: none is dropped, whatever is wrong with it."""

    __tablename__ = "lookup_batch_row"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    batch_id: Mapped[str] = mapped_column(ForeignKey("lookup_batch.id"))
    number: Mapped[int]
    """As a spreadsheet counts: the heading is row 1."""
    cells: Mapped[bytes] = mapped_column(LargeBinary)
    """Sealed JSON list."""
    lookup_id: Mapped[str | None] = mapped_column(ForeignKey("lookup.id"), index=True)
    """Rows with the same question share one lookup."""
    problem: Mapped[str | None] = mapped_column(String(600))
    """Why no lookup was made of it: words of ours, nothing of the file."""

    __table_args__ = (UniqueConstraint("batch_id", "number"),)


class ColumnMapping(Base):
    """Which heading means what, as an organization said last time for a file with these headings."""

    __tablename__ = "lookup_column_mapping"

    organization_id: Mapped[str] = mapped_column(ForeignKey("organization.id"), primary_key=True)
    headings: Mapped[str] = mapped_column(String(64), primary_key=True)
    """SHA-256 of the headings."""
    mapping: Mapped[dict[str, Any]]
    """Field → place of its column."""
    used_at: Mapped[datetime]


class PortalPace(Base):
    """The governor's memory of a portal: when it was last asked, how often in a row it failed, until when it is left alone."""

    __tablename__ = "lookup_portal_pace"

    portal_id: Mapped[str] = mapped_column(ForeignKey("portal.id"), primary_key=True)
    started_at: Mapped[datetime | None]
    failures: Mapped[int] = mapped_column(default=0)
    paused_until: Mapped[datetime | None]
    words: Mapped[str | None] = mapped_column(String(300))


class WebhookSubscription(Base):
    """Who is told when lookups end. Its signing secret is in the vault."""

    __tablename__ = "webhook_subscription"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    organization_id: Mapped[str] = mapped_column(ForeignKey("organization.id"), index=True)
    url: Mapped[str] = mapped_column(String(500))
    created_by: Mapped[str] = mapped_column(String(60))
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class WebhookDelivery(Base):
    """One message to one subscriber, tried until it is taken or given up."""

    __tablename__ = "webhook_delivery"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    """The message's `webhook-id`: the same at every try."""
    subscription_id: Mapped[str] = mapped_column(ForeignKey("webhook_subscription.id"))
    event: Mapped[str] = mapped_column(String(40))
    thing_id: Mapped[str] = mapped_column(String(40))
    state: Mapped[str] = mapped_column(String(12), index=True)
    """waiting, sending, sent, given_up"""
    tries: Mapped[int] = mapped_column(default=0)
    next_at: Mapped[datetime]
    created_at: Mapped[datetime]
    status: Mapped[int | None]
    """HTTP status of the last try."""


class LookupTurn(Base):
    """A login's turn for lookups: the lease that was asked for, and how its sign-ins went."""

    __tablename__ = "lookup_turn"

    account_id: Mapped[str] = mapped_column(ForeignKey("portal_account.id"), primary_key=True)
    lease_id: Mapped[str | None] = mapped_column(String(40))
    """Asked for and not yet seen through."""
    failures: Mapped[int] = mapped_column(default=0)
    """Sign-ins in a row that did not work."""
    not_before: Mapped[datetime | None]
    words: Mapped[str | None] = mapped_column(String(300))
    """Why it rests until then, when the portal itself is not the reason."""
    stops: Mapped[int] = mapped_column(default=0)
    """Lookups in a row that a page for this login alone stopped."""
    stuck: Mapped[str | None] = mapped_column(String(40))
    """The failure that all queued by `stuck_at` end with, some at a time."""
    stuck_at: Mapped[datetime | None]

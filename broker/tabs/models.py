"""Portal sessions (the signed-in browser), login attempts (the only permission to submit a login), and leases."""

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from broker.base.db import Base
from broker.directory.models import Location, PortalAccount

LIVE_SESSION = "state NOT IN ('ended')"
LIVE_ATTEMPT = "state IN ('reserved', 'claimed', 'submitting')"
LIVE_LEASE = "ended_at IS NULL"


class PortalSession(Base):
    """Signed-in browser state at a carrier; at most one lives per account. States: see `tabs.states`."""

    __tablename__ = "portal_session"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("portal_account.id"), index=True)
    location_id: Mapped[str] = mapped_column(ForeignKey("location.id"))
    """The practice it is, or is to be, signed in for."""
    state: Mapped[str] = mapped_column(String(16))
    state_at: Mapped[datetime]
    words: Mapped[str | None] = mapped_column(String(300))
    """What is going on or went wrong, for a person."""
    node: Mapped[str | None] = mapped_column(String(60))
    fence: Mapped[int] = mapped_column(default=0)
    script_digest: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(index=True)
    proved_at: Mapped[datetime | None]
    """When the portal last showed that it is signed in, for the right practice."""
    active_at: Mapped[datetime | None]
    """Last use by a holder or keep-alive."""
    ended_at: Mapped[datetime | None]
    end_reason: Mapped[str | None] = mapped_column(String(40))

    account: Mapped[PortalAccount] = relationship()
    location: Mapped[Location] = relationship()
    leases: Mapped[list["Lease"]] = relationship(back_populates="portal_session")

    __table_args__ = (
        Index(
            "uq_portal_session_one_live_per_account",
            "account_id",
            unique=True,
            sqlite_where=text(LIVE_SESSION),
            postgresql_where=text(LIVE_SESSION),
        ),
    )


class LoginAttempt(Base):
    """One run of a script's sign-in. reserved → claimed → submitting → succeeded | failed | unknown | withdrawn.

    The password is released only by the transaction that writes `submitting`. `unknown` counts as a failed try.
    """

    __tablename__ = "login_attempt"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("portal_account.id"), index=True)
    portal_session_id: Mapped[str] = mapped_column(ForeignKey("portal_session.id"), index=True)
    kind: Mapped[str] = mapped_column(String(10))
    """login, or revive (restore parked state; becomes login when that fails)"""
    requester_kind: Mapped[str] = mapped_column(String(12))
    requester_id: Mapped[str] = mapped_column(String(60))
    state: Mapped[str] = mapped_column(String(12))
    created_at: Mapped[datetime]
    claimed_at: Mapped[datetime | None]
    submitted_at: Mapped[datetime | None]
    released_at: Mapped[datetime | None]
    """When the password was released to the desk: once."""
    ended_at: Mapped[datetime | None]
    beat_at: Mapped[datetime | None]
    """Last sign of life of the host that runs it."""
    node: Mapped[str | None] = mapped_column(String(60))
    fence: Mapped[int] = mapped_column(default=0)
    outcome: Mapped[str | None] = mapped_column(String(30))
    evidence: Mapped[str | None] = mapped_column(String(60))
    """Id of the sealed artifact (masked screenshot and page text) of an outcome that needs a look."""

    portal_session: Mapped[PortalSession] = relationship()
    account: Mapped[PortalAccount] = relationship()

    __table_args__ = (
        Index(
            "uq_login_attempt_one_live_per_account",
            "account_id",
            unique=True,
            sqlite_where=text(LIVE_ATTEMPT),
            postgresql_where=text(LIVE_ATTEMPT),
        ),
    )


class LockoutDebit(Base):
    """A try taken from the account's budget before it was submitted; given back only on proven success."""

    __tablename__ = "lockout_debit"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("portal_account.id"), index=True)
    attempt_id: Mapped[str] = mapped_column(ForeignKey("login_attempt.id"))
    debited_at: Mapped[datetime]
    credited_at: Mapped[datetime | None]


class Lease(Base):
    """One holder's right to a portal session, with a purpose. At most one lives per session."""

    __tablename__ = "lease"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    portal_session_id: Mapped[str] = mapped_column(ForeignKey("portal_session.id"), index=True)
    holder_kind: Mapped[str] = mapped_column(String(12))
    holder_id: Mapped[str] = mapped_column(String(60), index=True)
    holder_name: Mapped[str] = mapped_column(String(120))
    location_id: Mapped[str] = mapped_column(ForeignKey("location.id"))
    purpose: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime]
    granted_at: Mapped[datetime | None]
    """When the signed-in session was proved and this holder could start; empty while signing in."""
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    end_reason: Mapped[str | None] = mapped_column(String(40))
    continues_id: Mapped[str | None] = mapped_column(String(40))
    """The lease that this one goes on from, with the page as it stood there: handed over, or taken over."""
    note: Mapped[str | None] = mapped_column(String(300))
    """What the one before said to this holder; it may name a patient, so that it is nowhere else."""
    locked_at: Mapped[datetime | None]
    """Since when its picture is covered, because nobody did anything; its holder unlocks it."""
    has_files: Mapped[bool] = mapped_column(default=False)
    """Whether files of this tab lie in the blob store; they go when it has ended."""

    portal_session: Mapped[PortalSession] = relationship(back_populates="leases")

    __table_args__ = (
        Index(
            "uq_lease_one_live_per_session",
            "portal_session_id",
            unique=True,
            sqlite_where=text(LIVE_LEASE),
            postgresql_where=text(LIVE_LEASE),
        ),
    )


class StreamTicket(Base):
    """A one-time permission to open the stream's socket; good for 15 s, for one sign-in and one lease."""

    __tablename__ = "stream_ticket"

    digest: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    lease_id: Mapped[str] = mapped_column(ForeignKey("lease.id"))
    login_id: Mapped[str] = mapped_column(String(40))
    watch_reason: Mapped[str | None] = mapped_column(String(300))
    """Why somebody else may look on; empty: the holder's own ticket."""
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class ParkedState(Base):
    """An idle session's sealed browser state (a blob's name) and when it was last proved."""

    __tablename__ = "parked_state"

    portal_session_id: Mapped[str] = mapped_column(ForeignKey("portal_session.id"), primary_key=True)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    parked_at: Mapped[datetime]
    size: Mapped[int]


class EarlySignIn(Base):
    """A login that signs in by itself on working days, before the office comes in; how it went last."""

    __tablename__ = "early_sign_in"

    account_id: Mapped[str] = mapped_column(ForeignKey("portal_account.id"), primary_key=True)
    location_id: Mapped[str] = mapped_column(ForeignKey("location.id"))
    """For which it signs in, and whose clock counts."""
    minute: Mapped[int | None]
    """After midnight; empty: switched off."""
    set_by: Mapped[str] = mapped_column(String(60))
    set_at: Mapped[datetime]
    next_at: Mapped[datetime | None] = mapped_column(index=True)
    done_on: Mapped[date | None]
    """The last day that has had its turn: no day has two."""
    begun_at: Mapped[datetime | None]
    """When it last began to sign in; others of the same portal wait a little after it."""
    lease_id: Mapped[str | None] = mapped_column(String(40))
    """Under which it signs in now."""
    ended_at: Mapped[datetime | None]
    outcome: Mapped[str] = mapped_column(String(30), default="")
    """signed_in, taken, already, skipped, late, or why the sign-in failed"""
    words: Mapped[str] = mapped_column(String(300), default="")

    account: Mapped[PortalAccount] = relationship()
    location: Mapped[Location] = relationship()


class BrowserNode(Base):
    """A browser host and its last sign of life."""

    __tablename__ = "browser_node"

    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    beat_at: Mapped[datetime]
    sessions: Mapped[int]
    shards: Mapped[int]
    sandbox: Mapped[str] = mapped_column(String(20))
    browser: Mapped[str] = mapped_column(String(120))

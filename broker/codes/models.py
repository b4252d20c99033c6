"""Code requests, the messages that may answer them, and which code answered which request."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from broker.base.db import Base

LIVE_REQUEST = "state IN ('expected', 'waiting', 'matched')"


class CodeRequest(Base):
    """A challenge that waits for a code. Committed before the portal is asked to send it.

    States: expected (the portal will be asked now) → waiting (the portal showed its code page) → matched (a code is
    kept for it) → released (given to the attempt, once) → accepted | rejected; or expired, superseded, not_needed,
    withdrawn.
    """

    __tablename__ = "code_request"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    attempt_id: Mapped[str] = mapped_column(String(40), index=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("portal_account.id"), index=True)
    location_id: Mapped[str] = mapped_column(ForeignKey("location.id"), index=True)
    requester_kind: Mapped[str] = mapped_column(String(12))
    requester_id: Mapped[str] = mapped_column(String(60))
    lease_id: Mapped[str | None] = mapped_column(String(40))
    """The tab that the sign-in is for."""
    method_id: Mapped[str] = mapped_column(ForeignKey("mfa_method.id"))
    channel: Mapped[str] = mapped_column(String(20))
    endpoint_id: Mapped[str | None] = mapped_column(ForeignKey("delivery_endpoint.id"), index=True)
    rule: Mapped[dict[str, Any]]
    """How a message that answers this request looks: senders, alias, pattern (copied from the method's template)."""
    asked_at: Mapped[datetime]
    """When the portal was asked last: a code from before is an older one."""
    first_asked_at: Mapped[datetime]
    """When it was asked first: the wait of the people begins here."""
    asked_before: Mapped[datetime | None]
    """When the portal was asked the time before, if it was asked to send again."""
    deadline: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(12))
    state_at: Mapped[datetime]
    sent: Mapped[int] = mapped_column(default=0)
    """How often the portal was asked to send, as far as known."""
    came: Mapped[int] = mapped_column(default=0)
    """How many codes came for it. Fewer than sent: one may still be on its way."""
    task: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    """What a person must do at the portal's wish: kind (line, push, touch) and what to say or choose."""
    released_to: Mapped[str | None] = mapped_column(String(60))
    typed_at: Mapped[datetime | None]
    typed_page: Mapped[str | None] = mapped_column(String(200))
    """Host and path of the page it was typed into; no query."""
    recording_id: Mapped[str | None] = mapped_column(String(40))
    recording_offset_ms: Mapped[int | None]

    codes: Mapped[list["Code"]] = relationship(back_populates="request")

    __table_args__ = (
        Index(
            "uq_code_request_one_live_per_attempt",
            "attempt_id",
            unique=True,
            sqlite_where=text(LIVE_REQUEST),
            postgresql_where=text(LIVE_REQUEST),
        ),
    )


class Code(Base):
    """One code that arrived or was typed in. Its value is sealed until used, then dropped; a keyed digest stays."""

    __tablename__ = "code"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    request_id: Mapped[str | None] = mapped_column(ForeignKey("code_request.id"), index=True)
    message_id: Mapped[str | None] = mapped_column(ForeignKey("code_message.id"), index=True)
    channel: Mapped[str] = mapped_column(String(20))
    received_at: Mapped[datetime]
    given_by: Mapped[str | None] = mapped_column(String(60))
    """The user who typed it at the code desk; empty for automatic channels."""
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    """HMAC-SHA-256 under a vault key, so that a short code cannot be guessed from its digest."""
    state: Mapped[str] = mapped_column(String(12))
    """held, released, accepted, rejected, late, duplicate, foreign, unsolicited, superseded, dropped"""
    used_at: Mapped[datetime | None]

    request: Mapped[CodeRequest | None] = relationship(back_populates="codes")


class CodeMessage(Base):
    """A message that reached an endpoint, by digest: delivered twice, it counts once.

    Its text is not kept; of the newest ones a sealed sample is, in which every number is replaced by an invented one.
    """

    __tablename__ = "code_message"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    endpoint_id: Mapped[str] = mapped_column(ForeignKey("delivery_endpoint.id"))
    channel: Mapped[str] = mapped_column(String(20))
    external_id: Mapped[str] = mapped_column(String(200))
    """Message-ID, or the SMS provider's id."""
    sender: Mapped[str] = mapped_column(String(200))
    raw_digest: Mapped[str] = mapped_column(String(64))
    received_at: Mapped[datetime]
    verdict: Mapped[str] = mapped_column(String(20))
    """matched, ambiguous, late, unsolicited, foreign, no_code, duplicate, untrusted, unreadable"""
    why: Mapped[str] = mapped_column(String(300))
    detail: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    request_id: Mapped[str | None] = mapped_column(String(40), index=True)
    """The request it was judged to belong to, used or not."""
    sample: Mapped[bytes | None] = mapped_column(LargeBinary)
    """See `samples`."""

    __table_args__ = (
        UniqueConstraint("endpoint_id", "external_id"),
        Index("ix_code_message_endpoint_id_received_at", "endpoint_id", "received_at"),
    )


class CodeTurn(Base):
    """A sign-in that waits until it may ask for a code: another's, that would look the same, comes to its endpoint first."""

    __tablename__ = "code_turn"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    endpoint_id: Mapped[str] = mapped_column(ForeignKey("delivery_endpoint.id"), index=True)
    attempt_id: Mapped[str] = mapped_column(String(40), unique=True)
    rule: Mapped[dict[str, Any]]
    since: Mapped[datetime]
    seen_at: Mapped[datetime]
    """When it last said that it still waits."""


class LineCall(Base):
    """Somebody calls a carrier's provider line for a request: who, how long on hold, how it ended."""

    __tablename__ = "line_call"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    request_id: Mapped[str] = mapped_column(ForeignKey("code_request.id"), index=True)
    portal_id: Mapped[str] = mapped_column(ForeignKey("portal.id"), index=True)
    user_id: Mapped[str] = mapped_column(String(60))
    user_name: Mapped[str] = mapped_column(String(120))
    began_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]
    """When somebody at the carrier answered: until then it was on hold."""
    ended_at: Mapped[datetime | None]
    result: Mapped[str | None] = mapped_column(String(20))
    """code, cut_off, closed, refused, gave_up"""
    reference: Mapped[str] = mapped_column(String(40), default="")
    """The number that the carrier gave the call."""


class CodeDecline(Base):
    """Somebody at the code desk said that she cannot give this code, and why: the one who waits is told."""

    __tablename__ = "code_decline"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    request_id: Mapped[str] = mapped_column(ForeignKey("code_request.id"), index=True)
    user_id: Mapped[str] = mapped_column(String(60))
    user_name: Mapped[str] = mapped_column(String(120))
    why: Mapped[str] = mapped_column(String(20))
    """not_ours, phone_gone"""
    at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("request_id", "user_id"),)


class OnCall(Base):
    """When somebody is called to a location's code desk: so many seconds after a code was asked for, if it still waits."""

    __tablename__ = "on_call"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    location_id: Mapped[str] = mapped_column(ForeignKey("location.id"), index=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("user.id"))
    after_s: Mapped[int]

    __table_args__ = (UniqueConstraint("location_id", "user_id"),)


class DeskLink(Base):
    """A one-time link for somebody without an account: one box, for one code request. Only a digest of it is kept."""

    __tablename__ = "desk_link"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    request_id: Mapped[str] = mapped_column(ForeignKey("code_request.id"), index=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    made_by: Mapped[str] = mapped_column(String(60))
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class Enrolment(Base):
    """A login's new authenticator, to be set up at the carrier's own page.

    States: asked → approved (by another person) → captured (the seed is in the vault, its first code was typed) →
    proved | refused (the portal's answer); or withdrawn.
    """

    __tablename__ = "enrolment"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("portal_account.id"), index=True)
    state: Mapped[str] = mapped_column(String(12))
    asked_by: Mapped[str] = mapped_column(String(60))
    asked_by_name: Mapped[str] = mapped_column(String(120))
    asked_at: Mapped[datetime]
    approved_by: Mapped[str | None] = mapped_column(String(60))
    approved_by_name: Mapped[str] = mapped_column(String(120))
    expires_at: Mapped[datetime | None]
    """Until when the approval is good."""
    attempt_id: Mapped[str | None] = mapped_column(String(40), unique=True)
    captured_at: Mapped[datetime | None]


class CodeTemplate(Base):
    """What a portal's code messages look like on one channel; the newest version counts, the older ones stay.

    Each organization has its own; one without an organization came with Portunus and counts where there is no own one.
    """

    __tablename__ = "code_template"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    organization_id: Mapped[str | None] = mapped_column(ForeignKey("organization.id"))
    portal_id: Mapped[str] = mapped_column(ForeignKey("portal.id"), index=True)
    channel: Mapped[str] = mapped_column(String(20))
    version: Mapped[int]
    rule: Mapped[dict[str, Any]]
    saved_by: Mapped[str] = mapped_column(String(60))
    saved_at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("organization_id", "portal_id", "channel", "version"),)

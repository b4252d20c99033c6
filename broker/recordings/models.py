"""What is known about a recording; its frames are in the blob store, sealed under its own key."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from broker.base.db import Base


class Recording(Base):
    """One lease, as it was shown. The user is always named: one recording has one holder."""

    __tablename__ = "recording"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    organization_id: Mapped[str] = mapped_column(String(40))
    lease_id: Mapped[str] = mapped_column(String(40), index=True)
    portal_session_id: Mapped[str] = mapped_column(String(40))
    account_id: Mapped[str] = mapped_column(String(40), index=True)
    location_id: Mapped[str] = mapped_column(String(40), index=True)
    holder_kind: Mapped[str] = mapped_column(String(12))
    holder_id: Mapped[str] = mapped_column(String(60), index=True)
    holder_name: Mapped[str] = mapped_column(String(120))
    started_at: Mapped[datetime]
    beat_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    end_state: Mapped[str | None] = mapped_column(String(20))
    """complete, or recovered (closed after a crash; the gap is stated)"""
    blob: Mapped[str] = mapped_column(String(120))
    wrapped_key: Mapped[bytes] = mapped_column(LargeBinary)
    """The recording's own key, sealed under the organization's key: destroy it and the recording is gone."""
    bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    messages: Mapped[int] = mapped_column(default=0)
    duration_ms: Mapped[int] = mapped_column(BigInteger, default=0)
    retention: Mapped[str] = mapped_column(String(12), default="standard")
    """Its class: how long it is kept (see `retention.py`)."""
    hold_reason: Mapped[str | None] = mapped_column(String(300))
    """A legal hold: while there is a reason here, it is not destroyed."""
    destroyed_at: Mapped[datetime | None]
    """When its key was destroyed; the audit entry of that is the certificate."""
    digest: Mapped[str | None] = mapped_column(String(64))
    """SHA-256 of the finished file; also in the audit log."""


class RecordingWord(Base):
    """A word that came up in a recording, as a keyed digest (see `words.py`), and when it first did."""

    __tablename__ = "recording_word"

    recording_id: Mapped[str] = mapped_column(ForeignKey("recording.id"), primary_key=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary(16), primary_key=True, index=True)
    ms: Mapped[int] = mapped_column(BigInteger)


class Film(Base):
    """A film of a recording that somebody asked for (see `films.py`); its file is in the blob store, sealed under its own key."""

    __tablename__ = "recording_film"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    organization_id: Mapped[str] = mapped_column(String(40))
    recording_id: Mapped[str] = mapped_column(ForeignKey("recording.id"), index=True)
    asker_id: Mapped[str] = mapped_column(String(60))
    asker_name: Mapped[str] = mapped_column(String(120))
    reason: Mapped[str] = mapped_column(String(300))
    asked_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(12), index=True)
    beat_at: Mapped[datetime | None]
    """When the worker that makes it was last heard of."""
    percent: Mapped[int] = mapped_column(default=0)
    words: Mapped[str | None] = mapped_column(String(300))
    """Why it could not be made."""
    until: Mapped[datetime | None]
    """How long it can be saved, once it is ready."""
    blob: Mapped[str] = mapped_column(String(120))
    wrapped_key: Mapped[bytes] = mapped_column(LargeBinary)
    """The film's own key, sealed under the organization's key: destroy it and the film is gone."""
    bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    digest: Mapped[str | None] = mapped_column(String(64))
    """SHA-256 of the film; also in the audit log."""
    used: Mapped[list[str]] = mapped_column(default=list)
    """Numbers of the tickets it was fetched with: each is good once."""

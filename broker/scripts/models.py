"""Script versions with their bytes, releases, pins, runs, page structures, and what carriers' terms say."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from broker.base.db import Base
from broker.directory.models import Location, Portal, PortalAccount, ScriptVersion

RUNNING = "ended_at IS NULL"
ABOUT_RELEASE = "release"
"""What an alert about a release that is held is about."""


class ScriptBundle(Base):
    """A version's exact bytes and what it declares. Its author and approval are in `ScriptVersion`."""

    __tablename__ = "script_bundle"

    digest: Mapped[str] = mapped_column(ForeignKey("script_version.digest"), primary_key=True)
    sources: Mapped[list[Any]] = mapped_column(JSON)
    """[{module, text}], families first: what a script process compiles."""
    facts: Mapped[dict[str, Any]]
    """What the class declares (name, hosts, start, home, automation, …), read in a confined process."""
    behaviour: Mapped[dict[str, Any]]
    """How the portal behaves, as its author knows it: field → {value, source, verified_on}. In force with the version."""
    words: Mapped[str] = mapped_column(String(500), default="")
    """What was changed and why, by its author."""
    quality: Mapped[str] = mapped_column(String(12), default="")
    author_name: Mapped[str] = mapped_column(String(120), default="")
    submitted_at: Mapped[datetime]
    refused_by: Mapped[str | None] = mapped_column(String(60))
    """Who reviewed it and said no, or withdrew it later: it never runs again."""
    refused_at: Mapped[datetime | None]
    refused_words: Mapped[str | None] = mapped_column(String(300))

    version: Mapped[ScriptVersion] = relationship()


class ScriptInForce(Base):
    """The version that a portal's accounts run unless a release or a pin says otherwise."""

    __tablename__ = "script_in_force"

    portal_id: Mapped[str] = mapped_column(ForeignKey("portal.id"), primary_key=True)
    digest: Mapped[str] = mapped_column(ForeignKey("script_version.digest"))
    shipped: Mapped[bool]
    """Came with Portunus: the next shipped version replaces it. A released one is replaced by people only."""
    since: Mapped[datetime]


class ScriptRelease(Base):
    """A version on its way: canary at one location, then a share of the accounts, then everywhere; or back."""

    __tablename__ = "script_release"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    portal_id: Mapped[str] = mapped_column(ForeignKey("portal.id"), index=True)
    digest: Mapped[str] = mapped_column(ForeignKey("script_version.digest"))
    previous: Mapped[str | None] = mapped_column(ForeignKey("script_version.digest"))
    """What was in force when it began, or came into force meanwhile; empty: a portal's first version."""
    stage: Mapped[str] = mapped_column(String(10))
    """canary, staged, everywhere, done"""
    location_id: Mapped[str | None] = mapped_column(ForeignKey("location.id"))
    """Canary: the one location."""
    share: Mapped[int] = mapped_column(default=0)
    """Staged: per cent of the accounts."""
    started_by: Mapped[str] = mapped_column(String(60))
    started_at: Mapped[datetime]
    stage_at: Mapped[datetime]
    held_at: Mapped[datetime | None]
    """Its last runs said neither yes nor no: it reaches nobody until a person lets it go on or takes it back."""
    ended_at: Mapped[datetime | None]
    """Empty while it runs; a finished one is watched no more."""
    end: Mapped[str | None] = mapped_column(String(12))
    """done, rolled_back, superseded (the same version came with Portunus), withdrawn"""
    end_words: Mapped[str | None] = mapped_column(String(300))

    portal: Mapped[Portal] = relationship()
    location: Mapped[Location | None] = relationship()

    __table_args__ = (
        Index(
            "uq_script_release_one_running_per_portal",
            "portal_id",
            unique=True,
            sqlite_where=text(RUNNING),
            postgresql_where=text(RUNNING),
        ),
    )


class ScriptPin(Base):
    """An account that stays on one version, with a reason."""

    __tablename__ = "script_pin"

    account_id: Mapped[str] = mapped_column(ForeignKey("portal_account.id"), primary_key=True)
    digest: Mapped[str] = mapped_column(ForeignKey("script_version.digest"))
    pinned_by: Mapped[str] = mapped_column(String(60))
    pinned_at: Mapped[datetime]
    reason: Mapped[str] = mapped_column(String(300))

    account: Mapped[PortalAccount] = relationship()


class ScriptRun(Base):
    """One run of a script's verb: how it ended, where, and the steps it asked for. No text of any page."""

    __tablename__ = "script_run"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    portal_id: Mapped[str] = mapped_column(ForeignKey("portal.id"), index=True)
    digest: Mapped[str] = mapped_column(String(64), index=True)
    account_id: Mapped[str | None] = mapped_column(ForeignKey("portal_account.id"))
    location_id: Mapped[str | None] = mapped_column(ForeignKey("location.id"))
    organization_id: Mapped[str | None] = mapped_column(String(40))
    session_id: Mapped[str | None] = mapped_column(String(40))
    """The portal session it was a run of; empty for a look."""
    verb: Mapped[str] = mapped_column(String(20))
    """sign_in, keep_alive, …, or look: the sign-in page seen without signing in."""
    outcome: Mapped[str] = mapped_column(String(30))
    trial: Mapped[str] = mapped_column(String(60), default="", index=True)
    """The release and its stage that this run counts for; `aside` for a run of that version that counts for none."""
    verdict: Mapped[str] = mapped_column(String(8))
    """worked, failed, or neither (the portal was down, no code came: not the script's doing)"""
    ms: Mapped[int]
    place: Mapped[str] = mapped_column(String(120), default="")
    steps: Mapped[list[Any]] = mapped_column(JSON)
    page: Mapped[str] = mapped_column(String(300), default="")
    """Host and path of the page at the end."""
    evidence: Mapped[str | None] = mapped_column(String(60))
    mended_at: Mapped[datetime | None]
    """A failed run: when the same portal next worked at the same location."""


class PageStructure(Base):
    """The structure of a key page (login, home) that counts as right: features, no texts."""

    __tablename__ = "page_structure"

    portal_id: Mapped[str] = mapped_column(ForeignKey("portal.id"), primary_key=True)
    page: Mapped[str] = mapped_column(String(12), primary_key=True)
    account_id: Mapped[str] = mapped_column(String(40), primary_key=True, default="")
    """Whose page: a home page differs from login to login. Empty: the sign-in page, which is everybody's."""
    features: Mapped[list[str]]
    accepted_by: Mapped[str] = mapped_column(String(60))
    accepted_at: Mapped[datetime]
    seen: Mapped[list[str]]
    """What was seen last."""
    seen_at: Mapped[datetime]
    likeness: Mapped[int] = mapped_column(default=100)
    """Per cent of features that seen and right page have in common."""
    drifted_at: Mapped[datetime | None]


class ScriptOwner(Base):
    """Who is told when a portal's script fails, where that is not the author of the version in force."""

    __tablename__ = "script_owner"

    portal_id: Mapped[str] = mapped_column(ForeignKey("portal.id"), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("user.id"))
    set_by: Mapped[str] = mapped_column(String(60))
    set_at: Mapped[datetime]


class ScriptAlert(Base):
    """A script that failed, or a key page that changed: open until it works again or somebody has seen it."""

    __tablename__ = "script_alert"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    portal_id: Mapped[str] = mapped_column(ForeignKey("portal.id"), index=True)
    organization_id: Mapped[str | None] = mapped_column(String(40))
    """Whose run failed; empty: a look, which is nobody's."""
    about: Mapped[str] = mapped_column(String(12), default="")
    """Empty: a run that failed, over when one works. `login`, `home`: that page has changed, over when it is accepted or as it
    was. `release`: a release that is held, over when it goes on or ends."""
    words: Mapped[str] = mapped_column(String(200))
    step: Mapped[str] = mapped_column(String(300))
    """The step it stopped at. No text of any page."""
    run_id: Mapped[str | None] = mapped_column(String(40))
    times: Mapped[int]
    raised_at: Mapped[datetime]
    last_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    """When it was mailed to the owner."""
    tries: Mapped[int] = mapped_column(default=0)
    ended_at: Mapped[datetime | None]
    end: Mapped[str] = mapped_column(String(12), default="")
    """mended, seen"""

    portal: Mapped[Portal] = relationship()


class PortalWatch(Base):
    """When a portal's sign-in page is looked at next, without signing in."""

    __tablename__ = "portal_watch"

    portal_id: Mapped[str] = mapped_column(ForeignKey("portal.id"), primary_key=True)
    next_look_at: Mapped[datetime]
    looked_at: Mapped[datetime | None]
    outcome: Mapped[str] = mapped_column(String(30), default="")


class TermsRecord(Base):
    """Somebody read a carrier's terms: when, what they permit, what was decided. The newest counts."""

    __tablename__ = "terms_record"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    portal_id: Mapped[str] = mapped_column(ForeignKey("portal.id"), index=True)
    read_on: Mapped[date]
    read_by: Mapped[str] = mapped_column(String(120))
    source: Mapped[str] = mapped_column(String(500))
    """Where the terms stand."""
    permission: Mapped[str] = mapped_column(String(24))
    """permitted_in_writing, silent, unclear, forbidden"""
    mode: Mapped[str] = mapped_column(String(12))
    """attended, assisted, automated: what follows from it here"""
    decision: Mapped[str] = mapped_column(String(1000), default="")
    """The risk decision, in words: needed for automated use that is not permitted in writing."""
    recorded_by: Mapped[str] = mapped_column(String(60))
    recorded_at: Mapped[datetime]
    review_on: Mapped[date]

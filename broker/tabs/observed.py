"""The behaviour record against what was seen: time-outs, second sign-ins, life and speed of codes. Read from what sign-ins left."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from broker.base.unit import Unit
from broker.codes.models import Code, CodeRequest
from broker.directory import service as directory
from broker.directory.models import Portal, PortalAccount
from broker.identity.policy import Permission, organization_of, require
from broker.tabs.code_waits import percentile
from broker.tabs.models import LoginAttempt, PortalSession

DAYS = 30
LEAST = 2
"""Cases before a difference is claimed: one alone may be a carrier's bad day."""
LEAST_DELIVERIES = 5
MARGIN = 0.1
SLOWER = 1.5
FRESH_S = 60
"""A session that is over so soon after it was proved did not time out: something else ended it."""
MOST = 5000
SIGNED_OUT = "signed_out"


@dataclass(frozen=True)
class Difference:
    """One field of the record that does not fit."""

    field: str
    recorded: Any
    seen: Any
    cases: int
    words: str


@dataclass(frozen=True)
class Ended:
    """A session that the portal ended: seconds since it was last used or proved, and since it began."""

    idle_s: float
    age_s: float


@dataclass(frozen=True)
class Typed:
    """A code that was typed: the channel, its age then, what became of it, how long it was under way."""

    channel: str
    age_s: float
    accepted: bool
    late: bool
    under_way_s: float | None


def observed(work: Unit, portal: Portal, *, days: int = DAYS) -> list[Difference]:
    """What differs, by field; from the actor's own organization's sign-ins of the last days."""
    require(work, Permission.STATUS_VIEW, anywhere=True)
    since = work.clock.now() - timedelta(days=days)
    accounts = select(PortalAccount.id).where(PortalAccount.portal_id == portal.id)
    mine = organization_of(work)
    if mine is not None:
        accounts = accounts.where(PortalAccount.organization_id == mine)
    sessions = work.db.scalars(
        select(PortalSession)
        .where(
            PortalSession.account_id.in_(accounts),
            PortalSession.created_at > since,
            PortalSession.proved_at.is_not(None),
        )
        .limit(MOST)
    ).all()
    ended = [
        _ended(row) for row in sessions if row.end_reason == SIGNED_OUT and row.active_at != row.ended_at
    ]  # not in use
    alive_s = [(row.proved_at - row.created_at).total_seconds() for row in sessions if row.proved_at is not None]
    known = directory.behaviour(work, portal)
    typed = _typed(work, list(work.db.scalars(accounts)), since)
    return [*session_differences(known, ended, alive_s), *code_differences(known, typed)]


def session_differences(known: dict[str, Any], ended: Sequence[Ended], alive_s: Sequence[float]) -> list[Difference]:
    """Time-outs and second sign-ins. Pure."""
    found = []
    idle, absolute = known.get("idle_timeout_s"), known.get("absolute_timeout_s")
    in_time = [one for one in ended if not absolute or one.age_s < absolute * (1 - MARGIN)]
    fresh = [one for one in in_time if one.idle_s < FRESH_S]
    if known.get("concurrency") == "multi" and len(fresh) >= LEAST:
        words = f"{len(fresh)} sessions were over within {FRESH_S} s of their last use: a second sign-in seems to end the first."
        found.append(Difference("concurrency", "multi", "newest_wins", len(fresh), words))
    early = [one.idle_s for one in in_time if idle and FRESH_S <= one.idle_s < idle * (1 - MARGIN)]
    if idle and len(early) >= LEAST:
        words = f"The portal had signed out after {round(min(early))} s without use."
        found.append(Difference("idle_timeout_s", idle, round(min(early)), len(early), words))
    longer = [age for age in alive_s if absolute and age > absolute * (1 + MARGIN)]
    if absolute and len(longer) >= LEAST:
        words = f"A session was still signed in after {round(max(longer))} s."
        found.append(Difference("absolute_timeout_s", absolute, round(max(longer)), len(longer), words))
    return found


def code_differences(known: dict[str, Any], typed: Sequence[Typed]) -> list[Difference]:
    """Life and speed of codes, and the ways they come. Pure."""
    found = []
    life, usual = known.get("code_ttl_s"), known.get("delivery_p95_s")
    late = [one.age_s for one in typed if life and one.late and one.age_s < life * (1 - MARGIN)]
    if life and len(late) >= LEAST:
        words = f"A code was too old after {round(min(late))} s."
        found.append(Difference("code_ttl_s", life, round(min(late)), len(late), words))
    old = [one.age_s for one in typed if life and one.accepted and one.age_s > life * (1 + MARGIN)]
    if life and not late and len(old) >= LEAST:
        words = f"A code was still taken after {round(max(old))} s."
        found.append(Difference("code_ttl_s", life, round(max(old)), len(old), words))
    under_way = [one.under_way_s for one in typed if one.under_way_s is not None]
    p95 = percentile(under_way, 95)
    if usual and p95 is not None and len(under_way) >= LEAST_DELIVERIES and p95 > usual * SLOWER:
        words = f"95 of 100 codes came within {round(p95)} s."
        found.append(Difference("delivery_p95_s", usual, round(p95), len(under_way), words))
    ways = known.get("mfa_methods") or []
    for channel in sorted({one.channel for one in typed if one.accepted and one.channel != "desk"} - set(ways)):
        cases = sum(one.accepted and one.channel == channel for one in typed)
        if ways and cases >= LEAST:
            words = f"Codes by {channel.replace('_', ' ')} were taken."
            found.append(Difference("mfa_methods", ways, [*ways, channel], cases, words))
    return found


def _ended(row: PortalSession) -> Ended:
    assert row.ended_at is not None
    assert row.proved_at is not None
    last = max(row.proved_at, row.active_at or row.proved_at)
    return Ended((row.ended_at - last).total_seconds(), (row.ended_at - row.created_at).total_seconds())


def _typed(work: Unit, account_ids: Sequence[str], since: datetime) -> list[Typed]:
    rows = work.db.execute(
        select(CodeRequest, LoginAttempt.outcome, Code.received_at, Code.used_at)
        .join(LoginAttempt, LoginAttempt.id == CodeRequest.attempt_id)
        .join(Code, Code.request_id == CodeRequest.id)
        .where(CodeRequest.account_id.in_(account_ids), CodeRequest.asked_at > since, Code.used_at.is_not(None))
        .limit(MOST)
    ).all()
    return [
        Typed(
            channel=request.channel,
            age_s=(used_at - request.asked_at).total_seconds(),
            accepted=request.state == "accepted",
            late=outcome == "code_late",
            under_way_s=(received_at - request.asked_at).total_seconds() if request.endpoint_id else None,
        )
        for request, outcome, received_at, used_at in rows
        if used_at is not None
    ]

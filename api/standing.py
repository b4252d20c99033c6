"""How Portunus stands: its processes, mailboxes and phones, portals, stopped logins. One gathering for page, JSON and CLI."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import redis
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from broker.audit import alarms
from broker.audit.models import AuditCheckpoint, AuditHead
from broker.base.actor import Actor
from broker.base.beats import beats
from broker.base.errors import BrokerError
from broker.base.settings import Settings
from broker.base.unit import Unit
from broker.codes import recovery
from broker.codes import service as codes
from broker.codes.models import CodeRequest
from broker.directory.endpoints import REMOVED
from broker.directory.models import DeliveryEndpoint, Portal, PortalAccount
from broker.identity.policy import Permission, Reach, reach, require
from broker.tabs.models import BrowserNode, Lease, LoginAttempt, PortalSession
from broker.wiring import Portunus, embedded_redis_url

NOT_READY = (BrokerError, SQLAlchemyError, redis.RedisError, OSError, ValueError)
"""What parts raise when they do not answer."""
DAY = timedelta(hours=24)
SILENT = {
    "worker": timedelta(seconds=30),
    "mailwatch": timedelta(seconds=40),
    "witness": timedelta(minutes=4),
    "cosigner": timedelta(minutes=4),
    "monitor": timedelta(minutes=65),
}
"""After how long without a round a process is called silent."""
NODE_SILENT = timedelta(seconds=30)
WITNESS = "Audit witness"
WORDS = {
    "worker": ("Worker", "sweeps every five seconds", "Sign-ins do not start. Start it: portunus up."),
    "mailwatch": (
        "Mailbox watcher",
        "reads the mailboxes",
        "Codes by e-mail are not read: give them at the code desk.",
    ),
    "witness": (
        WITNESS,
        "signs the log and shows it to the second sink",
        "Look whether its folder can be written.",
    ),
    "cosigner": (
        "Witness elsewhere",
        "signs heads of the log too",
        "Look whether PORTUNUS_WITNESS_URL answers: heads wait for its signature.",
    ),
    "monitor": (
        "Audit monitor",
        "compares the log with the second sink every ten minutes",
        "Nobody would notice a changed log. Look at the worker's log; check by hand: portunus audit check.",
    ),
}
BESIDE = (
    "the second sink lies beside the database: whoever takes one takes both. Set PORTUNUS_WITNESS_DIR to another volume"
)


@dataclass(frozen=True)
class Part:
    """One part of Portunus: `state` is ok, silent, down, alarm or unknown."""

    name: str
    state: str
    words: str
    at: datetime | None = None


def standing(portunus: Portunus, actor: Actor) -> dict[str, Any]:
    """Everything, as plain data; what belongs to other organizations is left out. Raises `Refused`."""
    with portunus.reading(actor) as work:
        require(work, Permission.STATUS_VIEW, anywhere=True)
        where = reach(work, Permission.STATUS_VIEW)
        now = work.clock.now()
        accounts = _accounts(work, where)
        parts = [*_processes(work, now, portunus.settings), _log(work)]
        told = {
            "at": now,
            "open_tabs": _open_tabs(work, accounts),
            "codes_waiting": _waiting(work, accounts, now),
            "sessions": _sessions(work, accounts),
            "endpoints": _endpoints(work, where),
            "codes_unasked": _unasked(work, where),
            "portals": _portals(work, accounts, now),
            "recovery_codes_low": [
                {"portal": row.portal.name, "login": row.username, "words": recovery.warning(row.recovery_codes_left)}
                for row in accounts
                if recovery.warning(row.recovery_codes_left)
            ],
            "accounts_stopped": [
                {
                    "id": row.id,
                    "portal": row.portal.key,
                    "name": row.portal.name,
                    "login": row.username,
                    "status": row.status,
                    "words": row.status_words or "",
                    "since": row.status_at,
                }
                for row in accounts
                if row.status != "active"
            ],
        }
    parts += [_answering("Browser host", portunus, _browser_host), _answering("Message broker", portunus, _broker)]
    return {**told, "parts": [vars(part) for part in parts]}


def _accounts(work: Unit, where: Reach) -> list[PortalAccount]:
    rows = work.db.scalars(select(PortalAccount)).all()
    return [
        row
        for row in rows
        if where.everywhere
        or row.organization_id == where.organization_id
        or any(where.covers(account_id=row.id, location_id=place.id) for place in row.locations)
    ]


def _processes(work: Unit, now: datetime, chosen: Settings) -> list[Part]:
    last = beats(work)
    names = [key for key in WORDS if key != "cosigner" or chosen.witness_url]
    parts = [_process(key, last.get(key), now) for key in names]
    if chosen.witness_dir is None:
        parts = [replace(one, words=f"{one.words}; {BESIDE}") if one.name == WITNESS else one for one in parts]
    for node in work.db.scalars(select(BrowserNode).order_by(BrowserNode.name)):
        if now - node.beat_at > NODE_SILENT:
            parts.append(
                Part(f"Browser node {node.name}", "silent", "Its tabs are lost. Start it: portunus up.", node.beat_at)
            )
        else:
            words = f"{node.sessions} portal sessions in {node.shards} browsers"
            parts.append(Part(f"Browser node {node.name}", "ok", words, node.beat_at))
    return parts


def _process(key: str, at: datetime | None, now: datetime) -> Part:
    name, does, without = WORDS[key]
    if at is None:
        return Part(name, "unknown", f"Has not done a round yet. {without}")
    if now - at > SILENT[key]:
        return Part(name, "silent", without, at)
    return Part(name, "ok", does, at)


def _log(work: Unit) -> Part:
    head = work.db.get(AuditHead, 1)
    newest = work.db.scalar(select(AuditCheckpoint).order_by(AuditCheckpoint.size.desc()).limit(1))
    size = head.size if head else 0
    if (alarm := alarms.standing(work)) is not None:
        words = f"{alarm.words} See portunus audit check; say what happened with portunus audit acknowledge."
        return Part("Audit log", "alarm", words, alarm.at)
    if newest is None:
        return Part("Audit log", "unknown" if size else "ok", f"{size} entries, none signed yet")
    shown = "shown to the second sink" if newest.witnessed_at else "not yet shown to the second sink"
    return Part("Audit log", "ok", f"{size} entries; the head over {newest.size} is signed and {shown}", newest.at)


def _open_tabs(work: Unit, accounts: list[PortalAccount]) -> int:
    query = (
        select(func.count())
        .select_from(Lease)
        .join(PortalSession, PortalSession.id == Lease.portal_session_id)
        .where(Lease.ended_at.is_(None), PortalSession.account_id.in_([row.id for row in accounts]))
    )
    return work.db.scalar(query) or 0


def _waiting(work: Unit, accounts: list[PortalAccount], now: datetime) -> int:
    open_ones = select(func.count()).where(
        CodeRequest.state.in_(("expected", "waiting")),
        CodeRequest.deadline > now,
        CodeRequest.account_id.in_([row.id for row in accounts]),
    )
    return work.db.scalar(open_ones) or 0


def _sessions(work: Unit, accounts: list[PortalAccount]) -> dict[str, int]:
    query = (
        select(PortalSession.state, func.count())
        .where(PortalSession.ended_at.is_(None), PortalSession.account_id.in_([row.id for row in accounts]))
        .group_by(PortalSession.state)
    )
    return {row[0]: row[1] for row in work.db.execute(query)}


def _unasked(work: Unit, where: Reach) -> list[dict[str, Any]]:
    """Codes that came without a sign-in here: somebody else may have the password."""
    return [
        {
            "at": one.at,
            "portal": one.portal,
            "login": one.login,
            "account_id": one.account_id,
            "endpoint": one.endpoint,
            "words": f"A code came to {one.endpoint} at {one.at:%Y-%m-%d %H:%M} UTC, and nobody here had asked for one. "
            "Unless one of you signed in there by hand, somebody else has the password: change it at the portal.",
        }
        for one in codes.unasked(work, [row.id for row in _endpoint_rows(work, where)])
    ]


def _endpoint_rows(work: Unit, where: Reach) -> list[DeliveryEndpoint]:
    known = select(DeliveryEndpoint).where(DeliveryEndpoint.kind != REMOVED)
    rows = work.db.scalars(known.order_by(DeliveryEndpoint.kind, DeliveryEndpoint.name))
    return [
        row
        for row in rows
        if where.everywhere
        or row.organization_id == where.organization_id
        or (row.location_id and where.covers(location_id=row.location_id))
    ]


def _endpoints(work: Unit, where: Reach) -> list[dict[str, Any]]:
    return [
        {
            "kind": row.kind,
            "name": row.name,
            "address": row.address if row.kind == "mailbox" else f"…{row.address[-4:]}",
            "health": row.health,
            "words": row.health_words or "",
            "at": row.health_at,
            "custodian": row.custodian or "",
        }
        for row in _endpoint_rows(work, where)
    ]


def _portals(work: Unit, accounts: list[PortalAccount], now: datetime) -> list[dict[str, Any]]:
    """The last day's sign-ins of each portal, troubled ones first."""
    names = {row.portal.key: row.portal.name for row in accounts}
    counted: dict[str, dict[str, Any]] = {
        key: {"portal": key, "name": name, "signed_in": 0, "failed": 0, "words": "", "at": None}
        for key, name in names.items()
    }
    attempts = (
        select(LoginAttempt, Portal.key, PortalSession.words)
        .join(PortalAccount, PortalAccount.id == LoginAttempt.account_id)
        .join(Portal, Portal.id == PortalAccount.portal_id)
        .join(PortalSession, PortalSession.id == LoginAttempt.portal_session_id)
        .where(LoginAttempt.created_at > now - DAY, LoginAttempt.account_id.in_([row.id for row in accounts]))
        .order_by(LoginAttempt.id)
    )
    for attempt, key, words in work.db.execute(attempts):
        line = counted[key]
        if attempt.state == "succeeded":
            line["signed_in"] += 1
        elif attempt.state in ("failed", "unknown"):
            line["failed"] += 1
            line["words"], line["at"] = words or attempt.outcome or "", attempt.ended_at
    return sorted(counted.values(), key=lambda one: (-one["failed"], one["name"]))


def _answering(name: str, portunus: Portunus, ask: Callable[[Portunus], str]) -> Part:
    try:
        return Part(name, "ok", ask(portunus), portunus.clock.now())
    except BrokerError as away:
        return Part(name, "down", away.message)
    except NOT_READY:
        return Part(name, "down", "Does not answer. Sign-ins start a little later; nothing is lost.")


def _browser_host(portunus: Portunus) -> str:
    told = portunus.host.status()
    return f"{told.get('browser', 'browser')}, sandbox {told.get('sandbox', 'unknown')}"


def _broker(portunus: Portunus) -> str:
    url = portunus.settings.redis_url.get_secret_value() or embedded_redis_url(portunus.settings)
    with redis.Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1) as client:
        client.ping()
    return "answers"

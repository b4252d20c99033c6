"""How long codes take, and which ones never come in time: by the channel that gave them, portal and location."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select

from broker.base.unit import Unit
from broker.codes.models import Code, CodeRequest
from broker.directory.models import Location, Portal, PortalAccount
from broker.identity.policy import Permission, reach
from broker.tabs.models import LoginAttempt

ENDED = ("accepted", "rejected", "released", "expired", "withdrawn")
MOST = 20_000
CHUNK = 500
LATE = "code_late"
"""A sign-in that ended because the portal said that its code was too old."""


@dataclass(frozen=True)
class CodeWait:
    """One row of the report. Seconds; None where nothing was measured."""

    channel: str
    """What really gave the code: `desk` for one that a person typed in, whatever way the login is set to."""
    portal: str
    location: str
    asked: int
    accepted: int
    delivered_p50_s: float | None
    delivered_p95_s: float | None
    """From the request to the code's arrival."""
    accepted_p50_s: float | None
    accepted_p95_s: float | None
    """From the request to the portal's yes."""
    too_late: int
    """Requests that expired before a code could be used, and codes that the portal found too old."""


def code_waits(work: Unit, days: int = 30) -> list[CodeWait]:
    """The last `days` days at places within the actor's reach, the slowest first."""
    where = reach(work, Permission.STATUS_VIEW)
    since = work.clock.now() - timedelta(days=days)
    rows = work.db.execute(
        select(CodeRequest, Portal.name, Location.name)
        .join(PortalAccount, PortalAccount.id == CodeRequest.account_id)
        .join(Portal, Portal.id == PortalAccount.portal_id)
        .join(Location, Location.id == CodeRequest.location_id)
        .where(
            CodeRequest.first_asked_at >= since,
            CodeRequest.state.in_(ENDED),
            where.these(CodeRequest.account_id, CodeRequest.location_id),
        )
        .order_by(CodeRequest.first_asked_at.desc())
        .limit(MOST)
    )
    seen = [(request, portal, location) for request, portal, location in rows]
    came = _came(work, [request.id for request, _, _ in seen])
    groups: dict[tuple[str, str, str], list[CodeRequest]] = defaultdict(list)
    for request, portal, location in seen:
        groups[_channel(request, came.get(request.id)), portal, location].append(request)
    late = _late(work, [request.attempt_id for request, _, _ in seen])
    report = [_row(name, requests, came, late) for name, requests in groups.items()]
    return sorted(report, key=lambda row: (-(row.too_late / row.asked), -(row.accepted_p95_s or 0)))


def _channel(request: CodeRequest, code: Code | None) -> str:
    """The one that gave the code; of what a person does at the desk by the portal's wish, which (provider_line, push, …)."""
    if request.channel == "desk":
        return str(request.rule.get("by") or "desk")
    return code.channel if code is not None else request.channel


def _late(work: Unit, attempt_ids: Sequence[str]) -> frozenset[str]:
    found: set[str] = set()
    for start in range(0, len(attempt_ids), CHUNK):
        few = attempt_ids[start : start + CHUNK]
        late = select(LoginAttempt.id).where(LoginAttempt.id.in_(few), LoginAttempt.outcome == LATE)
        found.update(work.db.scalars(late))
    return frozenset(found)


def _came(work: Unit, request_ids: Sequence[str]) -> dict[str, Code]:
    found: dict[str, Code] = {}
    for start in range(0, len(request_ids), CHUNK):
        few = request_ids[start : start + CHUNK]
        for code in work.db.scalars(select(Code).where(Code.request_id.in_(few), Code.used_at.is_not(None))):
            found[code.request_id or ""] = code
    return found


def _row(
    name: tuple[str, str, str], requests: Sequence[CodeRequest], came: dict[str, Code], late: frozenset[str]
) -> CodeWait:
    delivered = [
        max((came[one.id].received_at - one.first_asked_at).total_seconds(), 0) for one in requests if one.id in came
    ]
    accepted = [(one.state_at - one.first_asked_at).total_seconds() for one in requests if one.state == "accepted"]
    return CodeWait(
        *name,
        asked=len(requests),
        accepted=len(accepted),
        delivered_p50_s=percentile(delivered, 50),
        delivered_p95_s=percentile(delivered, 95),
        accepted_p50_s=percentile(accepted, 50),
        accepted_p95_s=percentile(accepted, 95),
        too_late=sum(
            one.state == "expired" or (one.state == "rejected" and one.attempt_id in late) for one in requests
        ),
    )


def percentile(values: Sequence[float], share: int) -> float | None:
    """The nearest-rank percentile, to a tenth of a second; None of nothing."""
    if not values:
        return None
    ordered = sorted(values)
    return round(ordered[max(-(-share * len(ordered) // 100) - 1, 0)], 1)

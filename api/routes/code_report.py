"""How long codes take and which sign-ins will need one: for who plans the day, and for who asks the carrier why."""

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.access import HereNow, permits
from api.pages import page
from broker.identity.policy import Permission
from broker.tabs import service as tabs

router = APIRouter()
VIEWERS = [permits(Permission.STATUS_VIEW)]
MOST_DAYS = 366
MOST_HOURS = 72


@router.get("/code-report", dependencies=VIEWERS)
def report(request: Request, here: HereNow, days: int = 30, hours: int = 12) -> Response:
    """All three tables."""
    with here.reading() as work:
        waits = tabs.code_waits(work, _within(days, MOST_DAYS))
        expected = tabs.forecast(work, _within(hours, MOST_HOURS))
        lines = tabs.calls_avoided(work, _within(days, MOST_DAYS))
    shown = _within(days, MOST_DAYS)
    return page(request, "code_report.html", waits=waits, expected=expected, lines=lines, days=shown)


@router.get("/api/v1/code-report", dependencies=VIEWERS)
def data(here: HereNow, days: int = 30, hours: int = 12) -> dict[str, Any]:
    """The same as data."""
    with here.reading() as work:
        return {
            "waits": [asdict(row) for row in tabs.code_waits(work, _within(days, MOST_DAYS))],
            "expected": [asdict(row) for row in tabs.forecast(work, _within(hours, MOST_HOURS))],
            "provider_lines": [asdict(row) for row in tabs.calls_avoided(work, _within(days, MOST_DAYS))],
        }


def _within(value: int, most: int) -> int:
    return min(max(value, 1), most)
